"""Content parts written for a provider of the chat dialect, as its ways allow.

What it cannot say is reported under the place where the caller said it, and left out if the route lets that pass.
"""

from typing import final

from ai_gateway.domain.conversation import Audio, CacheTtl, Document, Image, Json, Opaque, Part, Refusal, Source, Text
from ai_gateway.providers.translation.chat_parts import CHAT, sound_format_of
from ai_gateway.providers.translation.chat_ways import CacheMarks, ChatWays, DocumentForm
from ai_gateway.providers.translation.losses import Losses


@final
class PartWriter:
    def __init__(self, ways: ChatWays, losses: Losses) -> None:
        self._ways = ways
        self._losses = losses

    def write(self, part: Part, param: str) -> dict[str, Json] | None:
        """None: it was left out."""
        match part:
            case Text():
                return self._marked({"type": "text", "text": part.text}, part.cache)
            case Refusal():
                return {"type": "refusal", "refusal": part.text}
            case Image():
                return self._image(part, param)
            case Document():
                return self._document(part, param)
            case Audio():
                return self._audio(part, param)
            case Opaque(dialect=dialect) if dialect == CHAT:
                return part.value
            case _:
                self._losses.unsupported(param)
                return None

    def cache_member(self, cache: CacheTtl | None) -> dict[str, Json]:
        """What a marked thing has besides: `cache_control`, or nothing where the provider caches by itself."""
        if cache is None:
            return {}
        if self._ways.cache_marks is CacheMarks.NONE:
            self._losses.forgiven("cache_control")
            return {}
        if self._ways.cache_marks is CacheMarks.BREAKPOINT:
            return {"prompt_cache_breakpoint": {"mode": "explicit"}}
        return {"cache_control": cache_control(cache)}

    def _marked(self, written: dict[str, Json], cache: CacheTtl | None) -> dict[str, Json]:
        return written if cache is None else written | self.cache_member(cache)

    def _image(self, image: Image, param: str) -> dict[str, Json] | None:
        ways, url = self._ways, url_of(image.source)
        if url is None or not ways.images or not (ways.image_urls or image.source.url is None):
            self._losses.unsupported(param, "images" if ways.images and url is None else "")
            return None
        detail = {} if image.detail is None else {"detail": image.detail}
        return self._marked({"type": "image_url", "image_url": {"url": url} | detail}, image.cache)

    def _document(self, document: Document, param: str) -> dict[str, Json] | None:
        if document.cites:
            self._losses.unsupported(f"{param}.citations")
        if document.text is not None:
            return self._marked({"type": "text", "text": _as_text(document, document.text)}, document.cache)
        source, form = document.source or Source(), self._ways.documents
        if form is DocumentForm.NONE or (source.url is not None and not self._takes_urls()):
            self._losses.unsupported(param)
            return None
        written: dict[str, Json]
        if form is DocumentForm.URL:
            if (url := url_of(source)) is None:
                self._losses.unsupported(param)
                return None
            title = {} if document.title is None else {"document_name": document.title}
            written = {"type": "document_url", "document_url": url} | title
        else:
            file: dict[str, Json] = {} if document.title is None else {"filename": document.title}
            if source.file_id is not None:
                file["file_id"] = source.file_id
            else:
                file["file_data"] = url_of(source) or ""
                file.setdefault("filename", _filename(source))
            written = {"type": "file", "file": file}
        if document.context:
            self._losses.unsupported(f"{param}.context")
        return self._marked(written, document.cache)

    def _takes_urls(self) -> bool:
        return self._ways.document_urls or self._ways.documents is DocumentForm.URL

    def _audio(self, audio: Audio, param: str) -> dict[str, Json] | None:
        if not self._ways.audio or audio.source.data is None:
            self._losses.unsupported(param)
            return None
        form = sound_format_of(audio.source.media_type)
        return {"type": "input_audio", "input_audio": {"data": audio.source.data, "format": form}}


def cache_control(cache: CacheTtl) -> dict[str, Json]:
    return {"type": "ephemeral"} if cache is CacheTtl.FIVE_MINUTES else {"type": "ephemeral", "ttl": cache.value}


def url_of(source: Source) -> str | None:
    """A web address, or the bytes as a data URL; None for a file that only some provider has."""
    if source.data is not None:
        return f"data:{source.media_type or 'application/octet-stream'};base64,{source.data}"
    return source.url


def _filename(source: Source) -> str:
    """OpenAI refuses a file without a name."""
    return f"document.{(source.media_type or 'application/pdf').partition('/')[2].partition(';')[0] or 'pdf'}"


def _as_text(document: Document, text: str) -> str:
    """A document that is plain text, with what is known of it, as people put documents into prompts."""
    known = {"title": document.title, "source": document.origin, "context": document.context}
    said = "".join(f' {name}="{value}"' for name, value in known.items() if value is not None)
    return f"<document{said}>\n{text}\n</document>"

"""Images, documents and sounds as Converse has them: bytes in base64 and a format that is a word, or a place in S3.

Nothing is fetched: an address on the web is refused by name. Where a caller did not say what kind of image it is, its
first bytes do.
"""

import base64
import re
from collections.abc import Mapping
from typing import Final

from ai_gateway.domain.conversation import Audio, Document, Image, Source
from ai_gateway.providers.translation.bedrock_names import DocumentNames

Block = dict[str, object]

_IMAGES: Final = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_BEGINNINGS: Final = (("iVBOR", "png"), ("/9j/", "jpeg"), ("R0lGO", "gif"), ("UklGR", "webp"))
_DOCUMENTS: Final = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_AUDIO: Final = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/opus": "opus",
    "audio/ogg": "ogg",
    "audio/mp4": "mp4",
    "audio/webm": "webm",
    "audio/pcm": "pcm",
}
_ENDING: Final = re.compile(r"\.([a-z0-9]{1,5})$")
_MEDIA_TYPES: Final = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


class CannotSay(ValueError):
    """Converse has no place for it; `str` is half a sentence for people."""


def image_block(image: Image) -> Block:
    """Raises CannotSay."""
    source = image.source
    told = _format_of(source, _IMAGES)
    if told is None and source.data is not None:
        told = next((word for beginning, word in _BEGINNINGS if source.data.startswith(beginning)), None)
    if told is None:
        raise CannotSay("its format must be png, jpeg, gif or webp")
    return {"image": {"format": told, "source": _source(source)}}


def document_block(document: Document, names: DocumentNames) -> Block:
    """Raises CannotSay. A result of a search is a block of its own, and pieces that may be cited stay pieces."""
    pieces: list[object] = [{"text": text} for text in document.blocks or (document.text or "",)]
    if document.origin is not None:
        found: Block = {"source": document.origin, "title": document.title or document.origin, "content": pieces}
        return {"searchResult": found | ({"citations": {"enabled": True}} if document.cites else {})}
    told: str | None
    source: dict[str, object]
    if document.blocks:
        told, source = "txt", {"content": pieces}
    elif document.source is None:
        text = base64.b64encode((document.text or "").encode()).decode()
        told, source = "txt", {"bytes": text}
    else:
        told = _format_of(document.source, _DOCUMENTS) or _ending_of(document.title)
        if told is None:
            raise CannotSay("its format must be one of pdf, csv, doc, docx, xls, xlsx, html, txt, md")
        source = _source(document.source)
    block: Block = {"format": told, "name": names.name(document.title), "source": source}
    if document.context is not None:
        block["context"] = document.context
    if document.cites:
        block["citations"] = {"enabled": True}
    return {"document": block}


def audio_block(audio: Audio) -> Block:
    """Raises CannotSay."""
    told = _format_of(audio.source, _AUDIO)
    if told is None:
        raise CannotSay("its format is not one that Bedrock takes")
    return {"audio": {"format": told, "source": _source(audio.source)}}


def image_of(block: Mapping[str, object], data: str) -> Image:
    """An image of an answer, by its format and the base64 text of its bytes."""
    told = block.get("format")
    return Image(Source(data=data, media_type=_MEDIA_TYPES.get(told) if isinstance(told, str) else None))


def _source(source: Source) -> dict[str, object]:
    if source.data is not None:
        return {"bytes": source.data}
    if source.url is not None and source.url.startswith("s3://"):
        return {"s3Location": {"uri": source.url}}
    raise CannotSay("its bytes must be in the request (base64), or in S3 (s3://)")


def _format_of(source: Source, formats: Mapping[str, str]) -> str | None:
    if source.media_type is not None:
        return formats.get(source.media_type.partition(";")[0].strip().lower())
    found = _ENDING.search(source.url.lower()) if source.url is not None else None
    if found is None:
        return None
    told = {"jpg": "jpeg", "htm": "html"}.get(found[1], found[1])
    return told if told in formats.values() else None


def _ending_of(title: str | None) -> str | None:
    found = _ENDING.search(title.lower()) if title is not None else None
    return found[1] if found is not None and found[1] in _DOCUMENTS.values() else None

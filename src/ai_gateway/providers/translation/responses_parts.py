"""The content of items of the Responses API: parts of messages and of tools' results, both ways."""

import base64
from collections.abc import Iterable
from typing import Final, cast

from ai_gateway.domain.conversation import (
    Audio,
    CacheTtl,
    Document,
    Image,
    Json,
    Opaque,
    Part,
    Refusal,
    Source,
    Text,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.translation.responses_wire import NAME, annotation_of, citation_of

BREAKPOINT: Final = "prompt_cache_breakpoint"
_BASE64: Final = ";base64"


def read_content(content: object, where: str) -> tuple[Part, ...]:
    """A text, or a list of parts. Raises InvalidRequest."""
    if isinstance(content, str):
        return (Text(content),)
    if content is None:
        return ()
    if not isinstance(content, list):
        raise wrong(where, "must be a text or a list of parts")
    return tuple(
        read_part(as_object(part), f"{where}[{number}]") for number, part in enumerate(as_list(cast("object", content)))
    )


def read_part(part: dict[str, Json], where: str) -> Part:
    """Raises InvalidRequest."""
    kind = part.get("type")
    cache = CacheTtl.FIVE_MINUTES if part.get(BREAKPOINT) else None
    match kind:
        case "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text":
            cited = tuple(citation_of(as_object(it)) for it in as_list(part.get("annotations")))
            return Text(_string(part, "text", where), cache, cited)
        case "refusal":
            return Refusal(_string(part, "refusal", where))
        case "input_image":
            detail = part.get("detail")
            return Image(_image(part, where), detail if isinstance(detail, str) else None, cache)
        case "input_file":
            title = part.get("filename")
            return Document(_file(part, where), title=title if isinstance(title, str) else None, cache=cache)
        case "input_audio":
            sound = as_object(part.get("input_audio"))
            return Audio(Source(data=_string(sound, "data", where), media_type=f"audio/{sound.get('format', 'wav')}"))
        case str():
            return Opaque(NAME, kind, part)
        case _:
            raise wrong(where, "has no type")


def write_parts(parts: Iterable[Part], *, breakpoints: bool) -> list[dict[str, Json]]:
    """What people and tools say. A part that has no place in it is left out: the caller of this has seen to it."""
    return [written for part in parts if (written := _write(part, breakpoints=breakpoints)) is not None]


def write_text(text: Text) -> dict[str, Json]:
    """What the model said."""
    return {"type": "output_text", "text": text.text, "annotations": [annotation_of(it) for it in text.citations]}


def data_url(source: Source, otherwise: str) -> str:
    return f"data:{source.media_type or otherwise};base64,{source.data}"


def wrong(where: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"'{where}' {why}.", code="invalid_value", param=where)


def _write(part: Part, *, breakpoints: bool) -> dict[str, Json] | None:
    written: dict[str, Json]
    match part:
        case Text():
            written = {"type": "input_text", "text": part.text}
        case Image():
            written = {"type": "input_image", **_image_place(part.source)}
            if part.detail is not None:
                written["detail"] = part.detail
        case Document():
            written = _written_document(part)
        case Audio():
            form = (part.source.media_type or "audio/wav").removeprefix("audio/")
            return {"type": "input_audio", "input_audio": {"data": part.source.data or "", "format": form}}
        case Opaque(dialect="responses"):
            return part.value
        case _:
            return None
    if breakpoints and part.cache is not None:
        written[BREAKPOINT] = {"mode": "explicit"}
    return written


def _written_document(document: Document) -> dict[str, Json]:
    source = document.source
    if source is None:
        return {"type": "input_text", "text": document.text or ""}
    named: dict[str, Json] = {} if document.title is None else {"filename": document.title}
    if source.file_id is not None:
        return {"type": "input_file", "file_id": source.file_id, **named}
    if source.url is not None:
        return {"type": "input_file", "file_url": source.url, **named}
    named = named or {"filename": "document.pdf"}
    return {"type": "input_file", "file_data": data_url(source, "application/pdf"), **named}


def _image_place(source: Source) -> dict[str, Json]:
    if source.file_id is not None:
        return {"file_id": source.file_id}
    return {"image_url": source.url if source.url is not None else data_url(source, "image/png")}


def _image(part: dict[str, Json], where: str) -> Source:
    if isinstance(file_id := part.get("file_id"), str):
        return Source(file_id=file_id)
    url = part.get("image_url")
    if isinstance(url, dict):  # as chat has it
        url = as_object(cast("object", url)).get("url")
    if not isinstance(url, str) or not url:
        raise wrong(where, "has neither 'image_url' nor 'file_id'")
    return _source(url)


def _file(part: dict[str, Json], where: str) -> Source:
    if isinstance(file_id := part.get("file_id"), str):
        return Source(file_id=file_id)
    if isinstance(url := part.get("file_url"), str):
        return Source(url=url)
    data = part.get("file_data")
    if not isinstance(data, str) or not data:
        raise wrong(where, "has none of 'file_id', 'file_url' and 'file_data'")
    return _source(data) if data.startswith("data:") else Source(data=data, media_type="application/pdf")


def _source(url: str) -> Source:
    """An address, or what is in it: `data:image/png;base64,...`."""
    if not url.startswith("data:"):
        return Source(url=url)
    head, comma, data = url.removeprefix("data:").partition(",")
    if not comma:
        return Source(url=url)
    if not head.endswith(_BASE64):
        return Source(data=base64.b64encode(data.encode()).decode(), media_type=head.partition(";")[0] or None)
    return Source(data=data, media_type=head.removesuffix(_BASE64).partition(";")[0] or None)


def _string(members: dict[str, Json], name: str, where: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise wrong(f"{where}.{name}", "must be a text")
    return value

"""Content parts of the chat dialect, read into the middle: text, images, files, sounds.

A part that has a member which nobody here knows is kept whole (`Opaque`), so that a target either gets all of it or
says that it cannot; a member that is null says nothing.
"""

from typing import Final, cast

from ai_gateway.domain.conversation import (
    Audio,
    CacheTtl,
    Document,
    Image,
    Opaque,
    Refusal,
    Source,
    Text,
    Thinking,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.decoding import as_list, as_object

CHAT: Final = "chat"
"""How opaque blocks and tools of this dialect are marked."""

ContentPart = Text | Image | Document | Audio | Refusal | Thinking | Opaque


def invalid(param: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"'{param}' {why}.", code="invalid_value", param=param)


def members_of(value: object, param: str) -> dict[str, object]:
    """The members of what has to be an object. Raises InvalidRequest."""
    if not isinstance(value, dict):
        raise invalid(param, "must be an object")
    return as_object(cast("object", value))


def items_of(value: object, param: str) -> list[object]:
    """The items of what has to be a list. Raises InvalidRequest."""
    if not isinstance(value, list):
        raise invalid(param, "must be a list")
    return as_list(cast("object", value))


def read_content(content: object, param: str) -> list[ContentPart]:
    """A message's `content`. Raises InvalidRequest."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    return [_read_part(part, f"{param}[{number}]") for number, part in enumerate(items_of(content, param))]


def read_cache(mark: object, param: str) -> CacheTtl | None:
    """`cache_control`. Raises InvalidRequest for what is none."""
    if mark is None:
        return None
    match as_object(mark):
        case {"type": "ephemeral", "ttl": "1h"}:
            return CacheTtl.HOUR
        case {"type": "ephemeral", "ttl": "5m" | None}:
            return CacheTtl.FIVE_MINUTES
        case {"type": "ephemeral", **rest} if "ttl" not in rest:
            return CacheTtl.FIVE_MINUTES
        case _:
            raise invalid(param, 'must be {"type": "ephemeral"}, for 5m or 1h')


def source_of(url: str) -> Source:
    """A web address, or the base64 text of a data URL."""
    head, marker, data = url.partition(";base64,")
    if marker and head[:5].lower() == "data:":
        return Source(data=data, media_type=head[5:] or None)
    return Source(url=url)


_ASIDE: Final = frozenset({"type", "cache_control", "prompt_cache_breakpoint"})


def _read_part(part: object, param: str) -> ContentPart:
    if isinstance(part, str):
        return Text(part)
    members = members_of(part, param)
    kind = members.get("type")
    if not isinstance(kind, str):
        raise invalid(f"{param}.type", "must be a string")
    cache = read_cache(members.get("cache_control"), f"{param}.cache_control")
    if members.get("prompt_cache_breakpoint") is not None:
        cache = cache or CacheTtl.FIVE_MINUTES
    said = {name: value for name, value in members.items() if value is not None and name not in _ASIDE}
    found: ContentPart | None = None
    match kind, said:
        case ("text" | "input_text", {"text": str(text), **rest}) if not rest:
            found = Text(text, cache)
        case "refusal", {"refusal": str(text), **rest} if not rest and cache is None:
            found = Refusal(text)
        case "image_url", {"image_url": image, **rest} if not rest:
            found = _read_image(image, cache, param)
        case "input_audio", {"input_audio": sound, **rest} if not rest and cache is None:
            found = _read_sound(as_object(sound))
        case "file", {"file": file, **rest} if not rest:
            found = _read_file(as_object(file), cache)
        case "document_url", {"document_url": url, **rest}:
            found = _read_document_url(url, rest, cache)
        case "thinking", {"thinking": thought, **rest} if cache is None:
            found = _read_thinking(thought, rest)
        case (("text" | "image_url" | "input_audio" | "file"), _) if kind not in said:
            raise invalid(f"{param}.{kind}", "is missing")
        case _:
            pass
    return Opaque(CHAT, kind, members) if found is None else found


def _read_image(image: object, cache: CacheTtl | None, param: str) -> Image | None:
    said = {"url": image} if isinstance(image, str) else as_object(image)
    url, detail = said.get("url"), said.get("detail")
    if not isinstance(url, str):
        raise invalid(f"{param}.image_url.url", "must be a string")
    if not isinstance(detail, str | None) or any(said[name] is not None for name in said.keys() - {"url", "detail"}):
        return None
    return Image(source_of(url), detail, cache)


def _read_sound(sound: dict[str, object]) -> Audio | None:
    match sound:
        case {"data": str(data), "format": str(form), **rest} if not rest:
            return Audio(Source(data=data, media_type=media_type_of(form)))
        case _:
            return None


def _read_file(file: dict[str, object], cache: CacheTtl | None) -> Document | None:
    said = {name: value for name, value in file.items() if value is not None}
    title = said.pop("filename", None)
    match said:
        case {"file_data": str(url), **rest} if not rest:
            source = source_of(url) if url.partition(":")[0].lower() in ("data", "http", "https") else Source(data=url)
        case {"file_id": str(file_id), **rest} if not rest:
            source = Source(file_id=file_id)
        case _:
            return None
    return Document(source=source, title=title, cache=cache) if isinstance(title, str | None) else None


def _read_document_url(url: object, rest: dict[str, object], cache: CacheTtl | None) -> Document | None:
    """Mistral's."""
    title = rest.pop("document_name", None)
    address = as_object(url).get("url", url)
    if rest or not isinstance(address, str) or not isinstance(title, str | None):
        return None
    return Document(source=source_of(address), title=title, cache=cache)


def _read_thinking(thought: object, rest: dict[str, object]) -> Thinking | None:
    """Mistral's: a list of texts."""
    rest.pop("closed", None)
    if rest or not isinstance(thought, list):
        return None
    texts = [as_object(piece).get("text") for piece in as_list(cast("object", thought))]
    return Thinking("".join(text for text in texts if isinstance(text, str)))


_FORMATS: Final = {"mp3": "audio/mpeg"}
_MEDIA_TYPES: Final = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav"}


def media_type_of(form: str) -> str:
    return _FORMATS.get(form, f"audio/{form}")


def sound_format_of(media_type: str | None) -> str:
    """The `format` of a sound. Who does not say which has a WAV."""
    name = (media_type or "audio/wav").partition(";")[0].strip().lower()
    return _MEDIA_TYPES.get(name, name.partition("/")[2])

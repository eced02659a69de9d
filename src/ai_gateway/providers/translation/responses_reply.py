"""A whole answer of the Responses API as a Reply, and the pieces of it that its stream needs too."""

from collections.abc import Iterable
from typing import Final, cast

import msgspec

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.conversation import Citation, Image, Json, Maker, Part, Refusal, Source, Text, ToolCall
from ai_gateway.domain.reply import Choice, Reply, Stop
from ai_gateway.providers.decoding import as_list, as_object, decode_any
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.responses_items import model_part
from ai_gateway.providers.translation.responses_wire import citation_of, read_call_seal, stop_of
from ai_gateway.providers.usage import responses_usage, service_of

NO_CONTENT: Final = "The provider's answer has no content."


def read_reply(body: bytes, own: Maker) -> Reply | ProviderError:
    response = as_object(decode_any(body))
    output = response.get("output")
    if not isinstance(output, list) or response.get("error") or response.get("status") == "failed":
        error = read_error(None, {}, body)
        return error if error.message else msgspec.structs.replace(error, message=NO_CONTENT)
    items = [as_object(item) for item in as_list(cast("object", output))]
    parts = tuple(parts_of(items, own))
    logprobs = [it for item in items for it in logprobs_of(item)]
    return Reply(
        id=text_in(response, "id"),
        model=text_in(response, "model"),
        created=created_of(response),
        choices=(
            Choice(parts=parts, stop=stop_in(response, parts), logprobs={"content": logprobs} if logprobs else None),
        ),
        usage=usage_in(response),
        service_tier=text_in(response, "service_tier") or None,
    )


def parts_of(items: Iterable[dict[str, Json]], own: Maker) -> Iterable[Part]:
    parts: list[Part] = []
    for item in items:
        seal = call_seal_of(item)
        if item.get("type") == "message":
            parts += [content_part(as_object(it)) for it in as_list(item.get("content"))]
        elif seal is not None:
            parts[:] = [_signed(part, *seal) for part in parts]
        else:
            parts.append(output_part(item, own))
    return parts


def output_part(item: dict[str, Json], own: Maker) -> Part:
    """An item that is no message."""
    result = item.get("result")
    if item.get("type") == "image_generation_call" and isinstance(result, str):
        if result.startswith(("https:", "http:")):
            return Image(Source(url=result))
        return Image(Source(data=result, media_type=f"image/{item.get('output_format') or 'png'}"))
    return model_part(item, own)


def content_part(part: dict[str, Json]) -> Part:
    if part.get("type") == "refusal":
        return Refusal(text_in(part, "refusal"))
    return Text(text_in(part, "text"), citations=citations_of(part))


def citations_of(part: dict[str, Json]) -> tuple[Citation, ...]:
    return tuple(citation_of(as_object(it)) for it in as_list(part.get("annotations")))


def call_seal_of(item: dict[str, Json]) -> tuple[str, Maker, str] | None:
    content = item.get("encrypted_content")
    return read_call_seal(content) if item.get("type") == "reasoning" and isinstance(content, str) else None


def logprobs_of(item: dict[str, Json]) -> list[object]:
    return [it for part in as_list(item.get("content")) for it in as_list(as_object(part).get("logprobs"))]


def stop_in(response: dict[str, Json], parts: Iterable[Part]) -> Stop:
    kinds = {type(part) for part in parts}
    reason = as_object(response.get("incomplete_details")).get("reason")
    return stop_of(response.get("status"), reason, calls=ToolCall in kinds, refuses=Refusal in kinds)


def usage_in(response: dict[str, Json]) -> Usage | None:
    usage = responses_usage(response.get("usage"))
    return (
        None if usage is None else msgspec.structs.replace(usage, service_tier=service_of(response.get("service_tier")))
    )


def created_of(response: dict[str, Json]) -> int | None:
    created = response.get("created_at")
    return int(created) if isinstance(created, int | float) and 0 < created < 1 << 53 else None


def text_in(members: dict[str, Json], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""


def _signed(part: Part, call_id: str, maker: Maker, signature: str) -> Part:
    if not isinstance(part, ToolCall) or part.id != call_id:
        return part
    return ToolCall(part.id, part.name, part.arguments, part.kind, signature, maker, part.cache)

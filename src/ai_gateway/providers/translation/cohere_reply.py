"""What Cohere answers: whole answers, and the words that its streams share with them.

`billed_units` are what is paid for; `tokens` also count a preamble that Cohere puts before every prompt. A bill is
right only with the first, so the second are read where there is nothing else. `cached_tokens` are of the second, cost
nothing less, and are therefore not told. A finish reason of ERROR or TIMEOUT is a failure under status 200.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.conversation import Citation, Maker, Part, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Choice, Reply, Stop
from ai_gateway.providers.decoding import NO_RAW, as_object, decode, decode_any, first_of
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.cohere_turns import DOCUMENT_PREFIX, NAME, PLAN
from ai_gateway.providers.usage import MOST_TOKENS

STOPS: Final = {
    "COMPLETE": Stop.END,
    "STOP_SEQUENCE": Stop.STOP_SEQUENCE,
    "MAX_TOKENS": Stop.LENGTH,
    "TOOL_CALL": Stop.TOOL_CALLS,
    "ERROR_LIMIT": Stop.CONTEXT,
    "ERROR_TOXIC": Stop.CONTENT_FILTER,
    "USER_CANCEL": Stop.UNKNOWN,
}
FAILURES: Final = {
    "ERROR": ("error", "The generation failed due to an internal error."),
    "TIMEOUT": ("timeout", "The generation took too long and was stopped."),
}


def read_reply(body: bytes) -> Reply | ProviderError:
    said = decode(body, _Reply)
    message = None if said is None else decode(said.message, _Message)
    if said is None or message is None:
        return _error_under_200(body)
    if (failure := failure_of(said.finish_reason)) is not None:
        return failure
    parts = _parts_of(message)
    stop = stop_of(said.finish_reason, has_calls=any(isinstance(part, ToolCall) for part in parts))
    return Reply(id=said.id, choices=(Choice(parts=parts, stop=stop),), usage=usage_of(said.usage))


def stop_of(said: object, *, has_calls: bool) -> Stop:
    stop = STOPS.get(said, Stop.UNKNOWN) if isinstance(said, str) else Stop.UNKNOWN
    return Stop.TOOL_CALLS if has_calls and stop is Stop.END else stop


def failure_of(said: object, why: object = None) -> ProviderError | None:
    """`why`: the provider's own words, where it has some."""
    found = FAILURES.get(said) if isinstance(said, str) else None
    if found is None:
        return None
    kind, usual = found
    told = why if isinstance(why, str) and why else usual
    return msgspec.structs.replace(read_error(None, {}, msgspec.json.encode({"message": told})), type=kind)


def usage_of(raw: msgspec.Raw) -> Usage | None:
    usage = as_object(decode_any(raw))
    for name in ("billed_units", "tokens"):
        counts = as_object(usage.get(name))
        before, after = count_of(counts.get("input_tokens")), count_of(counts.get("output_tokens"))
        if before is not None or after is not None:
            return Usage(input_tokens=before or 0, output_tokens=after or 0)
    return None


def citation_of(said: object) -> Citation | None:
    """None for one that is not of the answer's text: plans and thoughts are cited, too."""
    told = as_object(said)
    if told.get("type") not in (None, "TEXT_CONTENT"):
        return None
    source = as_object(first_of(told.get("sources")))
    document = as_object(source.get("document"))
    title, url, number = document.get("title"), document.get("url"), str(source.get("id") or "")
    is_ours = number.startswith(DOCUMENT_PREFIX) and number[len(DOCUMENT_PREFIX) :].isdecimal() and len(number) < 12
    return Citation(
        url=url if isinstance(url, str) else None,
        title=title if isinstance(title, str) else None,
        document=int(number[len(DOCUMENT_PREFIX) :]) if is_ours else None,
        answer_start=count_of(told.get("start")),
        answer_end=count_of(told.get("end")),
        extra={NAME: told},
    )


def content_index_of(said: object) -> int:
    """Which content block a citation is of."""
    return count_of(as_object(said).get("content_index")) or 0


def count_of(value: object) -> int | None:
    """Cohere's counts are numbers; some come as 12.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return None
    return min(value, MOST_TOKENS)


def _parts_of(message: "_Message") -> tuple[Part, ...]:
    parts: list[Part] = []
    texts: dict[int, int] = {}
    for index, raw in enumerate(message.content or ()):
        block = decode(raw, Content)
        if block is None:
            continue
        if block.thinking:
            parts.append(Thinking(block.thinking, maker=Maker.COHERE))
        elif block.text:
            texts[index] = len(parts)
            parts.append(Text(block.text))
    _cite(parts, texts, message.citations)
    if message.tool_plan:
        parts.append(Thinking(message.tool_plan, maker=Maker.COHERE, id=PLAN))
    for raw in message.tool_calls or ():
        call = decode(raw, Call)
        if call is not None:
            parts.append(ToolCall(call.id, call.function.name, arguments_of(call.function.arguments)))
    return tuple(parts)


def arguments_of(said: str) -> str:
    """Cohere calls a tool that has no parameters with null; tools and clients expect an object."""
    return "{}" if said == "null" else said


def _cite(parts: list[Part], texts: dict[int, int], citations: list[object] | None) -> None:
    for said in citations or ():
        number = texts.get(content_index_of(said), next(iter(texts.values()), None))
        text = None if number is None else parts[number]
        if number is not None and isinstance(text, Text) and (citation := citation_of(said)) is not None:
            parts[number] = msgspec.structs.replace(text, citations=(*text.citations, citation))


def _error_under_200(body: bytes) -> ProviderError:
    error = read_error(None, {}, body)
    if error.message or error.code or error.type:
        return error
    return ProviderError(status=None, message="The provider's answer has no content.")


class Content(msgspec.Struct, frozen=True):
    """A block of content, or a piece of one."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class Function(msgspec.Struct, frozen=True):
    name: str = ""
    arguments: str = ""


class Call(msgspec.Struct, frozen=True):
    """A call, or a piece of one."""

    id: str = ""
    function: Function = Function()


class _Message(msgspec.Struct, frozen=True):
    content: list[msgspec.Raw] | None = None
    tool_plan: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    citations: list[object] | None = None


class _Reply(msgspec.Struct, frozen=True):
    id: str = ""
    message: msgspec.Raw = NO_RAW
    finish_reason: object = None
    usage: msgspec.Raw = NO_RAW

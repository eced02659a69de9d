"""What Converse answers: whole answers, and the words that its streams share with them.

Its `inputTokens` are only those that were neither read from a cache nor written to one, as Anthropic counts them. A
thought's maker is Claude: nobody else's thoughts can be sent back, so nobody else's signature matters.
"""

import base64
import binascii
from typing import Final

import msgspec

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.conversation import Image, Json, Maker, Opaque, Part, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Choice, Reply, Stop
from ai_gateway.providers.decoding import NO_RAW, as_list, as_object, decode, decode_any, says_something
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.bedrock_citations import citation_of
from ai_gateway.providers.translation.bedrock_media import image_of
from ai_gateway.providers.translation.bedrock_turns import NAME, redacted_in_text
from ai_gateway.providers.usage import MOST_TOKENS, service_of

STOPS: Final = {
    "end_turn": Stop.END,
    "tool_use": Stop.TOOL_CALLS,
    "max_tokens": Stop.LENGTH,
    "stop_sequence": Stop.STOP_SEQUENCE,
    "guardrail_intervened": Stop.CONTENT_FILTER,
    "content_filtered": Stop.CONTENT_FILTER,
    "malformed_tool_use": Stop.MALFORMED_CALL,
    "malformed_model_output": Stop.UNKNOWN,
    "model_context_window_exceeded": Stop.CONTEXT,
    "refusal": Stop.REFUSAL,
    "pause_turn": Stop.PAUSE,
}
"""The first nine are Converse's own; the others are Claude's, should they come through."""

SERVER_TOOL: Final = "server_tool_use"


class Aftermath(msgspec.Struct, frozen=True, rename="camel"):
    """What stands beside a message: all of it in a whole answer, in `messageStop` and `metadata` in a stream."""

    usage: msgspec.Raw = NO_RAW
    trace: msgspec.Raw = NO_RAW
    additional_model_response_fields: msgspec.Raw = NO_RAW
    performance_config: msgspec.Raw = NO_RAW
    service_tier: msgspec.Raw = NO_RAW


def read_reply(body: bytes) -> Reply | ProviderError:
    said = decode(body, _Reply)
    message = None if said is None else decode(said.output, _Output)
    if said is None or message is None:
        error = read_error(None, {}, body)
        if error.message or error.type or error.code:
            return error
        return ProviderError(status=None, message="The provider's answer has no content.")
    parts = tuple(part for block in message.message.content if (part := _part_of(block)) is not None)
    more = decode(body, Aftermath) or Aftermath()
    stop, sequence = stop_of(said.stop_reason, more, has_calls=any(isinstance(part, ToolCall) for part in parts))
    choice = Choice(parts=parts, stop=stop, stop_sequence=sequence, others=others_of(more))
    usage, tier = usage_of(more)
    return Reply(choices=(choice,), usage=usage, service_tier=tier)


def stop_of(said: object, more: Aftermath, *, has_calls: bool) -> tuple[Stop, str | None]:
    """Why it ended and, if the model was asked to say so, by which sequence."""
    stop = STOPS.get(said, Stop.UNKNOWN) if isinstance(said, str) else Stop.UNKNOWN
    if has_calls and stop is Stop.END:
        stop = Stop.TOOL_CALLS
    sequence = as_object(decode_any(more.additional_model_response_fields)).get("stop_sequence")
    return stop, sequence if isinstance(sequence, str) and stop is Stop.STOP_SEQUENCE else None


def others_of(more: Aftermath) -> dict[str, Json]:
    """What only Bedrock knows of an answer: what a guardrail found, what a model said beside it."""
    named = (
        ("trace", more.trace),
        ("additionalModelResponseFields", more.additional_model_response_fields),
        ("performanceConfig", more.performance_config),
    )
    return {name: decode_any(raw) for name, raw in named if says_something(raw)}


def usage_of(more: Aftermath) -> tuple[Usage | None, str | None]:
    """Usage in our lanes, and the service tier in Bedrock's word."""
    said = as_object(decode_any(more.service_tier)).get("type")
    tier = said if isinstance(said, str) else None
    counts = as_object(decode_any(more.usage))
    fresh, output = _tokens(counts, "inputTokens"), _tokens(counts, "outputTokens")
    if fresh is None and output is None:
        return None, tier
    read, written = _tokens(counts, "cacheReadInputTokens") or 0, _tokens(counts, "cacheWriteInputTokens") or 0
    details = [as_object(it) for it in as_list(counts.get("cacheDetails"))]
    hour = min(written, sum(_tokens(it, "inputTokens") or 0 for it in details if it.get("ttl") == "1h"))
    usage = Usage(
        input_tokens=min((fresh or 0) + read + written, MOST_TOKENS),
        output_tokens=output or 0,
        cache_read_tokens=read,
        cache_write_5m_tokens=written - hour,
        cache_write_1h_tokens=hour,
        service_tier=service_of(tier),
    )
    return usage, tier


def bytes_of(data: object) -> bytes | None:
    """A blob, which JSON has in base64."""
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else None
    except (binascii.Error, ValueError):
        return None


def _part_of(raw: msgspec.Raw) -> Part | None:
    """None for a block that means nothing."""
    block = decode(raw, _Block)
    if block is None:
        return None
    if block.text is not None:
        return Text(block.text) if block.text else None
    if (call := block.tool_use) is not None and call.type != SERVER_TOOL:
        return ToolCall(call.tool_use_id, call.name, bytes(call.input).decode(errors="replace") or "{}")
    if (thought := block.reasoning_content) is not None:
        return _thought_of(thought)
    if (cited := block.citations_content) is not None:
        text = "".join(it for piece in cited.content if isinstance(it := piece.get("text"), str))
        return Text(text, citations=tuple(citation_of(it) for it in cited.citations)) if text else None
    whole = as_object(decode_any(raw))
    if (image := as_object(whole.get("image"))) and (found := image_part(image)) is not None:
        return found
    kind = next(iter(whole), None)
    return None if kind is None else Opaque(NAME, kind, whole)


def image_part(image: dict[str, object]) -> Image | None:
    data = as_object(image.get("source")).get("bytes")
    return image_of(image, data) if isinstance(data, str) else None


def _thought_of(said: "_Thought") -> Thinking | None:
    if said.redacted_content is not None:
        data = bytes_of(said.redacted_content)
        return None if data is None else Thinking(encrypted=redacted_in_text(data), maker=Maker.ANTHROPIC)
    text = said.reasoning_text
    if text is None or not (text.text or text.signature):
        return None
    return Thinking(text.text, text.signature or None, maker=Maker.ANTHROPIC)


def _tokens(counts: dict[str, object], name: str) -> int | None:
    count = counts.get(name)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return None
    return min(count, MOST_TOKENS)


class _ReasoningText(msgspec.Struct, frozen=True):
    text: str = ""
    signature: str | None = None


class _Thought(msgspec.Struct, frozen=True, rename="camel"):
    reasoning_text: _ReasoningText | None = None
    redacted_content: str | None = None


class _Call(msgspec.Struct, frozen=True, rename="camel"):
    tool_use_id: str = ""
    name: str = ""
    input: msgspec.Raw = NO_RAW
    type: object = None


class _Cited(msgspec.Struct, frozen=True):
    content: list[dict[str, object]] = []
    citations: list[object] = []


class _Block(msgspec.Struct, frozen=True, rename="camel"):
    text: str | None = None
    tool_use: _Call | None = None
    reasoning_content: _Thought | None = None
    citations_content: _Cited | None = None


class _Message(msgspec.Struct, frozen=True):
    content: list[msgspec.Raw]


class _Output(msgspec.Struct, frozen=True):
    message: _Message


class _Reply(msgspec.Struct, frozen=True, rename="camel"):
    output: msgspec.Raw = NO_RAW
    stop_reason: object = None

"""An answer of Anthropic's dialect, whole: read from a provider, and written to a caller."""

from hashlib import sha256
from typing import Final

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Json, Part, Refusal, Text, ToolCall
from ai_gateway.domain.reply import Choice, Reply
from ai_gateway.providers.decoding import NO_RAW, as_object, as_text, decode, decode_any, says_something
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.anthropic_blocks import Block, read_part, read_parts, write_part
from ai_gateway.providers.translation.anthropic_stops import read_stop, word_of
from ai_gateway.providers.translation.anthropic_thoughts import call_signature
from ai_gateway.providers.translation.anthropic_usage import COUNTED, foreign_tier, write_usage
from ai_gateway.providers.usage import anthropic_usage

EXTRAS: Final = ("container", "context_management", "diagnostics", "stop_details")
"""Members of an answer that only the dialect knows; those of its usage ride along as `usage`."""


def read_message(body: bytes) -> Reply | ProviderError:
    said = decode(body, _Message)
    if said is None or says_something(said.error) or said.type == "error":
        return _no_content(body)
    blocks = None if said.content is NO_RAW else decode(said.content, list[msgspec.Raw])
    if said.type != "message" or blocks is None:
        return _no_content(body)
    parts = read_parts([block for raw in blocks if (block := _block(raw)) is not None])
    calls = sum(isinstance(part, ToolCall) for part in parts)
    usage = as_object(decode_any(said.usage))
    return Reply(
        id=as_text(said.id) or "",
        model=as_text(said.model) or "",
        choices=(
            Choice(
                parts=tuple(parts),
                stop=read_stop(said.stop_reason, calls=calls),
                stop_sequence=said.stop_sequence if isinstance(said.stop_sequence, str) else None,
                others=extras_of(as_object(decode_any(body)), usage),
            ),
        ),
        usage=anthropic_usage(usage),
        service_tier=tier_of(usage) or tier_of({"service_tier": said.service_tier}),
    )


def extras_of(said: dict[str, object], usage: dict[str, object]) -> dict[str, Json]:
    """`others` of a choice."""
    found: dict[str, Json] = {name: said[name] for name in EXTRAS if said.get(name) is not None}
    counted = {name: value for name, value in usage.items() if name not in COUNTED and value is not None}
    return found | ({"usage": counted} if counted else {})


def tier_of(usage: dict[str, object]) -> str | None:
    tier = usage.get("service_tier")
    return tier if isinstance(tier, str) else None


def write_message(reply: Reply) -> bytes:
    """The first choice, since the dialect has no other."""
    choice = reply.choices[0] if reply.choices else Choice()
    content = blocks_of(choice.parts)
    calls = sum(isinstance(part, ToolCall) for part in choice.parts)
    refusals = sum(isinstance(part, Refusal) for part in choice.parts)
    others = choice.others
    message: Block = {
        "id": reply.id or "msg_" + sha256(repr(reply).encode()).hexdigest()[:24],
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": content,
        "stop_reason": word_of(choice.stop, calls=calls, refusals=refusals),
        "stop_sequence": choice.stop_sequence,
        **{name: others[name] for name in EXTRAS if name in others},
        "usage": write_usage(reply.usage, reply.service_tier) | as_object(others.get("usage")),
        **foreign_tier(reply.service_tier),
    }
    return msgspec.json.encode(message)


def blocks_of(parts: tuple[Part, ...]) -> list[Block]:
    """Blocks of an answer's parts. Empty texts say nothing; a part that the dialect has no block for is left out."""
    blocks: list[Block] = []
    for part in parts:
        if isinstance(part, Text | Refusal) and not part.text:
            continue
        if isinstance(part, ToolCall) and part.signature is not None:
            blocks.append({"type": "thinking", "thinking": "", "signature": call_signature(part.maker, part.signature)})
        if (block := write_part(part)) is not None:
            blocks.append(block)
    return blocks


def _block(raw: msgspec.Raw) -> Block | None:
    """A block whose call, if it is one, still has the text of its input; None for what has no type."""
    block = decode(raw, dict[str, Json])
    if block is None or not isinstance(block.get("type"), str):
        return None
    if isinstance(read_part(block), ToolCall):
        block["input"] = msgspec.json.decode(raw, type=_Input).input
    return block


def _no_content(body: bytes) -> ProviderError:
    error = read_error(None, {}, body)
    if error.message or error.code:
        return error
    return ProviderError(status=None, message="The provider's answer has no content.")


class _Message(msgspec.Struct, frozen=True):
    type: object = None
    id: object = None
    model: object = None
    content: msgspec.Raw = NO_RAW
    stop_reason: object = None
    stop_sequence: object = None
    usage: msgspec.Raw = NO_RAW
    error: msgspec.Raw = NO_RAW
    service_tier: object = None


class _Input(msgspec.Struct, frozen=True):
    input: msgspec.Raw = NO_RAW

"""Chunks that have one text and nothing else to shape: one typed decode tells them.

Whatever else a chunk has, also a member that nobody knows, makes it another one, which is looked at member by member.
"""

from typing import Final

import msgspec


class PlainDelta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    role: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    channel: str | None = None

    @property
    def told(self) -> str | None:
        """The member that has the text: "" where there is none, None where there are several."""
        names = [name for name in ("content", "reasoning_content", "reasoning") if getattr(self, name)]
        return None if len(names) > 1 else names[0] if names else ""


class PlainChoice(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    delta: PlainDelta
    index: int = 0
    finish_reason: None = None
    native_finish_reason: None = None
    stop_reason: None = None
    logprobs: None = None


class PlainChunk(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    choices: tuple[PlainChoice]
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    usage: None = None
    provider: str | None = None
    obfuscation: str | None = None
    p: str | None = None


def read_plain(data: bytes) -> PlainChunk | None:
    try:
        return _DECODE(data)
    except (ValueError, RecursionError):
        return None


_DECODE: Final = msgspec.json.Decoder(PlainChunk).decode

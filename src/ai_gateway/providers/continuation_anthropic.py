"""A message stream in two halves: what the first one said, and how the second one becomes its end.

Only one block of plain text can be gone on with. Thinking, calls of tools, citations and what servers' own tools bring
are told in pieces that belong together, some of them signed; half of one cannot be joined to half of another. Blocks
that begin in the second half are whole, and go through.

The caller sees one message: the second half's `message_start` is left out, and so is the start of the block that goes
on in the caller's open one. A block that was closed can only be met by an equal one.
"""

from enum import Enum
from typing import Any, Final, final

import msgspec

from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.decoding import NO_RAW, as_object, decode, decode_any, says_something
from ai_gateway.providers.joining import Joining
from ai_gateway.providers.prefill import tokens_of, with_prefill
from ai_gateway.providers.sse import data_of

LIMITS: Final = ("max_tokens",)
_FORMS: Final = ("output_config", "output_format")
_Members = dict[str, msgspec.Raw]


class Block(Enum):
    """How far the message's text block has come for the caller."""

    NONE = "none was begun"
    OPEN = "begun"
    CLOSED = "begun and ended"


class MessageSoFar(msgspec.Struct, frozen=True):
    """The text that the caller has, in about so many tokens, and the block that it stands in (its index is 0)."""

    text: str
    tokens: int
    block: Block
    has_start: bool

    def prefill(self, shaped: Shaped) -> Shaped | None:
        """None where the block is closed, or the call forbids it: a form, a forced tool."""
        forced = as_object(decode_any(shaped.fields.get("tool_choice", NO_RAW))).get("type") in ("any", "tool")
        formed = any(says_something(shaped.fields.get(name, NO_RAW)) for name in _FORMS)
        if forced or formed or self.block is not Block.OPEN:
            return None
        return with_prefill(shaped, self.text, self.tokens, LIMITS)

    def splice(self, joining: Joining) -> "MessageSplice":
        return MessageSplice(self, joining)


def may_be_continued(shaped: Shaped) -> bool:
    """Whether the answer to this call may turn out to be one block of plain text: not while the model thinks aloud."""
    thinking = as_object(decode_any(shaped.fields.get("thinking", NO_RAW)))
    return thinking.get("type") in (None, "disabled")


class _Said(msgspec.Struct, frozen=True):
    """What is read of an event."""

    type: str = ""
    index: int = 0
    content_block: dict[str, Any] | None = None
    delta: dict[str, Any] | None = None


_EVENTS: Final = msgspec.json.Decoder(_Said)


@final
class MessagePast:
    """Reads what was delivered, an event at a time."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._block = Block.NONE
        self._has_start = False
        self.is_lost = False

    def take(self, event: bytes) -> None:
        """Nothing is read after what cannot be continued; `is_lost` says so."""
        data = data_of(event)
        if data is None or self.is_lost:
            return
        try:
            said = _EVENTS.decode(data)
        except (ValueError, RecursionError):
            self.is_lost = True
            return
        self.is_lost = not self._follow(said)

    def so_far(self) -> MessageSoFar:
        text = "".join(self._pieces)
        return MessageSoFar(text, tokens_of(text, len(self._pieces)), self._block, self._has_start)

    def _follow(self, said: _Said) -> bool:
        """Whether the answer is still one that can be continued."""
        match said.type:
            case "message_start":
                self._has_start = True
            case "content_block_start":
                block = said.content_block or {}
                fits = self._block is Block.NONE and said.index == 0 and _is_text_block(block)
                self._block = Block.OPEN
                return fits and self._add(block.get("text"))
            case "content_block_delta":
                delta = said.delta or {}
                return self._block is Block.OPEN and delta.get("type") == "text_delta" and self._add(delta.get("text"))
            case "content_block_stop":
                self._block = Block.CLOSED
            case "message_delta":
                return not (said.delta or {}).get("stop_reason")
            case _:
                pass
        return True

    def _add(self, text: object) -> bool:
        if not isinstance(text, str):
            return False
        if text:
            self._pieces.append(text)
        return True


@final
class MessageSplice:
    """The second half's events, as the caller gets them."""

    def __init__(self, so_far: MessageSoFar, joining: Joining) -> None:
        self._so_far = so_far
        self._joining = joining
        self._block = so_far.block
        self._shift = 0
        self._goes_on_in: int | None = None  # the second half's block that is the caller's
        self._passed = so_far.block is Block.NONE  # the place up to which the second half has to fit
        self._failed = False

    @property
    def joined(self) -> bool:
        return not self.failed and (self._passed or (self._block is Block.OPEN and self._joining.joined))

    @property
    def failed(self) -> bool:
        return self._failed or self._joining.failed

    def take(self, event: bytes) -> bytes:
        """One whole event -> what of it is for the caller. Nothing once it failed."""
        if self.failed:
            return b""
        data = data_of(event)
        said = None if data is None else decode(data, _Said)
        if said is None or data is None:
            return event if self.joined and data is None else b""
        match said.type:
            case "message_start":
                given = b"" if self._so_far.has_start else event
            case "content_block_start":
                given = self._start(said, data, event)
            case "content_block_delta":
                given = self._go_on(said, data, event)
            case "content_block_stop":
                given = self._stop(said, data, event)
            case "message_delta" | "message_stop":
                given = self.finish() + event
            case _:
                given = event if self.joined else b""
        return b"" if self.failed else given

    def finish(self) -> bytes:
        """The second half has no more blocks: what was held back, and the end of the caller's block."""
        rest = self._meet()
        closing = b""
        if self._block is Block.OPEN:
            closing = _text(rest) + _event({"type": "content_block_stop", "index": 0})
            self._block = Block.CLOSED
        self._failed |= bool(rest and not closing)
        return b"" if self.failed else closing

    def _start(self, said: _Said, data: bytes, event: bytes) -> bytes:
        if self._passed:
            return self._moved(said, data, event)
        block = said.content_block or {}
        if self._goes_on_in is None and _is_text_block(block):
            self._goes_on_in = said.index
            return self._more_text(block.get("text"))
        self._shift = 1 if self._goes_on_in is None else 0
        before = self.finish()
        return before + self._moved(said, data, event)

    def _go_on(self, said: _Said, data: bytes, event: bytes) -> bytes:
        if said.index != self._goes_on_in:
            return self._moved(said, data, event)
        delta = said.delta or {}
        if delta.get("type") == "text_delta":
            return self._more_text(delta.get("text"))
        self._failed |= not self._joining.joined
        return event

    def _stop(self, said: _Said, data: bytes, event: bytes) -> bytes:
        return self.finish() if said.index == self._goes_on_in else self._moved(said, data, event)

    def _more_text(self, text: object) -> bytes:
        new = self._joining.take(text) if isinstance(text, str) else ""
        self._failed |= bool(new) and self._block is not Block.OPEN
        return _text(new)

    def _meet(self) -> str:
        """Up to here the second half had to fit, and did, or it fails."""
        self._passed = True
        return self._joining.finish()

    def _moved(self, said: _Said, data: bytes, event: bytes) -> bytes:
        """A block of the second half alone, at the place that it has in the whole message."""
        if not self._passed:
            self._failed = True
        if not self._shift:
            return event
        members = decode(data, _Members) or {}
        moved = {**members, "index": said.index + self._shift}
        return b"event: " + said.type.encode() + b"\ndata: " + msgspec.json.encode(moved) + b"\n\n"


def _is_text_block(block: dict[str, Any]) -> bool:
    return block.get("type") == "text" and not any(block[name] for name in block if name not in ("type", "text"))


def _text(text: str) -> bytes:
    if not text:
        return b""
    return _event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def _event(said: dict[str, object]) -> bytes:
    return f"event: {said['type']}\ndata: ".encode() + msgspec.json.encode(said) + b"\n\n"

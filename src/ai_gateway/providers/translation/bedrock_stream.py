"""ConverseStream's events: blocks by their index, each told in pieces, with a goodbye in two parts.

`messageStop` says why the answer ended, `metadata` what it used and what a guardrail found; both are one end, so the
first waits for the second. Blocks of text and thought begin with their first piece, those of tools with an event of
their own. What only Bedrock knows (a tool that it runs itself, its result, an image) comes in pieces here, too, and is
handed on whole, as the unstreamed answer has it.
"""

import base64
from typing import Final, final

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Maker, Opaque, Part
from ai_gateway.domain.reply import (
    Began,
    Cited,
    Counted,
    Ended,
    Event,
    Failed,
    PartBegan,
    PartEnded,
    PartKind,
    PartWhole,
    Piece,
    Signed,
    Stopped,
)
from ai_gateway.providers.decoding import NO_RAW, as_object, decode, decode_any, says_something
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.aws_frames import BadFrame, Frame, FrameSplitter
from ai_gateway.providers.translation.bedrock_citations import citation_of
from ai_gateway.providers.translation.bedrock_reply import (
    SERVER_TOOL,
    Aftermath,
    bytes_of,
    image_part,
    others_of,
    stop_of,
    usage_of,
)
from ai_gateway.providers.translation.bedrock_turns import NAME, redacted_in_text

_DAMAGED: Final = ProviderError(status=None, message="The provider's stream is damaged: a frame cannot be read.")


@final
class BedrockDecoder:
    """The EventDecoder of ConverseStream."""

    __slots__ = ("_is_over", "_reader", "_splitter")

    def __init__(self) -> None:
        self._splitter = FrameSplitter()
        self._reader = _Reader()
        self._is_over = False

    def feed(self, chunk: bytes) -> list[Event]:
        if self._is_over:
            return []
        frames: list[Frame] = []
        is_damaged = False
        try:
            self._splitter.feed(chunk, frames)
        except BadFrame:
            is_damaged = True
        events: list[Event] = []
        for frame in frames:
            events += self._reader.read(frame)
            if events and isinstance(events[-1], (Ended, Failed)):
                self._is_over = True
                return events
        if is_damaged:
            self._is_over = True
            events.append(Failed(_DAMAGED))
        return events

    def end(self) -> list[Event]:
        if self._is_over:
            return []
        self._is_over = True
        return self._reader.finish()


class _Open(msgspec.Struct):
    """A block that has begun. `whole`: the block so far of one that is handed on whole."""

    part: int
    kind: PartKind | None = None
    is_empty: bool = True
    redacted: bytearray | None = None
    whole: dict[str, object] | None = None
    text: list[str] = []


@final
class _Reader:
    """What frames mean. Ended or Failed, if any, is the last event that a frame gives."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._parts = 0
        self._began = False
        self._has_calls = False
        self._stop: _Stop | None = None
        self._more: Aftermath | None = None

    def read(self, frame: Frame) -> list[Event]:
        if frame.kind != "event":
            return [Failed(_error_of(frame))]
        events: list[Event] = []
        if not self._began:
            self._began = True
            events.append(Began())
        match frame.name:
            case "contentBlockDelta":
                self._delta(frame.payload, events)
            case "contentBlockStart":
                self._start(frame.payload, events)
            case "contentBlockStop":
                self._close(frame.payload, events)
            case "messageStop":
                self._stop = decode(frame.payload, _Stop) or _Stop()
            case "metadata":
                self._more = decode(frame.payload, Aftermath) or Aftermath()
            case _:
                pass
        if self._stop is not None and self._more is not None:
            events += self.finish()
        return events

    def finish(self) -> list[Event]:
        """The goodbye; nothing where the answer was cut before its end was told."""
        if self._stop is None:
            return []
        events: list[Event] = []
        for index in sorted(self._open):
            self._end_block(self._open[index], events)
        beside = self._stop.additional_model_response_fields
        more = msgspec.structs.replace(self._more or Aftermath(), additional_model_response_fields=beside)
        usage, tier = usage_of(more)
        if usage is not None:
            events.append(Counted(usage, tier))
        stop, sequence = stop_of(self._stop.stop_reason, more, has_calls=self._has_calls)
        return [*events, Stopped(0, stop, sequence, others_of(more)), Ended()]

    def _start(self, payload: bytes, events: list[Event]) -> None:
        said = decode(payload, _Start)
        if said is None:
            return
        start = as_object(decode_any(said.start))
        if (call := as_object(start.get("toolUse"))) and call.get("type") != SERVER_TOOL:
            block = self._begin(said.content_block_index, PartKind.TOOL_CALL)
            self._has_calls = True
            named = PartBegan(0, block.part, PartKind.TOOL_CALL, _text(call.get("toolUseId")), _text(call.get("name")))
            events.append(named)
        elif start:
            self._begin(said.content_block_index, None).whole = start

    def _delta(self, payload: bytes, events: list[Event]) -> None:
        said = decode(payload, _Delta)
        if said is None:
            return
        block, delta = self._open.get(said.content_block_index), said.delta
        if block is not None and block.whole is not None:
            self._add_to_whole(block, block.whole, delta)
        elif delta.text is not None or says_something(delta.citation):
            if block is None and not (delta.text or says_something(delta.citation)):
                return
            if block is None:
                block = self._begin(said.content_block_index, PartKind.TEXT)
                events.append(PartBegan(0, block.part, PartKind.TEXT))
            if delta.text:
                events.append(Piece(0, block.part, delta.text))
            if says_something(delta.citation):
                events.append(Cited(0, block.part, citation_of(decode_any(delta.citation))))
        elif delta.tool_use is not None and block is not None:
            if delta.tool_use.input:
                block.is_empty = False
                events.append(Piece(0, block.part, delta.tool_use.input))
        elif delta.reasoning_content is not None:
            self._think(said.content_block_index, delta.reasoning_content, events)

    def _think(self, index: int, thought: "_Thought", events: list[Event]) -> None:
        if not (thought.text or thought.signature or thought.redacted_content):
            return
        block = self._open.get(index)
        if block is None:
            block = self._begin(index, PartKind.THINKING)
            events.append(PartBegan(0, block.part, PartKind.THINKING, maker=Maker.ANTHROPIC))
        if thought.text:
            events.append(Piece(0, block.part, thought.text))
        if thought.signature:
            events.append(Signed(0, block.part, thought.signature))
        if thought.redacted_content:
            block.redacted = (block.redacted or bytearray()) + (bytes_of(thought.redacted_content) or b"")

    def _add_to_whole(self, block: _Open, whole: dict[str, object], delta: "_Inner") -> None:
        if delta.tool_use is not None:
            block.text.append(delta.tool_use.input)
        pieces = decode_any(delta.tool_result)
        result = as_object(whole.get("toolResult"))
        if isinstance(pieces, list) and result:
            content = result.setdefault("content", [])
            assert isinstance(content, list)
            content += pieces  # pyright: ignore[reportUnknownVariableType]
        image, source = as_object(whole.get("image")), as_object(decode_any(delta.image)).get("source")
        if image and (data := bytes_of(as_object(source).get("bytes"))) is not None:
            block.redacted = (block.redacted or bytearray()) + data

    def _close(self, payload: bytes, events: list[Event]) -> None:
        said = decode(payload, _Index)
        block = None if said is None else self._open.pop(said.content_block_index, None)
        if block is not None:
            self._end_block(block, events)

    def _end_block(self, block: _Open, events: list[Event]) -> None:
        if block.whole is not None:
            value = _whole_of(block, block.whole)
            if value is not None:
                events.append(PartWhole(0, block.part, value))
            return
        if block.kind is PartKind.TOOL_CALL and block.is_empty:
            events.append(Piece(0, block.part, "{}"))
        if block.redacted is not None:
            events.append(Signed(0, block.part, redacted_in_text(bytes(block.redacted)), is_encrypted=True))
        events.append(PartEnded(0, block.part))

    def _begin(self, index: int, kind: PartKind | None) -> _Open:
        block = self._open[index] = _Open(self._parts, kind)
        self._parts += 1
        return block


def _whole_of(block: _Open, whole: dict[str, object]) -> Part | None:
    kind = next(iter(whole))
    if kind == "image":
        data = base64.b64encode(bytes(block.redacted or b"")).decode()
        return image_part({**as_object(whole["image"]), "source": {"bytes": data}})
    if kind == "toolUse":
        asked = decode_any("".join(block.text).encode())
        return Opaque(NAME, kind, {kind: {**as_object(whole[kind]), "input": {} if asked is None else asked}})
    return Opaque(NAME, kind, whole)


def _error_of(frame: Frame) -> ProviderError:
    """An exception's own name is its type: it is what the table of endings knows it by."""
    if frame.kind != "exception":
        said = msgspec.json.encode({"message": frame.message or frame.name or "The provider's stream failed."})
        return msgspec.structs.replace(read_error(None, {}, said), type=frame.name or None)
    error = read_error(None, {}, frame.payload)
    return msgspec.structs.replace(error, type=frame.name or error.type)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class _Thought(msgspec.Struct, frozen=True, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Input(msgspec.Struct, frozen=True):
    input: str = ""


class _Inner(msgspec.Struct, frozen=True, rename="camel"):
    text: str | None = None
    tool_use: _Input | None = None
    reasoning_content: _Thought | None = None
    citation: msgspec.Raw = NO_RAW
    tool_result: msgspec.Raw = NO_RAW
    image: msgspec.Raw = NO_RAW


class _Delta(msgspec.Struct, frozen=True, rename="camel"):
    delta: _Inner
    content_block_index: int = 0


class _Start(msgspec.Struct, frozen=True, rename="camel"):
    start: msgspec.Raw = NO_RAW
    content_block_index: int = 0


class _Index(msgspec.Struct, frozen=True, rename="camel"):
    content_block_index: int = 0


class _Stop(msgspec.Struct, frozen=True, rename="camel"):
    stop_reason: object = None
    additional_model_response_fields: msgspec.Raw = NO_RAW

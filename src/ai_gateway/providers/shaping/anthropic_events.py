"""A stream of Anthropic's message events under rules, as it goes by.

What a pipe holds back comes out with a later delta of its block, at the latest in a delta of its own before the block's
end. A signature stands behind the thought that it is of, so it waits where some of the thought does. A delta of which
nothing is left is left out. An event that is no JSON object is dropped: nobody could say which of its bytes are words.
So is, where there are pipes, a delta of a block that has ended.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.decoding import as_object, decode_any
from ai_gateway.providers.shaping.alike import Alike
from ai_gateway.providers.shaping.anthropic_frame import MessageFrame, waits_for_tools
from ai_gateway.providers.shaping.anthropic_reply import CALL, pipe_around, pipe_message
from ai_gateway.providers.shaping.anthropic_words import BlockWords
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.frames import splice, split, text_span, write
from ai_gateway.providers.shaping.pieces import Body, is_object
from ai_gateway.providers.sse import data_of

_DELTA: Final = "content_block_delta"
_TEXT: Final = "text"


class _PlainDelta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: str
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None


class _PlainEvent(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A delta with one text and nothing else."""

    type: str
    index: int
    delta: _PlainDelta


_PLAIN: Final = msgspec.json.Decoder(_PlainEvent).decode
_MEMBERS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


@final
class MessageShaper:
    """The EventShaper of message streams."""

    def __init__(self, answer: AnswerRules) -> None:
        self._answer = answer
        self._chains = Chains(answer)
        self._frame = MessageFrame(answer)
        self._blocks: dict[int, BlockWords] = {}
        self._ended: set[int] = set()
        self._next_index = 0
        self._has_calls = False
        self._is_appended = False
        self._like = b""
        self._alike = Alike()

    def feed(self, events: bytes) -> bytes:
        if self._alike.covers(events):
            return self._alike.shape(events)
        found = split(events)
        return self._shape(found[0]) if len(found) == 1 else b"".join([self._shape(event) for event in found])

    def end(self) -> bytes:
        """What blocks that nobody ended held back."""
        return self._end_blocks(self._like) if self._like else b""

    def _shape(self, event: bytes) -> bytes:
        data = data_of(event)
        if data is None:
            is_comment = self._answer.hidden_as is not None and event.startswith(b":")
            return b": \n\n" if is_comment else event
        if not self._frame.changes_blocks and (shaped := self._shape_plain(event, data)) is not None:
            return shaped
        said = decode_any(data)
        if not is_object(said):
            return b""
        self._like = event
        return self._shape_event(event, data, said)

    def _shape_plain(self, event: bytes, data: bytes) -> bytes | None:
        """None: it is not as plain as that."""
        try:
            said = _PLAIN(data)
        except (ValueError, RecursionError):
            return None
        delta = said.delta
        member = _MEMBERS.get(delta.type, "")
        told = [name for name in _MEMBERS.values() if getattr(delta, name) is not None]
        if said.type != _DELTA or told != [member]:
            return None
        if self._chains.is_idle:
            return event
        text: str = getattr(delta, member)
        span = text_span(event, member) if text else None
        if span is None:
            return None
        if said.index in self._ended:
            return b""
        pipe = self._block(said.index).pipe(member)
        piped = pipe.feed(text)
        if member == _TEXT:
            self._alike.learn(event, span, (event[: span[0]], event[span[1] :]), pipe)
        return event if piped == text else splice(event, span, piped) if piped else b""

    def _shape_event(self, event: bytes, data: bytes, said: Body) -> bytes:
        before: list[bytes] = []
        match said.get("type"):
            case "message_start":
                if is_object(message := said.get("message")):
                    pipe_message(message, self._chains)
                    self._frame.dress_start(message)
            case "content_block_start":
                self._begin(said)
            case "content_block_delta":
                if not self._delta(event, said):
                    return b""
            case "content_block_stop":
                before.append(self._end_block(event, said.get("index")))
            case "message_delta":
                stop = as_object(said.get("delta")).get("stop_reason")
                before.append(self._end_blocks(event))
                if isinstance(stop, str):
                    before.append(self._append(event, stop))
                self._pipe_end(said)
                self._frame.dress_end(said)
            case "message_stop":
                before += [self._end_blocks(event), self._append(event, None)]
            case "ping":
                return event
            case _:
                if not self._chains.is_idle:
                    pipe_around(said, self._chains)
        shaped = event if said == decode_any(data) else write(event, said)
        return b"".join([*before, shaped])

    def _begin(self, said: Body) -> None:
        index, block = said.get("index"), said.get("content_block")
        self._next_index = max(self._next_index, _number(index) + 1)
        self._ended.discard(_number(index))
        if not is_object(block):
            said["content_block"] = self._chains.any(block) if not self._chains.is_idle else block
            return
        self._has_calls |= block.get("type") == CALL
        if not self._chains.is_idle:
            self._alike.forget()
            self._block(index).begin(block)
        self._frame.dress_block(block)

    def _delta(self, event: bytes, said: Body) -> bool:
        """Whether the event goes out now."""
        if not self._chains.is_idle and _number(said.get("index")) in self._ended:
            return False
        delta = said.get("delta")
        block = self._block(said.get("index"))
        if is_object(delta):
            if not self._chains.is_idle and not block.take(delta):
                return False
            if not self._frame.keeps_delta(delta):
                return False
            if delta.get("type") == "signature_delta" and block.has_text:
                block.waiting.append(event)
                return False
        elif not self._chains.is_idle:
            said["delta"] = self._chains.any(delta)
        return True

    def _pipe_end(self, said: Body) -> None:
        if self._chains.is_idle:
            return
        if is_object(delta := said.get("delta")):
            pipe_around(delta, self._chains)
        around = {name: value for name, value in said.items() if name != "delta"}
        pipe_around(around, self._chains)
        said.update(around)

    def _append(self, like: bytes, stop: str | None) -> bytes:
        """A block of its own, behind all others."""
        if self._is_appended:
            return b""
        self._is_appended = True
        if not self._answer.appended or waits_for_tools(stop, self._has_calls):
            return b""
        at = self._next_index
        self._next_index += 1
        told: list[Body] = [
            {"type": "content_block_start", "index": at, "content_block": {"type": "text", "text": ""}},
            {"type": _DELTA, "index": at, "delta": {"type": "text_delta", "text": self._answer.appended}},
            {"type": "content_block_stop", "index": at},
        ]
        return b"".join([write(like, it, str(it["type"]).encode()) for it in told])

    def _end_blocks(self, like: bytes) -> bytes:
        return b"".join([self._end_block(like, index) for index in list(self._blocks)])

    def _end_block(self, like: bytes, index: object) -> bytes:
        self._alike.forget()
        block = self._blocks.pop(_number(index), None)
        if block is None:
            return b""
        self._ended.add(_number(index))
        written: list[bytes] = []
        for delta in block.end():
            if self._frame.keeps_delta(delta):
                said = {"type": _DELTA, "index": _number(index), "delta": delta}
                written.append(write(like, said, _DELTA.encode()))
        return b"".join([*written, *block.waiting])

    def _block(self, index: object) -> BlockWords:
        number = _number(index)
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = BlockWords(self._chains)
        return block


def _number(index: object) -> int:
    return index if type(index) is int else 0

"""Cohere's stream of events: content and calls by indexes of their own, a plan without one, citations beside them."""

from typing import final

import msgspec

from ai_gateway.domain.conversation import Maker
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
    Piece,
    Stopped,
)
from ai_gateway.providers.decoding import NO_RAW, as_list, as_object, decode, decode_any, says_something
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.cohere_reply import (
    Call,
    Content,
    arguments_of,
    citation_of,
    content_index_of,
    failure_of,
    stop_of,
    usage_of,
)
from ai_gateway.providers.translation.cohere_turns import PLAN


@final
class CohereReader:
    """The EventReader of Cohere's streams. Parts begin with their first piece: an empty one is none."""

    __slots__ = ("_argued", "_began", "_calls", "_content", "_first_text", "_kinds", "_parts", "_plan")

    def __init__(self) -> None:
        self._began = False
        self._parts = 0
        self._content: dict[int, int] = {}
        self._kinds: dict[int, PartKind] = {}
        self._calls: dict[int, int] = {}
        self._argued: set[int] = set()
        self._plan: int | None = None
        self._first_text: int | None = None

    def read(self, name: bytes, data: bytes) -> list[Event]:
        said = decode(data, _Said)
        if said is None:
            return self._untyped(name, data)
        message = said.delta.message
        match said.type:
            case "content-delta" if isinstance(message.content, Content):
                return self._content_piece(said.index, message.content)
            case "content-start" if isinstance(message.content, Content):
                return self._content_piece(said.index, message.content)
            case "content-end":
                return self._content_end(said.index)
            case "tool-plan-delta" if message.tool_plan:
                return self._plan_piece(message.tool_plan)
            case "tool-call-start" if isinstance(message.tool_calls, Call):
                return self._call(said.index, message.tool_calls)
            case "tool-call-delta" if isinstance(message.tool_calls, Call) and said.index in self._calls:
                return self._arguments(self._calls[said.index], message.tool_calls.function.arguments)
            case "tool-call-end":
                return self._end(self._calls.get(said.index))
            case "citation-start":
                return self._citation(decode_any(message.citations))
            case "message-start":
                return self._begin(said.id)
            case "message-end":
                return self._finish(said.delta)
            case _:
                return self._untyped(name, data)

    def finish(self) -> list[Event]:
        return []

    def _untyped(self, name: bytes, data: bytes) -> list[Event]:
        """An error in the stream has no type of an event: `{"message": ...}`, or an event that is called so."""
        whole = as_object(decode_any(data))
        is_error = name == b"error" or (
            whole.get("type") in (None, "error") and ("error" in whole or "message" in whole)
        )
        return [Failed(read_error(None, {}, data))] if is_error else []

    def _begin(self, told: str) -> list[Event]:
        if self._began:
            return []
        self._began = True
        return [Began(id=told)]

    def _content_piece(self, index: int, content: Content) -> list[Event]:
        text = content.thinking or content.text
        if not text:
            return []
        part = self._content.get(index)
        if part is not None:
            return [Piece(0, part, text)]
        events = self._begin("")
        kind = PartKind.THINKING if content.thinking else PartKind.TEXT
        part = self._content[index] = self._next()
        if kind is PartKind.TEXT and self._first_text is None:
            self._first_text = part
        self._kinds[index] = kind
        maker = Maker.COHERE if kind is PartKind.THINKING else None
        return [*events, PartBegan(0, part, kind, maker=maker), Piece(0, part, text)]

    def _plan_piece(self, text: str) -> list[Event]:
        if self._plan is not None:
            return [Piece(0, self._plan, text)]
        events = self._begin("")
        self._plan = self._next()
        begun = PartBegan(0, self._plan, PartKind.THINKING, maker=Maker.COHERE, thought_id=PLAN)
        return [*events, begun, Piece(0, self._plan, text)]

    def _call(self, index: int, call: Call) -> list[Event]:
        events = self._begin("")
        part = self._calls[index] = self._next()
        events.append(PartBegan(0, part, PartKind.TOOL_CALL, call.id, call.function.name))
        return events + self._arguments(part, call.function.arguments)

    def _arguments(self, part: int, text: str) -> list[Event]:
        if not text:
            return []
        is_first = part not in self._argued
        self._argued.add(part)
        return [Piece(0, part, arguments_of(text) if is_first else text)]

    def _citation(self, told: object) -> list[Event]:
        events: list[Event] = []
        for said in as_list(told) or [told]:
            index = content_index_of(said)
            is_text = self._kinds.get(index) is PartKind.TEXT
            part = self._content[index] if is_text else self._first_text
            citation = citation_of(said)
            if part is not None and citation is not None and as_object(said):
                events.append(Cited(0, part, citation))
        return events

    def _content_end(self, index: int) -> list[Event]:
        """A text is not over with its last piece: citations of it may still come."""
        return [] if self._kinds.get(index) is PartKind.TEXT else self._end(self._content.get(index))

    def _end(self, part: int | None) -> list[Event]:
        return [] if part is None else [PartEnded(0, part)]

    def _finish(self, delta: "_Delta") -> list[Event]:
        failure = failure_of(delta.finish_reason, delta.error)
        if failure is not None:
            return [Failed(failure)]
        events = self._begin("")
        if says_something(delta.usage) and (usage := usage_of(delta.usage)) is not None:
            events.append(Counted(usage))
        return [*events, Stopped(0, stop_of(delta.finish_reason, has_calls=bool(self._calls))), Ended()]

    def _next(self) -> int:
        self._parts += 1
        return self._parts - 1


class _Message(msgspec.Struct, frozen=True):
    content: Content | list[msgspec.Raw] | None = None
    tool_plan: str | None = None
    tool_calls: Call | list[msgspec.Raw] | None = None
    citations: msgspec.Raw = NO_RAW


_NO_MESSAGE = _Message()


class _Delta(msgspec.Struct, frozen=True):
    message: _Message = _NO_MESSAGE
    finish_reason: object = None
    error: object = None
    usage: msgspec.Raw = NO_RAW


_NO_DELTA = _Delta()


class _Said(msgspec.Struct, frozen=True):
    type: str
    index: int = 0
    id: str = ""
    delta: _Delta = _NO_DELTA

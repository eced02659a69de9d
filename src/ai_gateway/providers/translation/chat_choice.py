"""One choice of a chat answer, put together from its deltas: which parts it has, and what belongs to which.

A delta says what is added, not to what: text goes to the one text part, thoughts and calls to those that their index
and id name. A call begins when its name is known.
"""

from typing import final

from ai_gateway.domain.conversation import (
    Audio,
    Citation,
    Image,
    Json,
    Maker,
    Opaque,
    Source,
    ToolKind,
)
from ai_gateway.domain.reply import (
    Cited,
    Event,
    PartBegan,
    PartKind,
    PartWhole,
    Piece,
    Signed,
    Stop,
    Stopped,
)
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.translation.chat_chunks import Delta
from ai_gateway.providers.translation.chat_citations import read_annotation
from ai_gateway.providers.translation.chat_messages import signature_of
from ai_gateway.providers.translation.chat_parts import CHAT, source_of
from ai_gateway.providers.translation.chat_thoughts import ThoughtKeys, said_by
from ai_gateway.providers.translation.chat_words import maker_of


class _Call:
    __slots__ = ("call_id", "kind", "name", "part", "place")

    def __init__(self, place: int) -> None:
        self.place = place
        self.part = -1
        self.call_id = ""
        self.name = ""
        self.kind = ToolKind.FUNCTION


@final
class ChoiceReading:
    """`text` is the number of the text part, -1 before there is one. `finished` is told last (see `close`)."""

    __slots__ = (
        "_audio", "_calls", "_index", "_keys", "_last_call", "_maker", "_parts", "_refusal", "_reply_id", "_thoughts",
        "finished", "text",
    )  # fmt: skip

    def __init__(self, index: int, maker: Maker, reply_id: str) -> None:
        self._index = index
        self._maker = maker
        self._reply_id = reply_id
        self._parts = 0
        self._refusal = -1
        self._keys = ThoughtKeys()
        self._thoughts: list[int] = []
        self._calls: dict[object, _Call] = {}
        self._last_call: _Call | None = None
        self._audio: dict[str, Json] = {}
        self.text = -1
        self.finished: Stopped | None = None

    @property
    def is_finished(self) -> bool:
        return self.finished is not None

    @property
    def has_calls(self) -> bool:
        return bool(self._calls)

    @property
    def refuses(self) -> bool:
        return self._refusal >= 0

    def begin_text(self, events: list[Event]) -> int:
        self.text = self._begin(PartKind.TEXT, events)
        return self.text

    def take(self, delta: Delta, events: list[Event]) -> None:
        self._think(delta, events)
        content = delta.content
        if isinstance(content, str):
            self._say(content, events)
        else:
            for part in as_list(content):
                self._take_content(part, events)
        if isinstance(delta.refusal, str) and delta.refusal:
            if self._refusal < 0:
                self._refusal = self._begin(PartKind.REFUSAL, events)
            events.append(Piece(self._index, self._refusal, delta.refusal))
        for call in as_list(delta.tool_calls):
            self._take_call(as_object(call), events)
        if legacy := as_object(delta.function_call):
            self._take_call({"index": "legacy", "function": legacy}, events)
        for image in as_list(delta.images):
            self._show(as_object(image), events)
        self._hear(as_object(delta.audio))
        found = [read_annotation(annotation) for annotation in as_list(delta.annotations)]
        self.cite([citation for citation in found if citation is not None], events)

    def cite(self, citations: list[Citation], events: list[Event]) -> None:
        for citation in citations:
            if self.text < 0:
                self.begin_text(events)
            events.append(Cited(self._index, self.text, citation))

    def close(self, events: list[Event]) -> None:
        for call in self._calls.values():
            if call.part < 0:
                self._begin_call(call, events)
        if self._audio:
            events.append(PartWhole(self._index, self._number(), self._spoken()))
            self._audio = {}
        if self.finished is not None:
            events.append(self.finished)
        elif self._calls:
            events.append(Stopped(self._index, Stop.TOOL_CALLS))

    def _number(self) -> int:
        self._parts += 1
        return self._parts - 1

    def _begin(self, kind: PartKind, events: list[Event]) -> int:
        number = self._number()
        events.append(PartBegan(self._index, number, kind))
        return number

    def _say(self, text: str, events: list[Event]) -> None:
        if text:
            if self.text < 0:
                self.begin_text(events)
            events.append(Piece(self._index, self.text, text))

    def _take_content(self, part: object, events: list[Event]) -> None:
        """A part of content that is a list (Mistral)."""
        said = as_object(part)
        kind, text = said.get("type"), part if isinstance(part, str) else said.get("text")
        if isinstance(text, str) and kind in ("text", None):
            self._say(text, events)
        elif kind == "image_url":
            self._show(said, events)
        elif kind == "thinking":
            for piece in as_list(said.get("thinking")):
                if isinstance(thought := as_object(piece).get("text"), str):
                    self._think_aloud(thought, events)

    def _think(self, delta: Delta, events: list[Event]) -> None:
        """Details say what the plain text says, and more; providers who send both send the same twice."""
        is_told = False
        for detail in as_list(delta.reasoning_details):
            if entry := as_object(detail):
                is_told |= self._take_detail(entry, events)
        if not is_told:
            for text in (delta.reasoning_content, delta.reasoning):
                if isinstance(text, str) and text:
                    self._think_aloud(text, events)
                    break

    def _take_detail(self, detail: dict[str, Json], events: list[Event]) -> bool:
        """Whether it has words."""
        number = self._keys.number_of(detail, detail.get("index"))
        if number == len(self._thoughts):
            thought_id = detail.get("id")
            self._begin_thought(
                maker_of(detail.get("format"), self._maker), thought_id if isinstance(thought_id, str) else None, events
            )
        part = self._thoughts[number]
        text, signature, data = said_by(detail)
        if text:
            events.append(Piece(self._index, part, text))
        if signature:
            events.append(Signed(self._index, part, signature))
        if data:
            events.append(Signed(self._index, part, data, is_encrypted=True))
        return bool(text)

    def _think_aloud(self, text: str, events: list[Event]) -> None:
        if not text:
            return
        number = self._keys.number_of({}, None)
        if number == len(self._thoughts):
            self._begin_thought(self._maker, None, events)
        events.append(Piece(self._index, self._thoughts[number], text))

    def _begin_thought(self, maker: Maker, thought_id: str | None, events: list[Event]) -> None:
        number = self._number()
        self._thoughts.append(number)
        events.append(PartBegan(self._index, number, PartKind.THINKING, maker=maker, thought_id=thought_id))

    def _take_call(self, said: dict[str, Json], events: list[Event]) -> None:
        call = self._call_of(said)
        kind = "custom" if said.get("type") == "custom" else call.kind.value
        inner = as_object(said.get(kind))
        if call.part < 0:
            if isinstance(call_id := said.get("id"), str):
                call.call_id = call.call_id or call_id
            call.kind = ToolKind(kind)
            if isinstance(name := inner.get("name"), str):
                call.name = call.name or name
        told = inner.get("input" if call.kind is ToolKind.CUSTOM else "arguments")
        arguments = told if isinstance(told, str) else ""
        signature = signature_of(said)
        if call.part < 0 and (call.name or arguments):
            self._begin_call(call, events)
        if arguments:
            events.append(Piece(self._index, call.part, arguments))
        if signature is not None and call.part >= 0:
            events.append(Signed(self._index, call.part, signature))

    def _call_of(self, said: dict[str, Json]) -> _Call:
        """By the index; where there is none, or providers number all calls 0, a new id is a new call."""
        index, call_id = said.get("index"), said.get("id")
        known = self._calls.get(index) if isinstance(index, int | str) else self._last_call
        is_new = known is None or (isinstance(call_id, str) and call_id and known.call_id and known.call_id != call_id)
        if known is None or is_new:
            known = _Call(len(self._calls))
            key = index if isinstance(index, int | str) and index not in self._calls else ("call", known.place)
            if isinstance(index, int | str) and index in self._calls:
                self._calls[("before", known.place)] = self._calls.pop(index)
                key = index
            self._calls[key] = known
        self._last_call = known
        return known

    def _begin_call(self, call: _Call, events: list[Event]) -> None:
        call.part = self._number()
        own = f"call_{self._reply_id}_{call.place}" if self._reply_id else f"call_{call.place}"
        events.append(
            PartBegan(
                self._index, call.part, PartKind.TOOL_CALL, call.call_id or own, call.name, call.kind, Maker.GOOGLE
            )
        )

    def _show(self, image: dict[str, Json], events: list[Event]) -> None:
        url = image.get("image_url")
        address = as_object(url).get("url", url)
        if isinstance(address, str):
            events.append(PartWhole(self._index, self._number(), Image(source_of(address))))

    def _hear(self, piece: dict[str, Json]) -> None:
        """Sound and transcript come in pieces, id and expiry once."""
        for name, value in piece.items():
            before = self._audio.get(name)
            if value in (None, "", 0):
                continue
            grows = name in ("data", "transcript") and isinstance(value, str) and isinstance(before, str)
            self._audio[name] = f"{before}{value}" if grows else value

    def _spoken(self) -> Audio | Opaque:
        match self._audio:
            case {"data": str(data), "transcript": str(said), **rest} if not rest:
                return Audio(Source(data=data), said)
            case {"data": str(data), **rest} if not rest:
                return Audio(Source(data=data))
            case _:
                return Opaque(CHAT, "audio", self._audio)

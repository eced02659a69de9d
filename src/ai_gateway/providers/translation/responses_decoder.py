"""A stream of the Responses API as events: an EventReader for SseDecoder.

The stream says most things twice: in deltas, and whole when a part, an item or the response is done. Providers that
speak this API leave out one or the other, so what was told piece by piece is taken as it comes, and what a `done` knows
beyond it is told then; what was never announced is taken from the last event.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.conversation import (
    Json,
    Maker,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
)
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
    Weighed,
)
from ai_gateway.providers.decoding import as_list, as_object, decode
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.responses_items import qualified
from ai_gateway.providers.translation.responses_reply import (
    call_seal_of,
    citations_of,
    content_part,
    created_of,
    logprobs_of,
    output_part,
    stop_in,
    text_in,
    usage_in,
)
from ai_gateway.providers.translation.responses_wire import BETWEEN_SUMMARIES, unsealed

_LAST: Final = frozenset({"response.completed", "response.incomplete"})
_CALLS: Final = {"function_call": ToolKind.FUNCTION, "custom_tool_call": ToolKind.CUSTOM}
_MAKERS: Final = {maker.value: maker for maker in Maker}
_Key = tuple[int, int]
_WHOLE: Final = -1
"""The content index of an item that is one part."""


class _Said(msgspec.Struct):
    """What is read of an event. The usual one has a `delta` and nothing that takes long."""

    type: str = ""
    delta: str | None = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    item: Json = None
    part: Json = None
    annotation: Json = None
    response: Json = None
    logprobs: Json = None
    error: Json = None


class _Part(msgspec.Struct):
    number: int
    kind: PartKind
    section: int = 0
    told: int = 0
    """Characters."""
    citations: int = 0
    is_open: bool = True
    awaits_seal: bool = False
    """A call whose signature is an item of its own, behind it."""


@final
class ResponsesReader:
    def __init__(self, own: Maker = Maker.OPENAI) -> None:
        self._own = own
        self._began = False
        self._parts: dict[_Key, _Part] = {}
        self._numbers = 0
        self._reserved: dict[int, int] = {}
        self._done: set[int] = set()
        self._calls: dict[str, int] = {}
        self._kinds: list[Part] = []
        self._weighed = False

    def read(self, name: bytes, data: bytes) -> list[Event]:
        said = decode(data, _Said)
        if said is None:
            return []
        kind = said.type
        if said.delta is not None:
            return self._delta(said)
        if kind in ("response.failed", "error") or said.error or name == b"error":
            return [Failed(read_error(None, {}, data))]
        match kind:
            case "response.created" | "response.in_progress" | "response.queued":
                return self._begin(as_object(said.response))
            case "response.output_item.added":
                return self._item_added(said.output_index, as_object(said.item))
            case "response.output_item.done":
                return self._item_done(said.output_index, as_object(said.item))
            case "response.content_part.added":
                return self._content_added(said, as_object(said.part))
            case "response.content_part.done":
                return self._content_done((said.output_index, said.content_index), as_object(said.part))
            case "response.output_text.annotation.added":
                return self._annotated(said)
            case _ if kind in _LAST:
                return self._end(as_object(said.response))
            case _:
                return []

    def finish(self) -> list[Event]:
        return []

    def _begin(self, response: dict[str, Json]) -> list[Event]:
        if self._began:
            return []
        self._began = True
        return [Began(text_in(response, "id"), text_in(response, "model"), created_of(response))]

    def _delta(self, said: _Said) -> list[Event]:
        assert said.delta is not None
        match said.type:
            case "response.output_text.delta":
                events = self._more(said, PartKind.TEXT)
                if said.logprobs:
                    self._weighed = True
                    events.append(Weighed(0, {"content": as_list(said.logprobs)}))
                return events
            case "response.refusal.delta":
                return self._more(said, PartKind.REFUSAL)
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                part = self._parts.get((said.output_index, _WHOLE))
                return [] if part is None else self._piece(part, said.delta)
            case "response.reasoning_summary_text.delta":
                return self._thought(said, said.summary_index)
            case "response.reasoning_text.delta":
                return self._thought(said, said.content_index)
            case _:
                return []

    def _more(self, said: _Said, kind: PartKind) -> list[Event]:
        key = (said.output_index, said.content_index)
        part = self._parts.get(key)
        events: list[Event] = []
        if part is None:
            part = self._new(key, kind)
            events.append(PartBegan(0, part.number, kind))
        assert said.delta is not None
        return events + self._piece(part, said.delta)

    def _thought(self, said: _Said, section: int) -> list[Event]:
        """Sections of a thought are one text, a blank line between two."""
        key = (said.output_index, _WHOLE)
        part = self._parts.get(key)
        events: list[Event] = []
        if part is None:
            part = self._new(key, PartKind.THINKING)
            events.append(PartBegan(0, part.number, PartKind.THINKING, maker=self._own))
        if section > part.section:
            events += self._piece(part, BETWEEN_SUMMARIES * (section - part.section))
            part.section = section
        assert said.delta is not None
        return events + self._piece(part, said.delta)

    def _piece(self, part: _Part, text: str) -> list[Event]:
        part.told += len(text)
        return [Piece(0, part.number, text)] if text else []

    def _new(self, key: _Key, kind: PartKind) -> _Part:
        part = self._parts[key] = _Part(self._number(), kind)
        return part

    def _number(self) -> int:
        number = self._numbers
        self._numbers = number + 1
        return number

    def _item_added(self, index: int, item: dict[str, Json]) -> list[Event]:
        key = (index, _WHOLE)
        if key in self._parts or index in self._reserved or call_seal_of(item) is not None:
            return []
        kind = item.get("type")
        if kind == "message":
            return []
        if kind == "reasoning":
            content = item.get("encrypted_content")
            thought = unsealed("", content if isinstance(content, str) else None, self._own, None)
            number = self._new(key, PartKind.THINKING).number
            own_id = text_in(item, "id") or None
            return [PartBegan(0, number, PartKind.THINKING, maker=thought.maker, thought_id=own_id)]
        if isinstance(kind, str) and kind in _CALLS:
            return self._call_began(key, item, _CALLS[kind])
        self._reserved[index] = self._number()
        return []

    def _call_began(self, key: _Key, item: dict[str, Json], kind: ToolKind) -> list[Event]:
        number = self._new(key, PartKind.TOOL_CALL).number
        call_id = text_in(item, "call_id")
        self._calls[call_id] = number
        maker = _MAKERS.get(text_in(as_object(item.get("gateway")), "maker"))
        self._parts[key].awaits_seal = maker is not None
        return [PartBegan(0, number, PartKind.TOOL_CALL, call_id, qualified(item), kind, maker)]

    def _content_added(self, said: _Said, part: dict[str, Json]) -> list[Event]:
        key = (said.output_index, said.content_index)
        kind = _CONTENTS.get(text_in(part, "type"))
        if kind is None or key in self._parts:
            return []
        return [PartBegan(0, self._new(key, kind).number, kind)]

    def _content_done(self, key: _Key, part: dict[str, Json]) -> list[Event]:
        kind = _CONTENTS.get(text_in(part, "type"))
        if kind is None or key[0] in self._done:
            return []
        events: list[Event] = []
        known = self._parts.get(key)
        if known is None:
            known = self._new(key, kind)
            events.append(PartBegan(0, known.number, kind))
        if not known.is_open:
            return events
        whole = content_part(part)
        text = whole.text if isinstance(whole, Text | Refusal) else ""
        events += self._rest(known, text)
        events += [Cited(0, known.number, it) for it in citations_of(part)[known.citations :]]
        known.is_open = False
        return [*events, PartEnded(0, known.number)]

    def _annotated(self, said: _Said) -> list[Event]:
        part = self._parts.get((said.output_index, said.content_index))
        if part is None:
            return []
        part.citations += 1
        return [Cited(0, part.number, it) for it in citations_of({"annotations": [said.annotation]})]

    def _item_done(self, index: int, item: dict[str, Json]) -> list[Event]:
        if index in self._done:
            return []
        kind, seal = item.get("type"), call_seal_of(item)
        events: list[Event] = []
        if seal is not None:
            number = self._calls.get(seal[0])
            events = [] if number is None else [Signed(0, number, seal[2]), PartEnded(0, number)]
        elif kind == "message":
            for number, part in enumerate(as_list(item.get("content"))):
                events += self._content_done((index, number), as_object(part))
                whole = content_part(as_object(part))
                self._kinds.append(whole)
            if not self._weighed and (logprobs := logprobs_of(item)):
                events.append(Weighed(0, {"content": logprobs}))
        else:
            events = self._whole_done(index, output_part(item, self._own), item)
        self._done.add(index)
        return events

    def _whole_done(self, index: int, whole: Part, item: dict[str, Json]) -> list[Event]:
        self._kinds.append(whole)
        key = (index, _WHOLE)
        events: list[Event] = []
        if not isinstance(whole, Thinking | ToolCall):
            number = self._reserved.get(index)
            return [PartWhole(0, self._number() if number is None else number, whole)]
        part = self._parts.get(key)
        if part is None:
            events += self._item_added(index, item)
            part = self._parts[key]
        text = whole.text if isinstance(whole, Thinking) else whole.arguments
        events += self._rest(part, text)
        if isinstance(whole, Thinking):
            if whole.signature is not None:
                events.append(Signed(0, part.number, whole.signature))
            if whole.encrypted is not None:
                events.append(Signed(0, part.number, whole.encrypted, is_encrypted=True))
        return events if part.awaits_seal else [*events, PartEnded(0, part.number)]

    def _rest(self, part: _Part, whole: str) -> list[Event]:
        """What the whole text has beyond what was told of it."""
        return self._piece(part, whole[part.told :])

    def _end(self, response: dict[str, Json]) -> list[Event]:
        events = self._begin(response)
        for index, item in enumerate(as_list(response.get("output"))):
            events += self._item_done(index, as_object(item))
        usage, tier = usage_in(response), response.get("service_tier")
        if usage is not None:
            events.append(Counted(usage, tier if isinstance(tier, str) else None))
        return [*events, Stopped(0, stop_in(response, self._kinds)), Ended()]


_CONTENTS: Final = {
    "output_text": PartKind.TEXT,
    "text": PartKind.TEXT,
    "refusal": PartKind.REFUSAL,
}

"""A stream in the grammar of the Responses API: every item is announced, filled and closed, and the last event has all
of them once more.

An item that others may still interrupt stays open until its parts have ended or the stream has; indexes say what a
piece belongs to. The usual event, a few letters of a text, is written from bytes that are made once for each part.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Audio, Image, Json, Maker, Opaque, Part, Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import (
    Alive,
    Began,
    Cited,
    Counted,
    Event,
    PartBegan,
    PartEnded,
    PartKind,
    PartWhole,
    Piece,
    Signed,
    Stop,
    Stopped,
    Weighed,
)
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.translation.responses_open_items import OpenCall, OpenMessage, OpenThought, Place
from ai_gateway.providers.translation.responses_output import Names, ended, items_of, opened, signed_call
from ai_gateway.providers.translation.responses_wire import annotation_of

_encode: Final = msgspec.json.Encoder().encode
_PING: Final = b": ping\n\n"


@final
class ResponsesEncoder:
    """One stream: the first choice, for there is no other in this API."""

    def __init__(self, names: Names | None = None) -> None:
        self._names = names or Names()
        self._begun: dict[str, Json] | None = None
        self._base = ""
        self._number = 0
        self._items: list[dict[str, Json] | None] = []
        self._parts: dict[int, OpenThought | OpenCall | tuple[OpenMessage, int]] = {}
        self._message: OpenMessage | None = None
        self._open: list[OpenMessage | OpenThought | OpenCall] = []
        self._usage: Usage | None = None
        self._service_tier: str | None = None
        self._stop: Stop | None = None
        self._logprobs: list[Json] = []

    def write(self, event: Event) -> bytes:
        kind = type(event)
        if kind is Piece:
            assert isinstance(event, Piece)
            return self._piece(event)
        written = self._opening(event) if self._begun is None and kind is not Alive else b""
        match event:
            case Counted():
                self._usage, self._service_tier = event.usage, event.service_tier or self._service_tier
            case PartBegan(choice=0):
                written += self._begin(event)
            case PartEnded(choice=0):
                written += self._end_part(event.part)
            case PartWhole(choice=0):
                written += self._whole(event.part, event.value)
            case Signed(choice=0):
                self._sign(event)
            case Cited(choice=0):
                written += self._cite(event)
            case Weighed(choice=0):
                self._logprobs += as_list(as_object(event.logprobs).get("content"))
            case Stopped(choice=0):
                self._stop = event.stop
            case Alive():
                written += _PING
            case _:
                pass
        return written

    def end(self) -> bytes:
        written = self._opening(None) if self._begun is None else b""
        assert self._begun is not None
        for item in tuple(self._open):
            written += self._close(item)
        output = [item for item in self._items if item is not None]
        response = ended(self._begun, output, self._stop, self._usage, self._service_tier)
        return written + self._event(f"response.{response['status']}", response=response)

    def _opening(self, event: Event | None) -> bytes:
        began = event if isinstance(event, Began) else Began()
        begun = self._begun = opened(began.id, began.model, began.created)
        self._base = begun["id"].removeprefix("resp_")
        self._usage, self._service_tier = began.usage, began.service_tier
        return self._event("response.created", response=begun) + self._event("response.in_progress", response=begun)

    def _begin(self, event: PartBegan) -> bytes:
        written = b""
        if event.kind in (PartKind.TEXT, PartKind.REFUSAL):
            if self._message is None:
                item = self._message = OpenMessage(self._place("msg"))
                written = self._add(item)
            content = self._message.begin(event.kind)
            self._parts[event.part] = (self._message, content)
            part, place = self._message.part(content), self._message.content_place(content)
            return written + self._event("response.content_part.added", **place, part=part)
        written = self._end_message()
        if event.kind is PartKind.THINKING:
            opened_item: OpenThought | OpenCall = OpenThought(self._place("rs"), event)
        else:
            opened_item = OpenCall(self._place(OpenCall.prefix(event.call_kind)), event, self._names)
        self._parts[event.part] = opened_item
        return written + self._add(opened_item)

    def _piece(self, event: Piece) -> bytes:
        if event.choice != 0:
            return b""
        part = self._parts.get(event.part)
        written = b""
        if part is None:
            written = self.write(PartBegan(0, event.part, PartKind.TEXT))
            part = self._parts[event.part]
        if isinstance(part, tuple):
            before = part[0].take(part[1], event.text)
        elif isinstance(part, OpenThought) and not part.has_summary:
            added = {"item_id": part.place.item_id, "output_index": part.place.index, "summary_index": 0}
            empty = {"type": "summary_text", "text": ""}
            written += self._event("response.reasoning_summary_part.added", **added, part=empty)
            before = part.take(event.text)
        else:
            before = part.take(event.text)
        number = self._number
        self._number = number + 1
        return b'%b%b%b,"sequence_number":%d}\n\n' % (written, before, _encode(event.text), number)

    def _sign(self, event: Signed) -> None:
        part = self._parts.get(event.part)
        if isinstance(part, OpenThought | OpenCall):
            part.sign(event)

    def _cite(self, event: Cited) -> bytes:
        part = self._parts.get(event.part)
        if not isinstance(part, tuple):
            return b""
        message, content = part
        annotation = annotation_of(event.citation)
        number = message.cite(content, annotation)
        place = message.content_place(content)
        return self._event(
            "response.output_text.annotation.added", **place, annotation_index=number, annotation=annotation
        )

    def _whole(self, number: int, value: Part) -> bytes:
        match value:
            case Text() | Refusal():
                kind = PartKind.TEXT if isinstance(value, Text) else PartKind.REFUSAL
                written = self.write(PartBegan(0, number, kind)) + self.write(Piece(0, number, value.text))
                cited = value.citations if isinstance(value, Text) else ()
                written += b"".join([self.write(Cited(0, number, it)) for it in cited])
                return written + self._end_part(number)
            case Thinking() | ToolCall() | Image() | Audio() | Opaque():
                written = self._end_message()
                for item in items_of((value,), f"{self._base}_{len(self._items)}", self._names):
                    written += self._add_whole(item)
                return written
            case _:
                return b""

    def _end_part(self, number: int) -> bytes:
        part = self._parts.get(number)
        if part is None:
            return b""
        if not isinstance(part, tuple):
            return self._close(part)
        message, content = part
        written = self._end_content(message, content)
        return written + (self._close(message) if message is not self._message and message.is_done else b"")

    def _end_message(self) -> bytes:
        """The next text is another message's. This one is closed as soon as nothing more can come of it."""
        message, self._message = self._message, None
        return self._close(message) if message is not None and message.is_done else b""

    def _end_content(self, message: OpenMessage, content: int) -> bytes:
        if not message.end(content):
            return b""
        if self._logprobs and message.weigh(content, self._logprobs):
            self._logprobs = []
        place, part = message.content_place(content), message.part(content)
        kind = "output_text" if "text" in part else "refusal"
        said = {"text": part["text"], "logprobs": part["logprobs"]} if "text" in part else {"refusal": part["refusal"]}
        done = self._event(f"response.{kind}.done", **place, **said)
        return done + self._event("response.content_part.done", **place, part=part)

    def _close(self, item: OpenMessage | OpenThought | OpenCall) -> bytes:
        if item not in self._open:
            return b""
        self._open.remove(item)
        written = b""
        place = {"item_id": item.place.item_id, "output_index": item.place.index}
        if isinstance(item, OpenMessage):
            for content in range(item.count):
                written += self._end_content(item, content)
        elif isinstance(item, OpenCall):
            name, members = item.said()
            written += self._event(name, **place, **members)
        elif item.has_summary:
            part = {"type": "summary_text", "text": item.text}
            written += self._event("response.reasoning_summary_text.done", **place, summary_index=0, text=item.text)
            written += self._event("response.reasoning_summary_part.done", **place, summary_index=0, part=part)
        done = item.done()
        self._items[item.place.index] = done
        written += self._event("response.output_item.done", output_index=item.place.index, item=done)
        if isinstance(item, OpenCall) and item.signature:
            sealed_id = f"{item.place.item_id}_signature"
            maker = item.maker or Maker.UNKNOWN
            written += self._add_whole(signed_call(sealed_id, item.call_id, maker, item.signature))
        return written

    def _place(self, prefix: str) -> Place:
        self._items.append(None)
        index = len(self._items) - 1
        return Place(index, f"{prefix}_{self._base}_{index}")

    def _add(self, item: OpenMessage | OpenThought | OpenCall) -> bytes:
        self._open.append(item)
        return self._event("response.output_item.added", output_index=item.place.index, item=item.added())

    def _add_whole(self, item: dict[str, Json]) -> bytes:
        self._items.append(item)
        index = len(self._items) - 1
        added = self._event("response.output_item.added", output_index=index, item=item)
        return added + self._event("response.output_item.done", output_index=index, item=item)

    def _event(self, kind: str, **members: Json) -> bytes:
        number = self._number
        self._number = number + 1
        return b"event: %b\ndata: %b\n\n" % (
            kind.encode(),
            _encode({"type": kind, **members, "sequence_number": number}),
        )

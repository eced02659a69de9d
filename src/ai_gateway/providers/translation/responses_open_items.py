"""Items of a streamed response while they are open: what was said of them, and the bytes around the next piece."""

from typing import Final, final

import msgspec

from ai_gateway.domain.conversation import Json, Maker, Thinking, ToolCall, ToolKind
from ai_gateway.domain.reply import PartBegan, PartKind, Signed
from ai_gateway.providers.translation.responses_output import Names, call, message, output_text, reasoning
from ai_gateway.providers.translation.responses_wire import SIGNED

_FORM: Final = b'event: %(kind)b\ndata: {"type":"%(kind)b","item_id":%(item)b,"output_index":%(index)d%(more)b,"delta":'


class Place(msgspec.Struct, frozen=True):
    """Where an item stands in the output."""

    index: int
    item_id: str


def _before(kind: bytes, place: Place, more: bytes = b"") -> bytes:
    """All of a delta's event up to its text."""
    item = msgspec.json.encode(place.item_id)
    return _FORM % {b"kind": kind, b"item": item, b"index": place.index, b"more": more}


class _Content(msgspec.Struct):
    kind: PartKind
    before: bytes
    pieces: list[str] = []
    annotations: list[dict[str, Json]] = []
    logprobs: list[Json] = []
    is_open: bool = True


@final
class OpenMessage:
    def __init__(self, place: Place) -> None:
        self.place = place
        self._contents: list[_Content] = []

    @property
    def count(self) -> int:
        return len(self._contents)

    @property
    def is_done(self) -> bool:
        return not any(content.is_open for content in self._contents)

    def begin(self, kind: PartKind) -> int:
        number = len(self._contents)
        more = b',"content_index":%d' % number
        if kind is PartKind.TEXT:
            before = _before(b"response.output_text.delta", self.place, more + b',"logprobs":[]')
        else:
            before = _before(b"response.refusal.delta", self.place, more)
        self._contents.append(_Content(kind, before))
        return number

    def take(self, number: int, text: str) -> bytes:
        content = self._contents[number]
        content.pieces.append(text)
        return content.before

    def cite(self, number: int, annotation: dict[str, Json]) -> int:
        """The annotation's number."""
        annotations = self._contents[number].annotations
        annotations.append(annotation)
        return len(annotations) - 1

    def weigh(self, number: int, logprobs: list[Json]) -> bool:
        """Whether this part takes them."""
        content = self._contents[number]
        if content.kind is not PartKind.TEXT:
            return False
        content.logprobs = logprobs
        return True

    def end(self, number: int) -> bool:
        """False: it had ended before."""
        content = self._contents[number]
        was_open, content.is_open = content.is_open, False
        return was_open

    def content_place(self, number: int) -> dict[str, Json]:
        return {"item_id": self.place.item_id, "output_index": self.place.index, "content_index": number}

    def part(self, number: int) -> dict[str, Json]:
        content = self._contents[number]
        text = "".join(content.pieces)
        if content.kind is PartKind.REFUSAL:
            return {"type": "refusal", "refusal": text}
        return output_text(text, content.annotations, content.logprobs)

    def added(self) -> dict[str, Json]:
        return message(self.place.item_id, [], "in_progress")

    def done(self) -> dict[str, Json]:
        return message(self.place.item_id, [self.part(number) for number in range(self.count)])


@final
class OpenThought:
    """The maker is told with the item, before there is a signature: who reads along has to know whose thought it is."""

    def __init__(self, place: Place, began: PartBegan) -> None:
        self.place = Place(place.index, began.thought_id) if began.thought_id else place
        self._maker = began.maker or Maker.UNKNOWN
        self._own_id = began.thought_id
        self._pieces: list[str] = []
        self._signature: list[str] = []
        self._encrypted: list[str] = []
        self._before = _before(b"response.reasoning_summary_text.delta", self.place, b',"summary_index":0')

    @property
    def has_summary(self) -> bool:
        return bool(self._pieces)

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def take(self, text: str) -> bytes:
        self._pieces.append(text)
        return self._before

    def sign(self, signed: Signed) -> None:
        (self._encrypted if signed.is_encrypted else self._signature).append(signed.text)

    def added(self) -> dict[str, Json]:
        item: dict[str, Json] = {"id": self.place.item_id, "type": "reasoning", "summary": []}
        return item if self._maker is Maker.OPENAI else item | {"encrypted_content": f"{SIGNED}{self._maker}:"}

    def done(self) -> dict[str, Json]:
        signature, encrypted = "".join(self._signature) or None, "".join(self._encrypted) or None
        return reasoning(self.place.item_id, Thinking(self.text, signature, encrypted, self._maker, self._own_id))


@final
class OpenCall:
    """Whose signature will follow is told with the item, as with a thought."""

    def __init__(self, place: Place, began: PartBegan, names: Names) -> None:
        self.place = place
        self.call_id = began.call_id
        self.maker = began.maker
        self._name = began.call_name
        self._kind = began.call_kind
        self._names = names
        self._pieces: list[str] = []
        self._signature: list[str] = []
        is_custom = began.call_kind is ToolKind.CUSTOM
        self._event = b"response.custom_tool_call_input" if is_custom else b"response.function_call_arguments"
        self._before = _before(self._event + b".delta", place)

    @staticmethod
    def prefix(kind: ToolKind) -> str:
        return "ctc" if kind is ToolKind.CUSTOM else "fc"

    @property
    def signature(self) -> str:
        return "".join(self._signature)

    def take(self, text: str) -> bytes:
        self._pieces.append(text)
        return self._before

    def sign(self, signed: Signed) -> None:
        self._signature.append(signed.text)

    def said(self) -> tuple[str, dict[str, Json]]:
        """The event that has all of the arguments."""
        whole = "".join(self._pieces)
        name = "input" if self._kind is ToolKind.CUSTOM else "arguments"
        return f"{self._event.decode()}.done", {name: whole}

    def added(self) -> dict[str, Json]:
        item = self._item("", "in_progress")
        return item if self.maker is None else item | {"gateway": {"maker": self.maker}}

    def done(self) -> dict[str, Json]:
        return self._item("".join(self._pieces), "completed")

    def _item(self, arguments: str, status: str) -> dict[str, Json]:
        part = ToolCall(self.call_id, self._name, arguments, self._kind)
        return call("", part, self._names, status) | {"id": self.place.item_id}

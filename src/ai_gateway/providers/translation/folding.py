"""The whole answer that a stream adds up to: the law that every decoder is held to (fold of the stream == the answer
that the same provider gives unstreamed), and what reads a stream for who wants it whole.

A stream that did not end, or failed, adds up to nothing: half an answer is none.
"""

from typing import final

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Citation, Json, Maker, Part, Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import (
    Began,
    Choice,
    Cited,
    Counted,
    Ended,
    Event,
    Failed,
    PartBegan,
    PartKind,
    PartWhole,
    Piece,
    Reply,
    Signed,
    Stopped,
    Weighed,
)


def fold(events: list[Event]) -> Reply | ProviderError | None:
    """None: the stream was cut."""
    folding = _Folding()
    for event in events:
        if isinstance(event, Failed):
            return event.error
        if isinstance(event, Ended):
            return folding.reply()
        folding.take(event)
    return None


@final
class _Folding:
    def __init__(self) -> None:
        self._began = Began()
        self._counted: Counted | None = None
        self._choices: dict[int, _ChoiceSoFar] = {}

    def take(self, event: Event) -> None:
        match event:
            case Began():
                self._began = event
            case Counted():
                self._counted = event
            case PartBegan(choice=index) | PartWhole(choice=index) | Piece(choice=index) | Signed(choice=index):
                self._choice(index).take(event)
            case Cited(choice=index) | Weighed(choice=index) | Stopped(choice=index):
                self._choice(index).take(event)
            case _:
                pass

    def reply(self) -> Reply:
        began, counted = self._began, self._counted
        return Reply(
            id=began.id,
            model=began.model,
            created=began.created,
            choices=tuple(self._choices[index].whole(index) for index in sorted(self._choices)),
            usage=began.usage if counted is None else counted.usage,
            service_tier=(counted and counted.service_tier) or began.service_tier,
            fingerprint=began.fingerprint,
        )

    def _choice(self, index: int) -> "_ChoiceSoFar":
        return self._choices.setdefault(index, _ChoiceSoFar())


class _PartSoFar(msgspec.Struct):
    begun: PartBegan | None = None
    value: Part | None = None
    text: list[str] = []
    signature: list[str] = []
    encrypted: list[str] = []
    citations: list[Citation] = []

    def whole(self) -> Part:
        if self.value is not None:
            return self.value
        begun = self.begun
        text, signature = "".join(self.text), "".join(self.signature) or None
        kind = PartKind.TEXT if begun is None else begun.kind
        if kind is PartKind.REFUSAL:
            return Refusal(text)
        if begun is not None and kind is PartKind.TOOL_CALL:
            return ToolCall(
                begun.call_id, begun.call_name, text, begun.call_kind, signature, begun.maker if signature else None
            )
        if begun is not None and kind is PartKind.THINKING:
            maker = begun.maker or Maker.UNKNOWN
            return Thinking(text, signature, "".join(self.encrypted) or None, maker, begun.thought_id)
        return Text(text, citations=tuple(self.citations))


class _ChoiceSoFar(msgspec.Struct):
    parts: dict[int, _PartSoFar] = {}
    stopped: Stopped | None = None
    logprobs: list[Json] = []

    def take(self, event: Event) -> None:
        match event:
            case PartBegan():
                self._part(event.part).begun = event
            case PartWhole():
                self._part(event.part).value = event.value
            case Piece():
                self._part(event.part).text.append(event.text)
            case Signed():
                part = self._part(event.part)
                (part.encrypted if event.is_encrypted else part.signature).append(event.text)
            case Cited():
                self._part(event.part).citations.append(event.citation)
            case Weighed():
                self.logprobs.append(event.logprobs)
            case Stopped():
                self.stopped = event
            case _:
                pass

    def whole(self, index: int) -> Choice:
        stopped = self.stopped
        return Choice(
            index=index,
            parts=tuple(self.parts[number].whole() for number in sorted(self.parts)),
            stop=None if stopped is None else stopped.stop,
            stop_sequence=None if stopped is None else stopped.stop_sequence,
            logprobs=_joined(self.logprobs),
            others={} if stopped is None else stopped.others,
        )

    def _part(self, number: int) -> _PartSoFar:
        return self.parts.setdefault(number, _PartSoFar())


def _joined(pieces: list[Json]) -> Json:
    """{"content": [a]} and {"content": [b]} are {"content": [a, b]}; members that are null stay so."""
    if not pieces:
        return None
    joined: dict[str, Json] = {}
    for piece in pieces:
        for name, value in piece.items():
            before = joined.get(name)
            joined[name] = (
                [*before, *value] if isinstance(before, list) and isinstance(value, list) else value or before
            )
    return joined

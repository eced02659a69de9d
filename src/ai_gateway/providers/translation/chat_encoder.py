"""A stream, written as chunks of a chat completion.

All chunks of a stream are alike but for their delta, so what stands around it is made once; a piece of text then costs
its own JSON and two joins. Parts become what this dialect knows: text and refusal grow as strings, calls and thoughts
are numbered among their kind, and pieces of several may come mixed. Why a choice ended is told at the very end.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import (
    Audio,
    Citation,
    Image,
    Json,
    Maker,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
)
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
    Stopped,
    Weighed,
)
from ai_gateway.providers.translation.chat_citations import write_annotation
from ai_gateway.providers.translation.chat_reply import (
    ending,
    is_spoken,
    signed,
    tier_of,
    write_audio,
    write_call,
    write_image,
    write_usage,
)
from ai_gateway.providers.translation.chat_thoughts import encrypted_entry, text_entry

_encode: Final = msgspec.json.Encoder().encode
_DONE: Final = b"data: [DONE]\n\n"
_ALIVE: Final = b": alive\n\n"
_TAIL: Final = b',"logprobs":null,"finish_reason":null}]}\n\n'


class _PartState:
    """`before` and `after` stand around the JSON of a piece; where it is told twice, `again` stands between. `start`,
    `length`: characters, of a text part. `nothing`: what a call's delta has that tells no arguments, since clients
    look for the member in each of them."""

    __slots__ = (
        "after",
        "again",
        "before",
        "choice",
        "citations",
        "kind",
        "length",
        "maker",
        "nothing",
        "number",
        "start",
    )

    def __init__(self, choice: "_ChoiceState", kind: PartKind, number: int, maker: Maker) -> None:
        self.choice = choice
        self.kind = kind
        self.number = number
        self.maker = maker
        self.before = b""
        self.again = b""
        self.after = b""
        self.nothing: dict[str, Json] = {}
        self.start = 0
        self.length = 0
        self.citations: list[Citation] = []


class _ChoiceState:
    __slots__ = ("calls", "head", "refuses", "stopped", "texts", "thoughts")

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.calls = 0
        self.thoughts = 0
        self.texts: list[_PartState] = []
        self.refuses = False
        self.stopped: Stopped | None = None


@final
class ChatEncoder:
    """`created`: Unix seconds, of a provider that tells none. `wants_usage`: whether the caller asked for the chunk
    that brings the usage."""

    def __init__(self, created: int, *, wants_usage: bool) -> None:
        self._created = created
        self._wants_usage = wants_usage
        self._began = Began()
        self._usage: Usage | None = None
        self._tier: str | None = None
        self._envelope = b""
        self._choices: dict[int, _ChoiceState] = {}
        self._parts: dict[tuple[int, int], _PartState] = {}

    def write(self, event: Event) -> bytes:
        if type(event) is Piece:
            part = self._parts.get((event.choice, event.part))
            opening = b""
            if part is None:
                opening, part = self._open(PartBegan(event.choice, event.part, PartKind.TEXT))
            part.length += len(event.text)
            return opening + _piece(part, event.text)
        match event:
            case PartBegan():
                return self._open(event)[0]
            case Signed():
                return self._sign(event)
            case PartWhole():
                return self._whole(event)
            case PartEnded():
                part = self._parts.get((event.choice, event.part))
                return b"" if part is None else _cited(part)
            case Weighed():
                opening, choice = self._choice(event.choice)
                weights = _encode(event.logprobs)
                return opening + choice.head + b'{},"logprobs":' + weights + b',"finish_reason":null}]}\n\n'
            case Alive():
                return _ALIVE
            case _:
                return self._note(event)

    def _note(self, event: Event) -> bytes:
        """What is told later, with what else belongs to it."""
        match event:
            case Began():
                self._began = event
                self._usage, self._tier = event.usage, event.service_tier
            case Counted():
                self._usage, self._tier = event.usage, event.service_tier or self._tier
            case Cited():
                opening, part = self._part(event.choice, event.part)
                part.citations.append(event.citation)
                return opening
            case Stopped():
                opening, choice = self._choice(event.choice)
                choice.stopped = event
                return opening
            case _:
                pass
        return b""

    def end(self) -> bytes:
        written: list[bytes] = []
        if not self._choices:
            written.append(self._choice(0)[0])
        for choice in self._choices.values():
            written += [_cited(part) for part in choice.texts]
            stopped = choice.stopped
            end = (
                ending(None, None, {}, refuses=choice.refuses)
                if stopped is None
                else ending(stopped.stop, stopped.stop_sequence, stopped.others, refuses=choice.refuses)
            )
            written.append(choice.head + b'{},"logprobs":null,' + _encode(end)[1:] + b"]}\n\n")
        if self._wants_usage and self._usage is not None:
            self._envelope = b""  # the service tier may have become known
            told = _encode(write_usage(self._usage))
            written.append(self._head() + b'"choices":[],"usage":' + told + b"}\n\n")
        return b"".join([*written, _DONE])

    def _head(self) -> bytes:
        """Up to the choices. The service tier is what was known when the first chunk was written; who asks for the
        usage is told the last word on it."""
        if not self._envelope:
            began = self._began
            said: dict[str, Json] = {
                "id": began.id,
                "object": "chat.completion.chunk",
                "created": self._created if began.created is None else began.created,
                "model": began.model,
            }
            if began.fingerprint is not None:
                said["system_fingerprint"] = began.fingerprint
            if (tier := tier_of(self._tier)) is not None:
                said["service_tier"] = tier
            self._envelope = b"data: " + _encode(said)[:-1] + b","
        return self._envelope

    def _choice(self, index: int) -> tuple[bytes, _ChoiceState]:
        """The choice, and the chunk that opens it if it is new."""
        choice = self._choices.get(index)
        if choice is not None:
            return b"", choice
        head = self._head() + b'"choices":[{"index":' + str(index).encode() + b',"delta":'
        choice = self._choices[index] = _ChoiceState(head)
        return _chunk(choice, b'{"role":"assistant","content":"","refusal":null}'), choice

    def _part(self, choice: int, number: int) -> tuple[bytes, _PartState]:
        part = self._parts.get((choice, number))
        return (b"", part) if part is not None else self._open(PartBegan(choice, number, PartKind.TEXT))

    def _open(self, began: PartBegan) -> tuple[bytes, _PartState]:
        opening, choice = self._choice(began.choice)
        part = _PartState(choice, began.kind, 0, began.maker or Maker.UNKNOWN)
        self._parts[(began.choice, began.part)] = part
        match began.kind:
            case PartKind.TEXT:
                part.start = sum(text.length for text in choice.texts)
                choice.texts.append(part)
                _frame(part, b'{"content":', b"}")
            case PartKind.REFUSAL:
                choice.refuses = True
                _frame(part, b'{"refusal":', b"}")
            case PartKind.TOOL_CALL:
                part.number = choice.calls
                choice.calls += 1
                call = ToolCall(began.call_id, began.call_name, "", began.call_kind)
                opening += _chunk(choice, _encode({"tool_calls": [{"index": part.number} | write_call(call)]}))
                is_custom = began.call_kind is ToolKind.CUSTOM
                part.nothing = {"custom": {"input": ""}} if is_custom else {"function": {"arguments": ""}}
                said = b'"custom":{"input":' if is_custom else b'"function":{"arguments":'
                _frame(part, b'{"tool_calls":[{"index":%d,' % part.number + said, b"}}]}")
            case PartKind.THINKING:
                part.number = choice.thoughts
                choice.thoughts += 1
                entry = text_entry(part.maker, part.number, "")
                own = {} if began.thought_id is None else {"id": began.thought_id}
                opening += _chunk(choice, _encode({"reasoning_details": [entry | own]}))
                said = b'"summary":""' if "summary" in entry else b'"text":""'
                before, _, after = _encode(entry).partition(said)
                part.again = b',"reasoning_details":[' + before + said[:-2]
                _frame(part, b'{"reasoning_content":', after + b"]}")
        return opening, part

    def _sign(self, event: Signed) -> bytes:
        opening, part = self._part(event.choice, event.part)
        if part.kind is PartKind.TOOL_CALL:
            delta: Json = {"tool_calls": [{"index": part.number, **part.nothing} | signed(event.text)]}
        elif event.is_encrypted:
            delta = {"reasoning_details": [encrypted_entry(part.maker, part.number, event.text)]}
        else:
            delta = {"reasoning_details": [text_entry(part.maker, part.number, None, event.text)]}
        return opening + _chunk(part.choice, _encode(delta))

    def _whole(self, event: PartWhole) -> bytes:
        opening, choice = self._choice(event.choice)
        value = event.value
        match value:
            case Image():
                return opening + _chunk(choice, _encode({"images": [write_image(value)]}))
            case Audio() | Opaque() if is_spoken(value):
                return opening + _chunk(choice, _encode({"audio": write_audio(value)}))
            case Text() | Refusal() | Thinking() | ToolCall():
                return opening + b"".join(self.write(piece) for piece in _pieces(event.choice, event.part, value))
            case _:
                return opening


def _frame(part: _PartState, before: bytes, after: bytes) -> None:
    part.before = part.choice.head + before
    part.after = after + _TAIL


def _chunk(choice: _ChoiceState, delta: bytes) -> bytes:
    return choice.head + delta + _TAIL


def _piece(part: _PartState, text: str) -> bytes:
    said = _encode(text)
    if part.again:
        return part.before + said + part.again + said + part.after
    return part.before + said + part.after


def _cited(part: _PartState) -> bytes:
    """The sources of a text part, once its length is known."""
    if not part.citations:
        return b""
    end = part.start + part.length
    annotations = [write_annotation(citation, part.start, end) for citation in part.citations]
    part.citations = []
    return _chunk(part.choice, _encode({"annotations": annotations}))


def _pieces(choice: int, number: int, part: Part) -> list[Event]:
    """A part that came at once, as if it had come in pieces."""
    match part:
        case Text():
            cited = [Cited(choice, number, citation) for citation in part.citations]
            return [PartBegan(choice, number, PartKind.TEXT), Piece(choice, number, part.text), *cited]
        case Refusal():
            return [PartBegan(choice, number, PartKind.REFUSAL), Piece(choice, number, part.text)]
        case ToolCall():
            began = PartBegan(choice, number, PartKind.TOOL_CALL, part.id, part.name, part.kind, part.maker)
            sign = [] if part.signature is None else [Signed(choice, number, part.signature)]
            return [began, Piece(choice, number, part.arguments), *sign]
        case Thinking():
            began = PartBegan(choice, number, PartKind.THINKING, maker=part.maker, thought_id=part.id)
            text = [Piece(choice, number, part.text)] if part.text else []
            sign = [] if part.signature is None else [Signed(choice, number, part.signature)]
            hidden = [] if part.encrypted is None else [Signed(choice, number, part.encrypted, is_encrypted=True)]
            return [began, *text, *sign, *hidden]
        case _:
            return []

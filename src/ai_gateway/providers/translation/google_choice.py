"""One answer as it comes from Google: pieces of content become parts, numbered in the order in which they begin.

Google tells no beginnings and no ends. A piece of text goes on where the last one stopped, unless something else stood
between; a call comes whole. What was thought behind a text or an image comes as a signature on it, or on an empty text
after it: it becomes a thought without words of its own, right behind, and goes back onto the part before it. Calls that
have no id get one that is made of the answer's id and their place, so that it is the same however often it is read.
"""

from hashlib import blake2b
from typing import Final, final

import msgspec

from ai_gateway.domain.conversation import Audio, Document, Image, Json, Maker, Opaque, Source
from ai_gateway.domain.conversation import Part as Whole
from ai_gateway.domain.reply import (
    Cited,
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
from ai_gateway.providers.decoding import NO_RAW, as_list, as_object, decode, decode_any, says_something
from ai_gateway.providers.translation.google_grounding import citations_of, recited
from ai_gateway.providers.translation.google_logprobs import logprobs_of
from ai_gateway.providers.translation.google_partial_args import put
from ai_gateway.providers.translation.google_wire import STOPS, Blob, Candidate, FunctionCall, Part

DIALECT: Final = "google"

_TEXT: Final = PartKind.TEXT
_THINKING: Final = PartKind.THINKING
_KEPT: Final = ("grounding_metadata", "citation_metadata", "url_context_metadata", "safety_ratings", "avg_logprobs")
_NAMES: Final = {
    "grounding_metadata": "groundingMetadata",
    "citation_metadata": "citationMetadata",
    "url_context_metadata": "urlContextMetadata",
    "safety_ratings": "safetyRatings",
    "avg_logprobs": "avgLogprobs",
}


class _Continued(msgspec.Struct):
    """A call whose arguments come in pieces."""

    call: FunctionCall
    signature: str | None
    arguments: dict[str, Json]


@final
class ChoiceReading:
    def __init__(self, index: int, reply_id: str) -> None:
        self._index = index
        self._reply_id = reply_id
        self._number = -1
        self._open: PartKind | None = None
        self._texts: dict[int, list[str]] = {}
        self._calls = 0
        self._continued: _Continued | None = None
        self._reason: str | None = None
        self._message: str | None = None
        self._kept: dict[str, msgspec.Raw] = {}
        self._grounds: list[msgspec.Raw] = []

    @property
    def has_stopped(self) -> bool:
        return self._reason is not None

    def read(self, candidate: Candidate, events: list[Event]) -> None:
        if candidate.content is not None:
            for raw in candidate.content.parts or ():
                self._part(raw, events)
        if (
            candidate.logprobs_result is not NO_RAW
            and (weighed := logprobs_of(decode_any(candidate.logprobs_result))) is not None
        ):
            events.append(Weighed(self._index, weighed))
        if candidate.finish_reason:
            self._reason = candidate.finish_reason
            self._message = candidate.finish_message or self._message
        grounds = candidate.grounding_metadata is not NO_RAW or candidate.citation_metadata is not NO_RAW
        if candidate.finish_reason or grounds:
            self._keep(candidate)

    def finish(self, events: list[Event]) -> None:
        """What is told when nothing more comes: citations, and why the answer ended if that was said."""
        self._end_call(events)
        texts = {number: "".join(pieces) for number, pieces in self._texts.items()}
        for raw in self._grounds:
            said = as_object(decode_any(raw))
            found = recited(said, texts) if "citations" in said or "citationSources" in said else None
            for part, citation in citations_of(said, texts) if found is None else found:
                events.append(Cited(self._index, part, citation))
        if self._reason is None:
            return
        stop = STOPS.get(self._reason, Stop.UNKNOWN)
        if self._calls and stop is Stop.END:
            stop = Stop.TOOL_CALLS
        others = {_NAMES[name]: decode_any(raw) for name, raw in self._kept.items()}
        if stop not in (Stop.END, Stop.TOOL_CALLS, Stop.LENGTH):
            others["finishReason"] = self._reason
        if self._message:
            others["finishMessage"] = self._message
        events.append(Stopped(self._index, stop, others=others))

    def _keep(self, candidate: Candidate) -> None:
        for name in _KEPT:
            raw: msgspec.Raw = getattr(candidate, name)
            if says_something(raw):
                self._kept[name] = raw
                if name in ("grounding_metadata", "citation_metadata") and raw not in self._grounds:
                    self._grounds.append(raw)

    def _part(self, raw: msgspec.Raw, events: list[Event]) -> None:
        part = decode(raw, Part)
        if part is None:
            return
        text, signature = part.text, part.thought_signature
        if text is not None:
            if text:
                self._say(_THINKING if part.thought else _TEXT, text, events)
            if signature:
                self._sign(signature, events, is_own=bool(part.thought and text))
        elif part.function_call is not None:
            self._call(part.function_call, signature, events)
        elif part.inline_data is not None:
            self._put(_media(part.inline_data), events)
            if signature:
                self._sign(signature, events, is_own=False)
        else:
            value = as_object(decode_any(raw))
            kind = next((name for name in value if name not in ("thought", "thoughtSignature")), "")
            if kind:
                self._put(Opaque(DIALECT, kind, value), events)
            elif signature:
                self._sign(signature, events, is_own=False)

    def _say(self, kind: PartKind, text: str, events: list[Event]) -> None:
        if self._open is not kind:
            self._begin(kind, events)
        if kind is _TEXT:
            self._texts.setdefault(self._number, []).append(text)
        events.append(Piece(self._index, self._number, text))

    def _sign(self, signature: str, events: list[Event], *, is_own: bool) -> None:
        """`is_own`: it is that of the thought that was just told."""
        if not is_own:
            self._begin(_THINKING, events)
        events.append(Signed(self._index, self._number, signature))
        self._close(events)

    def _begin(self, kind: PartKind, events: list[Event]) -> None:
        self._next(events)
        self._open = kind
        maker = Maker.GOOGLE if kind is _THINKING else None
        events.append(PartBegan(self._index, self._number, kind, maker=maker))

    def _put(self, value: Whole, events: list[Event]) -> None:
        self._next(events)
        events.append(PartWhole(self._index, self._number, value))

    def _next(self, events: list[Event]) -> None:
        self._end_call(events)
        self._close(events)
        self._number += 1

    def _close(self, events: list[Event]) -> None:
        if self._open is not None:
            events.append(PartEnded(self._index, self._number))
            self._open = None

    def _call(self, call: FunctionCall, signature: str | None, events: list[Event]) -> None:
        continued = self._continued
        if continued is not None and not call.name:
            for piece in _pieces(call):
                put(continued.arguments, piece)
            if not call.will_continue:
                self._end_call(events)
            return
        if call.will_continue or call.partial_args is not NO_RAW:
            self._end_call(events)
            self._continued = _Continued(call, signature, {})
            for piece in _pieces(call):
                put(self._continued.arguments, piece)
            if not call.will_continue:
                self._end_call(events)
            return
        if call.name:
            self._whole_call(call, _compact(call.args), signature, events)

    def _end_call(self, events: list[Event]) -> None:
        continued, self._continued = self._continued, None
        if continued is not None and continued.call.name:
            arguments = msgspec.json.encode(continued.arguments).decode()
            self._whole_call(continued.call, arguments, continued.signature, events)

    def _whole_call(self, call: FunctionCall, arguments: str, signature: str | None, events: list[Event]) -> None:
        self._next(events)
        name = call.name or ""
        made = call.id or call_id(self._reply_id, self._index, self._calls, name, arguments)
        self._calls += 1
        maker = Maker.GOOGLE if signature else None
        began = PartBegan(self._index, self._number, PartKind.TOOL_CALL, call_id=made, call_name=name, maker=maker)
        events.append(began)
        if signature:  # before the arguments: some dialects tell it before the call
            events.append(Signed(self._index, self._number, signature))
        events += (Piece(self._index, self._number, arguments), PartEnded(self._index, self._number))


def call_id(reply_id: str, choice: int, number: int, name: str, arguments: str) -> str:
    """An id for a call that came without one: the same for the same call of the same answer, in every way of reading
    it, and another for every other."""
    text = "\0".join((reply_id, str(choice), str(number), name, arguments))
    return f"call_{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()}"


def _pieces(call: FunctionCall) -> list[object]:
    return [] if call.partial_args is NO_RAW else as_list(decode_any(call.partial_args))


def _compact(arguments: msgspec.Raw) -> str:
    """Google lays its JSON out for people where it does not stream: the blanks are not the model's."""
    if not says_something(arguments):
        return "{}"
    try:
        return msgspec.json.format(bytes(arguments), indent=-1).decode()
    except ValueError:
        return "{}"


def _media(blob: Blob) -> Whole:
    source = Source(data=blob.data, url=blob.file_uri, media_type=blob.mime_type)
    kind = (blob.mime_type or "").partition("/")[0]
    if kind == "image":
        return Image(source)
    return Audio(source) if kind == "audio" else Document(source)

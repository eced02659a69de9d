"""A codec whose answers obey a route's rules: any other codec, native or translating, with a shaper behind it.

The line does not know that anything is shaped. Whoever reads usage, errors and ends reads them before the shaper has
touched them, so no rule can change what is booked; what was held back when a stream was cut is never given out, because
nobody has decided yet what it is.
"""

from typing import Final, final

from ai_gateway.domain.chat import Dialect, Operation, ProviderError, Usage
from ai_gateway.domain.faults import Fault, RuleFailed
from ai_gateway.domain.rules import AnswerRules, RuleError
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers import Codec, Reading, StreamEnd, StreamWatch, UpstreamRequest
from ai_gateway.providers.shaping import EventShaper
from ai_gateway.providers.shaping.tables import event_shaper, shape_reply

_DATA: Final = b"data:"


@final
class ShapingCodec:
    """`codec` as it is, with `answer` done to what it gives back to the caller."""

    def __init__(self, codec: Codec, answer: AnswerRules) -> None:
        self._codec = codec
        self._answer = answer

    @property
    def dialect(self) -> Dialect:
        return self._codec.dialect

    @property
    def operations(self) -> frozenset[Operation]:
        return self._codec.operations

    @property
    def translates(self) -> bool:
        """What a provider says of its limits is true of a shaped answer too; but it says whose answer it is."""
        return self._codec.translates or self._answer.hidden_as is not None

    def encode(self, shaped: Shaped, model: str) -> UpstreamRequest:
        return self._codec.encode(shaped, model)

    def read_reply(self, operation: Operation, body: bytes) -> Reading:
        return self._done(operation, self._codec.read_reply(operation, body), body)

    def read_reply_to(self, shaped: Shaped, body: bytes) -> Reading:
        return self._done(shaped.call.head.operation, self._codec.read_reply_to(shaped, body), body)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return self._codec.read_error(status, headers, body)

    def watch(self, shaped: Shaped) -> StreamWatch:
        return ShapedWatch(self._codec.watch(shaped), event_shaper(shaped.call.head.operation, self._answer))

    def _done(self, operation: Operation, reading: Reading, body: bytes) -> Reading:
        if reading.error is not None:
            return reading
        told = body if reading.body is None else reading.body
        try:
            return Reading(usage=reading.usage, body=shape_reply(operation)(told, self._answer))
        except (Fault, RuleError) as why:
            return Reading(usage=reading.usage, blocked=_fault_of(why))


@final
class ShapedWatch:
    """A StreamWatch. Once something was blocked nothing more is given out, but the stream may be read on for its usage.
    `heard_events` counts what the provider sent, also what the caller is not given: that is what it costs. `first` and
    `last` are the events that came first and last, as they came."""

    __slots__ = ("_blocked", "_shaper", "_watch", "first", "heard_events", "last")

    def __init__(self, watch: StreamWatch, shaper: EventShaper) -> None:
        self._watch = watch
        self._shaper = shaper
        self._blocked: Fault | None = None
        self.heard_events = 0
        self.first = b""
        self.last = b""

    @property
    def usage(self) -> Usage | None:
        return self._watch.usage

    @property
    def error(self) -> ProviderError | None:
        return self._watch.error

    @property
    def started(self) -> bool:
        return self._watch.started

    @property
    def finished(self) -> bool:
        return self._watch.finished

    @property
    def likely(self) -> None:
        """Its events are written anew."""

    def feed(self, chunk: bytes) -> bytes:
        """Raises Blocked, RuleFailed; again and again where it did once."""
        events = self._watch.feed(chunk)
        if events:
            self.heard_events += events.count(_DATA)
            self.first = self.first or events
            self.last = events
        return self._shaped(events)

    def end(self) -> StreamEnd:
        """Raises Blocked, RuleFailed."""
        end = self._watch.end()
        tail = self.ended_by(end.tail) if end.complete else self._shaped(end.tail)
        return StreamEnd(tail, end.complete)

    def ended_by(self, events: bytes) -> bytes:
        """The end of the stream, where these are its last events, whoever wrote them. Raises Blocked, RuleFailed."""
        tail = self._shaped(events)
        try:
            return tail + self._shaper.end()
        except (Fault, RuleError) as why:
            raise self._stopped(why) from None

    def _shaped(self, events: bytes) -> bytes:
        if self._blocked is not None:
            raise self._blocked
        if not events:
            return b""
        try:
            return self._shaper.feed(events)
        except (Fault, RuleError) as why:
            raise self._stopped(why) from None

    def _stopped(self, why: Fault | RuleError) -> Fault:
        self._blocked = _fault_of(why)
        return self._blocked


def _fault_of(why: Fault | RuleError) -> Fault:
    return why if isinstance(why, Fault) else RuleFailed(detail=str(why))

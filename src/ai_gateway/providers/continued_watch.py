"""The second half of a stream under watch: the dialect's own watch reads it, a splice makes it the end of the first.

It commits (`started`) where the two halves have met. Up to there nothing of it goes to the caller, so a second half
that does not fit costs the caller nothing, and another may be tried. Usage stays the second half's own: each half is an
attempt, and has its own receipt.
"""

from typing import Final, Protocol, final

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.providers import StreamEnd, StreamWatch
from ai_gateway.providers.shaping.codec import ShapedWatch
from ai_gateway.providers.sse import EventSplitter

DATA: Final = b"data:"


class Splice(Protocol):
    """A dialect's way of making events of a second half the end of a first one."""

    @property
    def joined(self) -> bool: ...

    @property
    def failed(self) -> bool: ...

    def take(self, event: bytes) -> bytes:
        """One whole event -> what of it is for the caller."""
        ...


@final
class ContinuedWatch:
    """A StreamWatch. `failed`: the second half is not the end of the first; it then gives nothing more.
    `heard_events` counts what the provider sent, also what the caller had already or is not given."""

    def __init__(self, watch: StreamWatch, splice: Splice) -> None:
        self._watch = watch
        self._ruled = watch if isinstance(watch, ShapedWatch) else None
        self._splice = splice
        self._splitter = EventSplitter()
        self._heard = 0

    @property
    def heard_events(self) -> int:
        return self._heard if self._ruled is None else self._ruled.heard_events

    @property
    def usage(self) -> Usage | None:
        return self._watch.usage

    @property
    def error(self) -> ProviderError | None:
        return self._watch.error

    @property
    def likely(self) -> None:
        """Its events are written anew."""

    @property
    def begun(self) -> bool:
        """The provider answers, whether or not it has come to what is new."""
        return self._watch.started

    @property
    def started(self) -> bool:
        return self._watch.started and self._splice.joined

    @property
    def finished(self) -> bool:
        return self._watch.finished or self.failed

    @property
    def failed(self) -> bool:
        return self._splice.failed

    def feed(self, chunk: bytes) -> bytes:
        ready = self._watch.feed(chunk)
        self._heard += ready.count(DATA)
        return self._spliced(self._splitter.feed(ready))

    def end(self) -> StreamEnd:
        end = self._watch.end()
        events, rest = self._splitter.rest()
        last, cut = self._splitter.feed(end.tail), self._splitter.rest()
        events += [it for it in (rest, *last, *cut[0], cut[1]) if it]
        tail = self._spliced(events)
        return StreamEnd(tail, complete=end.complete and self._splice.joined)

    def _spliced(self, events: list[bytes]) -> bytes:
        return b"".join([self._splice.take(event) for event in events])

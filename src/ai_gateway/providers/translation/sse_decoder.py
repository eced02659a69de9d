"""Server-sent events out of any partition of a stream's bytes, each handed to a provider's reader of events.

What every reader would have to get right is done here once: bytes that come in any pieces, CRLF, comments, a byte order
mark, an event without its blank line at the end of the body, one without end, one that is no JSON. A reader sees whole
events only, and never one after the end.
"""

from typing import Final, Protocol, final

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.reply import Alive, Ended, Event, Failed
from ai_gateway.providers import sse
from ai_gateway.providers.sse import EventSplitter, read_event

_OPENS_JSON: Final = frozenset({b"{", b"["})
"""Of no server-sent event: a provider that fails, or was not heard to be asked for events, sends its JSON as it is."""


class EventReader(Protocol):
    """What a provider's events mean. Made new for each stream."""

    def read(self, name: bytes, data: bytes) -> list[Event]:
        """One event of the stream: `data` is its JSON (or `[DONE]`). Data that is no JSON means nothing: give back an
        empty list. Ended and Failed end the stream, whatever follows them."""
        ...

    def finish(self) -> list[Event]:
        """The body is over and neither Ended nor Failed was read: what is still to be told; with Ended where the answer
        is whole all the same (its choices have stopped), without where it is cut."""
        ...


@final
class SseDecoder:
    """The EventDecoder of every provider that streams server-sent events."""

    __slots__ = ("_is_over", "_reader", "_splitter")

    def __init__(self, reader: EventReader) -> None:
        self._reader = reader
        self._splitter = EventSplitter()
        self._is_over = False

    def feed(self, chunk: bytes) -> list[Event]:
        if self._is_over:
            return []
        events = self._read(self._splitter.feed(chunk))
        if self._splitter.overflowed and not self._is_over:
            self._is_over = True
            events.append(Failed(ProviderError(status=None, message="An event of the provider's stream is too long.")))
        return events

    def end(self) -> list[Event]:
        if self._is_over:
            return []
        whole, unterminated = self._splitter.rest()
        events = self._read([*whole, unterminated] if unterminated.strip() else whole)
        if not self._is_over:
            self._is_over = True
            events += self._reader.finish()
        return events

    def _read(self, whole: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for one in whole:
            if (data := sse.data_of(one)) is None:
                if one.lstrip()[:1] not in _OPENS_JSON:
                    if one.strip():
                        events.append(Alive())
                    continue
                data = one.strip()
            name = _name_of(one) if b"event" in one else b""
            for event in self._reader.read(name, data):
                events.append(event)
                if isinstance(event, (Ended, Failed)):
                    self._is_over = True
                    return events
        return events


def _name_of(event: bytes) -> bytes:
    """`read_event(event).name`, at a fraction of its price for an event that begins with its name."""
    end = event.find(b"\n")
    usual = event.startswith(b"event: ") and b"\r" not in event and event.find(b"\nevent", end) < 0
    return event[7:end] if usual else read_event(event).name

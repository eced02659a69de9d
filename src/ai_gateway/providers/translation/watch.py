"""A provider's stream, watched and written anew in the caller's dialect.

It keeps the promises of every StreamWatch (providers/__init__.py): nothing is given back before the first event that
is not an error, an error is kept and not told, and the end is kept until the cost was booked. A provider that hangs up
before its answer is whole has cut it, and what the caller gets never looks complete.
"""

from typing import Final, final

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.reply import (
    Alive,
    Began,
    Counted,
    Ended,
    Event,
    Failed,
    PartBegan,
    PartWhole,
    Piece,
    Signed,
    Stopped,
)
from ai_gateway.providers import StreamEnd
from ai_gateway.providers.likeness import Likeness
from ai_gateway.providers.translation import EventDecoder, EventEncoder


@final
class TranslatedWatch:
    __slots__ = ("_decoder", "_encoder", "_error", "_finished", "_held", "_started", "_usage", "likely")

    def __init__(self, decoder: EventDecoder, encoder: EventEncoder) -> None:
        self._decoder = decoder
        self._encoder = encoder
        self._usage: Usage | None = None
        self._error: ProviderError | None = None
        self._started = False
        self._finished = False
        self._held: list[bytes] = []
        self.likely: Likeness | None = None

    @property
    def usage(self) -> Usage | None:
        return self._usage

    @property
    def error(self) -> ProviderError | None:
        return self._error

    @property
    def started(self) -> bool:
        return self._started

    @property
    def finished(self) -> bool:
        return self._finished

    def feed(self, chunk: bytes) -> bytes:
        if self._finished or self._error is not None:
            return b""
        return self._take(self._decoder.feed(chunk))

    def end(self) -> StreamEnd:
        tail = b""
        if self._error is None and not self._finished:
            tail = self._take(self._decoder.end())
        if self._error is not None:
            return StreamEnd(tail, complete=False)
        if not self._started:
            self._error = ProviderError(status=None, message="The provider's stream has no content.")
            return StreamEnd(b"", complete=False)
        if not self._finished:
            return StreamEnd(tail, complete=False)
        return StreamEnd(tail + self._encoder.end(), complete=True)

    def _take(self, events: list[Event]) -> bytes:
        """What opens an answer commits to nothing, since an error may still follow it: it waits for content."""
        written: list[bytes] = []
        for event in events:
            kind = type(event)
            if kind is Piece:
                self._started = True
            elif kind in _COUNTED:
                self._count(event)
            elif kind is Failed:
                assert isinstance(event, Failed)
                self._error = event.error
                break
            elif kind is Ended:
                self._finished = True
                break
            elif kind is Alive and not self._started:
                continue
            else:
                self._started |= kind in _COMMITS
            written.append(self._encoder.write(event))
        if not self._started:
            self._held += written
            return b""
        if self._held:
            written[:0] = self._held
            self._held.clear()
        return written[0] if len(written) == 1 else b"".join(written)

    def _count(self, event: Event) -> None:
        assert isinstance(event, (Began, Counted))
        if event.usage is not None:
            self._usage = event.usage


_COUNTED: Final = frozenset({Began, Counted})
_COMMITS: Final = frozenset({PartBegan, PartWhole, Signed, Stopped})

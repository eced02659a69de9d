"""What a journal says after its process is gone: which receipts the ledger may still lack, and which attempts were
under way. Both are answered from the segments alone; no configuration is asked, so none can have changed.

A settled receipt is given once, by its own record. An attempt that was held and never settled becomes one orphan, at
its floor. Slots that do not check are stepped over and counted: a lost receipt turns its attempt into an orphan, which
is the honest thing to say about it.
"""

from collections.abc import Sequence
from typing import Final, final

import msgspec

from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime.entries import (
    VERSION,
    Progress,
    UnknownName,
    attempt_of,
    decode_drained,
    decode_header,
    decode_hold,
    decode_progress,
    decode_settle,
    orphan_of,
)
from ai_gateway.runtime.segments import Segment, Segments, records_of
from ai_gateway.runtime.sheets import Names, decode_definition
from ai_gateway.runtime.slots import Kind, Record


class Replayed(msgspec.Struct, frozen=True):
    """`waiting` receipts stand behind record `drained`. `damaged` slots could not be read; `lost` holds and receipts
    could, but speak of names that were damaged."""

    next_number: int = 1
    drained: int = 0
    waiting: int = 0
    orphans: tuple[Receipt, ...] = ()
    damaged: int = 0
    lost: int = 0


class UnknownVersion(ValueError):
    """The journal was written by a gateway that this one does not understand."""


def replay(segments: Sequence[Segment]) -> Replayed:
    """Read everything, oldest first, and note in each segment its last receipt. Raises UnknownVersion, OSError."""
    story = _Story()
    for segment in segments:
        story.open_segment(segment)
        for record in records_of(segment):
            story.tell(record)
    return story.end()


@final
class SettledReader:
    """Reads settled receipts back in their order, a few at a time, while the journal goes on being written."""

    def __init__(self, segments: Segments, after: int) -> None:
        self._segments = segments
        self._after = after
        self._names: dict[int, Names] = {}
        self._place = 0
        self._segment = next((it for it in segments.sealed if it.last_settle > after), segments.active)
        self.lost = 0

    def take(self, most: int) -> list[tuple[int, Receipt]]:
        """Numbers and receipts; fewer than `most` only where there are no more yet."""
        found: list[tuple[int, Receipt]] = []
        if self._segment.number < self._segments.oldest.number:  # all of it was drained, and it is gone
            self._go_on()
        while True:
            for record in records_of(self._segment, self._place, _READ_BACK):
                self._place = record.place + record.slots
                if record.kind == Kind.DEFINE:
                    number, names = decode_definition(record.payload)
                    self._names[number] = names
                elif record.number > self._after:
                    self._after = record.number
                    try:
                        found.append((record.number, decode_settle(record.payload, self._names)))
                    except UnknownName:
                        self.lost += 1
                    if len(found) == most:
                        return found
            if self._segment is self._segments.active:
                return found
            self._go_on()

    def _go_on(self) -> None:
        number = self._segment.number
        self._segment = next((it for it in self._segments.sealed if it.number > number), self._segments.active)
        self._place = 0
        self._names = {}


_READ_BACK: Final = frozenset({int(Kind.DEFINE), int(Kind.SETTLE)})


@final
class _Story:
    def __init__(self) -> None:
        self._segment: Segment | None = None
        self._names: dict[int, Names] = {}
        self._open: dict[str, tuple[bytes, dict[int, Names]]] = {}
        self._progress: dict[str, Progress] = {}
        self._settled: list[int] = []
        self._drained = 0
        self._next: int | None = None
        self._is_beginning = True
        self._damaged = 0

    def open_segment(self, segment: Segment) -> None:
        self._segment = segment
        self._names = {}
        self._is_beginning = True

    def tell(self, record: Record) -> None:
        gap = record.place if self._is_beginning else 0
        if self._next is not None:
            gap = max(gap, record.number - self._next)
        self._damaged += gap
        self._is_beginning = False
        self._next = record.number + record.slots
        payload = record.payload
        match record.kind:
            case Kind.DEFINE:
                number, names = decode_definition(payload)
                self._names[number] = names
            case Kind.HOLD:
                self._open[attempt_of(payload)] = (payload, self._names)
            case Kind.PROGRESS:
                progress = decode_progress(payload)
                self._progress[progress.attempt_id] = progress
            case Kind.SETTLE:
                attempt_id = attempt_of(payload)
                self._open.pop(attempt_id, None)
                self._progress.pop(attempt_id, None)
                self._settled.append(record.number)
                assert self._segment is not None
                self._segment.last_settle = record.number
            case Kind.DRAINED:
                self._drained = max(self._drained, decode_drained(payload))
            case Kind.SEGMENT:
                self._read_header(payload)
            case _:
                raise UnknownVersion(f"the journal has a record of a kind {record.kind} that this version cannot read")

    def end(self) -> Replayed:
        orphans: list[Receipt] = []
        lost = 0
        for attempt_id, (payload, names) in self._open.items():
            try:
                orphans.append(orphan_of(decode_hold(payload, names), self._progress.get(attempt_id)))
            except UnknownName:
                lost += 1
        return Replayed(
            next_number=self._next or 1,
            drained=self._drained,
            waiting=sum(1 for number in self._settled if number > self._drained),
            orphans=tuple(orphans),
            damaged=self._damaged,
            lost=lost,
        )

    def _read_header(self, payload: bytes) -> None:
        header = decode_header(payload)
        if header.version != VERSION:
            raise UnknownVersion(
                f"the journal has format {header.version}, this version reads {VERSION}: "
                "start the version that wrote it once more and stop it in the ordinary way"
            )
        self._drained = max(self._drained, header.drained)

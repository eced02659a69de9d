"""What has been promised and what it cost, on the disk before anybody else hears of it.

A hold is written before the provider sees the request, the receipt before the caller sees the end: whatever happens to
the process, each request that a provider billed has left a record. One `write` each puts it beyond kill -9; making it
safe from the power going is grouped and done by a thread (`tend`), for which nobody waits unless `ALWAYS` is asked.

In flight means: will be able to settle. So a hold is taken only where there is room for everything that it may still
write, in blocks that the disk has already given: its receipt, and once more its names, its hold and its progress, in
case the segment ends before it does. Where there is no room, the request is refused with 503 before it costs anything.
Receipts that a failing disk did not take go to the ledger from memory, and on the disk once that works again.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, TypeVar, final

import msgspec

from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime.backlog import UNWRITTEN, Backlog
from ai_gateway.runtime.entries import (
    VERSION,
    Header,
    Held,
    Names,
    Progress,
    Told,
    encode_definition,
    encode_drained,
    encode_header,
    encode_progress,
    hold_slots,
    settle_slots,
    told_of,
    what_of,
    who_of,
)
from ai_gateway.runtime.replay import Replayed, replay
from ai_gateway.runtime.segments import File, Folder, JournalSize, Segment, Segments
from ai_gateway.runtime.slots import PAYLOAD_BYTES, SLOT_BYTES, Kind, slots_for

T = TypeVar("T")

USUAL_SLOTS: Final = 12
"""What a request with names of usual length may still write."""
COPIES: Final = 2
"""A definition is written twice: many records are worth nothing without it, and a slot may be flipped."""
RECORDS_AHEAD: Final = 3
"""A hold, its progress and its receipt: what an attempt may still write once its names are defined."""


class Durability(StrEnum):
    """When a record is safe from the power going: before anybody goes on, within milliseconds, or when the system
    gets to it. A kill of the process loses nothing in any of them."""

    ALWAYS = "always"
    GROUPED = "grouped"
    OFF = "off"


@final
class Journal:
    """Opening replays what an earlier process left: its receipts wait for the ledger again, and what it had in flight
    is settled as orphans. Raises OSError, UnknownVersion."""

    def __init__(
        self, folder: Folder, size: JournalSize = JournalSize(), durability: Durability = Durability.GROUPED
    ) -> None:
        self._segments = Segments(folder, size)
        self._durability = durability
        self._is_strict = durability is Durability.ALWAYS
        self._names: dict[Names, _Name] = {}
        self._open: dict[str, _Open] = {}
        self._reserved = 0
        self._problem: OSError | None = None
        self._cramped: OSError | None = None
        self._unwritten: list[Receipt] = []
        self.booked_nano = 0
        self._just_sealed: list[Segment] = []
        self._is_dirty = False
        self._is_restated = True
        self._safe_number = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._arrived = asyncio.Event()
        self.has_work = asyncio.Event()
        self.replayed: Replayed = replay(self._segments.sealed)
        self._drained = self.replayed.drained
        self._segments.begin(self.replayed.next_number)
        self._backlog = Backlog(self._segments, size.in_memory, after=self._drained, left_behind=self.replayed.waiting)
        self._take_over()
        self.booked_nano = 0  # by this process: what an earlier one had in flight is not counted twice

    def admit(self) -> None:
        """Raises GatewayFault while there is no room for one more request."""
        if self._problem is not None or not self._has_room(USUAL_SLOTS):
            raise _full()

    def hold(self, orphan: Receipt, at: float, worst_nano: int) -> None:
        """An attempt is about to be sent: `orphan` is what it costs if nothing is heard of it again, `at` the instant
        of admission. Raises GatewayFault where the record cannot be written, or what must follow it could not."""
        label = _label(orphan)
        reserve = self._needs(label)
        if self._problem is not None or not self._has_room(reserve):
            raise _full()
        held = Held(orphan, at, worst_nano)
        try:
            self._say(label, hold_slots, held)
        except OSError as error:
            self._fail(error)
            raise _full() from error
        self._open[orphan.attempt_id] = _Open(held, label, reserve)
        self._reserved += reserve

    def progress(self, progress: Progress) -> None:
        """How far an open attempt has come. It only raises a floor, so it is left out where room is short."""
        opened = self._open.get(progress.attempt_id)
        if opened is None:
            return
        opened.progress = progress
        payload = encode_progress(progress)
        if self._problem is None and self._has_room(slots_for(payload)):
            try:
                self._write(Kind.PROGRESS, payload)
            except OSError as error:
                self._fail(error)

    def append(self, receipt: Receipt) -> None:
        """How an attempt ended: the orphan of its hold with other numbers, under the same names. Never fails: what the
        disk does not take waits in memory for the ledger."""
        self.booked_nano += receipt.cost_nano_usd
        opened = self._open.pop(receipt.attempt_id, None)
        label = _label(receipt) if opened is None else opened.label
        has_room = opened is not None or self._has_room(self._needs(label))
        number = UNWRITTEN
        if has_room and self._problem is None:
            try:
                number = self._settle(label, receipt)
            except OSError as error:
                self._fail(error)
        if number == UNWRITTEN:
            self._unwritten.append(receipt)
        if opened is not None:
            self._reserved -= opened.reserve
        self._backlog.add(number, receipt)
        self._arrived.set()

    def peek(self, most: int) -> Sequence[Receipt]:
        """The oldest receipts that wait, which stay until `drop` says that they are written."""
        return self._backlog.peek(most)

    def drop(self, written: Sequence[Receipt]) -> None:
        """What `peek` gave is in the ledger: its segments can go."""
        drained = self._backlog.drop(written)
        if self._unwritten:
            gone = {id(it) for it in written}
            self._unwritten = [it for it in self._unwritten if id(it) not in gone]
        if drained > self._drained:
            self._drained = drained
            self._mark_drained()
            self.has_work.set()
        if not len(self._backlog):
            self._arrived.clear()

    def find(self, tenant_id: str, request_id: str) -> list[Receipt]:
        return self._backlog.find(tenant_id, request_id)

    async def wait(self) -> None:
        """Until there is something for the ledger."""
        await self._arrived.wait()

    def running(self) -> list[tuple[Held, Progress | None]]:
        """The attempts in flight, oldest first, and how far they have come where that was told."""
        return [(opened.held, opened.progress) for opened in self._open.values()]

    @property
    def depth(self) -> int:
        """Receipts that the ledger does not have yet."""
        return len(self._backlog)

    @property
    def open_attempts(self) -> int:
        return len(self._open)

    @property
    def problem(self) -> OSError | None:
        """Why nobody is admitted or soon nobody will be; None while the disk takes what it is given."""
        return self._problem or self._cramped

    @property
    def is_awaited(self) -> bool:
        """Somebody waits for `tend`."""
        return bool(self._waiters)

    @property
    def is_strict(self) -> bool:
        """`safe` may have something to wait for."""
        return self._is_strict

    async def safe(self) -> None:
        """With `ALWAYS`, until all that was written before would survive the power going; otherwise at once."""
        if self._is_strict and self._safe_number < self._segments.next_number:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            self.has_work.set()
            await waiter

    async def tend(self) -> None:
        """One round of what must not happen on the line: sync, make the next segment, remove what is drained, and try
        again where the disk had failed."""
        self.has_work.clear()
        segments = self._segments
        waiters, self._waiters = self._waiters, []
        sealed, self._just_sealed = self._just_sealed, []
        files = [it.file for it in (*sealed, segments.active)] if self._is_dirty or sealed else []
        self._is_dirty = False
        written = segments.next_number
        if self._is_restated:
            segments.retire(self._drained)
        retired = segments.take_retired()
        number = segments.plan() if segments.wants_spare else None
        off = self._durability is Durability.OFF
        try:
            done = await asyncio.to_thread(_work, segments, [] if off else files, number)
        except BaseException:
            segments.retired[:0] = retired
            raise
        finally:
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        if done.spare is not None:
            segments.adopt(done.spare)
        self._cramped = done.not_made
        if done.not_synced is not None:
            self._fail(done.not_synced)
        else:
            self._safe_number = written
            if self._problem is not None:
                self._mend()
        if done.not_synced is None:
            segments.remove(retired)
        else:
            segments.retired[:0] = retired
        if self.problem is not None:
            self.has_work.set()

    def close(self) -> None:
        """The last thing. A journal that nothing waits in leaves no files, so the next start has nothing to read."""
        if not self._open and not len(self._backlog) and self._problem is None:
            self._segments.remove_all()
        else:
            self._segments.close()

    def _take_over(self) -> None:
        """What an earlier process had in flight becomes receipts of this one; only then may its files go."""
        segments = self._segments
        self._begin_segment()
        for orphan in self.replayed.orphans:
            self.append(orphan)
        segments.active.file.sync()
        if not self._unwritten:
            segments.retire(self._drained)
            segments.remove(segments.take_retired())
        if segments.wants_spare:
            segments.adopt(segments.make(segments.plan()))
        if len(self._backlog):
            self._arrived.set()

    def _has_room(self, slots: int) -> bool:
        """Whether all that is in flight could still be written with this besides: in a whole new segment where one is
        ready, else in what is left of this one."""
        segments = self._segments
        free = segments.remaining if segments.spare is None else segments.capacity - 1
        return self._reserved + slots <= free

    def _needs(self, label: "_Label") -> int:
        """At most so many slots for an attempt from its hold to its receipt, in a segment that knows none of its
        names."""
        slots = RECORDS_AHEAD + 1  # a receipt that says what was delivered is longer than a slot
        if tail := label.told[3]:
            slots += RECORDS_AHEAD * (1 + len(tail) // PAYLOAD_BYTES)
        names = self._names
        first, second = names.get(label.who), names.get(label.what)
        if first is not None and second is not None:
            label.segment, label.first, label.second = self._segments.active, first.number, second.number
            return slots + first.slots + second.slots
        slots += _definition_slots(label.who) if first is None else first.slots
        return slots + (_definition_slots(label.what) if second is None else second.slots)

    def _settle(self, label: "_Label", receipt: Receipt) -> int:
        number = self._say(label, settle_slots, receipt)
        self._segments.active.last_settle = number
        return number

    def _say(self, label: "_Label", slots_of: Callable[[T, int, int, int, Told], bytes], value: T) -> int:
        """Write a record that speaks of names. Again, where the segment ended in between: numbers of names hold for
        one segment."""
        segments = self._segments
        while True:
            active = segments.active
            if label.segment is not active:
                first = self._names.get(label.who) or self._define(label.who)
                second = self._names.get(label.what) or self._define(label.what)
                if active is not segments.active:
                    continue
                label.segment, label.first, label.second = active, first.number, second.number
            slots = slots_of(value, label.first, label.second, segments.next_number, label.told)
            if segments.remaining * SLOT_BYTES >= len(slots):
                if not self._is_dirty:
                    self._note()
                return segments.put(slots)
            self._cut()

    def _define(self, names: Names) -> "_Name":
        number = len(self._names)
        payload = encode_definition(number, names)
        slots = COPIES * slots_for(payload)
        if self._segments.remaining < slots:
            self._cut()
            return self._names.get(names) or self._define(names)
        self._segments.append(Kind.DEFINE, payload, COPIES)
        self._note()
        defined = self._names[names] = _Name(number, slots)
        return defined

    def _write(self, kind: Kind, payload: bytes) -> None:
        if self._segments.remaining < slots_for(payload):
            self._cut()
        self._note()
        self._segments.append(kind, payload)

    def _note(self) -> None:
        self._is_dirty = True
        self.has_work.set()

    def _cut(self) -> None:
        sealed = self._segments.active
        if sealed.used:
            self._segments.cut()
            self._just_sealed.append(sealed)
        self._is_restated = False
        self._begin_segment()
        self._is_restated = True

    def _begin_segment(self) -> None:
        """A segment stands alone: it says what it is, and all that is in flight once more."""
        self._names = {}
        header = Header(version=VERSION, segment=self._segments.active.number, drained=self._drained)
        self._segments.append(Kind.SEGMENT, encode_header(header))
        for opened in self._open.values():
            self._say(opened.label, hold_slots, opened.held)
            if opened.progress is not None:
                self._write(Kind.PROGRESS, encode_progress(opened.progress))
        self._note()

    def _mark_drained(self) -> None:
        """So that a replay need not offer it again. A hint: the ledger takes nothing twice."""
        if self._problem is None and self._has_room(1):
            try:
                self._write(Kind.DRAINED, encode_drained(self._drained))
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._problem = error
        self.has_work.set()

    def _mend(self) -> None:
        """The disk failed; begin a new segment with all that counts, and if that works, go on."""
        self._problem = None
        try:
            self._cut()
            while self._unwritten:
                receipt = self._unwritten[0]
                self._settle(_label(receipt), receipt)
                self._unwritten.pop(0)
        except OSError as error:
            self._problem = error


def _definition_slots(names: Names) -> int:
    return COPIES * slots_for(encode_definition(0, names))


class _Done(msgspec.Struct, frozen=True):
    """What a round in the thread brought."""

    spare: Segment | None = None
    not_made: OSError | None = None
    not_synced: OSError | None = None


def _work(segments: Segments, files: Sequence[File], number: int | None) -> _Done:
    try:
        for file in files:
            file.sync()
    except OSError as error:
        return _Done(not_synced=error)
    if number is None:
        return _Done()
    try:
        return _Done(spare=segments.make(number))
    except OSError as error:
        return _Done(not_made=error)


class _Name(msgspec.Struct, frozen=True, gc=False):
    """A tuple of names in the segment in use. `slots` is what its definition takes."""

    number: int
    slots: int


class _Open(msgspec.Struct, gc=False):
    """An attempt in flight, and the slots that are kept for it."""

    held: Held
    label: "_Label"
    reserve: int
    progress: Progress | None = None


class _Label(msgspec.Struct, gc=False):
    """What all records of an attempt begin with. `first` and `second` are the numbers of its names in `segment`."""

    who: Names
    what: Names
    told: Told
    segment: Segment | None = None
    first: int = 0
    second: int = 0


def _label(receipt: Receipt) -> _Label:
    told = told_of(receipt.request_id, receipt.attempt_id, receipt.client_request_id)
    return _Label(who_of(receipt), what_of(receipt), told)


def _full() -> GatewayFault:
    return GatewayFault(
        "The gateway cannot write its ledger at the moment, so it accepts no new requests.",
        code="ledger_unavailable",
        retry_after_seconds=5,
    )

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
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, final

from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime.backlog import UNWRITTEN, Backlog
from ai_gateway.runtime.desk import Desk, Opened, orphan_in
from ai_gateway.runtime.entries import (
    VERSION,
    Header,
    Held,
    Progress,
    Told,
    encode_drained,
    encode_header,
    encode_progress,
    told_of,
    write_hold,
    write_settle,
)
from ai_gateway.runtime.replay import Replayed, replay
from ai_gateway.runtime.segments import Folder, JournalSize, Segment, Segments
from ai_gateway.runtime.sheets import COPIES, RECORDS_AHEAD, Names, Sheet, encode_definition, names_of, sheet_of
from ai_gateway.runtime.slots import PAYLOAD_BYTES, Kind, slots_for

USUAL_SLOTS: Final = 12
"""What a request with names of usual length may still write."""


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
        self._names: dict[Names, int] = {}
        self._sheets: dict[Names, Sheet] = {}
        self._problem: OSError | None = None
        self._cramped: OSError | None = None
        self._unwritten: list[Receipt] = []
        self._just_sealed: list[Segment] = []
        self._is_dirty = False
        self._is_restated = True
        self._safe_number = 0
        self._waiters: list[asyncio.Future[None]] = []
        self.has_work = asyncio.Event()
        self.replayed: Replayed = replay(self._segments.sealed)
        self._drained: int = self.replayed.drained
        self._segments.begin(self.replayed.next_number)
        waiting = self.replayed.waiting
        self._backlog = Backlog(self._segments, size.in_memory, after=self._drained, left_behind=waiting)
        self.desk = Desk(self._backlog)
        self._take_over()
        self.desk.booked_nano = 0  # by this process: what an earlier one had in flight is not counted twice

    def admit(self) -> None:
        """Raises GatewayFault while there is no room for one more request."""
        if self.desk.reserved + USUAL_SLOTS > self.desk.room and not self._has_room(USUAL_SLOTS):
            raise _full()
        if self._problem is not None:
            raise _full()

    def hold(self, orphan: Receipt, at: float, worst_nano: int, sheet: Sheet | None = None) -> None:
        """An attempt is about to be sent: `orphan` is what it costs if nothing is heard of it again, `at` the instant
        of admission. With the `sheet` of its names they need not be looked up. Raises GatewayFault where the record
        cannot be written, or what must follow it could not."""
        desk, sheet, told = self.desk, sheet or self._sheet_of(orphan), _told(orphan)
        reserve = sheet.slots + _slots_of_tail(told)
        reserved = desk.reserved + reserve
        if reserved > desk.room and not self._has_room(reserve):
            raise _full()
        try:
            if sheet.segment is not desk.segment or not write_hold(sheet, told, orphan, at, worst_nano):
                self._write_hold(sheet, told, orphan, at, worst_nano)
        except OSError as error:
            self._fail(error)
            raise _full() from error
        desk.opened[orphan.attempt_id] = (sheet, told, reserve, orphan, at, worst_nano, None)
        desk.reserved = reserved

    def progress(self, progress: Progress) -> None:
        """How far an open attempt has come. It only raises a floor, so it is left out where room is short."""
        opened = self.desk.opened.get(progress.attempt_id)
        if opened is None:
            return
        self.desk.opened[progress.attempt_id] = (*opened[:-1], progress)
        payload = encode_progress(progress)
        if self._problem is None and self._has_room(slots_for(payload)):
            try:
                self._write(Kind.PROGRESS, payload)
            except OSError as error:
                self._fail(error)

    def append(self, receipt: Receipt) -> None:
        """How an attempt ended: the orphan of its hold with other numbers, under the same names. Never fails: what the
        disk does not take waits in memory for the ledger."""
        desk = self.desk
        desk.booked_nano += receipt.cost_nano_usd
        opened = desk.opened.pop(receipt.attempt_id, None)
        number = UNWRITTEN
        if opened is not None:
            sheet, told, reserve, _, _, _, _ = opened
            desk.reserved -= reserve
            if sheet.segment is desk.segment:
                try:
                    number = write_settle(sheet, told, receipt)
                except OSError as error:
                    self._fail(error)
        if not number:
            number = self._settle(receipt, opened)
        backlog = self._backlog
        if len(backlog.memory) < backlog.limit:
            backlog.memory.append((number, receipt))
        else:
            backlog.add(number, receipt)
        if not desk.has_arrived:
            desk.tell_arrival()

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
            self.desk.has_arrived = False
            self.desk.arrived.clear()

    def find(self, tenant_id: str, request_id: str) -> list[Receipt]:
        return self._backlog.find(tenant_id, request_id)

    async def wait(self) -> None:
        """Until there is something for the ledger."""
        await self.desk.arrived.wait()

    def running(self) -> list[tuple[Held, Progress | None]]:
        """The attempts in flight, oldest first, and how far they have come where that was told."""
        return [(Held(orphan_in(opened), opened[4], opened[5]), opened[6]) for opened in self.desk.opened.values()]

    @property
    def depth(self) -> int:
        """Receipts that the ledger does not have yet."""
        return len(self._backlog)

    @property
    def open_attempts(self) -> int:
        return len(self.desk.opened)

    @property
    def booked_nano(self) -> int:
        """What this process has booked so far."""
        return self.desk.booked_nano

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
        self.desk.segment = None
        written = segments.next_number
        if self._is_restated:
            segments.retire(self._drained)
        retired = segments.take_retired()
        number = segments.plan() if segments.wants_spare else None
        off = self._durability is Durability.OFF
        try:
            done = await asyncio.to_thread(segments.work, [] if off else files, number)
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
        if not self.desk.opened and not len(self._backlog) and self._problem is None:
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
            self.desk.tell_arrival()

    def _has_room(self, slots: int) -> bool:
        """Whether all that is in flight could still be written with this besides: in a whole new segment where one is
        ready, else in what is left of this one."""
        segments = self._segments
        room = self.desk.room = 0 if segments.spare is None else segments.most
        return self.desk.reserved + slots <= (room or segments.remaining)

    def _sheet_of(self, receipt: Receipt) -> Sheet:
        names = names_of(receipt)
        sheet = self._sheets.get(names)
        if sheet is None:
            sheet = self._sheets[names] = sheet_of(receipt)
        return sheet

    def _settle(self, receipt: Receipt, opened: "Opened | None") -> int:
        """Where it is not written in a moment; UNWRITTEN where it stays in memory."""
        if opened is not None:
            number = self._write_settle(opened[0], opened[1], receipt)
        else:
            sheet, told = self._sheet_of(receipt), _told(receipt)
            has_room = self._has_room(sheet.slots + _slots_of_tail(told))
            number = self._write_settle(sheet, told, receipt) if has_room else UNWRITTEN
        if not number:
            self._unwritten.append(receipt)
        return number

    def _write_settle(self, sheet: Sheet, told: Told, receipt: Receipt) -> int:
        """UNWRITTEN where the disk does not take it."""
        if self._problem is not None:
            return UNWRITTEN
        try:
            while True:
                self._number(sheet)
                number = write_settle(sheet, told, receipt)
                if number:
                    return number
                self._cut()
        except OSError as error:
            self._fail(error)
            return UNWRITTEN

    def _write_hold(self, sheet: Sheet, told: Told, orphan: Receipt, at: float, worst_nano: int) -> None:
        if self._problem is not None:
            raise _full()
        self._number(sheet)
        while not write_hold(sheet, told, orphan, at, worst_nano):
            self._cut()
            self._number(sheet)

    def _number(self, sheet: Sheet) -> None:
        """The segment in use is that of the sheet from now on, and knows its names. Again, where it ended in between:
        numbers of names hold for one segment."""
        self._note()
        segments = self._segments
        while sheet.segment is not segments.active:
            active = segments.active
            who, what = self._define(sheet.who), self._define(sheet.what)
            if active is segments.active:
                sheet.number(active, who, what)

    def _define(self, names: Names) -> int:
        known = self._names.get(names)
        if known is not None:
            return known
        number = len(self._names)
        payload = encode_definition(number, names)
        if self._segments.remaining < COPIES * slots_for(payload):
            self._cut()
            return self._define(names)
        self._segments.append(Kind.DEFINE, payload, COPIES)
        self._names[names] = number
        return number

    def _write(self, kind: Kind, payload: bytes) -> None:
        if self._segments.remaining < slots_for(payload):
            self._cut()
        self._note()
        self._segments.append(kind, payload)

    def _note(self) -> None:
        """Something is written, and nothing stands against writing more."""
        self.desk.segment = self._segments.active
        self._is_dirty = True
        self.has_work.set()

    def _cut(self) -> None:
        self.desk.room = 0
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
        self._sheets = {}
        header = Header(version=VERSION, segment=self._segments.active.number, drained=self._drained)
        self._segments.append(Kind.SEGMENT, encode_header(header))
        for opened in self.desk.opened.values():
            sheet, told, _, _, at, worst_nano, progress = opened
            self._write_hold(sheet, told, orphan_in(opened), at, worst_nano)
            if progress is not None:
                self._write(Kind.PROGRESS, encode_progress(progress))
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
        self.desk.segment = None
        self.has_work.set()

    def _mend(self) -> None:
        """The disk failed; begin a new segment with all that counts, and if that works, go on."""
        self._problem = None
        try:
            self._cut()
        except OSError as error:
            self._fail(error)
        while self._unwritten:
            receipt = self._unwritten[0]
            if self._write_settle(self._sheet_of(receipt), _told(receipt), receipt) == UNWRITTEN:
                break
            self._unwritten.pop(0)


def _told(receipt: Receipt) -> Told:
    return told_of(receipt.request_id, receipt.attempt_id, receipt.client_request_id)


def _slots_of_tail(told: Told) -> int:
    """What an attempt needs besides for what its ids do not say, which stands in each of its records."""
    return RECORDS_AHEAD * (1 + len(told[2]) // PAYLOAD_BYTES) if told[2] else 0


def _full() -> GatewayFault:
    return GatewayFault(
        "The gateway cannot write its ledger at the moment, so it accepts no new requests.",
        code="ledger_unavailable",
        retry_after_seconds=5,
    )

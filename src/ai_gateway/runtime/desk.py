"""Where the journal is written while nothing stands against it: the segment in use, the room that is left, what is in
flight.

An attempt of a kind that is known (`Blank`), with ids of ours and nothing to say that has no place in a slot, is two
slots. They are packed here, where all that they need stands together: one call each, into memory that is the disk's.
Whatever is otherwise is False here, nothing was done, and the journal does it in its own way, which has the same bytes
as its outcome.
"""

import asyncio
from typing import Protocol, final
from zlib import crc32

from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.runtime.backlog import Backlog
from ai_gateway.runtime.entries import (
    HOLD_BEGINNING,
    NO_LANES,
    SETTLE_BEGINNING,
    Progress,
    Told,
    mark_of,
    pack_hold,
    pack_settle,
)
from ai_gateway.runtime.segments import Segment
from ai_gateway.runtime.sheets import Sheet, what_of, who_of
from ai_gateway.runtime.slots import SLOT_BYTES, pack_slot_into


class Attempted(Protocol):
    """An attempt in flight whose orphan is made once somebody asks."""

    def orphan(self) -> Receipt: ...


Opened = tuple[Sheet, Told, int, Receipt | Attempted, float, int, Progress | None]
"""An attempt in flight: its names and ids, the slots that are kept for it, what its hold says, and how far it has come.
A tuple, because one is made for every request."""


class Blank(Sheet):
    """What the records of attempts like this one have in common: the first attempt of its request, which goes well."""

    __slots__ = ("hold_mark", "revision", "settle_mark")

    def __init__(self, like: Receipt) -> None:
        super().__init__(who_of(like), what_of(like))
        self.revision = like.revision
        self.hold_mark = 1 + mark_of(like.priced, Outcome.ORPHAN)
        self.settle_mark = 1 + mark_of(like.priced, Outcome.OK)


@final
class Desk:
    """`segment` is the one in use while there is nothing to see to before somebody writes, else None. `reserved` slots
    are kept for what is in flight; up to `room` of them nobody looks again. `booked_nano` is all that was booked."""

    __slots__ = ("arrived", "backlog", "booked_nano", "has_arrived", "opened", "reserved", "room", "segment")

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self.segment: Segment | None = None
        self.opened: dict[str, Opened] = {}
        self.reserved = self.room = 0
        self.booked_nano = 0
        self.arrived = asyncio.Event()
        self.has_arrived = False

    def hold(  # noqa: PLR0917  it is called for every request, and names cost twice as much
        self,
        blank: Blank,
        ids: bytes,
        attempt_id: str,
        attempted: Attempted,
        at: float,
        day: int,
        worst_nano: int,
        floor_nano: int,
        tokens: int,
    ) -> bool:
        """As Journal.hold, for an attempt that starts `at` once: its orphan has cost `floor_nano` for so many tokens of
        input. `ids` are the 14 bytes of its request's id."""
        segment = blank.segment
        reserved = self.reserved + blank.slots
        if segment is not self.segment or reserved > self.room:
            return False
        number = segment.next
        place = number * SLOT_BYTES - segment.base
        if place > segment.last:
            return False
        rest = pack_hold(
            HOLD_BEGINNING,
            number,
            ids,
            blank.hold_mark,
            blank.numbers,
            day,
            at,
            at,
            worst_nano,
            floor_nano,
            blank.revision,
            tokens,
            0,
            NO_LANES,
        )
        pack_slot_into(segment.window, place, crc32(rest), rest)
        segment.next = number + 1
        self.opened[attempt_id] = (blank, (ids, 1, b""), blank.slots, attempted, at, worst_nano, None)
        self.reserved = reserved
        return True

    def settle(self, blank: Blank, receipt: Receipt, asked: int, answered: int) -> bool:
        """As Journal.append, for a receipt that is the blank's but for its numbers: tokens of input and output that no
        lane has a part of."""
        segment = blank.segment
        backlog = self.backlog
        memory = backlog.memory
        if segment is not self.segment or len(memory) >= backlog.limit:
            return False
        number = segment.next
        place = number * SLOT_BYTES - segment.base
        if place > segment.last:
            return False
        opened = self.opened.pop(receipt.attempt_id, None)
        if opened is None:
            return False
        cost_nano = receipt.cost_nano_usd
        rest = pack_settle(
            SETTLE_BEGINNING,
            number,
            opened[1][0],
            blank.settle_mark,
            blank.numbers,
            receipt.day,
            receipt.started_at,
            0.0,
            receipt.total_ms,
            cost_nano,
            blank.revision,
            asked,
            answered,
            NO_LANES,
        )
        pack_slot_into(segment.window, place, crc32(rest), rest)
        segment.next = number + 1
        segment.last_settle = number
        self.reserved -= opened[2]
        self.booked_nano += cost_nano
        memory.append((number, receipt))
        if not self.has_arrived:
            self.tell_arrival()
        return True

    def tell_arrival(self) -> None:
        """There is something for the ledger."""
        self.has_arrived = True
        self.arrived.set()


def orphan_in(opened: Opened) -> Receipt:
    """What is booked for an attempt if nothing is heard of it again."""
    orphan = opened[3]
    return orphan if isinstance(orphan, Receipt) else orphan.orphan()

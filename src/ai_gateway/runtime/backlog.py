"""Receipts that wait for the ledger, oldest first. As many as memory should bear wait in it; while there are more, the
later ones stay where they are safe anyway, in the journal, and are read back when their turn comes. So a database that
is away for an hour costs disk that was set aside for it, and no memory.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final, final

from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime.replay import SettledReader
from ai_gateway.runtime.segments import Segments

READ_AT_ONCE: Final = 2_000
UNWRITTEN: Final = 0
"""The number of a receipt that the journal does not have."""


@final
class Backlog:
    """`left_behind` receipts stand in the segments behind record `after` and are not in memory. While `memory` has
    fewer than `limit`, whoever has a receipt may put it there himself."""

    def __init__(self, segments: Segments, most: int, *, after: int = 0, left_behind: int = 0) -> None:
        self._segments = segments
        self._most = most
        self.memory: deque[tuple[int, Receipt]] = deque()
        self.limit = 0 if left_behind else most
        self._left_behind = left_behind
        self._reader = SettledReader(segments, after) if left_behind else None
        self.lost = 0

    def add(self, number: int, receipt: Receipt) -> None:
        """`number` is that of its record, UNWRITTEN where there is none: then only memory has it."""
        if number != UNWRITTEN and (self._left_behind or len(self.memory) >= self._most):
            if self._reader is None:
                self._reader = SettledReader(self._segments, number - 1)
                self.limit = 0
            self._left_behind += 1
        else:
            self.memory.append((number, receipt))

    def peek(self, most: int) -> Sequence[Receipt]:
        """The oldest ones. They stay."""
        if not self.memory and self._reader is not None:
            self._read_back(self._reader, min(most, READ_AT_ONCE))
        return [receipt for _, receipt in islice(self.memory, most)]

    def drop(self, written: Sequence[Receipt]) -> int:
        """What `peek` gave is in the ledger; the highest number among it. Two who drain at the same time were given
        the same receipts, so each is let go by what it is, not by its place."""
        highest = 0
        for receipt in written:
            if self.memory and self.memory[0][1] is receipt:
                number, _ = self.memory.popleft()
                highest = max(highest, number)
        return highest

    def find(self, tenant_id: str, request_id: str) -> list[Receipt]:
        """Of those in memory."""
        return [it for _, it in self.memory if it.request_id == request_id and it.tenant_id == tenant_id]

    def __len__(self) -> int:
        return len(self.memory) + self._left_behind

    def _read_back(self, reader: SettledReader, most: int) -> None:
        found = reader.take(min(most, self._left_behind))
        self.memory.extend(found)
        self._left_behind -= len(found) + reader.lost
        self.lost += reader.lost
        reader.lost = 0
        if not found:  # damage: what was counted when it was written can no longer be read
            self.lost += self._left_behind
            self._left_behind = 0
        if self._left_behind <= 0:
            self._left_behind = 0
            self._reader = None
            self.limit = self._most

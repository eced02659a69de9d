"""What processes say to each other about one limit: what each has of it, wants more of, and gives back.

A pot is one limit in one window. A lease is what one process has been given of a pot: `granted` in all, of which its
rows in the ledger have `used` a part. What lies between is charged to the pot although nobody has booked it yet, so the
numbers of a pot always say: settled + leased <= limit. A row that arrives moves its cost from the one to the other.
"""

from enum import StrEnum
from typing import Final

import msgspec

LEVELS: Final = ("key", "team", "department", "user", "tenant")
"""In the order in which pots are locked, everywhere: whoever takes several locks takes them in this order."""
_RANKS: Final = {level: rank for rank, level in enumerate(LEVELS)}


class Pot(msgspec.Struct, frozen=True):
    """What is counted in one unit, on one level, in one window: 'usd' of ('team', 'team_1') in 'D:2026-11-22'."""

    tenant_id: str
    scope: str
    scope_id: str
    window_id: str
    unit: str

    @property
    def place(self) -> tuple[int, str, str, str]:
        """Where it stands in the order of locks."""
        return (_RANKS[self.scope], self.scope_id, self.window_id, self.unit)


class Want(msgspec.Struct, frozen=True):
    """What a process asks of a pot. It has `spent` of it, in the ledger or on its way there, and `held` is still open;
    `asked` is the hold that waits, which could make do with `least` of it (0: with nothing less). Nobody waits where
    `asked` is 0; then it is a slice that is wanted."""

    pot: Pot
    limit: int
    spent: int = 0
    held: int = 0
    asked: int = 0
    least: int = 0


class Verdict(StrEnum):
    """ENOUGH: what waits fits now. CONTENDED: it will fit if others give back or settle for less. EXHAUSTED: it will
    not, whatever comes back."""

    ENOUGH = "enough"
    CONTENDED = "contended"
    EXHAUSTED = "exhausted"


class Grant(msgspec.Struct, frozen=True):
    """What the lease is worth in all from now on, also where `asked` was refused: who can make do with less has been
    given what there was. The numbers that decided it: `settled` of the pot, `used` the part of it that this process
    wrote, `leased` what is charged by all processes after this grant."""

    pot: Pot
    granted: int
    verdict: Verdict
    limit: int
    settled: int
    used: int
    leased: int


class Surrender(msgspec.Struct, frozen=True):
    """A process gives back what it does not need: its lease is worth `keep` in all from now on."""

    pot: Pot
    keep: int


class LeaseState(StrEnum):
    """SUSPENSE: its process is not seen any more, and what it had stays charged. RETURNED: nothing of it is charged.
    RESOLVED: somebody said what became of it."""

    LIVE = "live"
    SUSPENSE = "suspense"
    RETURNED = "returned"
    RESOLVED = "resolved"


class Lease(msgspec.Struct, frozen=True):
    """What one process has of a pot. `used` is what its rows in the ledger have spent of the pot, since it began.
    Times are Unix seconds; `seen_at` is when its process last was, 0 where it is gone for good."""

    id: str
    process_id: str
    pot: Pot
    granted: int
    used: int
    state: LeaseState
    granted_at: float
    seen_at: float
    resolved_at: float | None = None

    @property
    def charged(self) -> int:
        """What is taken from the pot although nobody has booked it."""
        return 0 if self.state is LeaseState.RETURNED else max(0, self.granted - self.used)


class Pulse(msgspec.Struct, frozen=True):
    """What a process hears when it says that it lives: the database's time (Unix seconds) and how many live."""

    at: float
    live: int

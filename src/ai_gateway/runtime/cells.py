"""One number that is enforced: what a leg has spent and holds in one window, in one unit, against what it may.

`allowance` is how far this process may go by its own decision, and where it comes from is somebody else's business
(`Allowances`). The process that owns its limits whole (`Owner`: one process on SQLite) may go to the limit, and `spent`
is all that the window has. A process that holds a lease may go as far as it was granted, and `spent` is what it has
spent of that; only who grants knows the whole. The predicate is the same for both:

    spent + held + amount <= allowance

How leases plug in. `opened` gives a new cell its allowance (none yet, and `spent` 0), and is told of a changed limit.
`shortage` says what it means that the predicate failed. EXHAUSTED is final, a 402, and so only the owner of the whole
limit may say it, or the numbers of a grant. CONTENDED fits once what is held here has settled: waiting helps.
NEEDS_GRANT may fit, but not in what is here: the line asks `Grants` and tries again. A grant raises `allowance`, what
is given back lowers it, and nothing else of a cell is a lessee's to change; what it remembers of one goes into `lease`.
"""

from collections.abc import Sequence
from datetime import tzinfo
from enum import StrEnum
from typing import Final, Protocol, final

import msgspec

from ai_gateway.domain.budgets import Limit
from ai_gateway.domain.traffic import Charge
from ai_gateway.policy.windows import Windows, ends_ms, window_id

NEVER: Final = 1 << 62
"""An amount that nothing reaches."""


class Short(StrEnum):
    EXHAUSTED = "exhausted"
    CONTENDED = "contended"
    NEEDS_GRANT = "needs_grant"


@final
class Cell:
    """`unit` is the place of its amount among (nano-dollars, tokens, requests); `number` says which day or month.
    `revision` is that of the configuration which `limit` is from; `others` is what other processes have spent of the
    window, as far as this one knows. `used` is what is spent and held together. `warns_at` is the next amount that is
    worth a warning, `warned` the per cent that were reached. As long as less than `heeds_at` is used, there is neither
    a warning to come nor one that an answer would have to tell, and nobody has spent more than there was. `is_lifted`:
    its limit is gone from the configuration, while somebody waits who was admitted before."""

    __slots__ = (
        "allowance",
        "heeds_at",
        "is_lifted",
        "lease",
        "limit",
        "number",
        "others",
        "revision",
        "spent",
        "unit",
        "used",
        "warned",
        "warns_at",
    )

    def __init__(self, limit: Limit, number: int, spent: int) -> None:
        self.limit = limit
        self.unit = int(limit.unit)
        self.number = number
        self.revision = 0
        self.spent = self.used = spent
        self.others = 0
        self.allowance = 0
        self.lease: object = None
        self.is_lifted = False
        self.warned = 0
        self.warns_at = self.heeds_at = NEVER

    @property
    def held(self) -> int:
        return self.used - self.spent

    @property
    def window_id(self) -> str:
        return window_id(self.limit.window, self.number)

    @property
    def free(self) -> int:
        """What could be held now."""
        return max(0, self.allowance - self.used)

    @property
    def unspent(self) -> int:
        """What could be held once all that is held has come back."""
        return max(0, self.allowance - self.spent)


def is_warned(cell: Cell, own: int = 0) -> bool:
    """Whether an answer that has cost `own` beside what is spent has to tell of this limit. Nearly always the first two
    numbers say that it has not."""
    if not cell.warned and cell.spent + own < cell.warns_at:
        return False
    warn_at = cell.limit.warn_at
    return bool(warn_at) and percent_used(cell, own) >= warn_at[0]


def percent_used(cell: Cell, own: int = 0) -> int:
    """Whole per cent, cut. A limit of nothing is used up."""
    used = cell.spent + cell.others + own
    return used * 100 // cell.limit.amount if cell.limit.amount else 100


class Standing(msgspec.Struct, frozen=True):
    """How a limit stands in a window, which ends at `resets_at` (Unix seconds; None: never). `leased`: what is granted
    to processes and not spent."""

    limit: Limit
    window_id: str
    spent: int
    held: int
    allowance: int
    resets_at: int | None
    leased: int = 0


def standing_of(cell: Cell, windows: Windows, zone: tzinfo) -> Standing:
    """In these windows of the zone's calendar, which are the cell's."""
    ends = ends_ms(cell.limit.window, windows, zone)
    return Standing(
        limit=cell.limit,
        window_id=cell.window_id,
        spent=cell.spent,
        held=cell.held,
        allowance=cell.allowance,
        resets_at=None if ends is None else ends // 1000,
    )


class Shortage(msgspec.Struct, frozen=True):
    """Why a hold was refused: the first cell that could not take `amount`. Nothing was held anywhere."""

    short: Short
    cell: Cell
    amount: int


class Allowances(Protocol):
    """Where allowances come from. Called in the step of a hold, so it must not wait."""

    def opened(self, cell: Cell) -> None:
        """A cell is new, or its limit has changed: set its allowance."""
        ...

    def shortage(self, cell: Cell, amount: int) -> Short | None:
        """What it means that `amount` does not fit; None: it does, now that somebody has looked."""
        ...


@final
class Owner:
    """This process owns every limit whole."""

    def opened(self, cell: Cell) -> None:
        cell.allowance = cell.limit.amount

    def shortage(self, cell: Cell, amount: int) -> Short:
        return Short.EXHAUSTED if cell.spent + amount > cell.allowance else Short.CONTENDED


class Grants(Protocol):
    """Who can be asked for more where a shortage says NEEDS_GRANT."""

    async def ask(self, shortages: Sequence[Shortage], charge: Charge, until: float = 0) -> None:
        """For all that a charge lacks. Returns once it is worth trying again, or when it was not `until` (monotonic)
        although somebody answers. Raises GatewayFault (503) where nobody does within 250 ms."""
        ...


@final
class NoGrants:
    """Nobody is ever asked by an owner."""

    async def ask(self, shortages: Sequence[Shortage], charge: Charge, until: float = 0) -> None:
        raise AssertionError("an owner of the whole limit needs no grant")

"""What one process has of one limit, beside the cell that spends it."""

import asyncio
from collections import deque
from datetime import tzinfo
from math import inf
from typing import Final, final

import msgspec

from ai_gateway.domain.budgets import Limit, Mode, Unit
from ai_gateway.domain.leases import Grant, Pot, Verdict, Want
from ai_gateway.policy.leases import SHARE, watermark
from ai_gateway.policy.windows import Windows, ends_ms
from ai_gateway.runtime.cells import Cell, Short

_BELIEVED_SECONDS: Final = 1.0
"""How long a refusal is repeated without asking. For those who wait it is asked again meanwhile (`ask_again`)."""
_SHORT: Final = {Verdict.EXHAUSTED: Short.EXHAUSTED, Verdict.CONTENDED: Short.CONTENDED}
NEVER_SEEN: Final = -1
ANYTHING: Final = 1


class Asker(msgspec.Struct, frozen=True):
    """What it is answered: that it is worth trying again, or why nobody could be asked. `since` is the silence that
    there had been before it came, in ticks."""

    amount: int
    answered: asyncio.Future[ConnectionError | None]
    since: int = 0


@final
class Lease:
    """`granted` is what the books say at least, the cell's allowance as far as nobody need ask yet. `ends_at` is when
    its window ends (Unix seconds; None: never)."""

    __slots__ = (
        "_lacking",
        "_refused",
        "_seen",
        "_usual",
        "askers",
        "cell",
        "ends_at",
        "granted",
        "has_successor",
        "pot",
        "used_at",
        "zone",
    )

    def __init__(self, cell: Cell, pot: Pot, zone: tzinfo) -> None:
        self.cell = cell
        self.pot = pot
        self.zone = zone
        self.ends_at = _ends_at(cell, zone)
        self.granted = 0
        self.askers: deque[Asker] = deque()
        self.has_successor = False
        self.used_at = 0.0
        self._seen = NEVER_SEEN
        self._usual = 0
        self._lacking = 0
        self._refused: tuple[Verdict, int, float] | None = None

    @property
    def idle(self) -> int:
        """What could be given back."""
        return self.granted - self.cell.spent - self.cell.held

    @property
    def has_askers(self) -> bool:
        """Whether somebody still waits; who has gone is forgotten."""
        while self.askers and self.askers[0].answered.done():
            self.askers.popleft()
        return bool(self.askers)

    def want(self) -> Want:
        """For the first who waits; where nobody does, for who was refused last, else a slice."""
        cell = self.cell
        asked = self.askers[0].amount if self.has_askers else 0
        asked = asked or self._lacking
        if not asked and self._refused is not None:
            asked = self._refused[1]
        least = 0 if cell.limit.mode is Mode.STRICT else ANYTHING
        return Want(self.pot, cell.limit.amount, spent=cell.spent, held=cell.held, asked=asked, least=least)

    def take(self, grant: Grant, asked: int, now: float) -> None:
        """A grant has come (`now` monotonic): who waits is told in the order of arrival, as far as it reaches."""
        self.granted = grant.granted
        self.cell.others = grant.settled - grant.used
        self._refused = None
        self._lacking = 0
        if grant.verdict is Verdict.ENOUGH:
            self._usual = asked or self._usual
            self._serve()
        else:
            self._refused = (grant.verdict, asked, now)
            self._refuse(asked)
        left = grant.limit - grant.settled - grant.leased
        is_plenty = left // SHARE >= max(1, self._usual)
        self.cell.allowance = self.granted - (watermark(self.idle) if is_plenty else 0)

    def disappoint(self, error: ConnectionError, since: float = inf) -> None:
        """Nobody could be asked. Who came after `since` still hopes."""
        while self.askers and self.askers[0].since <= since:
            asker = self.askers.popleft()
            if not asker.answered.done():
                asker.answered.set_result(error)

    def refusal(self, amount: int, now: float) -> Short | None:
        """What was said of as much a moment ago (`now` monotonic)."""
        if self._refused is None:
            return None
        verdict, least, at = self._refused
        return _SHORT[verdict] if amount >= least and now - at < _BELIEVED_SECONDS else None

    def lacks(self, amount: int) -> None:
        """So much did not fit, whether or not anybody waits for it."""
        self._lacking = max(self._lacking, amount)

    def forgive(self) -> None:
        """The limit has changed."""
        self._refused = None

    def surrender(self) -> int:
        """Keep what is spent and held, and no more."""
        self.granted = self.cell.allowance = self.cell.spent + self.cell.held
        return self.granted

    def look(self, at: float) -> None:
        """Note whether it is in use (`at` Unix seconds)."""
        if self.cell.held or self.cell.spent != self._seen:
            self._seen = self.cell.spent
            self.used_at = at

    def _serve(self) -> None:
        room = self.idle
        while self.has_askers and self.askers[0].amount <= room:
            asker = self.askers.popleft()
            room -= asker.amount
            asker.answered.set_result(None)

    def _refuse(self, amount: int) -> None:
        """Whoever asks for as much is told the same; who asks for less goes on waiting."""
        waiting = [asker for asker in self.askers if not asker.answered.done()]
        self.askers = deque(asker for asker in waiting if asker.amount < amount)
        for asker in waiting:
            if asker.amount >= amount:
                asker.answered.set_result(None)


def pot_of(cell: Cell, tenant_id: str) -> Pot:
    scope, scope_id = cell.limit.leg
    return Pot(tenant_id, scope, scope_id, cell.window_id, unit_of(cell.limit))


def unit_of(limit: Limit) -> str:
    return _UNITS[limit.unit]


def _ends_at(cell: Cell, zone: tzinfo) -> float | None:
    ends = ends_ms(cell.limit.window, Windows(day=cell.number, month=cell.number), zone)
    return None if ends is None else ends / 1000


_UNITS: Final = {Unit.USD: "usd", Unit.TOKENS: "tokens", Unit.REQUESTS: "requests"}

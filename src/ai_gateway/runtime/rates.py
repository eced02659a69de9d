"""The rates of every level that has some, and what requests in flight have taken of them: all levels in one step, or
none, as with budgets. Who is limited nowhere is not in here."""

from collections.abc import Callable, Sequence
from typing import final

import msgspec

from ai_gateway.domain.budgets import Leg
from ai_gateway.domain.config import LegRates
from ai_gateway.policy.rate_limits import LegRate


class Shortfall(msgspec.Struct, frozen=True):
    """The level that a request has to wait for longest: `seconds` (inf: until another request of it ends), and what
    it lacks, in words."""

    level: LegRates
    seconds: float
    lacks: str


@final
class RateHold:
    """What a request has taken. It ends in exactly one of `settle` and `put_back`."""

    __slots__ = ("_legs", "_tokens")

    def __init__(self, legs: tuple[LegRate, ...], tokens: int) -> None:
        self._legs = legs
        self._tokens = tokens

    def settle(self, now: float, used: int) -> None:
        for leg in self._legs:
            leg.give_back(now, self._tokens, used)

    def put_back(self, now: float) -> None:
        for leg in self._legs:
            leg.put_back(now, self._tokens)

    @property
    def legs(self) -> tuple[LegRate, ...]:
        return self._legs


@final
class Rates:
    """`processes` says how many share the limits now."""

    def __init__(self, processes: Callable[[], int] = lambda: 1) -> None:
        self._processes = processes
        self._legs: dict[Leg, LegRate] = {}

    def take(self, levels: Sequence[LegRates], now: float, tokens: int) -> RateHold | Shortfall:
        legs = tuple(self._leg(level, now) for level in levels)
        waits = [leg.wait(now, tokens) for leg in legs]
        longest = max(waits, default=0.0)
        if longest > 0:
            place = waits.index(longest)
            return Shortfall(levels[place], longest, legs[place].what_lacks(now, tokens))
        for leg in legs:
            leg.take(now, tokens)
        return RateHold(legs, tokens)

    def legs(self, levels: Sequence[LegRates], now: float) -> tuple[LegRate, ...]:
        return tuple(self._leg(level, now) for level in levels)

    def _leg(self, level: LegRates, now: float) -> LegRate:
        leg, processes = self._legs.get(level.leg), self._processes()
        if leg is None:
            leg = self._legs[level.leg] = LegRate(level.rates, processes)
            leg.configure(level.rates, now, processes)
        elif leg.processes != processes or leg.rates != level.rates:
            leg.configure(level.rates, now, processes)
        return leg

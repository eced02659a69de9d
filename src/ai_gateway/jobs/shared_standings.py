"""How limits stand that several processes share: what is settled and leased is read from the books, which all of them
write; what is held is this process's own, and a part of what it leased."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Protocol, final

import msgspec

from ai_gateway.domain.budgets import Limit
from ai_gateway.domain.leases import Pot
from ai_gateway.runtime.cells import Standing
from ai_gateway.runtime.lease import unit_of
from ai_gateway.runtime.meters import Meters

NOBODY = ""


class Charges(Protocol):
    async def charges(self, pots: Sequence[Pot]) -> list[tuple[int, int]]:
        """What is settled and what is leased of each. Raises ConnectionError."""
        ...


@final
class SharedStandings:
    """Standings of runtime/standings.py."""

    def __init__(self, meters: Meters, books: Charges) -> None:
        self._meters = meters
        self._books = books

    async def of(self, limits: Sequence[Limit], at: float, zone: tzinfo) -> list[Standing]:
        mine = [self._meters.standing(limit, at, zone) for limit in limits]
        charges = await self._books.charges([_pot_of(it) for it in mine]) if mine else []
        return [
            msgspec.structs.replace(it, spent=settled, leased=max(0, leased - it.held))
            for it, (settled, leased) in zip(mine, charges, strict=True)
        ]

    def near(self, tenant_id: str, at: float, zone: tzinfo) -> list[Limit]:
        return self._meters.near_limit(tenant_id, at, zone)


def _pot_of(standing: Standing) -> Pot:
    scope, scope_id = standing.limit.leg
    return Pot(NOBODY, scope, scope_id, standing.window_id, unit_of(standing.limit))

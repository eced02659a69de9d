"""How limits stand, for whoever shows them: the numbers that are enforced and no others."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Protocol, final

from ai_gateway.domain.budgets import Limit
from ai_gateway.runtime.cells import Standing
from ai_gateway.runtime.meters import Meters


class Standings(Protocol):
    async def of(self, limits: Sequence[Limit], at: float, zone: tzinfo) -> list[Standing]:
        """In their order, in the windows of the instant `at` (Unix seconds). Raises ConnectionError where the numbers
        are elsewhere and cannot be read."""
        ...

    def near(self, tenant_id: str, at: float, zone: tzinfo) -> list[Limit]:
        """Those of a tenant that this process has seen well used, the fullest first."""
        ...


@final
class OwnStandings:
    """Of a process that owns every limit whole: its meters are the truth."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    async def of(self, limits: Sequence[Limit], at: float, zone: tzinfo) -> list[Standing]:
        return [self._meters.standing(limit, at, zone) for limit in limits]

    def near(self, tenant_id: str, at: float, zone: tzinfo) -> list[Limit]:
        return self._meters.near_limit(tenant_id, at, zone)

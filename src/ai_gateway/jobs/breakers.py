"""Breakers in SQL: every transition is written as soon as it has happened, and a restart begins where the last one
ended, so that an endpoint that was dead is not found dead again by the first second's requests.

A transition is also news of the endpoint's health, so it becomes a verdict and a row of its history here. Pools with
settings of their own have breakers of their own: an endpoint is well again when none of its breakers is open.
"""

import asyncio
from collections.abc import Callable
from typing import Final, final

import msgspec

from ai_gateway.domain.config import EndpointId, TenantId
from ai_gateway.policy.circuit_breaker import Saved, State
from ai_gateway.policy.health import Source
from ai_gateway.runtime.breakers import Breakers, CircuitMoved, SavedBreaker
from ai_gateway.runtime.health import Healths
from ai_gateway.store.breaker_states import BreakerStates
from ai_gateway.store.observations import BreakerRow, HealthRow
from ai_gateway.store.records import StoreUnavailable

EVERY_SECONDS: Final = 5.0


class Names(msgspec.Struct, frozen=True):
    """What people call an endpoint: its config's name, and its provider type."""

    endpoint: str
    provider: str


@final
class Moves:
    """Hears of every transition: wakes the loop that saves, draws the verdict, notes the row. `names` gives what an
    endpoint id is called, None where it is no longer configured; `note` takes a row without waiting."""

    def __init__(
        self,
        breakers: Breakers,
        healths: Healths,
        names: Callable[[str], Names | None],
        note: Callable[[HealthRow], None],
    ) -> None:
        self._breakers = breakers
        self._healths = healths
        self._names = names
        self._note = note
        self._moved = asyncio.Event()

    def heard(self, move: CircuitMoved) -> None:
        self._moved.set()
        state = self._breakers.view(move.endpoint_id).state
        if state is State.CLOSED:
            verdict = self._healths.closed(move.endpoint_id, move.at)
        elif state is State.OPEN:
            verdict = self._healths.opened(move.endpoint_id, move.at, move.reason)
        else:
            verdict = self._healths.verdict(move.endpoint_id, move.at)
        names = self._names(move.endpoint_id)
        if names is not None:
            self._note(
                HealthRow(
                    tenant_id=move.tenant_id,
                    endpoint_id=move.endpoint_id,
                    endpoint=names.endpoint,
                    provider=names.provider,
                    at=move.at,
                    source=(Source.MANUAL if move.forced else Source.TRAFFIC).value,
                    ok=None if move.after is State.HALF_OPEN else move.after is State.CLOSED,
                    healthy=verdict.healthy,
                    reason=f"{move.before} -> {move.after}: {move.reason}",
                )
            )

    async def wait(self, seconds: float) -> None:
        """Until a breaker moves, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            return
        self._moved.clear()


async def keep_saving(
    breakers: Breakers,
    moves: Moves,
    states: BreakerStates,
    report: Callable[[Exception], None],
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """Runs until it is cancelled. What could not be written is tried again after `every_seconds`, or with the next
    transition; `report` hears of it."""
    while True:
        await moves.wait(every_seconds)
        try:
            await save(breakers, states)
        except StoreUnavailable as error:
            report(error)
            await asyncio.sleep(every_seconds)


async def save(breakers: Breakers, states: BreakerStates) -> int:
    """Write what has changed; how many rows. Raises StoreUnavailable, losing nothing."""
    rows = breakers.dirty()
    if rows:
        try:
            await states.put([row_of(row) for row in rows])
        except BaseException:  # a cancelled write has not happened either
            breakers.put_back(rows)
            raise
    return len(rows)


async def load(states: BreakerStates, report: Callable[[Exception], None]) -> list[SavedBreaker]:
    """What another process left, for `Breakers.restore`. A row that cannot be read is reported and left out: a
    breaker that begins closed is opened again by five requests, and a gateway that does not start by nobody. Raises
    StoreUnavailable."""
    found: list[SavedBreaker] = []
    for row in await states.all():
        try:
            found.append(saved_of(row))
        except msgspec.ValidationError as error:
            report(error)
    return found


def row_of(breaker: SavedBreaker) -> BreakerRow:
    saved = breaker.saved
    return BreakerRow(
        key=breaker.key,
        tenant_id=breaker.tenant_id,
        endpoint_id=breaker.endpoint_id,
        state=saved.state.value,
        forced=saved.forced,
        reason=saved.reason,
        updated_at=saved.updated_wall,
        saved=msgspec.to_builtins(saved),
    )


def saved_of(row: BreakerRow) -> SavedBreaker:
    """Raises msgspec.ValidationError for what is no breaker of this version."""
    return SavedBreaker(
        key=row.key,
        tenant_id=TenantId(row.tenant_id),
        endpoint_id=EndpointId(row.endpoint_id),
        saved=msgspec.convert(row.saved, Saved),
    )

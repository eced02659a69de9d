"""All that keeps watch beside the line, as one thing to build, restore, start and end: breakers and health with what
SQL remembers of them, decisions, numbers, and the loops that tend them.

The line and the admin API are handed its parts; nobody but the start and the end of the process sees the whole.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from random import Random
from typing import final

import msgspec

from ai_gateway.domain.config import Endpoint, ProviderType
from ai_gateway.domain.decisions import Decision
from ai_gateway.jobs import breakers as breakers_job
from ai_gateway.jobs.breakers import Moves, Names, keep_saving
from ai_gateway.jobs.health import CheckDoors, CheckPace, keep_checking
from ai_gateway.jobs.metrics_history import MinuteDoors, Minutes, keep_minutes
from ai_gateway.jobs.outbox import Outbox, keep_flushing
from ai_gateway.jobs.retention import Retention, RetentionDoors, keep_cutting
from ai_gateway.policy.health import Override
from ai_gateway.providers import ProviderKind
from ai_gateway.runtime.board import Board
from ai_gateway.runtime.breakers import Breakers, Digest
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.decisions import Decisions
from ai_gateway.runtime.health import Healths
from ai_gateway.runtime.paid_probe import PaidProbe
from ai_gateway.runtime.probe import Checked, Probe
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.transitions import Transitions
from ai_gateway.store.breaker_states import BreakerStates
from ai_gateway.store.decisions import Decisions as KeptDecisions
from ai_gateway.store.decisions import row_of
from ai_gateway.store.health import HealthHistory
from ai_gateway.store.metrics_history import MetricsHistory
from ai_gateway.store.records import StoreUnavailable

Check = Callable[[Endpoint], Awaitable[Checked]]


class Histories(msgspec.Struct, frozen=True):
    """What SQL, or its twin in memory, remembers."""

    health: HealthHistory
    breakers: BreakerStates
    metrics: MetricsHistory
    decisions: KeptDecisions


class WatchDoors(msgspec.Struct, frozen=True):
    """`digest` is keyed with the instance's secret. `report` is told what is away, and why. `writer` names this process
    among the replicas."""

    histories: Histories
    clock: Clock
    rng: Random
    digest: Digest
    report: Callable[[str, Exception], None]
    writer: str
    pace: CheckPace = CheckPace()
    retention: Retention = Retention()


@final
class Watch:
    def __init__(self, doors: WatchDoors) -> None:
        histories = doors.histories
        self.histories = histories
        self.breakers = Breakers(doors.clock, doors.rng, doors.digest)
        self.healths = Healths()
        self.transitions = Transitions()
        self._doors = doors
        self._endpoints: dict[str, Endpoint] = {}
        self._looks = Outbox(histories.health.append)
        self._numbers = Outbox(histories.metrics.put)
        self._records = Outbox(histories.decisions.append)
        self.decisions = Decisions(self._keep_decision, doors.rng)
        self._moves = Moves(self.breakers, self.healths, self._names, self._looks.put)
        self.breakers.listen(self._moves.heard)
        self.breakers.listen(self.transitions.note)

    async def restore(self) -> None:
        """Before the first request: breakers as they were, and operators' words. Raises StoreUnavailable."""
        doors = self._doors
        report = partial(doors.report, "a breaker that cannot be read")
        self.breakers.restore(await breakers_job.load(doors.histories.breakers, report))
        for row in await doors.histories.health.overrides():
            word = Override(healthy=row.healthy, reason=row.reason, until=row.until)
            self.healths.override(row.endpoint_id, word, row.at)
        self.healths.lapse(doors.clock.wall())

    def configured(self, endpoints: Iterable[Endpoint]) -> None:
        """The endpoints that there are from now on; what is known of others is forgotten."""
        self._endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self.breakers.keep_only(set(self._endpoints))
        self.healths.keep_only(self._endpoints)

    def start(self, tasks: Tasks, board: Board, check: Check) -> None:
        """`check` asks an endpoint how it is, as `check_of` makes it."""
        doors = self._doors
        clock, histories, report = doors.clock, doors.histories, doors.report
        minutes = Minutes(
            MinuteDoors(
                endpoints=lambda: self._endpoints.values(),
                numbers=board.of,
                note=self._numbers.put,
                wall=clock.wall,
                writer=doors.writer,
            )
        )
        checks = CheckDoors(
            endpoints=lambda: self._endpoints.values(),
            check=check,
            last_success=lambda endpoint_id: _last(board, endpoint_id),
            note=self._looks.put,
            healths=self.healths,
            tasks=tasks,
            clock=clock,
            rng=doors.rng,
        )
        cuts = RetentionDoors(
            health=histories.health,
            breakers=histories.breakers,
            metrics=histories.metrics,
            decisions=histories.decisions,
            wall=clock.wall,
        )
        boxes = (self._looks, self._numbers, self._records)
        breakers_away = partial(report, "breakers")
        history_away = partial(report, "history")
        tasks.keep("save breakers", lambda: keep_saving(self.breakers, self._moves, histories.breakers, breakers_away))
        tasks.keep("flush history", lambda: keep_flushing(boxes, history_away))
        tasks.keep("minutes", lambda: keep_minutes(minutes, histories.metrics, clock.wall, history_away))
        tasks.keep("retention", lambda: keep_cutting(cuts, doors.retention, history_away))
        if doors.pace.every_seconds:
            tasks.keep("health checks", lambda: keep_checking(checks, doors.pace))

    async def save_breakers(self) -> int:
        """Write what moved, now. Raises StoreUnavailable, losing nothing."""
        return await breakers_job.save(self.breakers, self.histories.breakers)

    async def flush(self) -> None:
        """At the end: write what still waits. A database that is away is told of, and nothing is waited for."""
        try:
            await self.save_breakers()
            for box in (self._looks, self._numbers, self._records):
                await box.flush()
        except StoreUnavailable as error:
            self._doors.report("history", error)

    def dropped(self) -> int:
        """Rows that were left out because there was no room for them."""
        boxes = (self._looks, self._numbers, self._records)
        return sum(box.dropped for box in boxes) + self.decisions.not_kept

    def _keep_decision(self, decision: Decision) -> None:
        self._records.put(row_of(decision))

    def _names(self, endpoint_id: str) -> Names | None:
        endpoint = self._endpoints.get(endpoint_id)
        return None if endpoint is None else Names(endpoint.name, endpoint.provider.value)


def check_of(free: Probe, paid: PaidProbe, kinds: Mapping[ProviderType, ProviderKind]) -> Check:
    """The free question for everybody; and where it was answered well, or there is none, and the tenant pays for
    more, a paid one."""

    async def check(endpoint: Endpoint) -> Checked:
        kind, model = kinds[endpoint.provider], endpoint.paid_check_model
        checked = await free.check(endpoint, kind)
        is_bad = checked.fault is not None and kind.free_check is not None
        return checked if model is None or is_bad else await paid.check(endpoint, model)

    return check


def _last(board: Board, endpoint_id: str) -> object | None:
    latencies = board.of(endpoint_id).latencies
    return latencies[-1] if latencies else None

"""A Course made ready to be driven: for each tier the members that speak the call's dialect natively, with all that is
known of their endpoints, and what the requests of this course share (strategies' positions, retry budget, prices).

The Snapshot is immutable and all of that moves, so it lives here, beside the Course it belongs to. A Course that was
not rebuilt keeps its Plan over any number of configuration changes of other tenants.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import Candidate, Course, PriceBook, ProviderType, QueueLimits, Tier
from ai_gateway.policy.attempts import Limits
from ai_gateway.policy.retry_budget import RetryBudget
from ai_gateway.policy.worst_case import Worst, worst_of
from ai_gateway.providers import ProviderKind, codec_for
from ai_gateway.providers.openai import OpenAICodec
from ai_gateway.providers.output_caps import default_output, is_bounded
from ai_gateway.runtime.board import Board
from ai_gateway.runtime.breakers import Breakers
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.health import Healths
from ai_gateway.runtime.stages import Member, Stage
from ai_gateway.runtime.throttles import Throttles


class PlanDoors(msgspec.Struct, frozen=True):
    """What is known of endpoints in this process."""

    kinds: Mapping[ProviderType, ProviderKind]
    clock: Clock
    breakers: Breakers
    healths: Healths
    board: Board
    throttles: Throttles


@final
class Plan:
    """`stages` is empty where nobody can serve the call. `line` is the queue that its requests stand in, and its name,
    where they may wait at all."""

    def __init__(self, course: Course, stages: tuple[Stage, ...], now: float) -> None:
        self.course = course
        self.stages = stages
        self.limits = Limits(len(stages), course.retries, course.on_content_filter)
        self.budget = RetryBudget(now)
        self.line = _line_of(stages)
        self._default_output = max((default_output(it) for it in self.candidates), default=0)
        self._worst: Worst | None = None
        self._books = (0, 0)
        self._kept: tuple[PriceBook, ...] = ()  # alive, so that their ids stay theirs

    @cached_property
    def is_plain(self) -> bool:
        """Whether nothing but the model is changed in a chat for any member of the first tier, and no signature is over
        what is sent."""
        members = self.stages[0].members if self.stages else ()
        return bool(members) and all(
            isinstance(it.codec, OpenAICodec) and it.codec.speaks_plainly and it.signer.is_plain for it in members
        )

    @cached_property
    def is_bounded(self) -> bool:
        """Whether every model of the first tier is known to write no more than is held where nobody says a cap."""
        return all(is_bounded(it.candidate) for it in self.stages[0].members) if self.stages else False

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return tuple(member.candidate for stage in self.stages for member in stage.members)

    def worst(self, own: PriceBook, book: PriceBook, at: float) -> Worst:
        """The dearest rates of all candidates, fallbacks too, worked out again when prices change or a new one comes
        into force."""
        if self._worst is None or self._books != (id(own), id(book)) or at >= self._worst.until:
            self._books = (id(own), id(book))
            self._kept = (own, book)
            worst = worst_of(self.candidates, own, book, at)
            self._worst = msgspec.structs.replace(worst, default_output=self._default_output)
        return self._worst


@final
class Plans:
    def __init__(self, doors: PlanDoors, most: int = 50_000) -> None:
        self._doors = doors
        self._most = most
        self._plans: dict[tuple[str, str, Dialect, Operation], Plan] = {}
        self.forgotten = 0
        """How often plans were: whoever keeps one looks whether it still is the one."""

    def of(
        self, tenant_id: str, course: Course, dialect: Dialect, operation: Operation, known_as: str | None = None
    ) -> Plan:
        """`known_as`: by what it is kept, where the course is a part of the one that has its name."""
        name = (tenant_id, known_as or course.name, dialect, operation)
        plan = self._plans.get(name)
        if plan is None or (plan.course is not course and plan.course != course):
            plan = self._make(course, dialect, operation)
            if len(self._plans) >= self._most:
                self._plans.clear()
                self.forgotten += 1
            self._plans[name] = plan
        plan.course = course  # of a later configuration, and equal: a thousand endpoints are compared once
        return plan

    def keep_only(self, endpoint_ids: set[str]) -> None:
        """Forget endpoints that are no longer configured, and the plans that know them: all that is known of an
        endpoint begins anew when it comes back, and a plan that was kept would go on with what nobody else sees."""
        gone = self._doors.throttles.keep_only(endpoint_ids)
        if gone:
            self.forgotten += 1
            self._plans = {
                name: plan
                for name, plan in self._plans.items()
                if not any(it.endpoint.id in gone for it in plan.candidates)
            }

    def _make(self, course: Course, dialect: Dialect, operation: Operation) -> Plan:
        return Plan(course, tuple(self._stages(course, dialect, operation)), self._doors.clock.now())

    def _stages(self, course: Course, dialect: Dialect, operation: Operation) -> Iterator[Stage]:
        """A fallback stands in for what failed, not for what was never offered: where the name has members of its own
        and none speaks the dialect, there are no stages, and the caller is told so."""
        began = silent = False
        for tier in course.tiers:
            if silent and tier.pool != course.pool:
                return
            members = tuple(self._members(tier, dialect, operation))
            if members:
                began = True
                yield Stage(tier, members, self._doors.healths)
            silent = not began and (silent or bool(tier.candidates))

    def _members(self, tier: Tier, dialect: Dialect, operation: Operation) -> Iterator[Member]:
        doors = self._doors
        now = doors.clock.now()
        for candidate in tier.candidates:
            endpoint = candidate.endpoint
            kind = doors.kinds[endpoint.provider].of(endpoint)
            codec = codec_for(kind, dialect, operation)
            if codec is not None:
                yield Member(
                    candidate,
                    kind,
                    codec,
                    gate=doors.breakers.of(endpoint, tier.breaker),
                    standing=doors.board.of(endpoint.id),
                    throttle=doors.throttles.of(endpoint, now),
                )


def _line_of(stages: tuple[Stage, ...]) -> tuple[str, QueueLimits] | None:
    """The pool's own queue, else that of the first endpoint that has one."""
    for stage in stages:
        if stage.tier.queue is not None:
            return f"pool {stage.tier.pool}", stage.tier.queue
    for stage in stages:
        for member in stage.members:
            endpoint = member.candidate.endpoint
            if endpoint.queue is not None:
                return f"provider {endpoint.name}", endpoint.queue
    return None

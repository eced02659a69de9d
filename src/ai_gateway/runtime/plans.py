"""A Course made ready to be driven: the members that speak the call's dialect natively, and the strategy's state.

The Snapshot is immutable and a strategy has a position, so the position lives here, beside the Course it belongs to.
A Course that was not rebuilt keeps its Plan over any number of configuration changes of other tenants.
"""

from collections.abc import Mapping
from random import Random
from typing import final

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import Candidate, Course, PriceBook, ProviderType, Tier
from ai_gateway.policy.field import Calm
from ai_gateway.policy.load_balancer import Picker, picker_for
from ai_gateway.policy.pricing import Worst, worst_of
from ai_gateway.providers import ProviderKind, codec_for


@final
class Plan:
    def __init__(self, course: Course, candidates: tuple[Candidate, ...], picker: Picker | None) -> None:
        self.course = course
        self.candidates = candidates
        self._picker = picker
        self._field = Calm()
        self._worst: Worst | None = None
        self._books = (0, 0)
        self._kept: tuple[PriceBook, ...] = ()  # alive, so that their ids stay theirs

    def worst(self, own: PriceBook, book: PriceBook, at: float) -> Worst:
        """The dearest rates of the candidates, worked out again when prices change or a new one comes into force."""
        if self._worst is None or self._books != (id(own), id(book)) or at >= self._worst.until:
            self._books = (id(own), id(book))
            self._kept = (own, book)
            self._worst = worst_of(self.candidates, own, book, at)
        return self._worst

    def pick(self, rng: Random) -> int:
        """An index into `candidates`, which is not empty."""
        assert self._picker is not None
        place = self._picker.pick(self._field, rng)
        assert place is not None, "in a calm field everybody admits"
        return place


@final
class Plans:
    def __init__(self, kinds: Mapping[ProviderType, ProviderKind], most: int = 50_000) -> None:
        self._kinds = kinds
        self._most = most
        self._plans: dict[tuple[str, str, Dialect, Operation], Plan] = {}

    def of(self, tenant_id: str, course: Course, dialect: Dialect, operation: Operation) -> Plan:
        name = (tenant_id, course.name, dialect, operation)
        plan = self._plans.get(name)
        if plan is None or (plan.course is not course and plan.course != course):
            plan = self._make(course, dialect, operation)
            if len(self._plans) >= self._most:
                self._plans.clear()
            self._plans[name] = plan
        return plan

    def _make(self, course: Course, dialect: Dialect, operation: Operation) -> Plan:
        """The first tier that has a member for this dialect. A fallback stands in for what failed, not for what was
        never offered: where the name has members of its own and none speaks the dialect, the caller is told so."""
        silent = False
        for tier in course.tiers:
            if silent and tier.pool != course.pool:
                break
            fit = tuple(
                it for it in tier.candidates if codec_for(self._kinds[it.endpoint.provider], dialect, operation)
            )
            if fit:
                return Plan(course, fit, _picker(tier, fit))
            silent = silent or bool(tier.candidates)
        return Plan(course, (), None)


def _picker(tier: Tier, fit: tuple[Candidate, ...]) -> Picker:
    return picker_for(
        tier.strategy,
        [it.weight for it in fit],
        priorities=[it.priority for it in fit],
        sticky_names=None if tier.sticky_by is None else [f"{it.endpoint.name}/{it.model}" for it in fit],
    )

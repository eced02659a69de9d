"""Who would be picked for a request that nobody sends, and why the others would not.

The pool's own strategy answers, built anew and asked a few hundred times with seeded dice over what is known of the
members now: a strategy that counts turns has no turn of its own to give away, and "seven of ten" is a better answer
than the name of whoever happens to be next. Nothing of the living pool is touched.

The tiers are gone through as a first attempt does (policy/attempts.py): the first in which somebody admits; where
nobody does anywhere, panic asks those whose only fault is an open breaker.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, final

import msgspec

from ai_gateway.domain.config import Candidate, Course, Tier
from ai_gateway.policy.load_balancer import picker_for

PICKS: Final = 500


class Facts(msgspec.Struct, frozen=True):
    """What is known of a member now. `obstacles`: every reason for which it would not be asked, in words. `waits_only`:
    an open breaker that no operator forced is the only one. `first_token_ms` is a moving average."""

    obstacles: tuple[str, ...] = ()
    waits_only: bool = False
    active: int = 0
    first_token_ms: float | None = None


class MemberPart(msgspec.Struct, frozen=True):
    """`chance` that a request which comes to this tier is sent to this member first: 0 to 1."""

    candidate: Candidate
    facts: Facts
    chance: float


class TierPart(msgspec.Struct, frozen=True):
    tier: Tier
    members: tuple[MemberPart, ...]


class Explanation(msgspec.Struct, frozen=True):
    """`picked` is the likeliest member of the tier that would be asked, None where nobody would; `is_panic`: nobody is
    well, so open breakers are ignored."""

    tiers: tuple[TierPart, ...]
    picked: Candidate | None
    is_panic: bool


def explain(
    course: Course, facts_of: Callable[[Candidate], Facts], now: float, affinity: str | None = None
) -> Explanation:
    """`now`: monotonic seconds. `affinity`: what a sticky pool would keep the caller together by."""
    tiers = [_explain_tier(tier, facts_of, now, affinity, is_panic=False) for tier in course.tiers]
    for tier in tiers:
        if (likeliest := _likeliest(tier)) is not None:
            return Explanation(tuple(tiers), likeliest, is_panic=False)
    tiers = [_explain_tier(tier, facts_of, now, affinity, is_panic=True) for tier in course.tiers]
    picked = next((found for tier in tiers if (found := _likeliest(tier)) is not None), None)
    return Explanation(tuple(tiers), picked, is_panic=picked is not None)


def _explain_tier(
    tier: Tier, facts_of: Callable[[Candidate], Facts], now: float, affinity: str | None, *, is_panic: bool
) -> TierPart:
    candidates = tier.candidates
    facts = [facts_of(candidate) for candidate in candidates]
    counts = [0] * len(candidates)
    if candidates:
        field = _Known(facts, now, is_panic=is_panic)
        picker = picker_for(
            tier.strategy,
            [it.weight for it in candidates],
            priorities=[it.priority for it in candidates],
            sticky_names=None if tier.sticky_by is None else [f"{it.endpoint.name}/{it.model}" for it in candidates],
        )
        rng = Random(0)  # noqa: S311  the same question has the same answer
        for _ in range(PICKS):
            place = picker.pick(field, rng, affinity)
            if place is None:
                break
            counts[place] += 1
    members = zip(candidates, facts, counts, strict=True)
    return TierPart(tier, tuple(MemberPart(candidate, known, count / PICKS) for candidate, known, count in members))


def _likeliest(part: TierPart) -> Candidate | None:
    best = max(part.members, key=lambda it: it.chance, default=None)
    return None if best is None or not best.chance else best.candidate


@final
class _Known:
    """The facts as a strategy asks for them."""

    is_calm = False

    def __init__(self, facts: Sequence[Facts], now: float, *, is_panic: bool) -> None:
        self._facts = facts
        self._is_panic = is_panic
        self.now = now

    def admits(self, place: int) -> bool:
        facts = self._facts[place]
        return not facts.obstacles or (self._is_panic and facts.waits_only)

    def ramp(self, place: int) -> float:
        return 1.0

    def active(self, place: int) -> int:
        return self._facts[place].active

    def first_token_ms(self, place: int) -> float | None:
        return self._facts[place].first_token_ms

    def peak_first_token_ms(self, place: int) -> float | None:
        return self._facts[place].first_token_ms

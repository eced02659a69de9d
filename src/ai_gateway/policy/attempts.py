"""How often a request is tried, and where next: one generator owns the whole budget of attempts of a request.

It yields what is to be done, a `Try`, a `Wait` or a `Line`, and is sent how that ended, so that retries, fallbacks and
their limits can be read in one function and tested as a dialogue. It knows places and faults, never an endpoint: what
it has to know of the world it asks a `World`.

The order of places is the order of what the caller loses. Another endpoint of the tier costs nothing, so it is first
and at once. The next tier is another model or vendor, but still an answer now. Only when nobody is left is the same
endpoint asked again, after a pause; one that is only busy (429) is waited for in the queue, where there is one, with
those who wait there already. What is deterministic is not tried again at all: it would fail again, at the caller's
cost. Between two attempts stand the retry budget, which the tenant's requests on a route share, and the deadline:
nothing begins that could not end before it.

A place that was passed over for a local reason (an open breaker, a cooldown, too many already waiting) is no attempt:
whoever is asked first instead makes the first one. When there is nobody to ask, two rules bend, in this order and for
the first attempt only: crowded places are asked, and then, in panic, those whose breaker is open, anywhere on the
course, because a breaker is there to protect answers and there are none left to protect. A retry does not bend them:
in an outage of everything a request costs one call, not three.

What the caller is told in the end is the first fault: it is about the endpoint that he asked for.
"""

from collections.abc import Collection, Generator, Iterator
from enum import Enum, auto
from random import Random
from typing import Final, Protocol

import msgspec

from ai_gateway.domain.config import OnContentFilter, Retries
from ai_gateway.domain.faults import Category, Fault, Origin, ProviderTooSlow, Untranslatable
from ai_gateway.policy.backoff import pause_seconds

ASKED_WRONGLY: Final = "asked_wrongly"
"""The code of a fault that says: this place is well, and may be asked again at once, as it will be asked otherwise."""


class Try(msgspec.Struct, frozen=True, gc=False):
    """Send the request to the member `place` of the course's tier `tier`. Answered with the fault, None: it is done."""

    tier: int
    place: int


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Do nothing for so long. Answered with None."""

    seconds: float


class Line(msgspec.Struct, frozen=True, gc=False):
    """Stand in the queue until a place is promised, but none of `barred` (a set of places for each tier). The next pick
    gets it. Answered with the fault that ended it, None: there is a place, or nothing left to wait for."""

    barred: tuple[frozenset[int], ...]


class World(Protocol):
    """What the generator may ask. A pick is an index into the tier's members that is not in `tried`, None where none
    may be asked; who is not admitted for a local reason is not picked."""

    def pick(self, tier: int, tried: Collection[int]) -> int | None:
        """One that is admitted."""
        ...

    def pick_crowded(self, tier: int) -> int | None:
        """One whose only fault is that too many wait there already."""
        ...

    def pick_in_panic(self, tier: int) -> int | None:
        """One whose breaker is open, but not by an operator, and whose credential is not quarantined."""
        ...

    def takes_longer(self, place: Try, than: Try) -> bool:
        """Whether its model is known to have the larger context window."""
        ...

    def may_retry(self) -> bool:
        """Whether the retry budget pays one more attempt; it is paid when the answer is yes."""
        ...

    def has_line(self) -> bool:
        """Whether there is a queue that its requests may stand in."""
        ...

    def refusal(self) -> Fault:
        """Why nobody on the course may be asked."""
        ...

    def now(self) -> float:
        """Monotonic seconds."""
        ...


class Limits(msgspec.Struct, frozen=True):
    """What holds for every request of a course. `tiers` is at least 1."""

    tiers: int = 1
    retries: Retries = Retries()
    on_content_filter: OnContentFilter = OnContentFilter.ERROR


Attempts = Generator[Try | Wait | Line, Fault | None, Fault | None]


def pursue(world: World, limits: Limits, deadline: float, rng: Random) -> Attempts:
    """Returns the fault that the caller gets, None where the request succeeded. `deadline`: monotonic seconds."""
    if world.now() >= deadline:
        return too_late()
    place = world.pick(0, ())
    first = Try(0, place) if place is not None else _anybody(world, limits.tiers, rng)
    if first is None:
        return world.refusal()
    fault = yield first
    if fault is None:
        return None
    return (yield from insist(world, limits, deadline, rng, last=first, fault=fault))


class _Way(Enum):
    """Where a fault leaves it worth going. HERE is anywhere, there too and at once; LATER is elsewhere at once, and
    there again in its turn."""

    NOWHERE = auto()
    HERE = auto()
    ANYWHERE = auto()
    ELSEWHERE = auto()
    LATER = auto()
    LONGER_WINDOW = auto()
    LATER_TIER = auto()


_WAYS: Final[dict[Category, _Way]] = {
    Category.PROVIDER_ERROR: _Way.ANYWHERE,
    Category.TIMEOUT: _Way.ANYWHERE,
    Category.OVERLOADED: _Way.ANYWHERE,
    Category.RATE_LIMIT: _Way.LATER,
    Category.QUOTA: _Way.ELSEWHERE,
    Category.PAYMENT: _Way.ELSEWHERE,
    Category.PROVIDER_AUTHENTICATION: _Way.ELSEWHERE,
    Category.CONTEXT_LENGTH: _Way.LONGER_WINDOW,
    Category.CONTENT_FILTER: _Way.LATER_TIER,
}
"""What is not listed is deterministic, or ours: the same everywhere."""


def insist(world: World, limits: Limits, deadline: float, rng: Random, *, last: Try, fault: Fault) -> Attempts:
    """Everything after a first attempt that failed at `last`."""
    first_fault = fault
    ground = _Ground(world, limits.tiers)
    pauses = 0
    for _ in range(limits.retries.max_attempts - 1):
        way = _way(fault, limits.on_content_filter)
        if way is _Way.NOWHERE:
            break
        ground.leave(last, way, fault.retry_after_seconds)
        following = ground.next()
        if following is None and ground.is_worth_waiting():
            pause = pause_seconds(limits.retries, pauses, rng, ground.announced_seconds())
            if world.now() + pause >= deadline or not world.may_retry():
                break
            yield Wait(pause)
            pauses += 1
            ground.begin_again()
            following = ground.next()
            if following is None or world.now() >= deadline:
                break
        elif following is None and ground.has_busy and world.has_line():
            if not world.may_retry() or (yield Line(ground.begin_again_with_busy())) is not None:
                break
            following = ground.next()
            if following is None or world.now() >= deadline:
                break
        elif following is None or world.now() >= deadline or not world.may_retry():
            break
        last = following
        answer = yield last
        if answer is None:
            return None
        fault = answer
        if isinstance(first_fault, Untranslatable):  # of which nobody heard: who was asked has more to say
            first_fault = fault
    return first_fault


class _Ground:
    """Which places of the course are still open to this request. A pass visits a place once; a place that is barred is
    never visited again, but for the busy ones, where a queue says when. `_rest` holds the instants before which a place
    asked not to be asked."""

    def __init__(self, world: World, tiers: int) -> None:
        self._world = world
        self._tiers = tiers
        self._from_tier = 0
        self._longer_than: Try | None = None
        self._tried: list[set[int]] = [set() for _ in range(tiers)]
        self._barred: list[set[int]] = [set() for _ in range(tiers)]
        self._busy: list[set[int]] = [set() for _ in range(tiers)]
        self._rest: dict[Try, float] = {}

    def leave(self, place: Try, way: _Way, retry_after_seconds: float | None) -> None:
        if way is _Way.HERE:
            return
        self._tried[place.tier].add(place.place)
        if way is not _Way.ANYWHERE:
            self._barred[place.tier].add(place.place)
        elif retry_after_seconds is not None:
            self._rest[place] = self._world.now() + retry_after_seconds
        if way is _Way.LATER:
            self._busy[place.tier].add(place.place)
        elif way is _Way.LONGER_WINDOW:
            self._longer_than = place
        elif way is _Way.LATER_TIER:
            self._from_tier = place.tier + 1

    def next(self) -> Try | None:
        for tier in range(self._from_tier, self._tiers):
            tried = self._tried[tier]
            while (place := self._world.pick(tier, tried)) is not None:
                candidate = Try(tier, place)
                if self._longer_than is None or self._world.takes_longer(candidate, self._longer_than):
                    return candidate
                tried.add(place)
                self._barred[tier].add(place)
        return None

    def is_worth_waiting(self) -> bool:
        """Somebody failed in this pass in a way that may be over after a pause."""
        return any(self._transient())

    def announced_seconds(self) -> float | None:
        """Until the first of them may be asked again, where all of them named a time."""
        until = min(self._rest.get(place, 0.0) for place in self._transient())
        return until - self._world.now() if until else None

    def begin_again(self) -> None:
        now = self._world.now()
        self._tried = [set(barred) for barred in self._barred]
        for place, until in self._rest.items():
            if until > now:
                self._tried[place.tier].add(place.place)

    @property
    def has_busy(self) -> bool:
        """Somebody is well and asked for a pause, and whoever of the course has a place would do."""
        return any(self._busy) and not self._from_tier and self._longer_than is None

    def begin_again_with_busy(self) -> tuple[frozenset[int], ...]:
        """Who is barred all the same."""
        for barred, busy in zip(self._barred, self._busy, strict=True):
            barred.difference_update(busy)
            busy.clear()
        self.begin_again()
        return tuple(frozenset(barred) for barred in self._barred)

    def _transient(self) -> Iterator[Try]:
        for tier in range(self._from_tier, self._tiers):
            for place in self._tried[tier] - self._barred[tier]:
                yield Try(tier, place)


def _way(fault: Fault, on_content_filter: OnContentFilter) -> _Way:
    """A rate limit of the gateway's own is about the caller, wherever the request goes."""
    if fault.code == ASKED_WRONGLY:
        return _Way.HERE
    if isinstance(fault, Untranslatable):
        return _Way.ELSEWHERE
    way = _WAYS.get(fault.category, _Way.NOWHERE)
    if way is _Way.LATER_TIER and on_content_filter is not OnContentFilter.FALLBACK:
        return _Way.NOWHERE
    if fault.category is Category.RATE_LIMIT and fault.origin is not Origin.PROVIDER:
        return _Way.NOWHERE
    if way is _Way.ANYWHERE and fault.origin is Origin.POLICY:  # an address that may not be called stays one
        return _Way.ELSEWHERE
    return way


def _anybody(world: World, tiers: int, rng: Random) -> Try | None:
    """The first attempt, where nobody of the first tier is admitted. Panic begins at a tier by chance: whoever heals
    first is found, and not only when those before have healed too."""
    for tier in range(1, tiers):
        place = world.pick(tier, ())
        if place is not None:
            return Try(tier, place)
    for tier in range(tiers):
        place = world.pick_crowded(tier)
        if place is not None:
            return Try(tier, place)
    lot = rng.randrange(tiers)
    for step in range(tiers):
        tier = (lot + step) % tiers
        place = world.pick_in_panic(tier)
        if place is not None:
            return Try(tier, place)
    return None


def too_late() -> Fault:
    """Nobody was asked, because there was no time left to answer in."""
    return ProviderTooSlow(
        "The request's time was over before an AI provider could be asked.",
        code="deadline_exceeded",
        origin=Origin.GATEWAY,
    )

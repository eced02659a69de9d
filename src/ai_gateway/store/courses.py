"""Names become courses: what a caller may write as `model`, and where each such name leads.

A tenant's own account always comes before one that it was lent. So for a bare model name the lent (system) endpoints
are a tier of their own behind the tenant's, never mixed into it: no share of the traffic reaches them while the
tenant's own can take it. Fallback groups are tiers behind that.

How a group's members are called belongs to the group, wherever it stands in a course: its strategy, its breaker, its
queue, its times. How often and how long a request is carried at all belongs to the name that was asked for, so a
fallback never stretches what the caller was promised. A route says both, as it stands for a purpose and not for
endpoints.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from ai_gateway.domain.config import (
    CacheSettings,
    Candidate,
    Course,
    Endpoint,
    OnContentFilter,
    OnDisconnect,
    OnStreamCut,
    Ownership,
    Retries,
    Strategy,
    Tier,
    Timeouts,
)
from ai_gateway.policy import fallbacks
from ai_gateway.store.options import Stored, breaker_of, choice_of, queue_of, settings_of, timeouts_over
from ai_gateway.store.rows import PoolRow, RouteRow

_DEFAULT_TOTAL: Final = Timeouts().total


def compile_courses(
    pools: Iterable[PoolRow], routes: Iterable[RouteRow], endpoints: Mapping[str, Endpoint], default: Sequence[str] = ()
) -> dict[str, Course]:
    """Pools and routes by name; they share one namespace. A route whose pool is gone leads nowhere, and says so by a
    course without candidates. `default` are the tenant's default fallbacks."""
    by_pool = {pool.group_name: pool for pool in pools}
    tiers = {name: _tier(pool, endpoints) for name, pool in by_pool.items()}
    groups = fallback_groups(by_pool.values())
    courses: dict[str, Course] = {}
    for name, pool in by_pool.items():
        behind = (tiers[other] for other in fallbacks.behind(name, groups, default))
        courses[name] = _course(name, (tiers[name], *behind), pool.options, pool=name)
    for route in routes:
        target = courses.get(route.pool) or _course(route.pool, (Tier(candidates=(), pool=route.pool),), {})
        courses[route.name] = _routed(target, route)
    return courses


def compile_models(endpoints: Iterable[Endpoint], behind: Sequence[Tier] = ()) -> dict[str, Course]:
    """Bare model names: every endpoint that lists the model, the tenant's own in the first tier; `behind` all of them
    are the tiers of the tenant's default fallbacks."""
    own: dict[str, list[Endpoint]] = {}
    lent: dict[str, list[Endpoint]] = {}
    for endpoint in sorted(endpoints, key=lambda one: (one.priority, one.name)):
        side = own if endpoint.ownership is Ownership.TENANT else lent
        for model in dict.fromkeys(endpoint.models):
            side.setdefault(model, []).append(endpoint)
    return {
        model: _course(model, (*(_bare(side[model], model) for side in (own, lent) if model in side), *behind), {})
        for model in own | lent
    }


def default_tiers(pools: Iterable[PoolRow], courses: Mapping[str, Course], default: Sequence[str]) -> tuple[Tier, ...]:
    """The tiers behind a name that has no fallbacks of its own, taken from the compiled courses of the pools."""
    return tuple(courses[group].tiers[0] for group in fallbacks.follow(default, fallback_groups(pools)))


def fallback_groups(pools: Iterable[PoolRow]) -> fallbacks.Groups:
    """Every group with its own fallbacks, as policy/fallbacks.py follows them."""
    return {pool.group_name: pool.options.get("fallbacks") for pool in pools}


def member_model(group_name: str, asked: str | None, models: tuple[str, ...]) -> str | None:
    """The model that a pool's member is asked for: its own, else the group's name if the config lists that, else the
    config's only model. None: nobody can tell, and the pool is refused."""
    if asked is not None:
        return asked
    if group_name in models:
        return group_name
    return models[0] if len(models) == 1 else None


def _tier(pool: PoolRow, endpoints: Mapping[str, Endpoint]) -> Tier:
    timeouts: Stored | None = pool.options.get("timeouts")
    found = (_member(pool.group_name, member, endpoints, timeouts) for member in pool.members)
    return Tier(
        candidates=tuple(candidate for candidate in found if candidate is not None),
        pool=pool.group_name,
        strategy=choice_of(Strategy.WEIGHTED_ROUND_ROBIN, pool.strategy),
        breaker=breaker_of(pool.options.get("circuit_breaker")),
        sticky_by=_sticky_by(pool.options.get("sticky_by")),
        queue=queue_of(pool.options.get("queue")),
    )


def _member(
    group_name: str, member: dict[str, Any], endpoints: Mapping[str, Endpoint], timeouts: Stored | None
) -> Candidate | None:
    endpoint = endpoints.get(member["name"])
    if endpoint is None:
        return None
    model = member_model(group_name, member.get("model"), endpoint.models)
    if model is None:
        return None
    return Candidate(
        endpoint=endpoint,
        model=model,
        weight=member.get("weight", 1),
        priority=member.get("priority", endpoint.priority),
        timeouts=timeouts_over(endpoint.timeouts, timeouts) if timeouts else None,
    )


def _bare(endpoints: Iterable[Endpoint], model: str) -> Tier:
    return Tier(
        candidates=tuple(
            Candidate(endpoint=endpoint, model=model, weight=endpoint.weight, priority=endpoint.priority)
            for endpoint in endpoints
        )
    )


def _sticky_by(stored: str | None) -> str | None:
    """Header names are compared in lower case; what a newer version may stick by is passed over."""
    if stored is None or not (stored == "user" or stored.startswith("header:")):
        return None
    return stored.lower()


def _course(name: str, tiers: tuple[Tier, ...], options: Stored, pool: str | None = None) -> Course:
    timeouts: Stored = options.get("timeouts") or {}
    kept = _each_once(tiers)
    return Course(
        name=name,
        tiers=kept,
        pool=pool,
        retries=settings_of(Retries, options.get("retries")),
        total_seconds=timeouts.get("total") or _longest(kept),
        on_stream_cut=choice_of(OnStreamCut.CONTINUE, options.get("on_stream_cut")),
    )


def _routed(target: Course, route: RouteRow) -> Course:
    options = route.options
    timeouts: Stored = options.get("timeouts") or {}
    retries: Stored | None = options.get("retries")
    return msgspec.structs.replace(
        target,
        name=route.name,
        route=route.name,
        pool=route.pool,
        tiers=tuple(_timed(tier, timeouts) for tier in target.tiers) if timeouts else target.tiers,
        retries=target.retries if retries is None else settings_of(Retries, retries),
        total_seconds=timeouts.get("total", target.total_seconds),
        on_stream_cut=choice_of(target.on_stream_cut, options.get("on_stream_cut")),
        on_content_filter=choice_of(OnContentFilter.ERROR, options.get("on_content_filter")),
        on_disconnect=choice_of(OnDisconnect.CANCEL, options.get("on_disconnect")),
        drop_unsupported=options.get("drop_unsupported") is True,
        hides_providers=options.get("hide_providers") is True,
        hides_models=options.get("hide_providers") is True,
        cache=None if options.get("cache") is None else settings_of(CacheSettings, options["cache"]),
    )


def _timed(tier: Tier, timeouts: Stored) -> Tier:
    timed = (
        msgspec.structs.replace(one, timeouts=timeouts_over(one.timeouts or one.endpoint.timeouts, timeouts))
        for one in tier.candidates
    )
    return msgspec.structs.replace(tier, candidates=tuple(timed))


def _each_once(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """An account that failed at a model is not asked for the same again because two groups name it. One with weight 0
    is never picked, so it does not count as met. A tier that is empty goes, but for the first: it is the name's own.
    Tiers are shared between courses unless something is taken out."""
    met: set[tuple[str, str]] = set()
    kept: list[Tier] = []
    for tier in tiers:
        fresh = tuple(one for one in tier.candidates if (one.endpoint.id, one.model) not in met)
        if fresh or not kept:
            kept.append(tier if len(fresh) == len(tier.candidates) else msgspec.structs.replace(tier, candidates=fresh))
        met.update((one.endpoint.id, one.model) for one in fresh if one.weight)
    return tuple(kept)


def _longest(tiers: tuple[Tier, ...]) -> float:
    """Where nobody gave the name a total: as long as the slowest of the first endpoints that there are may take."""
    first = next((tier.candidates for tier in tiers if tier.candidates), ())
    return max(((one.timeouts or one.endpoint.timeouts).total for one in first), default=_DEFAULT_TOTAL)

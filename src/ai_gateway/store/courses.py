"""Names become courses: what a caller may write as `model`, and where each such name leads.

A tenant's own account always comes before one that it was lent. So for a bare model name the lent (system) endpoints
are a tier of their own behind the tenant's, never mixed into it: no share of the traffic reaches them while the
tenant's own can take it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ai_gateway.domain.config import Candidate, Course, Endpoint, Ownership, Strategy, Tier
from ai_gateway.store.rows import PoolRow, RouteRow

_STRATEGIES: Final = {str(member): member for member in Strategy}


def compile_courses(
    pools: Iterable[PoolRow], routes: Iterable[RouteRow], endpoints: Mapping[str, Endpoint]
) -> dict[str, Course]:
    """Pools and routes by name; they share one namespace. A route whose pool is gone leads nowhere, and says so by a
    course without candidates."""
    by_pool = {pool.group_name: _pool_course(pool, endpoints) for pool in pools}
    courses = dict(by_pool)
    for route in routes:
        target = by_pool.get(route.pool)
        courses[route.name] = Course(
            name=route.name,
            tiers=target.tiers if target is not None else (Tier(candidates=(), pool=route.pool),),
            route=route.name,
            pool=route.pool,
        )
    return courses


def compile_models(endpoints: Iterable[Endpoint]) -> dict[str, Course]:
    """Bare model names: every endpoint that lists the model, the tenant's own in the first tier."""
    own: dict[str, list[Endpoint]] = {}
    lent: dict[str, list[Endpoint]] = {}
    for endpoint in sorted(endpoints, key=lambda one: (one.priority, one.name)):
        side = own if endpoint.ownership is Ownership.TENANT else lent
        for model in dict.fromkeys(endpoint.models):
            side.setdefault(model, []).append(endpoint)
    return {
        model: Course(
            name=model,
            tiers=tuple(
                Tier(candidates=tuple(_member(endpoint, model) for endpoint in side[model]))
                for side in (own, lent)
                if model in side
            ),
        )
        for model in own | lent
    }


def member_model(group_name: str, asked: str | None, models: tuple[str, ...]) -> str | None:
    """The model that a pool's member is asked for: its own, else the group's name if the config lists that, else the
    config's only model. None: nobody can tell, and the pool is refused."""
    if asked is not None:
        return asked
    if group_name in models:
        return group_name
    return models[0] if len(models) == 1 else None


def _pool_course(pool: PoolRow, endpoints: Mapping[str, Endpoint]) -> Course:
    found = (_candidate(pool.group_name, member, endpoints) for member in pool.members)
    tier = Tier(
        candidates=tuple(candidate for candidate in found if candidate is not None),
        pool=pool.group_name,
        strategy=_STRATEGIES.get(pool.strategy, Strategy.WEIGHTED_ROUND_ROBIN),
    )
    return Course(name=pool.group_name, tiers=(tier,), pool=pool.group_name)


def _member(endpoint: Endpoint, model: str) -> Candidate:
    return Candidate(endpoint=endpoint, model=model, weight=endpoint.weight, priority=endpoint.priority)


def _candidate(group_name: str, member: dict[str, Any], endpoints: Mapping[str, Endpoint]) -> Candidate | None:
    endpoint = endpoints.get(member["name"])
    if endpoint is None:
        return None
    model = member_model(group_name, member.get("model"), endpoint.models)
    if model is None:
        return None
    return Candidate(endpoint=endpoint, model=model, weight=member.get("weight", 1))

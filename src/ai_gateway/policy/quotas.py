"""Who pays for a call, and how much it can cost at worst. Every number is an upper bound, because money that was
held and not spent comes back, and money that was spent and not held does not.

A token is at least one byte of the request, so the body's length bounds the input; the output is bounded by what the
caller asked for, else by the endpoint's default.
"""

import msgspec

from ai_gateway.domain.budgets import Leg, Limits, tightest
from ai_gateway.domain.config import Key, Tenant
from ai_gateway.domain.traffic import Call, Caller, Charge
from ai_gateway.policy.pricing import PICO_PER_NANO, Worst


def legs_of(caller: Caller) -> tuple[Leg, ...]:
    """The levels that pay, in the order they are checked; a missing level is skipped."""
    legs: list[Leg] = [("key", caller.key.id)]
    if caller.team_id is not None:
        legs.append(("team", caller.team_id))
    if caller.department_id is not None:
        legs.append(("department", caller.department_id))
    if caller.user_id is not None:
        legs.append(("user", caller.user_id))
    legs.append(("tenant", caller.tenant.id))
    return tuple(legs)


def limits_of_caller(tenant: Tenant, key: Key, legs: tuple[Leg, ...]) -> Limits:
    """What the legs may spend, in the order they are checked. A key's own limits stand on it and in budgets."""
    first, *rest = legs
    limits = [*key.limits]
    if first in tenant.limits:
        named = [msgspec.structs.replace(limit, name=key.name) for limit in tenant.limits[first]]
        limits = [*tightest((*key.limits, *named))]
    for leg in rest:
        limits += tenant.limits.get(leg, ())
    return tuple(limits)


def charge(caller: Caller, call: Call, worst: Worst, revision: int = 0) -> Charge:
    """`worst` are the dearest rates among the endpoints that may serve the call; `revision` is the configuration's."""
    output = (worst.default_output if call.max_output is None else call.max_output) * call.choices
    pico = call.body_bytes * worst.input_pico + output * worst.output_pico
    return Charge(
        legs=caller.legs or legs_of(caller),
        worst_nano=-(-pico // PICO_PER_NANO),
        worst_tokens=call.body_bytes + output,
        at=call.head.received_wall,
        limits=caller.limits,
        zone=caller.tenant.zone,
        revision=revision,
    )

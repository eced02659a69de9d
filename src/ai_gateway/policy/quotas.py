"""Who pays for a call, and how much it can cost at worst. Every number is an upper bound, because money that was
held and not spent comes back, and money that was spent and not held does not.

A token is at least one byte of the request, so the body's length bounds the input; the output is bounded by what the
caller asked for, else by the endpoint's default.
"""

from ai_gateway.domain.traffic import Call, Caller, Charge, Leg
from ai_gateway.policy.worst_case import Worst, worst_nano


def legs_of(caller: Caller) -> tuple[Leg, ...]:
    """The levels that pay, in the order they are checked; a missing level is skipped."""
    return legs_of_ids(
        key_id=caller.key.id,
        team_id=caller.team_id,
        department_id=caller.department_id,
        user_id=caller.user_id,
        tenant_id=caller.tenant.id,
    )


def legs_of_ids(
    *, key_id: str, team_id: str | None, department_id: str | None, user_id: str | None, tenant_id: str
) -> tuple[Leg, ...]:
    legs: list[Leg] = [("key", key_id)]
    if team_id is not None:
        legs.append(("team", team_id))
    if department_id is not None:
        legs.append(("department", department_id))
    if user_id is not None:
        legs.append(("user", user_id))
    legs.append(("tenant", tenant_id))
    return tuple(legs)


def charge(caller: Caller, call: Call, worst: Worst) -> Charge:
    """`worst` are the dearest rates among the endpoints that may serve the call."""
    output = (worst.default_output if call.max_output is None else call.max_output) * call.choices
    held = worst_nano(worst, call.body_bytes, output)
    return Charge(legs=caller.legs or legs_of(caller), worst_nano=held, at=call.head.received_wall)

"""Who pays for a call, and how much it can cost at worst. Every number is an upper bound, because money that was
held and not spent comes back, and money that was spent and not held does not.

A token is at least one byte of the request, so the body's length bounds the input; the output is bounded by what the
caller asked for, else by the endpoint's default.
"""

from ai_gateway.domain.traffic import Call, Caller, Charge, Leg
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


def charge(caller: Caller, call: Call, worst: Worst) -> Charge:
    """`worst` are the dearest rates among the endpoints that may serve the call."""
    output = (worst.default_output if call.max_output is None else call.max_output) * call.choices
    pico = call.body_bytes * worst.input_pico + output * worst.output_pico
    return Charge(legs=caller.legs or legs_of(caller), worst_nano=-(-pico // PICO_PER_NANO), at=call.head.received_wall)

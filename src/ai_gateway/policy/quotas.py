"""Who pays for a call, and how much it can cost at worst. Every number is an upper bound, because money that was
held and not spent comes back, and money that was spent and not held does not.

A token is at least one byte of the request, so the body's length bounds the input; of pictures and sounds, whose bytes
say nothing of their tokens, their size does (providers/token_estimate.py). The output is bounded by what the caller
asked for, else by what each endpoint's model writes at most, or its default.
"""

from typing import Final

import msgspec

from ai_gateway.domain.budgets import Leg, Limits, tightest
from ai_gateway.domain.chat import Operation
from ai_gateway.domain.config import Key, LegRates, Tenant
from ai_gateway.domain.traffic import Call, Caller, Charge
from ai_gateway.policy.pricing import PICO_PER_NANO
from ai_gateway.policy.worst_case import Worst, worst_nano, worst_uncapped_nano
from ai_gateway.providers.output_caps import CAPPED

_IMAGES: Final = Operation.IMAGES  # a member of an enum is a look-up in Python each time
_COUNT_TOKENS: Final = Operation.COUNT_TOKENS


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


def rates_of_caller(tenant: Tenant, key: Key, legs: tuple[Leg, ...]) -> tuple[LegRates, ...]:
    """What the legs may ask for, from the key to the tenant."""
    own = () if key.rates is None else (key.rates,)
    return (*own, *(tenant.rates[leg] for leg in legs if leg in tenant.rates))


def charge(caller: Caller, call: Call, worst: Worst, revision: int = 0, most: int | None = None) -> Charge:
    """`worst` are the dearest rates among the endpoints that may serve the call; `revision` is the configuration's.
    `most`: tokens of output that an answer will be held to; None: what the caller asked for, or all that may come."""
    head, read = call.head, call.most_input
    output = asked_output(call, worst) if most is None else most
    written = output * call.choices
    if worst.by_length and most is None and call.max_output is None and head.operation in CAPPED:
        cost = worst_uncapped_nano(worst, read, call.choices)
    else:
        cost = 0 if head.operation is _COUNT_TOKENS else worst_nano(worst, read, written)
    legs = caller.legs or legs_of(caller)
    return Charge(legs, cost, read + written, head.received_wall, caller.limits, caller.tenant.zone, revision)


def amounts_at_worst(worst: Worst, most_input: int, cap: int | None, choices: int) -> tuple[int, int]:
    """What a charge for a chat says: nano-dollars and tokens at worst. `cap` None: nobody says how long it may be."""
    if cap is None and worst.by_length:
        written = worst.default_output * choices
        return worst_uncapped_nano(worst, most_input, choices), most_input + written
    written = (worst.default_output if cap is None else cap) * choices
    if worst.steps:
        return worst_nano(worst, most_input, written), most_input + written
    pico = most_input * worst.input_pico + written * worst.output_pico + worst.request_pico
    return -(-pico // PICO_PER_NANO), most_input + written


def asked_output(call: Call, worst: Worst) -> int:
    """Tokens of one answer at most. A picture's are bounded by its size, and by what its model makes at most: models
    that are not paid by tokens make one a picture."""
    operation, most = call.head.operation, call.max_output
    if operation in CAPPED:
        return worst.default_output if most is None else most
    return min(most or 0, worst.default_output) if operation is _IMAGES else 0


def cost_at_worst(call: Call, worst: Worst, output: int) -> int:
    """Nano-dollars, with so many tokens in each answer. Counting tokens is free."""
    if call.head.operation is _COUNT_TOKENS:
        return 0
    return worst_nano(worst, call.most_input, output * call.choices)


def affordable_output(call: Call, worst: Worst, nano: int, tokens: int) -> int:
    """The longest answer that is asked for and fits into so many nano-dollars and tokens; 0 where none does, or where
    its length cannot be said. Found by halving, because cost only ever grows with length, whatever steps prices have.
    """
    least, most = 0, asked_output(call, worst) if call.head.operation in CAPPED else 0
    while least < most:
        middle = (least + most + 1) // 2
        if cost_at_worst(call, worst, middle) <= nano and call.most_input + middle * call.choices <= tokens:
            least = middle
        else:
            most = middle - 1
    return least

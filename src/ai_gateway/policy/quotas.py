"""Who pays for a call, and how much it can cost at worst. Every number is an upper bound, because money that was
held and not spent comes back, and money that was spent and not held does not.

A token is at least one byte of the request, so the body's length bounds the input; the output is bounded by what the
caller asked for, else by the endpoint's default.
"""

from collections.abc import Sequence

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import Candidate, PriceBook
from ai_gateway.domain.traffic import Call, Caller, Charge
from ai_gateway.policy import pricing

Leg = tuple[str, str]


def legs_of(caller: Caller) -> tuple[Leg, ...]:
    """The levels that pay, in the order they are checked; a missing level is skipped."""
    levels: tuple[tuple[str, str | None], ...] = (
        ("key", caller.key.id),
        ("team", caller.team_id),
        ("department", caller.department_id),
        ("user", caller.user_id),
        ("tenant", caller.tenant.id),
    )
    return tuple((level, level_id) for level, level_id in levels if level_id is not None)


def charge(caller: Caller, call: Call, candidates: Sequence[Candidate], book: PriceBook, at: float) -> Charge:
    """The dearest candidate decides; unpriced ones count 0. `at` in Unix seconds."""
    worst = 0
    for candidate in candidates:
        endpoint = candidate.endpoint
        price = pricing.find_price(caller.tenant.prices, book, candidate.model, endpoint.provider, at)
        if price is not None:
            output = endpoint.default_max_output if call.max_output is None else call.max_output
            usage = Usage(input_tokens=call.body_bytes, output_tokens=output)
            worst = max(worst, pricing.cost_nano(price, usage))
    return Charge(legs=legs_of(caller), worst_nano=worst)

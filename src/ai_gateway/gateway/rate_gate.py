"""Whether a caller may ask now: its levels' requests and tokens a minute and requests at a time, before any money is
held. With a queue one waits for its turn, in the order in which the requests of a key came; without one the refusal
says when. Every answer of a caller with rates says what is left of the tightest one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Final

import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import QueueLimits
from ai_gateway.domain.faults import Level, RateLimited
from ai_gateway.domain.traffic import Call, Caller, Header
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.receipts import BYTES_PER_TOKEN
from ai_gateway.policy.quotas import asked_output
from ai_gateway.policy.rate_limits import Allowance, LegRate
from ai_gateway.policy.worst_case import Worst
from ai_gateway.runtime.rates import RateHold, Shortfall
from ai_gateway.runtime.waiting_room import Ask, Guest

LOOK_AGAIN_SECONDS: Final = 1.0
"""What is told to come back where only the end of another request helps."""


class Turn(msgspec.Struct, frozen=True):
    """Who asks, for how much, and how long he may wait: `queue` None is not at all."""

    caller: Caller
    call: Call
    worst: Worst
    queue: QueueLimits | None
    deadline: float

    @property
    def tokens(self) -> int:
        call = self.call
        return -(-call.body_bytes // BYTES_PER_TOKEN) + asked_output(call, self.worst) * call.choices


async def enter(doors: Doors, turn: Turn) -> RateHold:
    """Raises RateLimited."""
    rates, levels, tokens = doors.rates, turn.caller.rates, turn.tokens
    if turn.queue is None:
        taken = rates.take(levels, doors.clock.now(), tokens)
        if isinstance(taken, RateHold):
            return taken
        raise _refusal(doors, turn, taken)

    def take(now: float) -> RateHold | None:
        taken = rates.take(levels, now, tokens)
        return taken if isinstance(taken, RateHold) else None

    def free_in(now: float) -> float:
        taken = rates.take(levels, now, tokens)
        if isinstance(taken, RateHold):
            taken.put_back(now)
            return 0.0
        return taken.seconds

    tenant_id = turn.caller.tenant.id
    room = doors.rooms.of(f"{tenant_id} rates of {turn.caller.key.id}", turn.queue)
    try:
        return await room.enter(
            Guest(tenant_id, turn.deadline), Ask(take, lambda now, hold: hold.put_back(now), free_in)
        )
    except RateLimited as late:
        taken = rates.take(levels, doors.clock.now(), tokens)
        if isinstance(taken, RateHold):
            taken.put_back(doors.clock.now())
            raise
        raise _refusal(doors, turn, taken) from late


def leave(doors: Doors, hold: RateHold, used_tokens: int) -> None:
    """The request is over, and somebody may have waited for that."""
    hold.settle(doors.clock.now(), used_tokens)
    if doors.rooms.crowded:
        doors.rooms.place_free()


def rate_headers(dialect: Dialect, legs: Sequence[LegRate], now: float, wall: float) -> tuple[Header, ...]:
    """The tightest limit of each kind."""
    kinds = (("requests", [leg.requests(now) for leg in legs]), ("tokens", [leg.tokens(now) for leg in legs]))
    headers: list[Header] = []
    for kind, allowances in kinds:
        known = [it for it in allowances if it is not None]
        if known:
            tightest = min(known, key=lambda it: it.remaining)
            headers += _headers_of(dialect, kind, tightest, wall)
    return tuple(headers)


def _headers_of(dialect: Dialect, kind: str, it: Allowance, wall: float) -> tuple[Header, ...]:
    if dialect is Dialect.ANTHROPIC:
        reset = datetime.fromtimestamp(int(wall), UTC) + timedelta(seconds=-(-it.reset_seconds // 1))
        name = f"anthropic-ratelimit-{kind}"
        return (
            (f"{name}-limit", str(it.limit)),
            (f"{name}-remaining", str(it.remaining)),
            (f"{name}-reset", reset.strftime("%Y-%m-%dT%H:%M:%SZ")),
        )
    return (
        (f"x-ratelimit-limit-{kind}", str(it.limit)),
        (f"x-ratelimit-remaining-{kind}", str(it.remaining)),
        (f"x-ratelimit-reset-{kind}", f"{it.reset_seconds:.3f}s"),
    )


def _refusal(doors: Doors, turn: Turn, short: Shortfall) -> RateLimited:
    now, scope = doors.clock.now(), short.level.leg[0]
    legs = doors.rates.legs(turn.caller.rates, now)
    who = f"{scope} '{short.level.name[:100]}'" if short.level.name else scope
    return RateLimited(
        f"Rate limit exceeded: {short.lacks} for the {who}.",
        code="rate_limit_exceeded",
        retry_after_seconds=short.seconds if isfinite(short.seconds) else LOOK_AGAIN_SECONDS,
        level=Level(scope, short.level.name),
        headers=rate_headers(turn.call.head.dialect, legs, now, doors.clock.wall()),
    )

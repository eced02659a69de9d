"""How traffic survives, as a pool, a route, a provider config or a tenant may say it.

One shape for each thing, wherever it may be said. What was left out is not stored, so that the default holds or what
the level below says; and a number that contradicts its neighbour is refused here, where somebody can still mend it.
"""

import re
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from ai_gateway.admin.fields import Body, RouteName, Seconds, distinct, plain_number

B = TypeVar("B", bound=Body)

_STICKY: Final = re.compile(r"user|header:[A-Za-z0-9_-]{1,64}", re.ASCII)

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Share = Annotated[
    float,
    BeforeValidator(plain_number),
    Field(gt=0, le=1),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
]
Groups = Annotated[list[RouteName], Field(max_length=20), AfterValidator(distinct)]
OnStreamCutWord = Literal["continue", "error"]
OnContentFilterWord = Literal["error", "fallback"]
OnDisconnectWord = Literal["cancel", "drain"]
FailedAttemptsWord = Literal["reported", "estimated"]


def _known_affinity(text: str) -> str:
    if not _STICKY.fullmatch(text):
        raise ValueError("must be 'user', or 'header:' and the name of a header, such as 'header:x-session-id'.")
    return text


StickyBy = Annotated[str, Field(max_length=100), AfterValidator(_known_affinity)]


class CacheBody(Body):
    """Whole answers are given again for `ttl_seconds` to who asks exactly the same. `hit_price_percent` of what the
    answer cost when a provider gave it is what each of them is booked at."""

    ttl_seconds: Annotated[Seconds, Field(le=86_400)] = 300.0
    hit_price_percent: Annotated[int, Field(ge=0, le=100)] = 0


class TimeoutsBody(Body):
    """Seconds."""

    connect: Seconds | None = None
    first_token: Seconds | None = None
    between_tokens: Seconds | None = None
    response: Seconds | None = None
    total: Seconds | None = None

    @model_validator(mode="after")
    def _total_is_the_longest(self) -> Self:
        for name in ("connect", "first_token", "between_tokens", "response"):
            part = getattr(self, name)
            if self.total is not None and part is not None and part > self.total:
                raise ValueError(f"must have a total of at least {name}: the total ends the request, whatever runs.")
        return self


class BreakerBody(Body):
    """`failure_threshold` failures in a row open it, and so does a `failure_rate` among at least `minimum_requests`
    of the last `window_seconds`. It is tried again after `recovery_timeout_seconds`, which grow to
    `longest_open_seconds` while it keeps failing; `success_threshold` successes close it, and its share then grows
    over `slow_start_seconds`."""

    failure_threshold: Count = 5
    recovery_timeout_seconds: Seconds = 30.0
    success_threshold: Annotated[int, Field(ge=1, le=1_000)] = 2
    failure_rate: Share | None = None
    minimum_requests: Count | None = None
    window_seconds: Annotated[Seconds, Field(ge=1, le=600)] | None = None
    longest_open_seconds: Seconds | None = None
    slow_start_seconds: Seconds | None = None

    @model_validator(mode="after")
    def _open_time_only_grows(self) -> Self:
        longest = self.longest_open_seconds
        if longest is not None and longest < self.recovery_timeout_seconds:
            raise ValueError("must have a longest_open_seconds of at least recovery_timeout_seconds, which only grow.")
        return self


class RetriesBody(Body):
    """`max_attempts` are all attempts of a request, its first one and those at fallbacks included. The pause before an
    attempt at the same endpoint is a random part of `base_seconds`, doubled each time, at most `cap_seconds`."""

    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    base_seconds: Seconds = 0.25
    cap_seconds: Seconds = 8.0

    @model_validator(mode="after")
    def _cap_is_not_below_base(self) -> Self:
        if self.cap_seconds < self.base_seconds:
            raise ValueError("must have a cap_seconds of at least base_seconds: pauses grow from the one to the other.")
        return self


class QueueBody(Body):
    max_waiting: Count = 100
    timeout_seconds: Seconds = 30.0


def dumped(body: Body | None) -> dict[str, Any] | None:
    """A part of a body as it is stored: without what was not said."""
    return None if body is None else body.model_dump(exclude_none=True)


def rebuilt(kind: type[B], stored: dict[str, Any] | None) -> B | None:
    """A stored part as a body that was validated when it came: an older version's bounds may have been wider."""
    return None if stored is None else kind.model_construct(**stored)

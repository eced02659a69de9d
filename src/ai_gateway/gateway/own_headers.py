"""What the gateway did for an answer, as headers: where it went, how often it was tried, who took how long, and how the
caller stands with its limits.

A whole answer takes them as text, because that is what is written; the names in it are the same for every answer of a
route at an endpoint, so that part is made once. A stream's head goes through ASGI, which takes pairs.
"""

from functools import lru_cache
from typing import Final

from ai_gateway.domain.config import Course
from ai_gateway.gateway.budget_headers import budget_headers
from ai_gateway.gateway.client import lines_of
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.journey import Journey
from ai_gateway.gateway.rate_gate import rate_headers
from ai_gateway.gateway.receipts import Attempt
from ai_gateway.policy.pricing import THREE_DIGITS


def gateway_headers(doors: Doors, journey: Journey, attempt: Attempt, number: int) -> tuple[tuple[str, str], ...]:
    """What the gateway did, for the caller. The provider's wait is in `total`, ours is what is left of it."""
    endpoint = attempt.candidate.endpoint
    course = journey.plan.course
    now = doors.clock.now()
    spent, waited = now - journey.admitted.head.received, now - attempt.started
    headers = (
        route_header(course),
        *(() if course.hides_providers else names_of(endpoint.name, endpoint.provider)),
        ("x-gateway-attempts", str(number)),
        ("server-timing", f"gateway;dur={(spent - waited) * 1000:.3f}, provider;dur={waited * 1000:.3f}"),
    )
    return (*headers, *limit_headers(doors, journey)) if is_limited(journey) else headers


def gateway_lines(doors: Doors, journey: Journey, attempt: Attempt, number: int) -> str | None:
    """The same as header lines; None where a name would break its line."""
    endpoint = attempt.candidate.endpoint
    course = journey.plan.course
    route = course.route or course.pool or course.name
    names = _route_line(route) if course.hides_providers else name_lines(route, endpoint.name, endpoint.provider)
    now = doors.clock.now()
    waited = now - attempt.started
    before = now - journey.admitted.head.received - waited
    lines = names and names + timing_lines(number, micros(before), micros(waited))
    if lines and is_limited(journey):
        of_limits = lines_of(limit_headers(doors, journey))
        return of_limits if of_limits is None else lines + of_limits
    return lines


def is_limited(journey: Journey) -> bool:
    return bool(journey.admitted.caller.limits) or journey.place is not None


def limit_headers(doors: Doors, journey: Journey) -> tuple[tuple[str, str], ...]:
    """How the caller stands, with its budgets and in its minute."""
    hold = journey.hold
    headers = budget_headers(doors.meters.cells_to_tell_of(hold), journey.funded.clamped, doors.meters.booked(hold))
    if journey.place is None:
        return headers
    clock, dialect = doors.clock, journey.admitted.head.dialect
    return (*headers, *rate_headers(dialect, journey.place.legs, clock.now(), clock.wall()))


@lru_cache(4096)
def name_lines(route: str, endpoint: str, provider: str) -> str | None:
    """Where it went, as header lines; None where a name would break its line."""
    return lines_of((("x-gateway-route", route), *names_of(endpoint, provider)))


def timing_lines(number: int, gateway_us: int, provider_us: int) -> str:
    """How often it was tried, and who took how many microseconds, as header lines (in milliseconds)."""
    at_once = number == 1 and 0 <= gateway_us < 1000
    before = _AT_ONCE[gateway_us] if at_once else _timing_before(number, gateway_us)
    return f"{before}{provider_us // 1000}.{THREE_DIGITS[provider_us % 1000]}\r\n"


def _timing_before(number: int, gateway_us: int) -> str:
    return f"x-gateway-attempts: {number}\r\nserver-timing: gateway;dur={gateway_us / 1000:.3f}, provider;dur="


_AT_ONCE: Final = tuple([_timing_before(1, micros) for micros in range(1000)])
"""Of nearly every answer: it is the first attempt's, and we took less than a millisecond. To write a float is what
costs most of a header."""


@lru_cache(4096)
def _route_line(route: str) -> str | None:
    return lines_of((("x-gateway-route", route),))


def micros(seconds: float) -> int:
    """To the nearest; seconds that are not negative."""
    return int(seconds * 1e6 + 0.5)


def names_of(endpoint: str, provider: str) -> tuple[tuple[str, str], ...]:
    """Who it was, for callers who may know."""
    return (("x-gateway-endpoint", endpoint), ("x-gateway-provider", provider))


def route_header(course: Course) -> tuple[str, str]:
    return ("x-gateway-route", course.route or course.pool or course.name)

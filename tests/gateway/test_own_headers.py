"""What the gateway did is said once, in two forms: pairs for a stream's head, text for a whole answer."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.gateway.client import lines_of
from ai_gateway.gateway.funding import Funded
from ai_gateway.gateway.own_headers import (
    gateway_headers,
    gateway_lines,
    micros,
    name_lines,
    route_header,
    timing_lines,
)
from ai_gateway.gateway.receipts import Attempt
from gateway.test_trial import Bench, a_bench
from support.builders import a_candidate, a_course, an_endpoint
from support.clock import NOON


def an_attempt(bench: Bench) -> Attempt:
    return Attempt("att_1", bench.candidate, bench.line.clock.now(), NOON)


async def test_both_forms_say_the_same() -> None:
    bench = await a_bench()
    attempt = an_attempt(bench)
    bench.line.clock.advance(0.25)
    headers = gateway_headers(bench.line.doors, bench.journey, attempt, 2)
    assert dict(headers) == {
        "x-gateway-route": "fast",
        "x-gateway-endpoint": "up-1",
        "x-gateway-provider": "openai",
        "x-gateway-attempts": "2",
        "server-timing": "gateway;dur=0.000, provider;dur=250.000",
    }
    assert gateway_lines(bench.line.doors, bench.journey, attempt, 2) == lines_of(headers)


async def test_a_cap_that_was_lowered_is_told_in_both() -> None:
    bench = await a_bench()
    caller = msgspec.structs.replace(bench.journey.admitted.caller, limits=(object(),))
    bench.journey.admitted.caller = caller  # a limit that nothing is held in
    journey = msgspec.structs.replace(bench.journey, funded=Funded(bench.journey.hold, clamped=77))
    attempt = an_attempt(bench)
    headers = gateway_headers(bench.line.doors, journey, attempt, 1)
    assert dict(headers)["x-gateway-max-tokens-clamped"] == "77"
    assert gateway_lines(bench.line.doors, journey, attempt, 1) == lines_of(headers)


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "a\r\nx-admin: yes"])
async def test_a_name_that_would_break_its_line_is_no_line(name: str) -> None:
    bench = await a_bench(a_candidate(an_endpoint(name=name)))
    assert gateway_lines(bench.line.doors, bench.journey, an_attempt(bench), 1) is None


def test_a_route_is_told_by_the_name_that_somebody_gave_it() -> None:
    course = a_course("fast", a_candidate(an_endpoint()))
    assert route_header(msgspec.structs.replace(course, route=None, pool=None)) == ("x-gateway-route", "fast")
    assert route_header(msgspec.structs.replace(course, route=None, pool="p")) == ("x-gateway-route", "p")
    assert route_header(msgspec.structs.replace(course, route="r", pool="p")) == ("x-gateway-route", "r")


def test_names_are_lines_unless_one_would_break_its_line() -> None:
    assert name_lines("bot", "up-1", "openai") == (
        "x-gateway-route: bot\r\nx-gateway-endpoint: up-1\r\nx-gateway-provider: openai\r\n"
    )
    assert name_lines("bot", "up\n1", "openai") is None


@given(
    number=st.integers(1, 3),
    gateway_us=st.integers(-10, 1010) | st.integers(0, 10**8),
    provider_us=st.integers(0, 10**9),
)
def test_times_are_thousandths_of_a_millisecond(number: int, gateway_us: int, provider_us: int) -> None:
    lines = timing_lines(number, gateway_us, provider_us)
    attempts, timing, rest = lines.split("\r\n")
    gateway, provider = timing.removeprefix("server-timing: ").split(", ")
    assert (attempts, rest) == (f"x-gateway-attempts: {number}", "")
    assert provider == f"provider;dur={Decimal(provider_us) / 1000:.3f}"
    assert gateway == f"gateway;dur={Decimal(gateway_us) / 1000:.3f}"


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0.000"), (0.0001234, "0.123"), (0.0009994, "0.999"), (0.0009996, "1.000")]
)
def test_a_first_attempt_is_written_as_the_others_are(number: int, seconds: float, text: str) -> None:
    assert timing_lines(number, micros(seconds), micros(0.25)) == (
        f"x-gateway-attempts: {number}\r\nserver-timing: gateway;dur={text}, provider;dur=250.000\r\n"
    )

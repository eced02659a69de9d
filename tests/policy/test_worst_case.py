"""The law that budgets rest on: what is held is never less than what it can come to cost."""

import os
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.domain.config import Candidate, Price
from ai_gateway.domain.prices import Hours, Rates, Schedule, Step, rates_of
from ai_gateway.policy.pricing import cost_nano, find_price
from ai_gateway.policy.worst_case import LONGEST_SECONDS, Worst, WorstStep, worst_nano, worst_of
from support.builders import a_book, a_candidate, a_price, an_endpoint

CASES = int(os.environ.get("AI_GATEWAY_TEST_PRICE_CASES", "10000"))
"""The long run is 100,000."""
USAGES = 100
"""For each table of prices."""

PICO = st.integers(0, 10**8)
DAY = 86_400


@st.composite
def rates(draw: st.DrawFn) -> Rates:
    names = ("cache_read", "cache_write", "cache_write_1h", "reasoning", "audio_input", "audio_output", "image_input")
    said = {name: draw(PICO) for name in draw(st.sets(st.sampled_from(names)))}
    return rates_of(input=draw(PICO), output=draw(PICO), request=draw(st.integers(0, 10**10)), **said)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    starts = sorted(draw(st.sets(st.sampled_from((10, 1_000, 200_000)))))
    return Schedule(draw(rates()), tuple(Step(start, draw(rates())) for start in starts))


@st.composite
def prices(draw: st.DrawFn, model: str) -> Price:
    services = draw(st.dictionaries(st.sampled_from(list(ServiceTier)[1:]), schedules(), max_size=3))
    hours = draw(st.none() | st.builds(Hours, st.integers(0, DAY - 1), st.integers(0, DAY - 1)))
    return Price(
        version=f"v{draw(st.integers(0, 10**6))}",
        model=model,
        provider=draw(st.sampled_from((None, "openai"))),
        standard=draw(schedules()),
        effective_from=float(draw(st.sampled_from((0, DAY, DAY + 60, 3 * DAY)))),
        services=services,
        hours=hours,
        edition=draw(st.sampled_from((None, "a book"))),
    )


def a_usage(rng: Random, most_input: int, most_output: int) -> Usage:
    """Any report of a provider within the caps, often at their edge; lanes may overlap or pass their total."""
    asked, answered = (rng.choice((0, most, rng.randint(0, most))) for most in (most_input, most_output))

    def part(total: int) -> int:
        return rng.choice((0, 0, total, rng.randint(0, 2 * total)))

    return Usage(
        input_tokens=asked,
        output_tokens=answered,
        cache_read_tokens=part(asked),
        cache_write_5m_tokens=part(asked),
        cache_write_1h_tokens=part(asked),
        audio_input_tokens=part(asked),
        image_input_tokens=part(asked),
        reasoning_tokens=part(answered),
        audio_output_tokens=part(answered),
        service_tier=rng.choice(list(ServiceTier)),
    )


@settings(max_examples=CASES // USAGES, deadline=None)
@given(data=st.data())
def test_b08_what_is_held_is_never_less_than_the_true_cost(data: st.DataObject) -> None:
    """B-08: over candidates, long inputs, services, lanes, hours, and prices that begin while the request runs."""
    models = ("m1", "m2")
    book = a_book(*(price for model in models for price in data.draw(st.lists(prices(model), max_size=4))))
    own = a_book(*data.draw(st.lists(prices("m1"), max_size=2)))
    candidates = [a_candidate(model=model) for model in models]
    most_input, most_output = data.draw(st.integers(0, 300_000)), data.draw(st.integers(0, 100_000))
    admitted = float(data.draw(st.integers(DAY - 100, DAY + 100)))
    held = worst_nano(worst_of(candidates, own, book, admitted), most_input, most_output)
    rng = Random(data.draw(st.integers(0, 2**32)))
    for _ in range(USAGES):
        served = rng.choice(candidates)
        priced = find_price(own, book, served.endpoint, served.model, admitted)
        price = find_price(own, book, served.endpoint, served.model, admitted + rng.randint(0, LONGEST_SECONDS))
        if priced is not None and price is not None:
            assert cost_nano(price, a_usage(rng, most_input, most_output)) <= held


def test_the_dearest_of_each_rate_is_taken() -> None:
    candidates = [a_candidate(model=name) for name in ("cheap", "dear", "unpriced")]
    book = a_book(
        a_price("cheap", input_pico=9, output_pico=1, cache_write_1h_pico=11),
        a_price("dear", input_pico=5, output_pico=7, request_pico=3),
    )
    worst = worst_of(candidates, a_book(), book, 0.0)
    assert (worst.input_pico, worst.output_pico, worst.request_pico) == (11, 7, 3)
    assert worst.default_output == candidates[0].endpoint.default_max_output
    assert worst.unpriced == 1


def test_a_short_request_is_not_held_at_the_price_of_a_long_one() -> None:
    steps = (Step(100, rates_of(input=6_000, output=9_000)), Step(1_000, rates_of(input=1_000, output=99_000)))
    book = a_book(a_price(input_pico=3_000, output_pico=5_000, steps=steps))
    worst = worst_of([a_candidate()], a_book(), book, 0.0)
    assert worst.steps == (WorstStep(100, 6_000, 9_000, 0), WorstStep(1_000, 6_000, 99_000, 0))
    assert worst_nano(worst, 100, 10) == 100 * 3 + 10 * 5
    assert worst_nano(worst, 101, 10) == 101 * 6 + 10 * 9
    assert worst_nano(worst, 1_001, 10) == 1_001 * 6 + 10 * 99  # 1,001 may turn out to be 101


def test_a_service_that_may_be_given_counts() -> None:
    services = {ServiceTier.PRIORITY: Schedule(rates_of(input=8_000, output=20_000))}
    book = a_book(a_price(input_pico=4_000, output_pico=10_000, services=services))
    assert worst_nano(worst_of([a_candidate()], a_book(), book, 0.0), 1, 1) == 28


@pytest.mark.parametrize(
    ("at", "output_pico", "until"),
    [
        (0.0, 1, 6_400.0),  # the next price begins at 10,000: an attempt of a request from 6,400 on may see it
        (6_399.0, 1, 6_400.0),
        (6_400.0, 9, 10_000.0),
        (9_999.0, 9, 10_000.0),
        (10_000.0, 9, inf),
    ],
)
def test_a_price_that_begins_within_the_request_counts_before_it_begins(
    at: float, output_pico: int, until: float
) -> None:
    book = a_book(a_price(output_pico=1), a_price(output_pico=9, effective_from=10_000.0, version="next"))
    worst = worst_of([a_candidate()], a_book(), book, at)
    assert (worst.output_pico, worst.until) == (output_pico, until)


def test_the_dearest_hour_of_the_day_counts_all_day() -> None:
    night = a_price(output_pico=50, hours=Hours(0, 3_600), version="night")
    worst = worst_of([a_candidate()], a_book(), a_book(night, a_price(output_pico=10)), 40_000.0)
    assert worst.output_pico == 50


def test_a_ceiling_bounds_what_nobody_priced() -> None:
    candidate = Candidate(endpoint=an_endpoint(ceiling=a_price("", input_pico=5, output_pico=6)), model="new")
    worst = worst_of([candidate], a_book(), a_book(), 0.0)
    assert (worst.input_pico, worst.output_pico, worst.unpriced) == (5, 6, 0)


def test_nobody_at_all_costs_nothing() -> None:
    assert worst_of([], a_book(), a_book(), 0.0) == Worst(0, 0, 0, inf)

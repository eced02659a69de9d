from fractions import Fraction
from math import ceil, inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.domain.config import Price, PriceBook
from ai_gateway.domain.prices import Hours, Schedule, Step, rates_of
from ai_gateway.policy.pricing import (
    PICO_PER_NANO,
    cost_nano,
    dollars,
    find_price,
    plain_rates,
    price_in_force,
    share_nano,
)
from support.builders import a_book, a_price, an_endpoint

PICO = st.integers(0, 10**9)
TOKENS = st.integers(0, 10**7)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    lanes = [draw(TOKENS) for _ in range(4)]
    fresh, read, write_5m, write_1h = lanes
    output = draw(TOKENS)
    return Usage(
        input_tokens=fresh + read + write_5m + write_1h,
        output_tokens=output,
        reasoning_tokens=draw(st.integers(0, output)),
        cache_read_tokens=read,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
    )


@st.composite
def prices(draw: st.DrawFn) -> Price:
    return a_price(
        input_pico=draw(PICO),
        output_pico=draw(PICO),
        cache_read_pico=draw(st.none() | PICO),
        cache_write_pico=draw(st.none() | PICO),
        cache_write_1h_pico=draw(st.none() | PICO),
        reasoning_pico=draw(st.none() | PICO),
    )


def test_a_cost_is_the_sum_of_its_lanes() -> None:
    price = a_price(input_pico=150_000, output_pico=600_000, cache_read_pico=75_000, cache_write_pico=200_000)
    usage = Usage(input_tokens=1_000, output_tokens=10, cache_read_tokens=300, cache_write_5m_tokens=100)
    # fresh 600 * 150,000 = 90,000,000; read 300 * 75,000 = 22,500,000; write 100 * 200,000 = 20,000,000;
    # out 10 * 600,000 = 6,000,000: 138,500,000 pico
    assert cost_nano(price, usage) == 138_500


def test_a_lane_without_a_price_costs_what_input_costs() -> None:
    usage = Usage(input_tokens=10, cache_read_tokens=4, cache_write_1h_tokens=3)
    assert cost_nano(a_price(input_pico=1_000, output_pico=0), usage) == 10


@given(price=prices() | st.none(), asked=TOKENS, answered=TOKENS)
def test_where_two_rates_are_all_they_give_the_cost(price: Price | None, asked: int, answered: int) -> None:
    rates = plain_rates(price)
    assert rates is not None
    expected = 0 if price is None else cost_nano(price, Usage(asked, answered))
    assert -(-(asked * rates[0] + answered * rates[1]) // PICO_PER_NANO) == expected


@pytest.mark.parametrize("more", [{"request_pico": 1}, {"steps": (Step(10, rates_of(input=1, output=1)),)}])
def test_fees_and_steps_are_not_said_by_two_rates(more: dict[str, Any]) -> None:
    assert plain_rates(a_price(input_pico=1, output_pico=1, **more)) is None


@given(price=prices(), usage=usages())
def test_a_cost_is_rounded_up_once_and_exactly(price: Price, usage: Usage) -> None:
    rates = price.standard.rates
    written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    exact = Fraction(
        (usage.input_tokens - usage.cache_read_tokens - written) * rates.input
        + usage.cache_read_tokens * rates.cache_read
        + usage.cache_write_5m_tokens * rates.cache_write_5m
        + usage.cache_write_1h_tokens * rates.cache_write_1h
        + (usage.output_tokens - usage.reasoning_tokens) * rates.output
        + usage.reasoning_tokens * rates.reasoning,
        1_000,
    )
    cost = cost_nano(price, usage)
    assert isinstance(cost, int)
    assert cost == ceil(exact)


@given(price=prices(), tokens=TOKENS, more=TOKENS)
def test_more_tokens_never_cost_less(price: Price, tokens: int, more: int) -> None:
    less = cost_nano(price, Usage(input_tokens=tokens, output_tokens=tokens))
    assert less <= cost_nano(price, Usage(input_tokens=tokens + more, output_tokens=tokens))
    assert less <= cost_nano(price, Usage(input_tokens=tokens, output_tokens=tokens + more))


def test_a_single_cheap_token_is_not_free() -> None:
    assert cost_nano(a_price(input_pico=1), Usage(input_tokens=1)) == 1
    assert cost_nano(a_price(input_pico=0), Usage(input_tokens=1)) == 0


OWN_ANY = a_price(version="own any")
OWN_OPENAI = a_price(version="own openai", provider="openai")
BOOK_ANY = a_price(version="book any")
BOOK_OPENAI = a_price(version="book openai", provider="openai")
LATER = a_price(version="later", effective_from=100.0)
EARLIER = a_price(version="earlier", effective_from=50.0)


@pytest.mark.parametrize(
    ("own", "book", "at", "version"),
    [
        ((OWN_ANY, OWN_OPENAI), (BOOK_OPENAI,), 10.0, "own openai"),
        ((OWN_ANY,), (BOOK_OPENAI,), 10.0, "own any"),
        ((), (BOOK_ANY, BOOK_OPENAI), 10.0, "book openai"),
        ((), (BOOK_ANY,), 10.0, "book any"),
        ((a_price(provider="anthropic"),), (BOOK_ANY,), 10.0, "book any"),
        ((LATER,), (BOOK_ANY,), 99.9, "book any"),
        ((LATER,), (BOOK_ANY,), 100.0, "later"),
        ((LATER, EARLIER), (), 100.0, "later"),
        ((LATER, EARLIER), (), 99.9, "earlier"),
        ((LATER, EARLIER), (), 49.9, None),
        ((), (), 10.0, None),
        ((a_price("other"),), (), 10.0, None),
    ],
)
def test_the_tenants_price_is_before_the_books_and_the_providers_before_anys(
    own: tuple[Price, ...], book: tuple[Price, ...], at: float, version: str | None
) -> None:
    found = find_price(a_book(*own), a_book(*book), an_endpoint(), "gpt-4o-mini", at)
    assert (found and found.version) == version


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0.0"),
        (1, "0.000000001"),
        (3_600, "0.0000036"),
        (9_400_000, "0.0094"),
        (10**9, "1.0"),
        (12_500_000_000, "12.5"),
    ],
)
def test_dollars_are_plain_decimal_text(nano: int, text: str) -> None:
    assert dollars(nano) == text


@given(nano=st.integers(0, 10**18))
def test_no_nano_dollar_is_lost_in_the_text(nano: int) -> None:
    assert Fraction(dollars(nano)) == Fraction(nano, 10**9)


def test_a_lane_has_its_own_price_and_the_rest_is_fresh_or_text() -> None:
    price = a_price(
        input_pico=1_000, output_pico=2_000, audio_input_pico=40_000, audio_output_pico=80_000, image_input_pico=5_000
    )
    usage = Usage(input_tokens=10, output_tokens=10, audio_input_tokens=3, image_input_tokens=2, audio_output_tokens=4)
    # in: 5 * 1 + 3 * 40 + 2 * 5 = 135; out: 6 * 2 + 4 * 80 = 332 nano
    assert cost_nano(price, usage) == 467


def test_reasoning_is_a_part_of_the_output_with_a_price_of_its_own() -> None:
    price = a_price(input_pico=0, output_pico=1_000, reasoning_pico=3_000)
    assert cost_nano(price, Usage(output_tokens=10, reasoning_tokens=4)) == 6 + 12
    assert cost_nano(a_price(input_pico=0, output_pico=1_000), Usage(output_tokens=10, reasoning_tokens=4)) == 10


def test_lanes_that_overlap_are_billed_once_and_the_cache_first() -> None:
    """A provider counts 10 tokens of audio that came out of the cache as both."""
    price = a_price(input_pico=1_000, output_pico=0, cache_read_pico=100, audio_input_pico=9_000)
    usage = Usage(input_tokens=10, cache_read_tokens=8, audio_input_tokens=10)
    assert cost_nano(price, usage) == -(-(8 * 100 + 2 * 9_000) // 1_000)


def test_the_fee_of_a_request_is_due_once_and_only_where_something_was_delivered() -> None:
    price = a_price(input_pico=0, output_pico=0, request_pico=5_000_000_000)  # $0.005
    assert cost_nano(price, Usage(input_tokens=1)) == 5_000_000
    assert cost_nano(price, Usage()) == 0


LONG = (Step(200_000, rates_of(input=6_000, output=22_500)),)


@pytest.mark.parametrize(("tokens", "input_nano"), [(1, 3), (200_000, 3), (200_001, 6), (1_000_000, 6)])
def test_a_long_input_changes_the_price_of_the_whole_request(tokens: int, input_nano: int) -> None:
    price = a_price(input_pico=3_000, output_pico=15_000, steps=LONG)
    usage = Usage(input_tokens=tokens, output_tokens=10)
    assert cost_nano(price, usage) == tokens * input_nano + (150 if input_nano == 3 else 225)


def test_the_service_that_was_given_decides_and_an_unknown_one_costs_the_usual() -> None:
    dear = Schedule(rates_of(input=8_000, output=20_000))
    price = a_price(input_pico=4_000, output_pico=10_000, services={ServiceTier.PRIORITY: dear})
    costs = {tier: cost_nano(price, Usage(1, 1, service_tier=tier)) for tier in ServiceTier}
    assert costs.pop(ServiceTier.PRIORITY) == 28
    assert set(costs.values()) == {14}


CEILING = a_price("", version="ceiling", input_pico=9)


def test_a_ceiling_is_the_last_resort_and_the_endpoints_is_before_the_tenants() -> None:
    own = PriceBook((a_price("known"),), ceiling=CEILING)
    strict = an_endpoint(ceiling=a_price("", version="ceiling of up-1"))
    found = [
        find_price(own, a_book(), endpoint, model, 0.0)
        for endpoint, model in (
            (an_endpoint(), "known"),
            (an_endpoint(), "new"),
            (strict, "new"),
            (strict, "known"),
        )
    ]
    assert [it and it.version for it in found] == ["price_known", "ceiling", "ceiling of up-1", "price_known"]


def test_b18_nano_dollars_add_up_where_floats_do_not() -> None:
    """B-18: a million times $0.0000375 is $37.50, to the last digit."""
    price = a_price(input_pico=37_500_000, output_pico=0)
    assert dollars(sum(cost_nano(price, Usage(input_tokens=1)) for _ in range(1_000_000))) == "37.5"


def test_b12_no_report_is_not_a_report_of_nothing() -> None:
    """B-12: a provider that says 0 is believed, and nothing replaces it by an estimate."""
    assert cost_nano(a_price(request_pico=10**9), Usage(input_tokens=0, output_tokens=0)) == 0


@pytest.mark.parametrize(("nano", "percent", "share"), [(101, 10, 11), (100, 10, 10), (7, 0, 0), (7, 100, 7)])
def test_a_share_is_rounded_up(nano: int, percent: int, share: int) -> None:
    assert share_nano(nano, percent) == share


def test_money_that_is_given_back_has_its_sign() -> None:
    assert dollars(-9_400_000) == "-0.0094"


DAY = 86_400
SECONDS = st.integers(0, DAY - 1)


@st.composite
def books(draw: st.DrawFn) -> PriceBook:
    """Prices of few days and payees, some of certain hours: whatever can change what is in force."""
    hours = st.none() | st.builds(Hours, SECONDS, SECONDS)
    begins = st.sampled_from((0.0, DAY - 0.5, float(DAY), DAY + 40_000.0, 2.0 * DAY))
    made = [
        a_price(
            version=f"v{number}",
            provider=draw(st.sampled_from((None, "openai", "anthropic"))),
            effective_from=draw(begins),
            hours=draw(hours),
            edition=draw(st.sampled_from((None, "a book"))),
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    return PriceBook(made, ceiling=draw(st.sampled_from((None, CEILING))))


@given(own=books(), book=books(), at=st.floats(DAY - 100, 3 * DAY), strict=st.booleans(), data=st.data())
def test_what_is_in_force_stays_so_until_it_is_said_to_end(
    own: PriceBook, book: PriceBook, at: float, strict: bool, data: st.DataObject
) -> None:
    endpoint = an_endpoint(ceiling=a_price("", version="strict") if strict else None)
    price, until = price_in_force(own, book, endpoint, "gpt-4o-mini", at)
    assert price is find_price(own, book, endpoint, "gpt-4o-mini", at)
    assert until > at
    turns = [at, at + 3 * DAY, until - 0.001]
    for it in (*own.prices, *book.prices):
        turns.append(it.effective_from)
        if it.hours is not None:
            turns += [day * DAY + second for day in range(6) for second in (it.hours.start, it.hours.until)]
    turns.append(data.draw(st.floats(at, at + 3 * DAY)))
    for later in turns:
        if at <= later < until:
            assert find_price(own, book, endpoint, "gpt-4o-mini", later) is price, later


NIGHT = a_price(version="night", hours=Hours(79_200, 3_600))


@pytest.mark.parametrize(
    ("own", "book", "at", "version", "until"),
    [
        ((), (), 10.0, None, inf),
        ((OWN_ANY,), (LATER,), 10.0, "own any", inf),  # what is behind it never counts
        ((LATER,), (BOOK_ANY,), 10.0, "book any", 100.0),
        ((LATER,), (BOOK_ANY,), 100.0, "later", inf),
        ((LATER, EARLIER), (), 10.0, None, 50.0),
        ((LATER, EARLIER), (), 60.0, "earlier", 100.0),
        ((NIGHT,), (BOOK_ANY,), 3_599.5, "night", 3_600.0),
        ((NIGHT,), (BOOK_ANY,), 3_600.0, "book any", 79_200.0),
        ((NIGHT,), (BOOK_ANY,), 79_200.0, "night", 86_400.0 + 3_600.0),
        ((NIGHT,), (LATER,), 10_000.0, "later", 79_200.0),
        ((a_price(provider="anthropic", effective_from=50.0),), (BOOK_ANY,), 10.0, "book any", inf),
    ],
)
def test_a_price_ends_where_one_before_it_begins_and_where_hours_turn(
    own: tuple[Price, ...], book: tuple[Price, ...], at: float, version: str | None, until: float
) -> None:
    price, ends = price_in_force(a_book(*own), a_book(*book), an_endpoint(), "gpt-4o-mini", at)
    assert (price and price.version, ends) == (version, until)


@pytest.mark.parametrize(
    ("nano", "text"),
    [(999_999_999, "0.999999999"), (10**9 + 1, "1.000000001"), (100, "0.0000001"), (-1, "-0.000000001")],
)
def test_dollars_begin_at_a_thousand_million(nano: int, text: str) -> None:
    assert dollars(nano) == text

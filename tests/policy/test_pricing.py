from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import Price
from ai_gateway.policy.pricing import cost_nano, dollars, find_price, worst_of
from support.builders import a_book, a_candidate, a_price

PICO = st.integers(0, 10**9)
TOKENS = st.integers(0, 10**7)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    lanes = [draw(TOKENS) for _ in range(4)]
    fresh, read, write_5m, write_1h = lanes
    return Usage(
        input_tokens=fresh + read + write_5m + write_1h,
        output_tokens=draw(TOKENS),
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


@given(price=prices(), usage=usages())
def test_a_cost_is_rounded_up_once_and_exactly(price: Price, usage: Usage) -> None:
    read = price.input_pico if price.cache_read_pico is None else price.cache_read_pico
    write = price.input_pico if price.cache_write_pico is None else price.cache_write_pico
    written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    fresh = usage.input_tokens - usage.cache_read_tokens - written
    exact = Fraction(
        fresh * price.input_pico
        + usage.cache_read_tokens * read
        + written * write
        + usage.output_tokens * price.output_pico,
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
    found = find_price(a_book(*own), a_book(*book), "gpt-4o-mini", "openai", at)
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


def test_the_worst_case_takes_the_dearest_of_each_rate() -> None:
    candidates = [a_candidate(model=name) for name in ("cheap", "dear", "unpriced")]
    book = a_book(
        a_price("cheap", input_pico=9, output_pico=1, cache_write_pico=11),
        a_price("dear", input_pico=5, output_pico=7),
    )
    worst = worst_of(candidates, {}, book, 0.0)
    assert (worst.input_pico, worst.output_pico) == (11, 7)
    assert worst.default_output == candidates[0].endpoint.default_max_output


def test_the_worst_case_holds_until_the_next_price_comes_into_force() -> None:
    book = a_book(a_price(effective_from=50.0, version="next"), a_price(effective_from=0.0))
    assert worst_of([a_candidate()], {}, book, 10.0).until == 50.0
    assert worst_of([a_candidate()], {}, book, 60.0).until == float("inf")

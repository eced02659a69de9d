from ai_gateway.domain.chat import ServiceTier
from ai_gateway.store.price_rows import ceiling_of, compile_prices, price_of
from store.rows_for_tests import a_price

ROW = a_price(
    cache_write_pico=5,
    request_pico=7,
    tiers=({"above_input_tokens": 20, "input": 3, "output": 4}, {"above_input_tokens": 10, "input": 1, "output": 2}),
    service_tiers={"flex": {"input": 8, "output": 9, "tiers": [{"above_input_tokens": 5, "input": 6, "output": 6}]}},
    hours={"from": 60, "until": 120},
    match={"starts_with": "GPT"},
    edition="a book",
)


def test_a_row_becomes_rates_for_every_lane() -> None:
    price = price_of(ROW)
    assert (price.version, price.edition) == (ROW.id, "a book")
    assert (price.standard.rates.cache_write_1h, price.standard.rates.request) == (5, 7)
    assert [step.above_input_tokens for step in price.standard.steps] == [10, 20]
    assert price.services[ServiceTier.FLEX].rates_for(6).input == 6
    assert price.hours is not None
    assert price.hours.has(60)
    assert price.match is not None
    assert price.match.matches("gpt-4o")


def test_a_price_that_was_compiled_before_is_taken_as_it_is() -> None:
    before = compile_prices([ROW])
    after = compile_prices([ROW, a_price("price_2")], before=before.prices)
    assert after.prices[0] is before.prices[0]
    assert after == compile_prices([ROW, a_price("price_2")])


def test_a_ceiling_is_a_price_that_always_holds() -> None:
    ceiling = ceiling_of({"input": 1, "output": 2}, "ceiling")
    assert ceiling is not None
    assert ceiling.holds(0.0)
    assert ceiling.standard.rates.cache_read == 1
    assert ceiling_of(None, "ceiling") is None

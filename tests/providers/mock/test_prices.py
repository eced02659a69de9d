from ai_gateway.providers.mock.prices import PRICES


def test_gpt_4_costs_30_and_60_dollars_a_million() -> None:
    assert (PRICES["gpt-4"].input_pico, PRICES["gpt-4"].output_pico) == (30 * 10**6, 60 * 10**6)


def test_every_model_has_a_price_and_caches_are_never_dearer() -> None:
    for price in PRICES.values():
        assert price.input_pico > 0
        assert price.output_pico >= 0
        assert price.cache_read_pico is None or price.cache_read_pico <= price.input_pico

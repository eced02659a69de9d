"""Our reading of genai-prices, held against the library itself: every price that we ship, at several sizes."""

import json
import warnings
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ai_gateway.cli.published_prices import CannotRead, convert, read_file, read_package
from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.domain.price_book import PriceBook
from ai_gateway.policy.pricing import cost_nano
from ai_gateway.store.price_editions import row_of, shipped_edition
from ai_gateway.store.price_rows import price_of

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
VENDORS = ("openai", "anthropic", "groq", "mistral", "deepseek", "x-ai", "google", "together", "cohere")
BEYOND = {"audio_hours", "input_audio_hours", "input_mchars", "cache_audio_read_mtok", "input_video_mtok"}


def test_the_shipped_book_is_what_the_pinned_package_says() -> None:
    assert msgspec.json.encode(read_package()) == msgspec.json.encode(shipped_edition())


@pytest.mark.parametrize("vendor", VENDORS)
def test_costs_are_those_of_the_library(vendor: str) -> None:
    data = pytest.importorskip("genai_prices.data")
    from genai_prices.types import ModelInfo, ModelPrice
    from genai_prices.types import Usage as TheirUsage

    edition = shipped_edition()
    book = PriceBook(price_of(row_of(price, edition.name, 0.0)) for price in edition.prices)
    provider = next(it for it in data.providers if it.id == vendor)
    compared = 0
    for name in sorted({price.model for price in edition.prices if price.provider == vendor}):
        model: ModelInfo | None = provider.find_model(name)
        if model is None:
            continue
        theirs: ModelPrice = model.get_prices(AT)
        if BEYOND & {key for key, value in vars(theirs).items() if value is not None}:
            continue
        chain = book.chains(name, (vendor,))[0]
        price = next(it for it in chain if it.holds(AT.timestamp()))
        for sent in (1_000, 150_000, 300_000, 2_000_000):
            usage = Usage(sent, 700, cache_read_tokens=sent // 4, cache_write_5m_tokens=sent // 8)
            said = TheirUsage(
                input_tokens=sent, output_tokens=700, cache_read_tokens=sent // 4, cache_write_tokens=sent // 8
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                total: Decimal = theirs.calc_price(said)["total_price"]
            ours, exact = cost_nano(price, usage), Fraction(total) * 10**9
            assert 0 <= ours - exact < 1 + sent // 1_000, (name, sent)  # dust behind a pico-dollar is rounded up
            compared += 1
    assert compared > 8


def test_services_and_hours_are_read() -> None:
    book = PriceBook(price_of(row_of(price, "x", 0.0)) for price in shipped_edition().prices)
    (openai,) = book.chains("gpt-4o", ("openai",))
    usage = Usage(1_000, 0, service_tier=ServiceTier.PRIORITY)
    assert cost_nano(openai[0], usage) == 4_250_000  # $4.25 per million
    assert cost_nano(openai[-1], usage) == 2_500_000  # before that service had a price
    (deepseek,) = book.chains("deepseek-chat", ("deepseek", "openai_compatible"))
    noon, night = (next(it for it in deepseek if it.holds(20_000 * 86_400 + hour * 3_600)) for hour in (12, 20))
    assert (noon.standard.rates.input, night.standard.rates.input) == (270_000, 135_000)


_PROVIDER: dict[str, Any] = {
    "id": "openai",
    "models": [
        {
            "id": "m",
            "match": {"starts_with": "m"},
            "prices": [
                {"prices": {"input_mtok": 1, "output_mtok": {"base": 2, "tiers": [{"start": 10, "price": 3}]}}},
                {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 0.30000000000000004}},
            ],
        },
        {"id": "by the second", "match": {"equals": "s"}, "prices": {"audio_hours": 1}},
    ],
}


def test_the_published_json_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps([_PROVIDER]))
    first, second = read_file(path).prices
    assert (first.lanes, first.effective_from) == ({"input": 1_000_000, "output": 2_000_000}, 0)
    assert first.tiers == ({"above_input_tokens": 10, "input": 1_000_000, "output": 3_000_000},)
    assert second.lanes == {"input": 300_000, "output": 0}  # without the dust of a float
    assert second.effective_from == datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_what_is_not_billed_by_the_token_is_left_out() -> None:
    assert [it.model for it in convert([{**_PROVIDER, "models": _PROVIDER["models"][1:]}])] == []


@pytest.mark.parametrize("text", ["", "[1]", '{"name": 1}'])
def test_a_file_that_is_no_book_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "book.json"
    path.write_text(text)
    with pytest.raises(CannotRead, match="is no price book"):
        read_file(path)

"""Recorded usage under the shipped prices: its lanes are all of it, and it has a cost."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec
import pytest

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.price_book import PriceBook
from ai_gateway.domain.prices import Rates, Schedule
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.policy.pricing import PICO_PER_NANO, cost_nano
from ai_gateway.providers.vendors import payees_of
from ai_gateway.store.price_editions import row_of, shipped_edition
from ai_gateway.store.price_rows import price_of
from recorded.corpus import Exchange, load, needs_corpus, type_of, why_left_out
from recorded.test_replies import OPERATIONS, codec_of
from support.builders import a_call, a_head, a_price, a_shaped

pytestmark = needs_corpus

EACH_ONE = a_price(standard=Schedule(Rates(*[PICO_PER_NANO] * 9)))
LATEST = 1_795_000_000.0


@dataclass
class Score:
    usages: int = 0
    beyond: int = 0
    overlapping: int = 0
    priced: Counter[str] = field(default_factory=Counter[str])
    unknown: Counter[str] = field(default_factory=Counter[str])


def usage_of(exchange: Exchange) -> Usage | None:
    codec, operation = codec_of(exchange), OPERATIONS[exchange.endpoint]
    if not exchange.is_stream:
        return codec.read_reply(operation, exchange.body).usage
    watch = codec.watch(a_shaped(a_call(a_head(operation=operation))))
    watch.feed(exchange.body)
    watch.end()
    return watch.usage


def payees_at(exchange: Exchange) -> tuple[str, ...]:
    provider = type_of(exchange)
    try:
        return payees_of(provider, parse_base_url(exchange.url.split("?")[0]))
    except ValueError:  # a scrubbed address
        return (provider.value,)


def test_every_recorded_usage_adds_up_and_has_its_cost(capsys: pytest.CaptureFixture[str]) -> None:
    edition = shipped_edition()
    book = PriceBook(price_of(row_of(price, edition.name, 0.0)) for price in edition.prices)
    score = Score()
    for exchange in load():
        usage = usage_of(exchange) if exchange.status == 200 and why_left_out(exchange) is None else None
        if usage is None or exchange.endpoint == "anthropic.count_tokens":
            continue
        score.usages += 1
        assert cost_nano(EACH_ONE, usage) == usage.input_tokens + usage.output_tokens, exchange.id
        cached = usage.cache_read_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
        score.overlapping += cached > usage.input_tokens
        score.beyond += usage.reasoning_tokens > usage.output_tokens
        model = exchange.asked.get("model")
        chains = book.chains(model, payees_at(exchange)) if isinstance(model, str) else ()
        if not chains:
            score.unknown[exchange.provider] += 1
            continue
        score.priced[exchange.provider] += 1
        price = next(it for it in chains[0] if it.holds(LATEST))
        cost = cost_nano(price, usage)
        rates = price.rates_for(usage)
        assert cost > 0 or not any(msgspec.structs.astuple(rates)) or not (usage.input_tokens + usage.output_tokens)
    with capsys.disabled():
        print(f"\n{score.usages} recorded usages: lanes add up in all")
        print(f"{score.beyond} tell more reasoning than output, {score.overlapping} more cached than sent: billed once")
        print(f"priced {score.priced.total()}: {dict(score.priced.most_common())}")
        print(f"no price for {score.unknown.total()}: {dict(score.unknown.most_common())}")
    assert score.beyond + score.overlapping < 10
    assert score.priced["openai"] > 100 < score.priced["anthropic"]

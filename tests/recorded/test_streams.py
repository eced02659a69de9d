"""Recorded streams, however the network cuts them: the client gets the provider's bytes, and the usage is right.

The expected usage is computed here the slow way: every event's JSON, fully decoded.
"""

import itertools
import json
import re
from collections import Counter
from random import Random
from typing import Any

import pytest

from ai_gateway.domain.chat import Usage
from ai_gateway.providers.anthropic import MessageReader
from ai_gateway.providers.openai import ChatReader, UsageChunk
from ai_gateway.providers.watch import DialectWatch
from recorded.corpus import Exchange, load, needs_corpus, why_left_out
from recorded.reckoning import anthropic_usage, openai_usage

pytestmark = needs_corpus

PARTITIONS = 5
ALL_SPLITS_UP_TO_BYTES = 2_000
DATA = re.compile(rb"(?:^|\n|\r)data: ?([^\r\n]*)")
STREAMS = tuple(
    exchange
    for exchange in load({"openai.chat_completions", "openai.completions", "anthropic.messages"})
    if exchange.is_stream and exchange.status == 200 and why_left_out(exchange) is None
)
KEPT = tuple(exchange for exchange in STREAMS if exchange.kept_bytes)


def watch_of(exchange: Exchange) -> DialectWatch:
    if exchange.endpoint == "anthropic.messages":
        return DialectWatch(MessageReader())
    usage_chunk = UsageChunk.WANTED if exchange.asked_for_usage else UsageChunk.WITHHELD
    return DialectWatch(ChatReader(usage_chunk, int(exchange.asked.get("n") or 1)))  # type: ignore[call-overload]


def events_of(exchange: Exchange) -> list[Any]:
    datas = (data.strip() for data in DATA.findall(exchange.body))
    return [json.loads(data) for data in datas if data != b"[DONE]"]


def expected_bytes(exchange: Exchange) -> bytes:
    """What the client must receive: without the chunk it did not ask for, up to an error, with the missing [DONE]."""
    out = b""
    for event in re.findall(rb"(?s).*?(?:\r\n\r\n|\n\n|\r\r)", exchange.body):
        found = DATA.search(event)
        said = json.loads(found[1]) if found and found[1].strip() != b"[DONE]" else {}
        if said.get("error"):
            return out
        silent = exchange.endpoint != "anthropic.messages" and not exchange.asked_for_usage
        if not (silent and said.get("usage") and said.get("choices") == []):
            out += event
    return out if exchange.endpoint == "anthropic.messages" or b"[DONE]" in out else out + b"data: [DONE]\n\n"


def expected_usage(exchange: Exchange) -> Usage | None:
    events = events_of(exchange)
    return anthropic_usage(events) if exchange.endpoint == "anthropic.messages" else openai_usage(events)


def random_partition(whole: bytes, rng: Random) -> list[bytes]:
    cuts = sorted(rng.randrange(len(whole) + 1) for _ in range(rng.choice([1, 3, 20, 200])))
    return [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]


def assert_right(exchange: Exchange, chunks: list[bytes], expected: bytes, usage: Usage | None) -> None:
    watch = watch_of(exchange)
    through = b"".join(watch.feed(chunk) for chunk in chunks)
    end = watch.end()
    assert through + end.tail == expected
    assert watch.usage == usage
    assert (watch.error is not None) == any(event.get("error") for event in events_of(exchange))
    assert end.complete == (watch.error is None)


@pytest.mark.parametrize("exchange", KEPT, ids=lambda exchange: f"{exchange.provider}-{exchange.id}")
def test_a_stream_comes_out_as_it_came_in_for_random_partitions(exchange: Exchange) -> None:
    expected, usage = expected_bytes(exchange), expected_usage(exchange)
    rng = Random(exchange.id)
    assert_right(exchange, [exchange.body], expected, usage)
    for _ in range(PARTITIONS):
        assert_right(exchange, random_partition(exchange.body, rng), expected, usage)


@pytest.mark.parametrize(
    "exchange",
    [exchange for exchange in KEPT if len(exchange.body) <= ALL_SPLITS_UP_TO_BYTES],
    ids=lambda exchange: f"{exchange.provider}-{exchange.id}",
)
def test_a_short_stream_may_be_split_anywhere(exchange: Exchange) -> None:
    expected, usage = expected_bytes(exchange), expected_usage(exchange)
    for cut in range(len(exchange.body) + 1):
        assert_right(exchange, [exchange.body[:cut], exchange.body[cut:]], expected, usage)
    assert_right(exchange, [exchange.body[i : i + 1] for i in range(len(exchange.body))], expected, usage)


def test_every_stream_is_read_without_a_crash_whatever_was_kept_of_it() -> None:
    for exchange in STREAMS:
        watch = watch_of(exchange)
        watch.feed(exchange.body)
        assert watch.end().complete or watch.error is not None, exchange.id


def test_a_stream_that_is_cut_is_never_complete() -> None:
    """A cut before the last finish reason or `message_stop` cannot look like an end."""
    for exchange in KEPT:
        watch = watch_of(exchange)
        watch.feed(exchange.body[: len(exchange.body) // 3])
        assert not watch.end().complete or b'"finish_reason":"' in exchange.body[: len(exchange.body) // 3], exchange.id


def test_the_facts_about_the_wire_are_met_here(capsys: pytest.CaptureFixture[str]) -> None:
    """The corpus is what it says it is, or these tests test nothing."""
    missing_done = Counter(x.provider for x in KEPT if b"[DONE]" not in x.body and x.endpoint.startswith("openai"))
    comments = sum(b": OPENROUTER PROCESSING" in x.body for x in KEPT)
    pings = sum(b"event: ping" in x.body for x in KEPT)
    errors = Counter(x.provider for x in KEPT if any(event.get("error") for event in events_of(x)))
    withheld = sum(expected_bytes(x).count(b"\n\n") < x.body.count(b"\n\n") for x in KEPT)
    with capsys.disabled():
        print(f"\nstreams: {len(KEPT)} of {len(STREAMS)} byte for byte; the others' framing was not kept")
    assert missing_done == {"cerebras": 8, "writer": 4, "groq": 3, "openrouter": 1}
    assert errors == {"groq": 3, "openrouter": 2}
    assert comments > 50
    assert pings > 30
    assert withheld > 0

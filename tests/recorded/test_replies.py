"""Recorded whole answers: each is understood, and its usage is what its JSON says."""

import json
from typing import Any

import pytest

from ai_gateway.domain.chat import Dialect, Operation, Usage
from ai_gateway.providers import Codec
from ai_gateway.providers.anthropic import AnthropicCodec
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.openai import OpenAICodec
from recorded.corpus import Exchange, load, needs_corpus, type_of, why_left_out
from recorded.reckoning import openai_usage

pytestmark = needs_corpus

OPERATIONS = {
    "openai.chat_completions": Operation.CHAT,
    "openai.embeddings": Operation.EMBEDDINGS,
    "openai.completions": Operation.COMPLETIONS,
    "openai.images": Operation.IMAGES,
    "anthropic.messages": Operation.MESSAGES,
    "anthropic.count_tokens": Operation.COUNT_TOKENS,
}
FOUND = tuple(exchange for exchange in load() if not exchange.is_stream and exchange.status == 200)
REPLIES = tuple(exchange for exchange in FOUND if why_left_out(exchange) is None)


def codec_of(exchange: Exchange) -> Codec:
    """That of the type which a config for this provider would have."""
    dialect = Dialect.ANTHROPIC if exchange.endpoint.startswith("anthropic") else Dialect.OPENAI
    return (
        KINDS[type_of(exchange)].codecs.get(dialect)
        or {"anthropic": AnthropicCodec(), "openai": OpenAICodec()}[dialect]
    )


def expected_usage(exchange: Exchange, body: Any) -> Usage | None:
    usage = body.get("usage")
    if exchange.endpoint == "openai.images":
        made = (usage or {}).get("output_tokens")
        return (
            Usage(input_tokens=usage["input_tokens"], output_tokens=made)
            if made
            else Usage(output_tokens=len(body["data"]))
        )
    if exchange.endpoint == "anthropic.count_tokens":
        return Usage()
    if not usage:
        return None
    if exchange.endpoint == "openai.embeddings":
        return Usage(input_tokens=usage.get("prompt_tokens", usage["total_tokens"]))
    if exchange.endpoint in ("openai.chat_completions", "openai.completions"):
        return openai_usage([{"usage": usage, "service_tier": body.get("service_tier")}])
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0)
    return Usage(
        input_tokens=usage["input_tokens"] + read + written,
        output_tokens=usage["output_tokens"],
        cache_read_tokens=read,
        cache_write_5m_tokens=written - hour,
        cache_write_1h_tokens=hour,
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("thinking_tokens", 0),
    )


@pytest.mark.parametrize("endpoint", OPERATIONS)
def test_every_answer_is_understood(endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    replies = [exchange for exchange in REPLIES if exchange.endpoint == endpoint]
    found = sum(exchange.endpoint == endpoint for exchange in FOUND)
    kept = sum(exchange.kept_bytes for exchange in replies)
    with capsys.disabled():
        reasons = {reason for exchange in FOUND if exchange.endpoint == endpoint and (reason := why_left_out(exchange))}
        print(f"\n{endpoint}: {len(replies)} of {found} answers ({kept} byte for byte); left out: {reasons or 'none'}")
    assert replies
    for exchange in replies:
        body = json.loads(exchange.body)
        reading = codec_of(exchange).read_reply(OPERATIONS[endpoint], exchange.body)
        assert (reading.error is not None) == bool(body.get("error")), exchange.id
        assert reading.usage == expected_usage(exchange, body), exchange.id


def test_what_is_not_a_message_is_an_error() -> None:
    """Anthropic's old text completions came from another endpoint; asked for a message, nobody may answer so."""
    others = [it for it in FOUND if why_left_out(it) and it.endpoint.startswith("anthropic")]
    assert others
    for exchange in others:
        assert codec_of(exchange).read_reply(OPERATIONS[exchange.endpoint], exchange.body).error is not None


def test_an_answer_cut_anywhere_is_an_error() -> None:
    for exchange in REPLIES[::40]:
        half = exchange.body[: len(exchange.body) // 2]
        assert codec_of(exchange).read_reply(OPERATIONS[exchange.endpoint], half).error is not None, exchange.id

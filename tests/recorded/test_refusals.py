"""Recorded refusals: each is the ending of ours that a person who reads it would choose.

The table was written by reading them. A (provider, status, type, code) that is not in it fails the test, so that new
recordings are read, too.
"""

import pytest

from ai_gateway.domain.faults import Category
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.openai import ChatReader, UsageChunk
from ai_gateway.providers.watch import DialectWatch
from recorded.corpus import Exchange, load, load_errors_in_the_wild, needs_corpus, type_of

pytestmark = needs_corpus

C = Category
LONG_PROMPTS = ("prompt too long", "maximum context length", "prompt is too long")
EXPECTED = {
    ("anthropic", 400, "invalid_request_error", None): C.INVALID_REQUEST,
    ("anthropic", 401, "authentication_error", None): C.PROVIDER_AUTHENTICATION,
    ("anthropic", 404, "not_found_error", None): C.NOT_FOUND,
    ("azure", 200, None, "content_filter"): C.CONTENT_FILTER,
    ("azure", 404, "invalid_request_error", "DeploymentNotFound"): C.NOT_FOUND,
    ("deepseek", 401, "authentication_error", "invalid_request_error"): C.PROVIDER_AUTHENTICATION,
    ("groq", 200, "invalid_request_error", "tool_use_failed"): C.INVALID_REQUEST,
    ("groq", 400, "invalid_request_error", "model_decommissioned"): C.INVALID_REQUEST,
    ("groq", 400, "invalid_request_error", "tool_use_failed"): C.INVALID_REQUEST,
    ("groq", 400, "invalid_request_error", None): C.INVALID_REQUEST,
    ("groq", 401, "invalid_request_error", "invalid_api_key"): C.PROVIDER_AUTHENTICATION,
    ("mistral", 401, None, None): C.PROVIDER_AUTHENTICATION,
    ("ollama", 400, "invalid_request_error", None): C.INVALID_REQUEST,
    ("ollama", 401, "api_error", None): C.PROVIDER_AUTHENTICATION,
    ("openai", 400, "invalid_request_error", "invalid_image_format"): C.INVALID_REQUEST,
    ("openai", 400, "invalid_request_error", "invalid_image_url"): C.INVALID_REQUEST,
    ("openai", 400, "invalid_request_error", None): C.INVALID_REQUEST,
    ("openai", 400, "image_generation_user_error", "invalid_image_file"): C.INVALID_REQUEST,
    ("openai", 400, "invalid_request_error", "integer_below_min_value"): C.INVALID_REQUEST,
    ("openai", 400, "invalid_request_error", "invalid_value"): C.INVALID_REQUEST,
    ("openai", 400, "invalid_request_error", "unknown_parameter"): C.INVALID_REQUEST,
    ("openai", 401, "invalid_request_error", "invalid_api_key"): C.PROVIDER_AUTHENTICATION,
    ("openai", 403, "invalid_request_error", None): C.PROVIDER_AUTHENTICATION,
    ("openai", 404, "invalid_request_error", "model_not_found"): C.NOT_FOUND,
    ("openrouter", 200, None, "400"): C.INVALID_REQUEST,
    ("openrouter", 200, None, "502"): C.PROVIDER_ERROR,
    ("openrouter", 400, None, "400"): C.INVALID_REQUEST,
    ("openrouter", 403, None, "403"): C.CONTENT_FILTER,
    ("openrouter", 404, None, "404"): C.NOT_FOUND,
    ("openrouter", 429, None, "429"): C.RATE_LIMIT,
    ("perplexity", 401, "invalid_api_key", "401"): C.PROVIDER_AUTHENTICATION,
    ("xai", 400, None, "Client specified an invalid argument"): C.INVALID_REQUEST,
    ("xai", 404, None, "Some requested entity was not found"): C.NOT_FOUND,
}
IN_THE_WILD = {
    "error:rate_limit": C.RATE_LIMIT,
    "error:quota": C.QUOTA,
    "error:context_length": C.CONTEXT_LENGTH,
    "error:content_filter": C.CONTENT_FILTER,
    "error:server": C.PROVIDER_ERROR,
    "error:overloaded": C.OVERLOADED,
}


def refused(exchange: Exchange) -> bool:
    if exchange.status != 200:
        return True
    return not exchange.is_stream and exchange.body.lstrip().replace(b" ", b"").startswith(b'{"error":{')


def test_every_recorded_refusal_is_classified_as_a_reader_would(capsys: pytest.CaptureFixture[str]) -> None:
    refusals = [exchange for exchange in load() if refused(exchange)]
    for exchange in refusals:
        error = read_error(exchange.status if exchange.status != 200 else None, exchange.headers, exchange.body)
        expected = EXPECTED[exchange.provider, exchange.status, error.type, error.code]
        if any(words in error.message for words in LONG_PROMPTS):
            expected = C.CONTEXT_LENGTH
        fault = classify(type_of(exchange), error)
        assert fault.category is expected, (exchange.id, error)
        assert error.message, exchange.id
    with capsys.disabled():
        print(f"\nrefusals: {len(refusals)} of {len(refusals)} classified")
    assert len(refusals) > 100


def test_every_error_inside_a_recorded_stream_is_classified_as_a_reader_would() -> None:
    found = 0
    for exchange in load({"openai.chat_completions"}):
        if exchange.is_stream and b'"error":{' in exchange.body:
            watch = DialectWatch(ChatReader(UsageChunk.WANTED))
            watch.feed(exchange.body)
            assert watch.error is not None, exchange.id
            key = (exchange.provider, 200, watch.error.type, watch.error.code)
            assert classify(type_of(exchange), watch.error).category is EXPECTED[key], exchange.id
            found += 1
    assert found == 5


@pytest.mark.parametrize(
    "exchange",
    [exchange for exchange in load_errors_in_the_wild() if exchange.status != 200],
    ids=lambda exchange: f"{exchange.provider}-{exchange.status}-{exchange.id}",
)
def test_errors_that_people_reported_are_classified_as_they_called_them(exchange: Exchange) -> None:
    error = read_error(exchange.status, exchange.headers, exchange.body)
    (expected,) = (category for tag, category in IN_THE_WILD.items() if tag in exchange.features)
    if "credit balance" in error.message:
        expected = C.PAYMENT
    assert classify(type_of(exchange), error).category is expected

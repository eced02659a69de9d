"""Recorded refusals: each is the ending of ours that a person who reads it would choose.

The tables were written by reading them. A (provider, status, type, code) that is in no table fails the test, so that
new recordings are read, too. Where the same marks are said of two things, the words of the message tell them apart.
"""

import pytest

from ai_gateway.domain.chat import Dialect, Operation, ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Category, ClassifiedBy, Fault
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers import codec_for
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.kinds import KINDS
from recorded.corpus import Exchange, load_all, load_errors_in_the_wild, needs_corpus, type_of
from support.builders import a_call, a_head, a_shaped

pytestmark = needs_corpus

C = Category
Marks = tuple[str, int | None, str | None, str | None]

EXPECTED: dict[Category, set[Marks]] = {
    C.CONTENT_FILTER: {
        ("azure", None, None, "content_filter"),
        ("azure", 400, None, "content_filter"),
        ("openrouter", 403, None, "403"),
    },
    C.CONTEXT_LENGTH: {("openai", 400, "invalid_request_error", "context_length_exceeded")},
    C.INVALID_REQUEST: {
        ("anthropic", 400, "invalid_request_error", None),
        ("bedrock", 400, None, None),
        ("deepseek", 400, "invalid_request_error", "invalid_request_error"),
        ("google", 400, "INVALID_ARGUMENT", "400"),
        ("groq", 400, "invalid_request_error", "model_decommissioned"),
        ("groq", 400, "invalid_request_error", "tool_use_failed"),
        ("groq", 400, "invalid_request_error", None),
        ("groq", None, "invalid_request_error", "tool_use_failed"),
        ("openai", 400, "image_generation_user_error", "invalid_image_file"),
        ("openai", 400, "invalid_request_error", "decimal_below_min_value"),
        ("openai", 400, "invalid_request_error", "integer_below_min_value"),
        ("openai", 400, "invalid_request_error", "invalid_image_format"),
        ("openai", 400, "invalid_request_error", "invalid_image_url"),
        ("openai", 400, "invalid_request_error", "invalid_value"),
        ("openai", 400, "invalid_request_error", "missing_required_parameter"),
        ("openai", 400, "invalid_request_error", "unknown_parameter"),
        ("openai", 400, "invalid_request_error", "unsupported_file"),
        ("openai", 400, "invalid_request_error", "unsupported_parameter"),
        ("openai", 400, "invalid_request_error", None),
        ("openrouter", 400, None, "400"),
        ("openrouter", None, None, "400"),
        ("vertex", 400, "FAILED_PRECONDITION", "400"),
        ("vertex", 400, "INVALID_ARGUMENT", "400"),
        ("xai", 400, None, "Client specified an invalid argument"),
    },
    C.NOT_FOUND: {
        ("anthropic", 404, "not_found_error", None),
        ("azure", 404, "invalid_request_error", "DeploymentNotFound"),
        ("cohere", 404, None, None),
        ("google", 404, "NOT_FOUND", "404"),
        ("openai", 400, "invalid_request_error", "model_not_found"),
        ("openai", 404, "invalid_request_error", "model_not_found"),
        ("openrouter", 404, None, "404"),
        ("vertex", 404, "NOT_FOUND", "404"),
        ("vertex", 404, None, None),
        ("xai", 404, None, "Some requested entity was not found"),
    },
    C.OVERLOADED: {
        ("anthropic", 529, "overloaded_error", None),
        ("anthropic", None, "overloaded_error", None),
        ("bedrock", 503, "ServiceUnavailableException", None),
        ("google", 503, "UNAVAILABLE", "503"),
        ("openai", None, None, "server_is_overloaded"),
    },
    C.PROVIDER_AUTHENTICATION: {
        ("anthropic", 401, "authentication_error", None),
        ("deepseek", 401, "authentication_error", "invalid_request_error"),
        ("groq", 401, "invalid_request_error", "invalid_api_key"),
        ("mistral", 401, None, None),
        ("ollama", 401, "api_error", None),
        ("openai", 401, "invalid_request_error", "invalid_api_key"),
        ("openai", 403, "invalid_request_error", None),
        ("perplexity", 401, "invalid_api_key", "401"),
        ("vertex", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        ("xai", 400, None, "invalid-argument"),
    },
    C.PROVIDER_ERROR: {
        ("openai", 500, "server_error", None),
        ("openrouter", None, None, "502"),
    },
    C.QUOTA: {
        ("openai", 400, "insufficient_quota", "insufficient_quota"),
        ("openai", 429, "insufficient_quota", "insufficient_quota"),
        ("openai", 429, "insufficient_quota", None),
    },
    C.RATE_LIMIT: {
        ("anthropic", 429, "rate_limit_error", None),
        ("bedrock", 429, "ThrottlingException", None),
        ("bedrock", None, "throttlingException", None),
        ("google", 429, "RESOURCE_EXHAUSTED", "429"),
        ("openai", 429, "tokens", "rate_limit_exceeded"),
        ("openrouter", 429, None, "429"),
        ("vertex", 429, "RESOURCE_EXHAUSTED", "429"),
        ("vertex", 429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"),
    },
}
"""Status None: under a 200, whole or in a stream."""

BY_MESSAGE: dict[str, Category] = {
    "prompt too long": C.CONTEXT_LENGTH,
    "prompt is too long": C.CONTEXT_LENGTH,
    "maximum context length": C.CONTEXT_LENGTH,
    "too many tokens: size limit exceeded": C.CONTEXT_LENGTH,
    "credit balance is too low": C.PAYMENT,
    "User location is not supported": C.PROVIDER_AUTHENTICATION,
    "violate Google's Responsible AI practices": C.CONTENT_FILTER,
}

NOT_RECORDED = {C.TIMEOUT}
"""Endings that a provider can say and of which there is no recording."""

REPORTED_AS = {
    "rate_limit": C.RATE_LIMIT,
    "quota": C.QUOTA,
    "context_length": C.CONTEXT_LENGTH,
    "content_filter": C.CONTENT_FILTER,
    "server": C.PROVIDER_ERROR,
    "overloaded": C.OVERLOADED,
}


def is_refusal(exchange: Exchange) -> bool:
    return exchange.status >= 400 or any(tag.startswith("error") for tag in exchange.features)


def error_in(exchange: Exchange) -> ProviderError:
    if exchange.is_stream and exchange.status == 200:
        return error_in_stream(exchange)
    return read_error(exchange.status if exchange.status != 200 else None, exchange.headers, exchange.body)


def error_in_stream(exchange: Exchange) -> ProviderError:
    dialect, operation = Dialect.OPENAI, Operation.CHAT
    if exchange.endpoint == "anthropic.messages":
        dialect, operation = Dialect.ANTHROPIC, Operation.MESSAGES
    elif exchange.endpoint == "openai.responses":
        operation = Operation.RESPONSES
    codec = codec_for(KINDS[type_of(exchange)], dialect, operation)
    assert codec is not None
    watch = codec.watch(a_shaped(a_call(a_head(operation=operation, dialect=dialect))))
    watch.feed(exchange.body)
    watch.end()
    assert watch.error is not None, exchange.id
    return watch.error


def expected(exchange: Exchange, error: ProviderError) -> Category:
    for words, category in BY_MESSAGE.items():
        if words in error.message:
            return category
    marks = (exchange.provider, error.status, error.type, error.code)
    found = [category for category, known in EXPECTED.items() if marks in known]
    assert len(found) == 1, (exchange.id, marks, error.message)
    return found[0]


def has_error(exchange: Exchange) -> bool:
    """Not every stream that is tagged so has one: some only speak of one."""
    return not (exchange.is_stream and exchange.status == 200) or b'"error":{' in exchange.body or _is_frame(exchange)


def _is_frame(exchange: Exchange) -> bool:
    return b":exception-type" in exchange.body


def classified() -> list[tuple[Exchange, ProviderError, Fault]]:
    found = [it for it in (*load_all(), *load_errors_in_the_wild()) if is_refusal(it) and has_error(it)]
    return [(it, error, classify(type_of(it), error)) for it in found for error in [error_in(it)]]


def test_every_recorded_refusal_gets_the_category_that_a_reader_would_give_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refusals = classified()
    right = [it for it in refusals if it[2].category is expected(it[0], it[1])]
    with capsys.disabled():
        by = {how: sum(fault.classified_by is how for _, _, fault in refusals) for how in ClassifiedBy}
        told = ", ".join(f"{count} by {how}" for how, count in by.items())
        print(f"\nrecorded refusals: {len(right)} of {len(refusals)} in their category ({told})")
    wrong = [(it[0].id, it[1], it[2].category) for it in refusals if it not in right]
    assert wrong == []
    assert len(refusals) >= 250
    assert all(error.message for _, error, _ in refusals)


def test_every_category_that_a_provider_can_cause_is_among_the_recordings() -> None:
    caused = {fault.category for _, _, fault in classified()}
    assert caused == (set(EXPECTED) | set(BY_MESSAGE.values())) - NOT_RECORDED


def test_no_recorded_refusal_had_to_be_guessed() -> None:
    guessed = [it for it in classified() if it[2].classified_by in (ClassifiedBy.STATUS, ClassifiedBy.NOTHING)]
    assert [(it.id, error) for it, error, _ in guessed] == []


def test_recordings_that_were_never_in_a_table_are_found_by_their_status_and_say_so() -> None:
    for exchange, error, fault in classified():
        if exchange.status >= 400:
            bare = ProviderError(exchange.status, "in words that nobody knows")
            guess = classify(ProviderType.OPENAI_COMPATIBLE, bare)
            assert guess.classified_by is ClassifiedBy.STATUS
            assert guess.category is not Category.GATEWAY_FAULT, (exchange.id, error, fault)


@pytest.mark.parametrize(
    "exchange",
    [exchange for exchange in load_errors_in_the_wild() if is_refusal(exchange)],
    ids=lambda exchange: f"{exchange.provider}-{exchange.status}-{exchange.id}",
)
def test_errors_that_people_reported_are_classified_as_they_called_them(exchange: Exchange) -> None:
    error = error_in(exchange)
    tags = {tag.partition(":")[2] for tag in exchange.features if tag.startswith("error") and ":" in tag}
    (wanted,) = (REPORTED_AS[tag] for tag in tags)
    if "credit balance" in error.message:
        wanted = C.PAYMENT
    assert classify(type_of(exchange), error).category is wanted

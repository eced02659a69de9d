"""The status table, row by row, with the words in which real providers say it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import (
    ContentFiltered,
    ContextTooLong,
    Fault,
    InvalidRequest,
    NotFound,
    Origin,
    PaymentRequired,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOverloaded,
    ProviderTooSlow,
    QuotaExceeded,
    RateLimited,
)
from ai_gateway.policy.error_handler import LONGEST_QUOTE, classify


def fault_of(
    status: int | None,
    message: str = "",
    type: str | None = None,
    code: str | None = None,
    wait: float | None = None,
) -> Fault:
    error = ProviderError(status, message, type, code, retry_after_seconds=wait)
    return classify(ProviderType.OPENAI_COMPATIBLE, error)


@pytest.mark.parametrize(
    ("message", "marks"),
    [
        ("This model's maximum context length is 16385 tokens. However, your messages resulted in 16468 tokens.", None),
        ("m", "context_length_exceeded"),
        ("prompt is too long: 210000 tokens > 200000 maximum", "invalid_request_error"),
        ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", "invalid_request_error"),
        ("prompt too long; exceeded max context length by 1119046 tokens", None),
        ("Input is too long for requested model.", None),
        ("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", None),
        ("The input token count is 1194391 but model only supports up to 1048576.", "INVALID_ARGUMENT"),
        ("Please reduce the length of the messages or completion.", None),
        ("Your input exceeds the context window of this model.", None),
        ("This endpoint's maximum context length is 200000 tokens. However, you requested about 2500021", "400"),
        ("Requested tokens (9000) exceed context window of 8192", None),
    ],
)
@pytest.mark.parametrize("status", [400, 413, 422, None])
def test_a_context_that_is_too_long(status: int | None, message: str, marks: str | None) -> None:
    fault = fault_of(status, message, code=marks)
    assert type(fault) is ContextTooLong
    assert (fault.status, fault.origin) == (400, Origin.CLIENT)


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 99999. This model supports at most 16384 completion tokens.",
        "The string is too long; context is missing.",
        "This model does not support effort level 'xhigh'.",
    ],
)
def test_what_only_sounds_like_it_is_an_invalid_request(message: str) -> None:
    assert type(fault_of(400, message)) is InvalidRequest


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "The response was filtered due to the prompt triggering Azure OpenAI's content management policy", None),
        (400, "m", "content_filter"),
        (None, "m", "content_filter"),
        (400, "m", "ResponsibleAIPolicyViolation"),
        (400, "Your request was rejected as a result of our safety system.", "content_policy_violation"),
        (400, "Output blocked by content filtering policy", "invalid_request_error"),
        (403, "Provider returned error: Content violates usage guidelines. Team: x", "403"),
        (400, "This prompt contains sensitive words that violate Google's Responsible AI practices.", None),
        (None, "The prompt was blocked: OTHER.", "prompt_blocked"),
    ],
)
def test_a_content_filter(status: int | None, message: str, code: str | None) -> None:
    fault = fault_of(status, message, code=code)
    assert type(fault) is ContentFiltered
    assert fault.status == 400


@pytest.mark.parametrize(
    ("status", "message", "type_", "code"),
    [
        (429, "You exceeded your current quota, please check your plan.", "insufficient_quota", "insufficient_quota"),
        (429, "m", "insufficient_quota", None),
        (429, "You exceeded your current quota, please check your plan and billing details.", None, None),
        (429, "Your account is not active", None, "billing_not_active"),
        (None, "m", None, "insufficient_quota"),
    ],
)
def test_a_quota(status: int | None, message: str, type_: str | None, code: str | None) -> None:
    fault = fault_of(status, message, type_, code)
    assert type(fault) is QuotaExceeded
    assert fault.status == 429
    assert fault.action == "Add payment method in provider dashboard"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing"),
        (402, "Insufficient Balance"),
        (402, ""),
        (403, "Your team has either used all available credits or reached its monthly spending limit."),
    ],
)
def test_a_payment(status: int, message: str) -> None:
    fault = fault_of(status, message, "invalid_request_error")
    assert type(fault) is PaymentRequired
    assert fault.status == 402


@pytest.mark.parametrize(
    ("status", "message", "type_", "code"),
    [
        (401, "", None, None),
        (401, "Unauthorized", "api_error", None),
        (403, "You are not allowed to sample from this model", "invalid_request_error", None),
        (
            403,
            "Country, region, or territory not supported",
            "request_forbidden",
            "unsupported_country_region_territory",
        ),
        (403, "your maximum context length permission", None, None),
        (400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", "API_KEY_INVALID"),
        (400, "Incorrect API key provided: xa***ey.", None, "Client specified an invalid argument"),
        (None, "invalid x-api-key", "authentication_error", None),
        (None, "m", "permission_error", None),
        (None, "m", None, "401"),
    ],
)
def test_a_refused_provider_key(status: int | None, message: str, type_: str | None, code: str | None) -> None:
    fault = fault_of(status, message, type_, code)
    assert type(fault) is ProviderKeyRefused
    assert (fault.status, fault.retryable) == (502, False)


@pytest.mark.parametrize(
    ("status", "message", "type_", "code"),
    [
        (429, "", None, None),
        (429, "Rate limit reached for gpt-4.1 on tokens per min (TPM): Limit 30000", "tokens", "rate_limit_exceeded"),
        (429, "Request too large for gpt-4o, reduce the length of the messages", "tokens", "rate_limit_exceeded"),
        (429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED", "429"),
        (429, "Too many tokens, please wait before trying again.", "ThrottlingException", None),
        (None, "m", "rate_limit_error", None),
        (None, "m", None, "429"),
    ],
)
def test_a_rate_limit_of_the_provider(status: int | None, message: str, type_: str | None, code: str | None) -> None:
    fault = fault_of(status, message, type_, code, wait=7.0)
    assert type(fault) is RateLimited
    assert (fault.status, fault.origin, fault.retry_after_seconds) == (429, Origin.PROVIDER, 7.0)


def test_a_quota_with_a_wait_is_a_rate() -> None:
    message = "You exceeded your current quota, please check your plan and billing details."
    assert type(fault_of(429, message, "RESOURCE_EXHAUSTED", wait=32.0)) is RateLimited


@pytest.mark.parametrize(
    ("status", "message", "type_"),
    [
        (529, "Overloaded", "overloaded_error"),
        (529, "", None),
        (498, "", None),
        (None, "Overloaded", "overloaded_error"),
        (None, "Our servers are currently overloaded. Please try again later.", "server_is_overloaded"),
        (503, "The model is overloaded. Please try again later.", "UNAVAILABLE"),
        (503, "That model is currently over capacity", None),
        (500, "The engine is currently overloaded, please try again later", "server_error"),
        (429, "The engine is currently overloaded", "engine_overloaded_error"),
    ],
)
def test_an_overload(status: int | None, message: str, type_: str | None) -> None:
    fault = fault_of(status, message, type_)
    assert type(fault) is ProviderOverloaded
    assert (fault.status, fault.retryable) == (503, True)


@pytest.mark.parametrize(("status", "type_"), [(408, None), (504, None), (524, None), (None, "timeout_error")])
def test_a_timeout(status: int | None, type_: str | None) -> None:
    fault = fault_of(status, "m", type_)
    assert type(fault) is ProviderTooSlow
    assert fault.status == 504


@pytest.mark.parametrize(
    ("status", "message", "type_"),
    [
        (500, "The server experienced an error while processing your request.", "server_error"),
        (502, "<html>", None),
        (503, "Service Unavailable", None),
        (500, "maximum context length; content_filter; insufficient balance; incorrect api key", "content_filter"),
        (301, "", None),
        (101, "", None),
        (600, "", None),
        (None, "", None),
        (None, "something happened", "api_error"),
        (None, "EngineCore encountered an issue.", None),
    ],
)
def test_a_failure_of_the_provider(status: int | None, message: str, type_: str | None) -> None:
    fault = fault_of(status, message, type_)
    assert type(fault) is ProviderFailed
    assert (fault.status, fault.origin) == (502, Origin.PROVIDER)


@pytest.mark.parametrize("status", [400, 405, 409, 410, 413, 415, 422, 424, 451])
def test_an_invalid_request_keeps_its_status_and_quotes_the_provider(status: int) -> None:
    fault = fault_of(status, "  'dimensions' is\nwrong ", "invalid_request_error")
    assert type(fault) is InvalidRequest
    assert (fault.status, fault.origin) == (status, Origin.CLIENT)
    assert fault.message == "The AI provider refused the request: 'dimensions' is wrong"


def test_an_invalid_request_inside_a_stream_is_400() -> None:
    fault = fault_of(None, "tool call validation failed", "invalid_request_error", "tool_use_failed")
    assert (type(fault), fault.status) == (InvalidRequest, 400)


@pytest.mark.parametrize(("status", "code"), [(404, None), (404, "model_not_found"), (None, "not_found_error")])
def test_a_model_that_the_provider_does_not_know(status: int | None, code: str | None) -> None:
    fault = fault_of(status, "model: claude-does-not-exist", code=code)
    assert type(fault) is NotFound
    assert (fault.status, fault.origin) == (404, Origin.PROVIDER)
    assert fault.message.endswith("model: claude-does-not-exist")


def test_the_provider_s_words_and_wait_stay_on_the_fault() -> None:
    error = ProviderError(400, "bad", "t", "c", "p", 3.0)
    fault = classify(ProviderType.OPENAI, error)
    assert fault.provider_error is error
    assert (fault.param, fault.retry_after_seconds) == ("p", 3.0)
    assert fault.detail == "openai 400 type=t code=c: bad"


def test_no_secret_and_no_novel_is_quoted() -> None:
    fault = fault_of(400, f"the key sk-abcdef0123456789 is odd {'x' * 5000}")
    assert "abcdef0123456789" not in fault.message + fault.detail
    assert len(fault.message) <= len("The AI provider refused the request: ") + LONGEST_QUOTE


WORDS = st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["429", "502", "timeout", "content_filter"]))


@given(st.one_of(st.none(), st.integers(0, 700)), st.text(max_size=60), WORDS, WORDS)
def test_every_error_is_a_fault_with_a_status_that_can_be_sent(
    status: int | None, message: str, type_: str | None, code: str | None
) -> None:
    fault = fault_of(status, message, type_, code)
    assert 400 <= fault.status <= 599
    assert fault.message
    assert fault.action


@given(st.integers(500, 599), st.text(max_size=60), WORDS)
def test_a_server_s_failure_is_never_the_client_s(status: int, message: str, code: str | None) -> None:
    assert fault_of(status, message, code=code).origin is Origin.PROVIDER


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (
            403,
            "This API method requires billing to be enabled. Please enable billing on project #1.",
            "BILLING_DISABLED",
        ),
        (400, "Gemini API free tier is not available in your country. Please enable billing on your project.", None),
    ],
)
def test_a_project_of_googles_that_nobody_pays_for(status: int, message: str, code: str | None) -> None:
    assert type(fault_of(status, message, "FAILED_PRECONDITION", code)) is PaymentRequired


def test_what_the_provider_itself_gave_up_is_its_failure() -> None:
    assert type(fault_of(499, "The operation was cancelled.", "CANCELLED", "499")) is ProviderFailed
    assert type(fault_of(None, "The operation was cancelled.", "CANCELLED", "499")) is ProviderFailed

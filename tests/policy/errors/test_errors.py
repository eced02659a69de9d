"""What providers publish of their errors and nobody has recorded yet, a line each; the recorded ones are in
tests/recorded/test_refusals.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import ALL_FAULTS, Category, ClassifiedBy, Fault
from ai_gateway.policy.error_handler import classify
from ai_gateway.policy.errors import TABLES
from ai_gateway.policy.errors.everywhere import BY_STATUS, COMMON
from ai_gateway.policy.errors.rows import Rows

P, C = ProviderType, Category
EVERY_TABLE: list[Rows] = [*TABLES.values(), COMMON, BY_STATUS]


@pytest.mark.parametrize(
    ("provider", "status", "type_", "code", "message", "category"),
    [
        (P.OPENAI, 401, "invalid_request_error", "account_deactivated", "m", C.PROVIDER_AUTHENTICATION),
        (P.OPENAI, 403, None, "unsupported_country_region_territory", "m", C.PROVIDER_AUTHENTICATION),
        (P.OPENAI, 503, None, "slow_down", "Slow Down", C.OVERLOADED),
        (P.OPENAI, 400, "invalid_request_error", "billing_hard_limit_reached", "m", C.QUOTA),
        (P.OPENAI, 400, "image_generation_user_error", "moderation_blocked", "m", C.CONTENT_FILTER),
        (P.AZURE_OPENAI, 401, None, "401", "Access denied due to invalid subscription key", C.PROVIDER_AUTHENTICATION),
        (P.AZURE_OPENAI, 429, None, "429", "Requests have exceeded token rate limit of your tier", C.RATE_LIMIT),
        (P.AZURE_OPENAI, 400, None, "ResponsibleAIPolicyViolation", "m", C.CONTENT_FILTER),
        (P.ANTHROPIC, 402, "billing_error", None, "m", C.PAYMENT),
        (P.ANTHROPIC, 403, "permission_error", None, "m", C.PROVIDER_AUTHENTICATION),
        (P.ANTHROPIC, 413, "request_too_large", None, "m", C.INVALID_REQUEST),
        (P.ANTHROPIC, 500, "api_error", None, "Internal server error", C.PROVIDER_ERROR),
        (P.ANTHROPIC, 504, "timeout_error", None, "m", C.TIMEOUT),
        (P.ANTHROPIC, None, "api_error", None, "m", C.PROVIDER_ERROR),
        (P.ANTHROPIC, 400, "invalid_request_error", None, "You have reached your specified API usage limits.", C.QUOTA),
        (P.GEMINI, 403, "PERMISSION_DENIED", "SERVICE_DISABLED", "m", C.PROVIDER_AUTHENTICATION),
        (P.GEMINI, 504, "DEADLINE_EXCEEDED", "504", "m", C.TIMEOUT),
        (P.GEMINI, 500, "INTERNAL", "500", "An internal error has occurred.", C.PROVIDER_ERROR),
        (P.GEMINI, 429, "RESOURCE_EXHAUSTED", "429", "please check your plan and billing details", C.QUOTA),
        (P.VERTEX, 403, "PERMISSION_DENIED", "BILLING_DISABLED", "m", C.PAYMENT),
        (P.VERTEX, 499, "CANCELLED", "499", "The operation was cancelled.", C.PROVIDER_ERROR),
        (P.BEDROCK, 400, "ServiceQuotaExceededException", None, "m", C.QUOTA),
        (P.BEDROCK, 403, "ExpiredTokenException", None, "m", C.PROVIDER_AUTHENTICATION),
        (P.BEDROCK, 424, "ModelErrorException", None, "m", C.PROVIDER_ERROR),
        (P.BEDROCK, 408, "ModelTimeoutException", None, "m", C.TIMEOUT),
        (P.BEDROCK, 429, "ModelNotReadyException", None, "m", C.OVERLOADED),
        (P.BEDROCK, 404, "ResourceNotFoundException", None, "m", C.NOT_FOUND),
        (P.BEDROCK, 400, "ValidationException", None, "Input is too long for requested model.", C.CONTEXT_LENGTH),
        (P.COHERE, 498, None, None, "blocked output", C.CONTENT_FILTER),
        (P.COHERE, 499, None, None, "request cancelled", C.PROVIDER_ERROR),
        (P.COHERE, 429, None, None, "You are using a Trial key, which is limited to 1000 API calls / month", C.QUOTA),
        (P.COHERE, 429, None, None, "You are using a Trial key, which is limited to 20 calls / minute", C.RATE_LIMIT),
        (P.COHERE, 401, None, None, "invalid api token", C.PROVIDER_AUTHENTICATION),
        (P.GROQ, 498, None, "capacity_exceeded", "m", C.OVERLOADED),
        (P.GROQ, 413, "tokens", "rate_limit_exceeded", "Request too large for model `m` on TPM", C.INVALID_REQUEST),
        (P.GROQ, 400, "invalid_request_error", "organization_restricted", "m", C.PROVIDER_AUTHENTICATION),
        (P.MISTRAL, 400, "invalid_model", "1500", "Invalid model: nope", C.NOT_FOUND),
        (P.MISTRAL, 429, "service_tier_capacity_exceeded", "3505", "m", C.RATE_LIMIT),
        (P.XAI, 403, None, "The caller does not have permission", "used all available credits", C.PAYMENT),
        (P.XAI, 403, None, None, "Content violates usage guidelines.", C.CONTENT_FILTER),
        (P.DEEPSEEK, 402, "unknown_error", "invalid_request_error", "Insufficient Balance", C.PAYMENT),
        (P.DEEPSEEK, 503, None, None, "Service is too busy.", C.OVERLOADED),
        (P.OPENROUTER, 402, None, "402", "This request requires more credits", C.PAYMENT),
        (P.OPENROUTER, 403, None, "403", "Key limit exceeded (total limit).", C.QUOTA),
        (P.OPENROUTER, 403, None, "403", "m requires moderation and your input was flagged", C.CONTENT_FILTER),
        (P.TOGETHER, 404, "invalid_request_error", "model_not_available", "Unable to access model x.", C.NOT_FOUND),
        (P.FIREWORKS, 412, None, "PRECONDITION_FAILED", "Account is suspended.", C.PAYMENT),
        (P.CEREBRAS, 401, "invalid_request_error", "wrong_api_key", "m", C.PROVIDER_AUTHENTICATION),
        (P.CEREBRAS, 429, "too_many_requests_error", "queue_exceeded", "high traffic right now!", C.OVERLOADED),
        (P.CEREBRAS, 429, "too_many_tokens_error", "token_quota_exceeded", "m", C.RATE_LIMIT),
        (P.NVIDIA, 404, None, None, "Function 'x': Not found for account 'y'", C.NOT_FOUND),
        (P.HUGGINGFACE, 402, None, None, "You have exceeded your monthly included credits", C.PAYMENT),
        (P.HUGGINGFACE, 400, "invalid_request_error", "model_not_supported", "m", C.NOT_FOUND),
        (P.HUGGINGFACE, 503, None, None, "Model x is currently loading", C.OVERLOADED),
        (P.OLLAMA, 404, "api_error", None, 'model "x" not found, try pulling it first', C.NOT_FOUND),
        (P.OLLAMA, 503, None, None, "server busy, please try again.  maximum pending requests exceeded", C.OVERLOADED),
        (P.VLLM, 404, "NotFoundError", "404", "The model `x` does not exist.", C.NOT_FOUND),
        (
            P.VLLM,
            400,
            "BadRequestError",
            "400",
            "This model's maximum context length is 4096 tokens.",
            C.CONTEXT_LENGTH,
        ),
        (P.VLLM, 500, "InternalServerError", "500", "m", C.PROVIDER_ERROR),
        (
            P.LM_STUDIO,
            400,
            None,
            None,
            "Trying to keep the first 9 tokens when context the overflows",
            C.CONTEXT_LENGTH,
        ),
        (P.LM_STUDIO, 404, None, None, "No models loaded. Please load a model", C.NOT_FOUND),
    ],
)
def test_a_provider_is_understood_in_its_own_words(
    provider: ProviderType, status: int | None, type_: str | None, code: str | None, message: str, category: Category
) -> None:
    fault = classify(provider, ProviderError(status, message, type_, code))
    assert (fault.category, fault.classified_by) == (category, ClassifiedBy.PROVIDER)


@pytest.mark.parametrize("provider", ProviderType)
def test_every_provider_type_has_a_table(provider: ProviderType) -> None:
    assert provider in TABLES


def test_a_row_means_one_of_the_faults_and_its_words_can_be_met() -> None:
    for table in EVERY_TABLE:
        for row in table:
            assert row.means in ALL_FAULTS
            assert row.statuses
            assert [word for word in (*row.marks, *row.phrases) if word != word.lower()] == []


WORDS = sorted({word for table in EVERY_TABLE for row in table for word in (*row.marks, *row.phrases)})
ANY_WORD = st.one_of(st.none(), st.sampled_from(WORDS), st.text(max_size=20))


@given(
    st.sampled_from(ProviderType),
    st.one_of(st.none(), st.integers(100, 700)),
    ANY_WORD,
    ANY_WORD,
    ANY_WORD.map(lambda it: it or ""),
)
def test_no_words_make_a_fault_of_ours_or_a_success_of_a_refusal(
    provider: ProviderType, status: int | None, type_: str | None, code: str | None, message: str
) -> None:
    fault: Fault = classify(provider, ProviderError(status, message, type_, code))
    assert 400 <= fault.status <= 599
    assert fault.category not in (C.GATEWAY_FAULT, C.AUTHENTICATION, C.PERMISSION, C.BUDGET, C.CIRCUIT_OPEN)
    assert fault.classified_by is not None


@given(st.sampled_from(ProviderType), st.integers(500, 599), ANY_WORD, ANY_WORD, ANY_WORD.map(lambda it: it or ""))
def test_a_servers_failure_is_never_the_callers(
    provider: ProviderType, status: int, type_: str | None, code: str | None, message: str
) -> None:
    fault = classify(provider, ProviderError(status, message, type_, code))
    assert fault.category in (C.PROVIDER_ERROR, C.OVERLOADED, C.TIMEOUT)


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (400, C.INVALID_REQUEST),
        (401, C.PROVIDER_AUTHENTICATION),
        (402, C.PAYMENT),
        (403, C.PROVIDER_AUTHENTICATION),
        (404, C.NOT_FOUND),
        (408, C.TIMEOUT),
        (422, C.INVALID_REQUEST),
        (429, C.RATE_LIMIT),
        (498, C.OVERLOADED),
        (499, C.PROVIDER_ERROR),
        (500, C.PROVIDER_ERROR),
        (504, C.TIMEOUT),
        (529, C.OVERLOADED),
        (302, C.PROVIDER_ERROR),
    ],
)
def test_what_nobody_knows_is_guessed_by_its_status_and_says_so(status: int, category: Category) -> None:
    fault = classify(P.OPENAI_COMPATIBLE, ProviderError(status, "words that nobody knows"))
    assert (fault.category, fault.classified_by) == (category, ClassifiedBy.STATUS)


def test_what_has_not_even_a_status_says_so() -> None:
    fault = classify(P.OPENAI_COMPATIBLE, ProviderError(None, "words that nobody knows"))
    assert (fault.category, fault.classified_by) == (C.PROVIDER_ERROR, ClassifiedBy.NOTHING)


def test_what_others_call_the_same_is_known_in_common() -> None:
    fault = classify(P.OPENAI_COMPATIBLE, ProviderError(429, "m", "rate_limit_error"))
    assert (fault.category, fault.classified_by) == (C.RATE_LIMIT, ClassifiedBy.COMMON)

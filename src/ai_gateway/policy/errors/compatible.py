"""Providers whose API is OpenAI's, with what each says in its own way.

What they have taken over from OpenAI is in the common table; here is what they have not. Recorded where there is a
recording, else from what they publish.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import (
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    NotFound,
    PaymentRequired,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOverloaded,
    ProviderTooSlow,
    QuotaExceeded,
    RateLimited,
)
from ai_gateway.policy.errors.rows import FAILURES, OF_THE_REQUEST, Row, Rows, marks, statuses

_GROQ: Final[Rows] = (
    Row(
        InvalidRequest,
        statuses(None, 400),
        marks("tool_use_failed", "model_decommissioned", "json_validate_failed"),
        ("is not supported with this model",),
    ),
    # more tokens at once than the account may have in a minute: no waiting helps
    Row(InvalidRequest, statuses(413), marks("rate_limit_exceeded", "tokens")),
    Row(ProviderKeyRefused, statuses(400, 401, 403), marks("invalid_api_key", "organization_restricted")),
    Row(ProviderOverloaded, statuses(498)),
)

_MISTRAL: Final[Rows] = (
    Row(NotFound, statuses(400, 404), marks("invalid_model"), ("invalid model:",)),
    Row(RateLimited, statuses(429), marks("service_tier_capacity_exceeded"), ("rate limit exceeded",)),
    Row(ProviderKeyRefused, statuses(401), phrases=("invalid api key", "unauthorized")),
)

_XAI: Final[Rows] = (
    Row(ContentFiltered, statuses(400, 403), phrases=("content violates usage guidelines",)),
    Row(PaymentRequired, statuses(402, 403, 429), phrases=("used all available credits", "monthly spending limit")),
    Row(ProviderKeyRefused, statuses(400, 401, 403), phrases=("incorrect api key provided",)),
    Row(NotFound, statuses(404), marks("some requested entity was not found"), ("does not exist",)),
    Row(InvalidRequest, statuses(400, 422), marks("client specified an invalid argument", "invalid-argument")),
)

_DEEPSEEK: Final[Rows] = (
    Row(PaymentRequired, statuses(402), phrases=("insufficient balance",)),
    Row(ProviderKeyRefused, statuses(401), marks("authentication_error"), ("authentication fails",)),
    Row(ProviderOverloaded, statuses(503), phrases=("service is too busy",)),
    Row(InvalidRequest, statuses(400, 422), marks("invalid_request_error")),
)

_OPENROUTER: Final[Rows] = (
    Row(
        ContentFiltered,
        statuses(None, 400, 403),
        phrases=("content violates usage guidelines", "requires moderation", "input was flagged"),
    ),
    Row(QuotaExceeded, statuses(403, 429), phrases=("key limit exceeded",)),
    Row(PaymentRequired, statuses(402), phrases=("more credits", "insufficient credits")),
    Row(NotFound, statuses(404), phrases=("no endpoints found",)),
    Row(RateLimited, statuses(None, 429), marks("429"), ("rate-limited upstream", "rate limit exceeded")),
    Row(ContextTooLong, statuses(None, 400), phrases=("maximum context length is",)),
    Row(InvalidRequest, statuses(None, 400), phrases=("provider returned error: ", "token limit reached")),
    Row(ProviderFailed, FAILURES, marks("502"), ("upstream error from",)),
)

_PERPLEXITY: Final[Rows] = (Row(ProviderKeyRefused, statuses(401), marks("invalid_api_key")),)

_TOGETHER: Final[Rows] = (
    Row(NotFound, statuses(400, 404), marks("model_not_available"), ("unable to access model",)),
    Row(PaymentRequired, statuses(402), marks("credit_limit")),
)

_FIREWORKS: Final[Rows] = (
    Row(PaymentRequired, statuses(412), phrases=("suspended", "spending limit")),
    Row(NotFound, statuses(404), marks("not_found"), ("model not found, inaccessible",)),
)

_CEREBRAS: Final[Rows] = (
    Row(ProviderKeyRefused, statuses(401), marks("wrong_api_key")),
    Row(ProviderOverloaded, statuses(429), marks("queue_exceeded"), ("high traffic",)),
    Row(RateLimited, statuses(429), marks("token_quota_exceeded", "request_quota_exceeded", "too_many_requests_error")),
)

_NVIDIA: Final[Rows] = (Row(NotFound, statuses(404), phrases=("not found for account",)),)

_HUGGINGFACE: Final[Rows] = (
    Row(PaymentRequired, statuses(402), phrases=("monthly included credits",)),
    Row(NotFound, statuses(400, 404), marks("model_not_supported")),
    Row(ProviderOverloaded, statuses(503), phrases=("is currently loading",)),
    Row(ProviderKeyRefused, statuses(401), phrases=("invalid username or password", "invalid credentials")),
)

_OLLAMA: Final[Rows] = (
    Row(ContextTooLong, statuses(400), phrases=("prompt too long",)),
    Row(NotFound, statuses(404), phrases=("try pulling it first", "not found")),
    Row(ProviderKeyRefused, statuses(401), phrases=("unauthorized",)),
    Row(ProviderOverloaded, statuses(503), phrases=("maximum pending requests exceeded", "server busy")),
    Row(ProviderFailed, statuses(500), phrases=("requires more system memory",)),
)

_VLLM: Final[Rows] = (
    Row(ContextTooLong, OF_THE_REQUEST, phrases=("maximum context length is", "maximum model length")),
    Row(NotFound, statuses(404), marks("notfounderror"), ("does not exist",)),
    Row(InvalidRequest, statuses(400, 422), marks("badrequesterror", "unprocessableentityerror")),
    Row(ProviderFailed, FAILURES, marks("internalservererror", "internal server error")),
)

_LM_STUDIO: Final[Rows] = (
    Row(ContextTooLong, statuses(None, 400), phrases=("context the overflows", "context length of only")),
    Row(NotFound, statuses(400, 404), phrases=("no models loaded",)),
    Row(ProviderTooSlow, statuses(408)),
)

COMPATIBLE: Final[Mapping[ProviderType, Rows]] = MappingProxyType(
    {
        ProviderType.GROQ: _GROQ,
        ProviderType.MISTRAL: _MISTRAL,
        ProviderType.XAI: _XAI,
        ProviderType.DEEPSEEK: _DEEPSEEK,
        ProviderType.OPENROUTER: _OPENROUTER,
        ProviderType.PERPLEXITY: _PERPLEXITY,
        ProviderType.TOGETHER: _TOGETHER,
        ProviderType.FIREWORKS: _FIREWORKS,
        ProviderType.CEREBRAS: _CEREBRAS,
        ProviderType.NVIDIA: _NVIDIA,
        ProviderType.HUGGINGFACE: _HUGGINGFACE,
        ProviderType.OLLAMA: _OLLAMA,
        ProviderType.VLLM: _VLLM,
        ProviderType.LM_STUDIO: _LM_STUDIO,
    }
)

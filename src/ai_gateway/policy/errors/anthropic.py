"""Anthropic: its types are a closed list, and say nearly all. Two things hide under `invalid_request_error`: money, and
a prompt that is too long."""

from typing import Final

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
from ai_gateway.policy.errors.rows import ANY, FAILURES, OF_THE_REQUEST, REFUSALS, Row, Rows, marks, statuses

ANTHROPIC: Final[Rows] = (
    Row(PaymentRequired, REFUSALS, marks("billing_error"), ("credit balance is too low",)),
    Row(QuotaExceeded, statuses(None, 400), phrases=("reached your specified api usage limits",)),
    Row(
        ContextTooLong,
        statuses(None, 400),
        phrases=("prompt is too long", "exceed context limit", "exceeds the model's context"),
    ),
    Row(ContentFiltered, OF_THE_REQUEST, phrases=("output blocked by content filtering policy",)),
    Row(ProviderKeyRefused, statuses(None, 401, 403), marks("authentication_error", "permission_error")),
    Row(NotFound, statuses(None, 404), marks("not_found_error")),
    Row(RateLimited, statuses(None, 429), marks("rate_limit_error")),
    Row(ProviderOverloaded, FAILURES, marks("overloaded_error")),
    Row(ProviderTooSlow, statuses(None, 504), marks("timeout_error")),
    Row(InvalidRequest, statuses(None, 400, 413, 422), marks("request_too_large", "invalid_request_error")),
    Row(ProviderFailed, ANY - REFUSALS | {None}, marks("api_error")),
)

"""OpenAI, and Azure, which serves the same API behind its own gate.

Recorded, and from the published list of error codes. "You are not allowed to sample from this model" and an unsupported
country are about the account, whoever asks: no caller can mend them.
"""

from typing import Final

from ai_gateway.domain.faults import (
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    NotFound,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOverloaded,
    QuotaExceeded,
    RateLimited,
)
from ai_gateway.policy.errors.rows import FAILURES, OF_THE_REQUEST, Row, Rows, marks, statuses

OPENAI: Final[Rows] = (
    Row(
        QuotaExceeded,
        statuses(None, 400, 403, 429),
        marks("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"),
    ),
    Row(RateLimited, statuses(None, 429), marks("rate_limit_exceeded", "tokens", "requests")),
    Row(ContextTooLong, OF_THE_REQUEST, marks("context_length_exceeded")),
    Row(ContentFiltered, OF_THE_REQUEST, marks("content_policy_violation", "moderation_blocked")),
    Row(
        ProviderKeyRefused,
        statuses(None, 401, 403),
        marks("invalid_api_key", "account_deactivated", "unsupported_country_region_territory"),
        ("you are not allowed to sample from this model", "organization must be verified"),
    ),
    Row(NotFound, statuses(None, 400, 404), marks("model_not_found")),
    Row(ProviderOverloaded, FAILURES, marks("server_is_overloaded", "slow_down", "engine_overloaded")),
    Row(
        InvalidRequest,
        OF_THE_REQUEST - {402, 403},
        marks(
            "array_above_max_length",
            "array_below_min_length",
            "decimal_above_max_value",
            "decimal_below_min_value",
            "image_generation_user_error",
            "integer_above_max_value",
            "integer_below_min_value",
            "invalid_function_parameters",
            "invalid_image_file",
            "invalid_image_format",
            "invalid_image_url",
            "invalid_json_schema",
            "invalid_type",
            "invalid_value",
            "missing_required_parameter",
            "string_above_max_length",
            "unknown_parameter",
            "unsupported_file",
            "unsupported_parameter",
            "unsupported_value",
        ),
    ),
    Row(ProviderFailed, FAILURES - {None, 504, 524, 529}, marks("server_error", "internal_error")),
)

AZURE: Final[Rows] = (
    Row(ContentFiltered, OF_THE_REQUEST, marks("content_filter", "responsibleaipolicyviolation")),
    Row(NotFound, statuses(404), marks("deploymentnotfound"), ("resource not found",)),
    Row(ProviderKeyRefused, statuses(401), phrases=("invalid subscription key",)),
    Row(RateLimited, statuses(429), phrases=("rate limit",)),
    Row(InvalidRequest, statuses(400), marks("operationnotsupported")),
    *OPENAI,
)

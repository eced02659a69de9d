"""Google's Gemini API and Vertex AI: the status names of gRPC, with the reason of an ErrorInfo where there is one.

RESOURCE_EXHAUSTED is a rate where a time to wait is named, and an exhausted account where it sends one to the plan and
the billing. A bad key is 400, and so is a country that is not served, which no caller can mend.
"""

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
from ai_gateway.policy.errors.everywhere import CONTEXT_WORDS
from ai_gateway.policy.errors.rows import ANY, FAILURES, OF_THE_REQUEST, Row, Rows, marks, statuses

GOOGLE: Final[Rows] = (
    Row(
        ContentFiltered,
        OF_THE_REQUEST,
        marks("safety", "prompt_blocked"),
        ("google's responsible ai practices",),
    ),
    Row(ContextTooLong, statuses(None, 400), pattern=CONTEXT_WORDS),
    Row(PaymentRequired, statuses(None, 400, 403, 429), marks("billing_disabled")),
    Row(QuotaExceeded, statuses(None, 429), phrases=("check your plan and billing",), unless_it_waits=True),
    Row(
        ProviderKeyRefused,
        statuses(None, 400, 401, 403),
        marks(
            "api_key_invalid",
            "api_key_service_blocked",
            "consumer_invalid",
            "service_disabled",
            "access_token_expired",
            "unauthenticated",
            "permission_denied",
        ),
        ("api key not valid", "user location is not supported"),
    ),
    Row(RateLimited, statuses(None, 429), marks("rate_limit_exceeded", "resource_exhausted")),
    Row(NotFound, statuses(None, 404), marks("not_found"), ("error 404 (not found)",)),
    Row(ProviderTooSlow, statuses(None, 504), marks("deadline_exceeded")),
    Row(ProviderOverloaded, FAILURES, marks("unavailable"), ("the model is overloaded",)),
    Row(InvalidRequest, statuses(None, 400), marks("invalid_argument", "failed_precondition", "out_of_range")),
    Row(ProviderFailed, ANY, marks("internal", "cancelled", "unknown")),
)

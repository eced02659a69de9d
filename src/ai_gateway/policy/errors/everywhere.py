"""What refusals are called everywhere: the vocabulary of OpenAI's API, which nearly every provider has taken over, and
the ways in which the rest says the same.

Statuses alone do not tell: a bad key is 400 at some providers, an empty account 400, 402, 403 or 429, an overload 429,
500, 503 or 529, and inside a stream there is no status at all. So words come first. The order is the policy.
"""

import re
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
from ai_gateway.policy.errors.rows import (
    ANY,
    FAILURES,
    OF_THE_REQUEST,
    REFUSALS,
    Row,
    Rows,
    marks,
    statuses,
)

CONTEXT_WORDS: Final = re.compile(
    r"context[ _](?:length|window|limit|size)[^.]{0,80}(?:exceed|is only|is \d|of \d|too long)"
    r"|(?:maximum|max) context (?:length|size|window)"
    r"|(?:exceed|larger than|longer than|beyond)[^.]{0,60}context (?:length|window|limit|size)"
    r"|exceed[^.]{0,60}maximum number of tokens"
    r"|(?:prompt|input|request|conversation)(?: is| are)? too long(?!\w)"
    r"|input (?:length|token count)[^.]{0,60}(?:exceed|only supports up to)"
    r"|too many (?:input )?tokens in (?:the )?(?:prompt|request|input)"
    r"|reduce the length of the (?:messages|prompt|input)"
)
_ACCOUNT: Final = statuses(None, 400, 403, 429)

COMMON: Final[Rows] = (
    Row(
        ContentFiltered,
        OF_THE_REQUEST,
        marks(
            "content_filter",
            "content_policy_violation",
            "responsibleaipolicyviolation",
            "moderation_blocked",
            "content_filtered",
            "safety",
            "prompt_blocked",
        ),
        (
            "content management policy",
            "content filtering policy",
            "content violates usage guidelines",
            "violates our usage policies",
            "content policy violation",
            "rejected as a result of our safety system",
            "violate google's responsible ai practices",
            "violated google's responsible ai practices",
            "output blocked by content filtering",
        ),
    ),
    Row(
        ContextTooLong,
        OF_THE_REQUEST - {403},
        marks("context_length_exceeded", "context_window_exceeded", "model_context_window_exceeded", "too_many_tokens"),
        pattern=CONTEXT_WORDS,
    ),
    Row(
        PaymentRequired,
        REFUSALS,
        marks("billing_error", "payment_required", "insufficient_balance", "insufficient_credits"),
        (
            "credit balance is too low",
            "insufficient balance",
            "insufficient credits",
            "used all available credits",
            "monthly spending limit",
        ),
    ),
    Row(
        PaymentRequired,
        _ACCOUNT,
        marks("billing_disabled"),
        (
            "please enable billing",
            "billing account is disabled",
            "billing to be enabled",
            "billing is disabled",
        ),
    ),
    Row(
        QuotaExceeded,
        _ACCOUNT,
        marks(
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_not_active",
            "quota_exceeded",
            "servicequotaexceededexception",
        ),
    ),
    Row(QuotaExceeded, _ACCOUNT, phrases=("exceeded your current quota",), unless_it_waits=True),
    Row(
        ProviderKeyRefused,
        statuses(None, 400, 401, 403),
        marks(
            "invalid_api_key",
            "api_key_invalid",
            "authentication_error",
            "unauthorized",
            "unauthenticated",
            "unrecognizedclientexception",
            "invalidsignatureexception",
            "incompletesignatureexception",
            "missingauthenticationtokenexception",
            "expiredtokenexception",
            "invalidclienttokenid",
        ),
        ("api key not valid", "incorrect api key", "invalid api key", "api key is invalid", "invalid x-api-key"),
    ),
    Row(
        ProviderOverloaded,
        FAILURES | {429},
        marks(
            "overloaded_error",
            "server_is_overloaded",
            "engine_overloaded",
            "engine_overloaded_error",
            "serviceunavailableexception",
            "modelnotreadyexception",
        ),
    ),
    Row(
        ProviderOverloaded,
        FAILURES,
        phrases=("overloaded", "over capacity", "capacity exceeded", "at capacity", "no capacity", "high demand"),
    ),
    Row(ProviderFailed, ANY, marks("modelerrorexception", "modelstreamerrorexception")),
    Row(
        RateLimited,
        statuses(None, 429),
        marks(
            "rate_limit_error",
            "rate_limit_exceeded",
            "rate_limit",
            "requests",
            "tokens",
            "too_many_requests",
            "throttlingexception",
            "throttling",
            "resource_exhausted",
        ),
    ),
    Row(
        ProviderTooSlow,
        statuses(None, 408, 504, 524),
        marks("timeout", "timeout_error", "request_timeout", "deadline_exceeded", "modeltimeoutexception"),
    ),
    Row(
        ProviderKeyRefused,
        statuses(None, 401, 403),
        marks("permission_error", "permission_denied", "permissiondenied", "accessdeniedexception"),
    ),
    Row(
        NotFound,
        statuses(None, 400, 404),
        marks("not_found_error", "model_not_found", "resourcenotfoundexception"),
    ),
    Row(NotFound, statuses(None, 404), marks("not_found")),
    Row(
        InvalidRequest,
        REFUSALS - {401, 402, 403, 404, 408, 429, 498, 499},
        marks("invalid_request_error", "invalid_argument", "validation_error", "validationexception", "bad_request"),
    ),
    Row(
        ProviderFailed,
        FAILURES - {None, 504, 524, 529},
        marks("server_error", "api_error", "internal_error", "internal"),
    ),
)

BY_STATUS: Final[Rows] = (
    Row(PaymentRequired, statuses(402)),
    Row(ProviderKeyRefused, statuses(401, 403)),
    Row(NotFound, statuses(404)),
    Row(RateLimited, statuses(429)),
    Row(ProviderTooSlow, statuses(408, 504, 524)),
    Row(ProviderOverloaded, statuses(498, 529)),
    Row(InvalidRequest, REFUSALS - {None, 499}),
)
"""What a status says where nobody knows the words. 524: Cloudflare waited in vain for the origin. 498: Groq's flex tier
has no capacity. 499: Google, and proxies, where the provider itself gave up, so the request is none the worse for it.
Everything else is the provider's failure, never the caller's."""

"""What a provider's refusal means: whose fault it is, and which ending of ours it becomes.

Status codes alone do not tell: a bad key is 400 at some providers, an empty account 400, 402, 403 or 429, an overload
429, 500, 503 or 529, and inside a stream there is no status at all. So words come first, from the specific to the
general, and the status decides what words leave open. The order is the policy; each step names the row of the status
table that it stands for. What nobody understands is the provider's failure, never the caller's.

Words are looked for in type and code (exactly) and in the message (as a part of it), in lower case.
"""

import re

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
from ai_gateway.domain.redaction import redact

LONGEST_QUOTE = 500

_FILTER_MARKS = {
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "moderation_blocked",
    "content_filtered",
    "safety",
    "prompt_blocked",
}
_FILTER_WORDS = (
    "content management policy",
    "content filtering policy",
    "content violates usage guidelines",
    "violates our usage policies",
    "content policy violation",
    "rejected as a result of our safety system",
    "violate google's responsible ai practices",
    "violated google's responsible ai practices",
    "output blocked by content filtering",
)
_CONTEXT_MARKS = {
    "context_length_exceeded",
    "context_window_exceeded",
    "model_context_window_exceeded",
    "too_many_tokens",
}
_CONTEXT_WORDS = re.compile(
    r"context[ _](?:length|window|limit|size)[^.]{0,80}(?:exceed|is only|is \d|of \d|too long)"
    r"|(?:maximum|max) context (?:length|size|window)"
    r"|(?:exceed|larger than|longer than|beyond)[^.]{0,60}context (?:length|window|limit|size)"
    r"|exceed[^.]{0,60}maximum number of tokens"
    r"|(?:prompt|input|request|conversation)(?: is| are)? too long(?!\w)"
    r"|input (?:length|token count)[^.]{0,60}(?:exceed|only supports up to)"
    r"|too many (?:input )?tokens in (?:the )?(?:prompt|request|input)"
    r"|reduce the length of the (?:messages|prompt|input)"
)
_QUOTA_MARKS = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "quota_exceeded",
    "servicequotaexceededexception",
}
_PAYMENT_MARKS = {"billing_error", "payment_required", "insufficient_balance", "insufficient_credits"}
_PAYMENT_WORDS = (
    "credit balance is too low",
    "insufficient balance",
    "insufficient credits",
    "used all available credits",
    "monthly spending limit",
)
_KEY_MARKS = {
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
}
_KEY_WORDS = ("api key not valid", "incorrect api key", "invalid api key", "api key is invalid", "invalid x-api-key")
_OVERLOAD_MARKS = {
    "overloaded_error",
    "server_is_overloaded",
    "engine_overloaded",
    "engine_overloaded_error",
    "serviceunavailableexception",
    "modelnotreadyexception",
}
_BILLING_WORDS = (
    "please enable billing",
    "billing account is disabled",
    "billing to be enabled",
    "billing is disabled",
)
_OVERLOAD_WORDS = ("overloaded", "over capacity", "capacity exceeded", "at capacity", "no capacity", "high demand")
_RATE_MARKS = {
    "rate_limit_error",
    "rate_limit_exceeded",
    "rate_limit",
    "requests",
    "tokens",
    "too_many_requests",
    "throttlingexception",
    "throttling",
    "resource_exhausted",
}
_SLOW_MARKS = {"timeout", "timeout_error", "request_timeout", "deadline_exceeded", "modeltimeoutexception"}
_FAILED_MARKS = {"modelerrorexception", "modelstreamerrorexception"}
"""Bedrock says 424 of a model that broke, as if the caller had."""
_UNKNOWN_MARKS = {"not_found_error", "model_not_found", "not_found", "resourcenotfoundexception"}
_INVALID_MARKS = {"invalid_request_error", "invalid_argument", "validation_error", "validationexception", "bad_request"}
_PERMISSION_MARKS = {"permission_error", "permission_denied", "permissiondenied", "accessdeniedexception"}

_OVERLOADED_STATUSES = {498, 529}
"""498: Groq's flex tier has no capacity. 529: Anthropic."""
_CANCELLED = 499
"""Google, and proxies, where the provider itself gave up: the request is none the worse for it."""
_SLOW_STATUSES = {408, 504, 524}
"""524: Cloudflare waited in vain for the origin."""


def classify(provider: ProviderType, error: ProviderError) -> Fault:
    """The fault that a provider's refusal is. `provider_error` and a wait that the provider named stay on it."""
    words = _Words(error)
    status = error.status if error.status is not None else words.status_in_code
    fault = _by_words(words, status) or _by_status(words, status)
    fault.provider_error = error
    fault.param = error.param
    fault.retry_after_seconds = error.retry_after_seconds
    fault.detail = f"{provider} {error.status} type={error.type} code={error.code}: {words.quote}"
    return fault


class _Words:
    """An error's words, made comparable once."""

    def __init__(self, error: ProviderError) -> None:
        self.marks = {mark.lower() for mark in (error.type, error.code) if mark}
        self.message = error.message[:4096].lower()
        self.quote = redact(" ".join(error.message[: 2 * LONGEST_QUOTE].split()))[:LONGEST_QUOTE]
        self.waits = error.retry_after_seconds is not None
        code = error.code or ""
        self.status_in_code = int(code) if re.fullmatch("[45][0-9]{2}", code) else None

    def have(self, marks: set[str], phrases: tuple[str, ...] = ()) -> bool:
        return not self.marks.isdisjoint(marks) or any(phrase in self.message for phrase in phrases)


def _by_words(words: _Words, status: int | None) -> Fault | None:
    """Endings that their words tell, whatever the status. A 5xx or a 429 is never the caller's content or length:
    "request too large ... tokens per min" is a rate."""
    of_the_request = status is None or (400 <= status < 500 and status not in (401, 404, 408, 429))
    if of_the_request and words.have(_FILTER_MARKS, _FILTER_WORDS):
        return ContentFiltered()
    if of_the_request and status != 403 and (words.have(_CONTEXT_MARKS) or _CONTEXT_WORDS.search(words.message)):
        return ContextTooLong()
    if status == 402 or ((status is None or status < 500) and words.have(_PAYMENT_MARKS, _PAYMENT_WORDS)):
        return PaymentRequired()
    if status in (None, 400, 403, 429) and words.have({"billing_disabled"}, _BILLING_WORDS):
        return PaymentRequired()
    if status in (None, 400, 403, 429) and _is_quota(words):
        return QuotaExceeded()
    if status in (None, 400) and words.have(_KEY_MARKS, _KEY_WORDS):
        return ProviderKeyRefused()
    if (status is None or status == 429 or status >= 500) and words.have(_OVERLOAD_MARKS):
        return ProviderOverloaded()
    if (status is None or status >= 500) and words.have(set(), _OVERLOAD_WORDS):
        return ProviderOverloaded()
    if words.have(_FAILED_MARKS):
        return ProviderFailed()
    return _by_marks(words) if status is None else None


def _is_quota(words: _Words) -> bool:
    """An exhausted account, not a rate. Gemini says "exceeded your current quota" of rates too, but names a wait."""
    if words.have(_QUOTA_MARKS):
        return True
    return "exceeded your current quota" in words.message and not words.waits


def _by_marks(words: _Words) -> Fault | None:
    """An error without a status, inside a stream or under a 200: its type has to do."""
    if words.have(_RATE_MARKS):
        return RateLimited(origin=Origin.PROVIDER, message=_RATE_MESSAGE)
    if words.have(_SLOW_MARKS):
        return ProviderTooSlow()
    if words.have(_PERMISSION_MARKS):
        return ProviderKeyRefused()
    if words.have(_UNKNOWN_MARKS):
        return _not_found(words)
    return _invalid(words, 400) if words.have(_INVALID_MARKS) else None


def _by_status(words: _Words, status: int | None) -> Fault:
    if status in (401, 403):
        return ProviderKeyRefused()
    if status == 404:
        return _not_found(words)
    if status == 429:
        return RateLimited(origin=Origin.PROVIDER, message=_RATE_MESSAGE)
    if status in _SLOW_STATUSES:
        return ProviderTooSlow()
    if status in _OVERLOADED_STATUSES:
        return ProviderOverloaded()
    if status is not None and 400 <= status < 500 and status != _CANCELLED:
        return _invalid(words, status)
    return ProviderFailed()


_RATE_MESSAGE = "The AI provider limits the rate of requests at the moment."


def _invalid(words: _Words, status: int) -> Fault:
    """The caller can only correct what he is told: here the provider's own sentence is worth more than ours."""
    reason = f": {words.quote}" if words.quote else "."
    return InvalidRequest(f"The AI provider refused the request{reason}", status=status)


def _not_found(words: _Words) -> Fault:
    reason = f": {words.quote}" if words.quote else "."
    return NotFound(
        f"The AI provider does not know what it was asked for{reason}",
        action="Check the model's name; your gateway administrator can check the models and the endpoint URL of the "
        "provider configuration.",
        origin=Origin.PROVIDER,
    )

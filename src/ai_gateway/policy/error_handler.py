"""What a provider's refusal means: whose fault it is, and which ending of ours it becomes.

First the provider's own table is asked (policy/errors/), then the one of what is called the same everywhere, and where
nobody knows the words, the status: that is a guess, and the fault says so (`classified_by`). What nobody understands at
all is the provider's failure, never the caller's.
"""

from typing import Final

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import ClassifiedBy, Fault, InvalidRequest, NotFound, Origin, ProviderFailed, RateLimited
from ai_gateway.domain.redaction import redact
from ai_gateway.policy.errors import TABLES
from ai_gateway.policy.errors.everywhere import BY_STATUS, COMMON
from ai_gateway.policy.errors.rows import Row, Rows, Words

LONGEST_QUOTE: Final = 500
NO_STATUS: Final = 400
"""What the caller is told of an invalid request that was refused without a status."""


def classify(provider: ProviderType, error: ProviderError) -> Fault:
    """The fault that a provider's refusal is. `provider_error` and a wait that the provider named stay on it."""
    words = Words(error)
    status = error.status if error.status is not None else words.status_in_code
    quote = redact(" ".join(error.message[: 2 * LONGEST_QUOTE].split()))[:LONGEST_QUOTE]
    kind, known_by = _look_up(provider, words, status)
    fault = _made(kind, status, quote)
    fault.classified_by = known_by
    fault.provider_error = error
    fault.param = error.param
    fault.retry_after_seconds = error.retry_after_seconds
    fault.detail = f"{provider} {error.status} type={error.type} code={error.code}: {quote}"
    return fault


def _look_up(provider: ProviderType, words: Words, status: int | None) -> tuple[type[Fault], ClassifiedBy]:
    tables: tuple[tuple[Rows, ClassifiedBy], ...] = (
        (TABLES[provider], ClassifiedBy.PROVIDER),
        (COMMON, ClassifiedBy.COMMON),
        (BY_STATUS, ClassifiedBy.STATUS),
    )
    for rows, known_by in tables:
        row = _first(rows, words, status)
        if row is not None:
            return row.means, known_by
    return ProviderFailed, ClassifiedBy.NOTHING if status is None else ClassifiedBy.STATUS


def _first(rows: Rows, words: Words, status: int | None) -> Row | None:
    return next((row for row in rows if row.holds(words, status)), None)


def _made(kind: type[Fault], status: int | None, quote: str) -> Fault:
    """The caller can only correct what he is told: there the provider's own sentence is worth more than ours."""
    reason = f": {quote}" if quote else "."
    if kind is InvalidRequest:
        return InvalidRequest(f"The AI provider refused the request{reason}", status=status or NO_STATUS)
    if kind is NotFound:
        return NotFound(
            f"The AI provider does not know what it was asked for{reason}",
            action="Check the model's name; your gateway administrator can check the models and the endpoint URL of "
            "the provider configuration.",
            origin=Origin.PROVIDER,
        )
    if kind is RateLimited:
        return RateLimited("The AI provider limits the rate of requests at the moment.", origin=Origin.PROVIDER)
    return kind()

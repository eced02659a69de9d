"""Cohere: sentences under a status, and no code. Its own statuses: 498 is what its filter blocked, 499 a request that
it gave up itself. A trial key has so many calls a month, which is an account that is used up, and so many a minute."""

from typing import Final

from ai_gateway.domain.faults import (
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    NotFound,
    PaymentRequired,
    ProviderFailed,
    ProviderKeyRefused,
    QuotaExceeded,
    RateLimited,
)
from ai_gateway.policy.errors.rows import OF_THE_REQUEST, Row, Rows, statuses

COHERE: Final[Rows] = (
    Row(ContextTooLong, OF_THE_REQUEST, phrases=("too many tokens: ",)),
    Row(PaymentRequired, statuses(402, 403), phrases=("payment method",)),
    Row(QuotaExceeded, statuses(429), phrases=("calls / month",)),
    Row(RateLimited, statuses(429), phrases=("trial key", "rate limit", "calls / minute")),
    Row(ProviderKeyRefused, statuses(401), phrases=("invalid api token", "no api key supplied")),
    Row(NotFound, statuses(404), phrases=("not found, make sure the correct model id",)),
    Row(ContentFiltered, statuses(498)),
    Row(ProviderFailed, statuses(499)),
    Row(InvalidRequest, statuses(400, 422), phrases=("invalid request:", "unsupported")),
)

"""Amazon Bedrock: the names of exceptions, from a header or from a frame of the event stream.

424 is said of a model that broke, as if the caller had. "Model is getting throttled" under 503 is capacity that the
model's pool lacks, not a rate of the account's.
"""

from typing import Final

from ai_gateway.domain.faults import (
    ContextTooLong,
    InvalidRequest,
    NotFound,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOverloaded,
    ProviderTooSlow,
    QuotaExceeded,
    RateLimited,
)
from ai_gateway.policy.errors.everywhere import CONTEXT_WORDS
from ai_gateway.policy.errors.rows import ANY, FAILURES, Row, Rows, marks, statuses

BEDROCK: Final[Rows] = (
    Row(ContextTooLong, statuses(None, 400, 413), pattern=CONTEXT_WORDS),
    Row(QuotaExceeded, statuses(None, 400, 429), marks("servicequotaexceededexception")),
    Row(
        ProviderKeyRefused,
        statuses(None, 400, 401, 403),
        marks(
            "accessdeniedexception",
            "expiredtokenexception",
            "incompletesignatureexception",
            "invalidclienttokenid",
            "invalidsignatureexception",
            "missingauthenticationtokenexception",
            "unrecognizedclientexception",
        ),
    ),
    Row(RateLimited, statuses(None, 429), marks("throttlingexception", "toomanyrequestsexception")),
    Row(
        ProviderOverloaded,
        FAILURES | {429},
        marks("serviceunavailableexception", "modelnotreadyexception"),
        ("model is getting throttled",),
    ),
    Row(ProviderTooSlow, statuses(None, 408, 504), marks("modeltimeoutexception")),
    Row(ProviderFailed, ANY, marks("modelerrorexception", "modelstreamerrorexception", "internalserverexception")),
    Row(NotFound, statuses(None, 404), marks("resourcenotfoundexception")),
    Row(
        InvalidRequest,
        statuses(None, 400),
        marks("validationexception"),
        ("the provided model doesn't support", "does not match any of the expected tags"),
    ),
)

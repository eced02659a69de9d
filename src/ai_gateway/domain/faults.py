"""Every way a call ends badly: a closed tree, one class an ending.

    Fault
    |- Unauthenticated        401  authentication            client
    |- Forbidden              403  permission                policy
    |- NotFound               404  not_found                 client
    |- InvalidRequest         400  invalid_request           client    (413, 415, 422 where they fit)
    |  `- Untranslatable      400  invalid_request           client
    |- ContextTooLong         400  context_length            client
    |- ContentFiltered        400  content_filter            provider
    |  `- Blocked             400  content_filter            policy
    |- BudgetExceeded         402  budget                    policy
    |- RateLimited            429  rate_limit                policy    (provider, where the provider said it)
    |- QuotaExceeded          429  quota                     provider
    |- PaymentRequired        402  payment                   provider
    |- ProviderKeyRefused     502  provider_authentication   provider
    |- ProviderFailed         502  provider_error            provider
    |- CircuitOpen            503  circuit_open              gateway
    |- ProviderOverloaded     503  overloaded                provider  (529 where Anthropic's dialect is spoken)
    |- ProviderTooSlow        504  timeout                   provider
    `- GatewayFault           503  gateway_fault             gateway
       `- RuleFailed          500  gateway_fault             policy

What a person reads stands on the class, or was written for a person by whoever raised it; `detail` is for logs only
and is never sent. A class never changes the meaning of its `code`: clients and runbooks match on it.
"""

from enum import StrEnum
from typing import ClassVar, Self

import msgspec

from ai_gateway.domain.budgets import Unit, Window
from ai_gateway.domain.chat import ProviderError


class Category(StrEnum):
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    INVALID_REQUEST = "invalid_request"
    CONTEXT_LENGTH = "context_length"
    CONTENT_FILTER = "content_filter"
    BUDGET = "budget"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    PAYMENT = "payment"
    PROVIDER_AUTHENTICATION = "provider_authentication"
    PROVIDER_ERROR = "provider_error"
    CIRCUIT_OPEN = "circuit_open"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    GATEWAY_FAULT = "gateway_fault"


class Origin(StrEnum):
    CLIENT = "client"
    POLICY = "policy"
    GATEWAY = "gateway"
    PROVIDER = "provider"


class ClassifiedBy(StrEnum):
    """How far a provider's refusal was understood: by the table of its provider, by what is called the same everywhere,
    by its status alone, which is a guess, or not at all."""

    PROVIDER = "provider"
    COMMON = "common"
    STATUS = "status"
    NOTHING = "nothing"


class Figures(msgspec.Struct, frozen=True):
    """The numbers of a limit that stands in the way, in its unit: nano-dollars, tokens or requests. `could_cost` None:
    what is spent has reached the limit. `resets_on` is a date in `zone`, None where nothing resets."""

    window: Window
    unit: Unit
    limit: int
    current: int
    could_cost: int | None = None
    resets_on: str | None = None
    zone: str = "UTC"


class Level(msgspec.Struct, frozen=True):
    """Whose limit it was: "key", "team", "department", "user" or "tenant", and its name."""

    kind: str
    name: str


class Fault(Exception):
    """An expected ending. `message` and `action` are for people; `retry_after_seconds` is None where unknown. `level`
    is that of the limit which stood in the way, where one did, and `figures` its numbers; `headers` are what its answer
    carries besides; `notes` are for the decision record. `classified_by` None: no provider's refusal had to be
    understood."""

    category: ClassVar[Category]
    default_origin: ClassVar[Origin]
    default_status: ClassVar[int]
    default_code: ClassVar[str]
    default_message: ClassVar[str]
    default_action: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        action: str | None = None,
        code: str | None = None,
        status: int | None = None,
        origin: Origin | None = None,
        param: str | None = None,
        retry_after_seconds: float | None = None,
        provider_error: ProviderError | None = None,
        level: Level | None = None,
        figures: Figures | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        detail: str = "",
    ) -> None:
        super().__init__(message or self.default_message)
        self.message = message or self.default_message
        self.action = action or self.default_action
        self.code = code or self.default_code
        self.status = status or self.default_status
        self.origin = origin or self.default_origin
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        self.provider_error = provider_error
        self.level = level
        self.figures = figures
        self.headers = headers
        self.detail = detail
        self.notes: tuple[str, ...] = ()
        self.classified_by: ClassifiedBy | None = None

    def retold(self, message: str, action: str, *, param: str | None, provider_error: ProviderError | None) -> Self:
        """The same ending in other words."""
        told = type(self)(
            message,
            action=action,
            code=self.code,
            status=self.status,
            origin=self.origin,
            param=param,
            retry_after_seconds=self.retry_after_seconds,
            provider_error=provider_error,
            level=self.level,
            figures=self.figures,
            headers=self.headers,
        )
        told.classified_by = self.classified_by
        told.notes = self.notes
        return told


class Unauthenticated(Fault):
    category = Category.AUTHENTICATION
    default_origin = Origin.CLIENT
    default_status = 401
    default_code = "invalid_api_key"
    default_message = "The gateway does not know this API key."
    default_action = "Send a valid gateway key as 'Authorization: Bearer sk-gw-...' or in 'x-api-key'."


class Forbidden(Fault):
    category = Category.PERMISSION
    default_origin = Origin.POLICY
    default_status = 403
    default_code = "permission_denied"
    default_message = "This API key may not use what it asked for."
    default_action = "Ask your gateway administrator to allow it for this key."


class NotFound(Fault):
    category = Category.NOT_FOUND
    default_origin = Origin.CLIENT
    default_status = 404
    default_code = "not_found"
    default_message = "There is nothing at this address."
    default_action = "Check the URL and the name; GET /v1/models lists the models of this key."


class InvalidRequest(Fault):
    category = Category.INVALID_REQUEST
    default_origin = Origin.CLIENT
    default_status = 400
    default_code = "invalid_request"
    default_message = "The request is not valid."
    default_action = "Correct the request; sending it again unchanged fails again."


class Untranslatable(InvalidRequest):
    """The provider's API has no way to say what the caller asks; another provider's may."""

    default_code = "unsupported_parameter"
    default_message = "The request has a parameter that the AI provider's API does not know."


class ContextTooLong(Fault):
    category = Category.CONTEXT_LENGTH
    default_origin = Origin.CLIENT
    default_status = 400
    default_code = "context_length_exceeded"
    default_message = "The conversation is longer than the model's context window."
    default_action = "Shorten the conversation, or use a model with a larger context window."


class ContentFiltered(Fault):
    category = Category.CONTENT_FILTER
    default_origin = Origin.PROVIDER
    default_status = 400
    default_code = "content_filter"
    default_message = "The AI provider's content filter refused this request."
    default_action = "Rephrase the request; sending it again unchanged fails again."


class Blocked(ContentFiltered):
    """A rule of the caller's own organisation, not the provider's."""

    default_origin = Origin.POLICY
    default_code = "guardrail_blocked"
    default_message = "A rule of your organisation blocked this text."
    default_action = "Take out what the rule forbids; sending it again unchanged is blocked again."


class BudgetExceeded(Fault):
    category = Category.BUDGET
    default_origin = Origin.POLICY
    default_status = 402
    default_code = "budget_exceeded"
    default_message = "A cost limit is exhausted."
    default_action = "Wait for the limit to reset, or ask your administrator to raise it."


class RateLimited(Fault):
    category = Category.RATE_LIMIT
    default_origin = Origin.POLICY
    default_status = 429
    default_code = "rate_limit_exceeded"
    default_message = "Too many requests at the moment."
    default_action = "Wait for the time in 'retry-after' and send the request again."
    retryable = True


class QuotaExceeded(Fault):
    category = Category.QUOTA
    default_origin = Origin.PROVIDER
    default_status = 429
    default_code = "insufficient_quota"
    default_message = "The AI provider has reached its usage quota. Please contact support to increase limits."
    default_action = "Add payment method in provider dashboard"


class PaymentRequired(Fault):
    category = Category.PAYMENT
    default_origin = Origin.PROVIDER
    default_status = 402
    default_code = "payment_required"
    default_message = "The AI provider asks for payment before it serves this account again."
    default_action = "Add payment method in provider dashboard"


class ProviderKeyRefused(Fault):
    category = Category.PROVIDER_AUTHENTICATION
    default_origin = Origin.PROVIDER
    default_status = 502
    default_code = "provider_authentication"
    default_message = "The AI provider refused the key that is configured for it."
    default_action = "Ask your gateway administrator to check the provider's key in the provider configuration."


class ProviderFailed(Fault):
    category = Category.PROVIDER_ERROR
    default_origin = Origin.PROVIDER
    default_status = 502
    default_code = "provider_error"
    default_message = "The AI provider failed to answer."
    default_action = "Send the request again; if it keeps failing, contact your gateway administrator."
    retryable = True


class CircuitOpen(Fault):
    category = Category.CIRCUIT_OPEN
    default_origin = Origin.GATEWAY
    default_status = 503
    default_code = "circuit_open"
    default_message = "Every endpoint of this model is out of service at the moment."
    default_action = "Wait for the time in 'retry-after' and send the request again."
    retryable = True


class ProviderOverloaded(Fault):
    category = Category.OVERLOADED
    default_origin = Origin.PROVIDER
    default_status = 503
    default_code = "provider_overloaded"
    default_message = "The AI provider is overloaded."
    default_action = "Wait a moment and send the request again."
    retryable = True


class ProviderTooSlow(Fault):
    category = Category.TIMEOUT
    default_origin = Origin.PROVIDER
    default_status = 504
    default_code = "provider_timeout"
    default_message = "The AI provider did not answer in time."
    default_action = "Send the request again, with a smaller 'max_tokens' or as a stream if it keeps timing out."
    retryable = True


class GatewayFault(Fault):
    category = Category.GATEWAY_FAULT
    default_origin = Origin.GATEWAY
    default_status = 503
    default_code = "gateway_fault"
    default_message = "The gateway cannot serve this request at the moment."
    default_action = "Send the request again; if it keeps failing, give your administrator the request id."
    retryable = True


class RuleFailed(GatewayFault):
    """A rule of the route could not be done, and its mode is to fail."""

    default_origin = Origin.POLICY
    default_status = 500
    default_code = "rule_failed"
    default_message = "A rule of this route could not be applied, so the request was not served."
    default_action = "Give your gateway administrator the request id: the decision record names the rule."
    retryable = False


def every_kind(of: type[Fault] = Fault) -> tuple[type[Fault], ...]:
    """The whole tree below, without its root, each class before its own."""
    return tuple(kind for child in of.__subclasses__() for kind in (child, *every_kind(child)))


ALL_FAULTS: tuple[type[Fault], ...] = (
    Unauthenticated,
    Forbidden,
    NotFound,
    InvalidRequest,
    ContextTooLong,
    ContentFiltered,
    BudgetExceeded,
    RateLimited,
    QuotaExceeded,
    PaymentRequired,
    ProviderKeyRefused,
    ProviderFailed,
    CircuitOpen,
    ProviderOverloaded,
    ProviderTooSlow,
    GatewayFault,
)

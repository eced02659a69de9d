"""The configuration as the data plane sees it: one immutable Snapshot, looked up and never computed.

Rows become these values once, when they are loaded (`store/snapshots.py`); whatever can be compiled, sorted, hashed or
refused is done there. A request pins one Snapshot for its whole life, so no request ever sees half a change.
"""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NewType

import msgspec

from ai_gateway.domain.budgets import Leg, Limits
from ai_gateway.domain.key_ring import KeyRing
from ai_gateway.domain.price_book import PriceBook
from ai_gateway.domain.prices import Price
from ai_gateway.domain.rules import RuleSet
from ai_gateway.domain.secret import Secret
from ai_gateway.domain.wording import Wording

TenantId = NewType("TenantId", str)
KeyId = NewType("KeyId", str)
EndpointId = NewType("EndpointId", str)
KeyDigest = NewType("KeyDigest", bytes)


def _nothing() -> Mapping[Any, Any]:
    return MappingProxyType({})


class ProviderType(StrEnum):
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OPENAI_COMPATIBLE = "openai_compatible"
    BEDROCK = "bedrock"
    COHERE = "cohere"
    AZURE_OPENAI = "azure_openai"
    MISTRAL = "mistral"
    GROQ = "groq"
    DEEPSEEK = "deepseek"
    XAI = "xai"
    TOGETHER = "together"
    FIREWORKS = "fireworks"
    OPENROUTER = "openrouter"
    PERPLEXITY = "perplexity"
    CEREBRAS = "cerebras"
    NVIDIA = "nvidia"
    HUGGINGFACE = "huggingface"
    OLLAMA = "ollama"
    VLLM = "vllm"
    LM_STUDIO = "lm-studio"
    GEMINI = "gemini"
    VERTEX = "vertex"
    MOCK = "mock"


class Strategy(StrEnum):
    WEIGHTED_ROUND_ROBIN = "weighted_round_robin"
    ROUND_ROBIN = "round_robin"
    LEAST_CONNECTIONS = "least_connections"
    LEAST_LATENCY = "least_latency"
    RANDOM = "random"
    P2C = "p2c"
    PRIORITY = "priority"


class Ownership(StrEnum):
    """Whose credential an endpoint uses; ledger rows say it."""

    SYSTEM = "system"
    TENANT = "tenant"


class Reach(StrEnum):
    """Which addresses an endpoint may be called at: checked by policy/egress.py, or the product's own mock."""

    CHECKED = "checked"
    BUILT_IN = "built_in"


class RateLimits(msgspec.Struct, frozen=True):
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_concurrent: int | None = None


class LegRates(msgspec.Struct, frozen=True):
    """What one level may ask for in a minute and at a time. `name` is its owner's, for people."""

    leg: Leg
    rates: RateLimits
    name: str = ""


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds. `connect`, `first_token`, `between_tokens`, `response` are per attempt, `total` is per request.

    `first_token` and `between_tokens` rule streams; `response` rules unary answers (None: `total`).
    """

    connect: float = 5.0
    first_token: float = 60.0
    between_tokens: float = 60.0
    response: float | None = None
    total: float = 600.0


class BreakerSettings(msgspec.Struct, frozen=True):
    """When an endpoint's breaker opens and closes. Seconds; `failure_rate` of at least `minimum_requests` within the
    window opens it too, beside `failure_threshold` in a row."""

    failure_threshold: int = 5
    recovery_timeout_seconds: float = 30.0
    success_threshold: int = 2
    failure_rate: float = 0.5
    minimum_requests: int = 20
    window_seconds: float = 10.0
    longest_open_seconds: float = 300.0
    slow_start_seconds: float = 30.0


class Retries(msgspec.Struct, frozen=True):
    """The whole budget of attempts of one request, the first included, and the backoff between two of one endpoint."""

    max_attempts: int = 3
    base_seconds: float = 0.25
    cap_seconds: float = 8.0


class OnStreamCut(StrEnum):
    """What becomes of a stream whose provider breaks after the caller has seen a part of it."""

    CONTINUE = "continue"
    ERROR = "error"


class OnDisconnect(StrEnum):
    """What becomes of a stream whose caller has left: the provider is hung up on, or heard out for a while so that the
    bill is the provider's own number."""

    CANCEL = "cancel"
    DRAIN = "drain"


class CacheSettings(msgspec.Struct, frozen=True):
    """Whole answers of a route are given again to who asks exactly the same, for so long, at a share of what they
    cost when a provider gave them."""

    ttl_seconds: float = 300.0
    hit_price_percent: int = 0


class OnContentFilter(StrEnum):
    """What becomes of a request that a provider's content filter refused: most callers want to know of it."""

    ERROR = "error"
    FALLBACK = "fallback"


class QueueLimits(msgspec.Struct, frozen=True):
    """How many requests may wait for a place, and for how long each."""

    max_waiting: int = 100
    timeout_seconds: float = 30.0


class BaseUrl(msgspec.Struct, frozen=True):
    """A provider's address, split once: `path` has no trailing slash ('' or '/v1')."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def text(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"http": 80, "https": 443}[self.scheme]
        port = "" if self.port == default else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


class Endpoint(msgspec.Struct, frozen=True):
    """One provider config, ready to be called. `api_key` None: `credential_problem` says why (or none is needed).
    `paid_check_model`: the model that health checks may ask at the tenant's expense; None: they cost nothing.
    `payees`: who is paid, as prices name it, the most particular first ("groq", "openai_compatible"). `ceiling`: what
    a model of it costs whose price nobody knows. `options`: what its provider type wants to know beside an address,
    checked when it was saved."""

    id: EndpointId
    tenant_id: TenantId
    name: str
    provider: ProviderType
    base_url: BaseUrl
    models: tuple[str, ...]
    api_key: Secret | None = None
    credential_problem: str | None = None
    ownership: Ownership = Ownership.TENANT
    reach: Reach = Reach.CHECKED
    region: str | None = None
    priority: int = 0
    weight: int = 1
    rate_limits: RateLimits = RateLimits()
    timeouts: Timeouts = Timeouts()
    default_max_output: int = 4096
    queue: QueueLimits | None = None
    paid_check_model: str | None = None
    payees: tuple[str, ...] = ()
    ceiling: Price | None = None
    options: Mapping[str, str] = msgspec.field(default_factory=_nothing)


class Candidate(msgspec.Struct, frozen=True):
    """An endpoint as a member of a tier: the model it is asked for, its share, and its place in a `priority` order
    (lowest first). `timeouts` are the endpoint's own with those of its pool and route over them; None: just its own."""

    endpoint: Endpoint
    model: str
    weight: int = 1
    priority: int = 0
    timeouts: Timeouts | None = None


class Tier(msgspec.Struct, frozen=True):
    """Endpoints that stand in for each other, and how one of them is picked.

    `pool` is None for the endpoints behind a bare model name. `sticky_by` names what a caller's requests stay together
    by: "user", or "header:" and a header's name in lower case.
    """

    candidates: tuple[Candidate, ...]
    pool: str | None = None
    strategy: Strategy = Strategy.WEIGHTED_ROUND_ROBIN
    breaker: BreakerSettings = BreakerSettings()
    sticky_by: str | None = None
    queue: QueueLimits | None = None


class Course(msgspec.Struct, frozen=True):
    """Where a model name leads. `tiers` are tried in order, the first is its own and the others are its fallbacks.

    `name` is the name it was compiled for (route, pool or model); a course with no candidate is a configuration whose
    members are all disabled or unconfigured, and is answered as such. `rules` None: there are none. `hides_providers`:
    no caller is told which provider or endpoint answered, by header or error; `hides_models`: nor by the answer's model
    and ids. `total_seconds` bounds the request with all its
    attempts; a candidate's own `total` may be shorter. `drop_unsupported`: what a provider's API cannot say is left
    out of a translated request, and told, instead of refused.
    """

    name: str
    tiers: tuple[Tier, ...]
    route: str | None = None
    pool: str | None = None
    retries: Retries = Retries()
    total_seconds: float = Timeouts().total
    on_stream_cut: OnStreamCut = OnStreamCut.CONTINUE
    on_content_filter: OnContentFilter = OnContentFilter.ERROR
    on_disconnect: OnDisconnect = OnDisconnect.CANCEL
    cache: CacheSettings | None = None
    drop_unsupported: bool = False
    hides_providers: bool = False
    hides_models: bool = False
    rules: RuleSet | None = None


class FailedAttempts(StrEnum):
    """What is booked for an attempt that failed before its caller had anything, and that a provider may bill all the
    same: only what it reported, or what it was sent, as estimated."""

    REPORTED = "reported"
    ESTIMATED = "estimated"


class Tenant(msgspec.Struct, frozen=True):
    """One tenant's part of the Snapshot. `courses` has routes and pools (one namespace), `models` the bare names.

    `default_fallbacks` are compiled into the courses already; they stand here to be shown. `zone` is the calendar of
    its days and months; `limits` are those of its levels, and what budgets say of its keys. `wording` is how faults are
    told to its callers, None where that is the code's own English. `rules` are in its courses already; they stand here
    for `config/model`."""

    id: TenantId
    name: str
    enabled: bool = True
    default_fallbacks: tuple[str, ...] = ()
    queue: QueueLimits | None = None
    endpoints: Mapping[str, Endpoint] = msgspec.field(default_factory=_nothing)
    courses: Mapping[str, Course] = msgspec.field(default_factory=_nothing)
    models: Mapping[str, Course] = msgspec.field(default_factory=_nothing)
    prices: PriceBook = msgspec.field(default_factory=PriceBook)
    team_departments: Mapping[str, str | None] = msgspec.field(default_factory=_nothing)
    user_teams: Mapping[str, str | None] = msgspec.field(default_factory=_nothing)
    zone: tzinfo = UTC
    stores_responses: bool = True
    failed_attempts: FailedAttempts = FailedAttempts.REPORTED
    limits: Mapping[Leg, Limits] = msgspec.field(default_factory=_nothing)
    rates: Mapping[Leg, "LegRates"] = msgspec.field(default_factory=_nothing)
    rules: RuleSet | None = None
    wording: Wording | None = None


class Key(msgspec.Struct, frozen=True, gc=False):
    """A gateway key as the data plane needs it. The key itself is nowhere: `digest` in the index finds this.
    `limits` and `rates` are those that stand on the key itself."""

    id: KeyId
    tenant_id: TenantId
    name: str
    enabled: bool = True
    expires_at: float | None = None
    allowed_models: tuple[str, ...] | None = None
    department_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    limits: Limits = ()
    rates: LegRates | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """Everything the data plane may know, at one revision. `book` holds the prices that hold for every tenant."""

    revision: int
    tenants: Mapping[TenantId, Tenant] = msgspec.field(default_factory=_nothing)
    keys: KeyRing = msgspec.field(default_factory=KeyRing)
    book: PriceBook = msgspec.field(default_factory=PriceBook)


EMPTY_SNAPSHOT = Snapshot(revision=0)

"""The nouns that are remembered, one Struct a table: what the store takes and gives.

They are plain values, so that the memory twin and SQL share them and the admin side never sees an ORM object whose
attribute access might be a query. Instants are Unix seconds (float), money is integer nano-dollars, prices are integer
pico-dollars a token. `id`s sort by time (`new_id`), so that a list ordered by id is ordered by age.
"""

import secrets
from typing import Any, ClassVar

import msgspec


def new_id(prefix: str, now: float) -> str:
    """`prefix_` + 12 hex digits of milliseconds + 16 random ones: sorts by time, cannot be guessed."""
    return f"{prefix}_{int(now * 1000):012x}{secrets.token_hex(8)}"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """`tenant_id` is None only where a row is everybody's (system configs' grants, book prices, platform tokens)."""

    noun: ClassVar[str] = ""
    prefix: ClassVar[str] = ""
    unique: ClassVar[tuple[str, ...]] = ()  # columns that, with tenant_id, name a row: a second one is a Conflict
    unique_everywhere: ClassVar[tuple[str, ...]] = ()  # the same, whatever the tenant

    id: str
    tenant_id: str | None
    created_at: float


class LimitedRow(Row, frozen=True, kw_only=True):
    """A level of the hierarchy, which can carry limits: nano-dollars, and rates as on a provider config."""

    cost_limit_daily: int | None = None
    cost_limit_monthly: int | None = None
    cost_limit_total: int | None = None
    rate_limits: dict[str, int] = {}


class TenantRow(LimitedRow, frozen=True, kw_only=True):
    """`tenant_id` equals `id`, so that scoping works for tenants as for everything else. `default_fallbacks` are names
    of groups; `queue` is {"max_waiting", "timeout_seconds"}, None where requests do not wait. `timezone` (an IANA name)
    is the calendar of its days and months. `stored_responses`: whether its responses are kept, to be read again and to
    go on from. `language` and `error_messages` ({"categories": {name: {"message", "suggested_action"}}, "codes": ...})
    are how faults are told to its callers."""

    noun = "tenants"
    prefix = "ten"
    unique_everywhere = ("name",)

    name: str
    enabled: bool = True
    system_grants: tuple[str, ...] = ()
    default_fallbacks: tuple[str, ...] = ()
    queue: dict[str, Any] | None = None
    timezone: str = "UTC"
    ceiling_price: dict[str, int] | None = None
    stored_responses: bool = True
    failed_attempts: str = "reported"
    language: str = "en"
    error_messages: dict[str, Any] = {}


class DepartmentRow(LimitedRow, frozen=True, kw_only=True):
    noun = "departments"
    prefix = "dep"
    unique = ("name",)

    name: str


class TeamRow(LimitedRow, frozen=True, kw_only=True):
    noun = "teams"
    prefix = "team"
    unique = ("name",)

    name: str
    department_id: str | None = None


class UserRow(LimitedRow, frozen=True, kw_only=True):
    noun = "users"
    prefix = "usr"
    unique = ("name",)

    name: str
    email: str | None = None
    team_id: str | None = None


class ApiKeyRow(LimitedRow, frozen=True, kw_only=True):
    """`digest` is the keyed digest of the whole key; `display` is what people see of it ('sk-gw-AbCd...wxyz')."""

    noun = "api_keys"
    prefix = "key"
    unique_everywhere = ("digest",)

    name: str
    digest: bytes
    display: str
    team_id: str | None = None
    user_id: str | None = None
    department_id: str | None = None
    allowed_models: tuple[str, ...] | None = None
    expires_at: float | None = None
    enabled: bool = True
    revoked_at: float | None = None


class AdminTokenRow(Row, frozen=True, kw_only=True):
    """`role`: platform_admin (tenant_id None), tenant_admin or viewer."""

    noun = "admin_tokens"
    prefix = "adm"
    unique_everywhere = ("digest",)

    name: str
    role: str
    digest: bytes
    display: str
    revoked_at: float | None = None


class SecretRow(Row, frozen=True, kw_only=True):
    noun = "secrets"
    prefix = "sec"
    unique = ("name",)

    name: str
    ciphertext: bytes
    last4: str
    rotated_at: float | None = None


class EnhancedProviderConfig(Row, frozen=True, kw_only=True):
    """A tenant's account at a provider. The key itself is in secret storage under `api_key_secret_name`."""

    noun = "provider_configs_v2"
    prefix = "pc"
    unique = ("name",)

    name: str
    provider: str
    endpoint_url: str | None = None
    api_key_secret_name: str | None = None
    models: tuple[str, ...] = ()
    rate_limits: dict[str, int] = {}
    timeouts: dict[str, float] = {}
    region: str | None = None
    priority: int = 0
    weight: int = 1
    enabled: bool = True
    default_max_output: int = 4096
    queue: dict[str, Any] | None = None
    paid_check_model: str | None = None
    ceiling_price: dict[str, int] | None = None
    options: dict[str, str] = {}


class PoolRow(Row, frozen=True, kw_only=True):
    """`members`: [{"name","weight","model"?,"priority"?}]; `options`: the rest of the body as far as it was given
    (fallbacks, circuit_breaker, timeouts, retries, on_stream_cut, queue, sticky_by)."""

    noun = "pools"
    prefix = "pool"
    unique = ("group_name",)

    group_name: str
    strategy: str
    members: tuple[dict[str, Any], ...] = ()
    options: dict[str, Any] = {}


class RouteRow(Row, frozen=True, kw_only=True):
    """`options`: what the route says over its pool (timeouts, retries, on_stream_cut) and on_content_filter."""

    noun = "routes"
    prefix = "rt"
    unique = ("name",)

    name: str
    pool: str
    rules: tuple[dict[str, Any], ...] = ()
    options: dict[str, Any] = {}


class PriceRow(Row, frozen=True, kw_only=True):
    """`tenant_id` None: the book. Append-only: a new price is a new row with its own `effective_from`.

    Pico-dollars, a token or (`request_pico`) a request; lanes that are None are not said. `tiers`:
    [{"above_input_tokens", lanes}]; `service_tiers`: {"priority": {lanes, "tiers"}}; a lane is named as in
    domain/prices.py, `rates_of`. `hours`: {"from","until"} in seconds of the UTC day. `match`: a clause of
    domain/model_match.py. `edition`: the published book that it came with.
    """

    noun = "prices"
    prefix = "price"

    model: str
    provider: str | None = None
    input_pico: int
    output_pico: int
    cache_read_pico: int | None = None
    cache_write_pico: int | None = None
    effective_from: float
    cache_write_1h_pico: int | None = None
    reasoning_pico: int | None = None
    audio_input_pico: int | None = None
    audio_output_pico: int | None = None
    image_input_pico: int | None = None
    request_pico: int | None = None
    tiers: tuple[dict[str, Any], ...] = ()
    service_tiers: dict[str, Any] = {}
    hours: dict[str, int] | None = None
    match: dict[str, Any] | None = None
    edition: str | None = None


class BudgetRow(Row, frozen=True, kw_only=True):
    """A budget that was set as such; the `cost_limit_*` of levels are others. `limit_nano` is nano-dollars."""

    noun = "budgets"
    prefix = "bud"

    scope: str
    scope_id: str
    window: str
    limit_nano: int | None = None
    limit_tokens: int | None = None
    limit_requests: int | None = None
    mode: str = "clamp"
    warn_at_percent: tuple[int, ...] = (50, 80, 90, 100)

    @property
    def name(self) -> str:
        """What a report of changes calls it."""
        return f"{self.scope} {self.window}"


class AuditRow(Row, frozen=True, kw_only=True):
    """Who did what to which row; `detail` never has a secret. Appended in the transaction of the change itself."""

    noun = "audit_log"
    prefix = "aud"

    actor: str
    action: str
    target_noun: str
    target_id: str
    detail: dict[str, Any] = {}


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt's row as SETTLED names the fields; `id` (integer, rising) is its place in the ledger. `day` (days
    since 1970-01-01 in the tenant's calendar) is that of admission, and names the windows that the row counts in."""

    id: int = 0
    request_id: str
    attempt_id: str
    kind: str
    tenant_id: str
    department_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    key_id: str
    requested_model: str
    model: str
    endpoint: str
    provider: str
    route: str | None = None
    operation: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    service_tier: str = "standard"
    cost_nano_usd: int
    priced: bool
    price_version: str | None = None
    credential: str
    outcome: str
    estimated: bool
    started_at: float
    ttft_ms: float | None = None
    total_ms: float
    revision: int = 0
    client_request_id: str | None = None
    day: int = 0
    delivered_tokens: int | None = None
    cached: bool = False


class StoredResponseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A response of a tenant, sealed, until it expires (Unix seconds)."""

    tenant_id: str
    response_id: str
    expires: float
    body: bytes


class ReplyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An Idempotency-Key of a tenant: who runs it (`owner`, counted as alive `until`), or the sealed reply. `key` and
    `print` (of the body) are keyed digests. `body` None in a finished one: it was too large to be kept."""

    tenant_id: str
    key: str
    print: str
    request_id: str
    owner: str
    until: float
    finished: bool = False
    expires: float = 0.0
    size: int = 0
    body: bytes | None = None


NOUNS: tuple[type[Row], ...] = (
    TenantRow,
    DepartmentRow,
    TeamRow,
    UserRow,
    ApiKeyRow,
    AdminTokenRow,
    SecretRow,
    EnhancedProviderConfig,
    PoolRow,
    RouteRow,
    PriceRow,
    BudgetRow,
    AuditRow,
)

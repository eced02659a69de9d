"""What the gateway saw of its endpoints, one Struct a table: checks, overrides, breakers, numbers, decisions.

They are no nouns: nobody makes or edits one through the admin API, none bumps the configuration's revision, and all
but the breakers and the overrides grow with time until retention cuts them. Instants are Unix seconds, latencies
milliseconds. `tenant_id` is never empty: an endpoint is always some tenant's.
"""

from typing import Any

import msgspec


class HealthRow(msgspec.Struct, frozen=True, kw_only=True):
    """One look at an endpoint. `source` manual, check or traffic; `ok` what this look said (None: it said nothing of
    health), `healthy` the verdict after it. `status` and `latency_ms` are None where nothing was asked or nothing
    answered; `paid`: this look is a row of the ledger too."""

    id: int = 0
    tenant_id: str
    endpoint_id: str
    endpoint: str
    provider: str
    at: float
    source: str
    ok: bool | None
    healthy: bool
    status: int | None = None
    latency_ms: float | None = None
    category: str | None = None
    reason: str | None = None
    paid: bool = False


class OverrideRow(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's word on an endpoint's health, which holds until `until` (None: until it is taken back)."""

    endpoint_id: str
    tenant_id: str
    healthy: bool
    reason: str | None
    until: float | None
    at: float


class BreakerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker as a restart finds it. `key` is the registry's own; `saved` what the breaker wrote of itself, which
    only policy/circuit_breaker.py reads; the columns beside it are for people and for SQL."""

    key: str
    tenant_id: str
    endpoint_id: str
    state: str
    forced: bool
    reason: str | None
    updated_at: float
    saved: dict[str, Any]


class MetricsRow(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint did in one span of time that began at `starts_at`. `span` is 1m, 1h or 1d; `writer` the process
    whose minutes these are, empty where they were rolled up. `latencies` and `first_tokens` are counts in the buckets
    of policy/histogram.py, so that a day is the exact sum of its minutes."""

    span: str
    endpoint_id: str
    starts_at: float
    writer: str
    tenant_id: str
    endpoint: str
    provider: str
    requests: int
    errors: int
    most_active: int
    latencies: tuple[int, ...]
    first_tokens: tuple[int, ...]


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request went the way it did, kept where it failed, was tried twice, or was drawn as a sample (`why`)."""

    id: int = 0
    tenant_id: str
    request_id: str
    at: float
    why: str
    status: int
    model: str | None
    record: dict[str, Any]

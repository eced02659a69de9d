"""Rows with everything filled in that a test does not talk about."""

from typing import Any

from ai_gateway.domain.secret import Secret
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.store.rows import (
    AdminTokenRow,
    ApiKeyRow,
    AuditRow,
    DepartmentRow,
    EnhancedProviderConfig,
    LedgerRow,
    PoolRow,
    PriceRow,
    RouteRow,
    Row,
    SecretRow,
    TeamRow,
    TenantRow,
    UserRow,
)
from ai_gateway.store.snapshots import SnapshotCompiler
from ai_gateway.store.vault import CannotUnseal


def open_as_text(tenant_id: str, name: str, ciphertext: bytes) -> Secret:
    """The vault of these tests: 'sealed' is the text itself, b'broken' does not open."""
    if ciphertext == b"broken":
        raise CannotUnseal("broken")
    return Secret(f"{tenant_id}/{name}/{ciphertext.decode()}")


def a_compiler(**changes: Any) -> SnapshotCompiler:
    doors: dict[str, Any] = {"unseal": open_as_text, "mock_url": parse_base_url("http://127.0.0.1:9000")}
    return SnapshotCompiler(**(doors | changes))


def a_tenant(tenant_id: str = "t1", **changes: Any) -> TenantRow:
    return TenantRow(**{"id": tenant_id, "tenant_id": tenant_id, "created_at": 1.0, "name": tenant_id} | changes)


def a_key(key_id: str = "key_1", tenant_id: str = "t1", **changes: Any) -> ApiKeyRow:
    fields = {"name": key_id, "digest": f"digest of {key_id}".encode(), "display": "sk-gw-..."}
    return ApiKeyRow(**{"id": key_id, "tenant_id": tenant_id, "created_at": 1.0} | fields | changes)


def a_config(config_id: str = "pc_1", tenant_id: str = "t1", **changes: Any) -> EnhancedProviderConfig:
    fields = {"name": config_id, "provider": "openai", "endpoint_url": "mock://openai", "models": ("m1",)}
    return EnhancedProviderConfig(**{"id": config_id, "tenant_id": tenant_id, "created_at": 1.0} | fields | changes)


def a_secret(secret_id: str = "sec_1", tenant_id: str = "t1", **changes: Any) -> SecretRow:
    fields = {"name": secret_id, "ciphertext": b"text", "last4": "text"}
    return SecretRow(**{"id": secret_id, "tenant_id": tenant_id, "created_at": 1.0} | fields | changes)


def a_pool(pool_id: str = "pool_1", tenant_id: str = "t1", **changes: Any) -> PoolRow:
    fields = {"group_name": pool_id, "strategy": "round_robin", "members": ({"name": "pc_1", "weight": 2},)}
    return PoolRow(**{"id": pool_id, "tenant_id": tenant_id, "created_at": 1.0} | fields | changes)


def a_route(route_id: str = "rt_1", tenant_id: str = "t1", **changes: Any) -> RouteRow:
    fields = {"name": route_id, "pool": "pool_1"}
    return RouteRow(**{"id": route_id, "tenant_id": tenant_id, "created_at": 1.0} | fields | changes)


def a_price(price_id: str = "price_1", tenant_id: str | None = None, **changes: Any) -> PriceRow:
    fields = {"model": "m1", "input_pico": 150_000, "output_pico": 600_000, "effective_from": 0.0}
    return PriceRow(**{"id": price_id, "tenant_id": tenant_id, "created_at": 1.0} | fields | changes)


def a_team(team_id: str = "team_1", tenant_id: str = "t1", **changes: Any) -> TeamRow:
    return TeamRow(**{"id": team_id, "tenant_id": tenant_id, "created_at": 1.0, "name": team_id} | changes)


def a_user(user_id: str = "usr_1", tenant_id: str = "t1", **changes: Any) -> UserRow:
    return UserRow(**{"id": user_id, "tenant_id": tenant_id, "created_at": 1.0, "name": user_id} | changes)


def an_audit_row(audit_id: str = "aud_1", tenant_id: str | None = "t1", **changes: Any) -> AuditRow:
    fields = {"actor": "adm_1", "action": "create", "target_noun": "pools", "target_id": "pool_1"}
    return AuditRow(**{"id": audit_id, "tenant_id": tenant_id, "created_at": 1.0} | fields | changes)


def a_token(token_id: str = "adm_1", tenant_id: str | None = None, **changes: Any) -> AdminTokenRow:
    fields = {"name": token_id, "role": "platform_admin", "digest": token_id.encode(), "display": "..."}
    return AdminTokenRow(**{"id": token_id, "tenant_id": tenant_id, "created_at": 1.0} | fields | changes)


ONE_OF_EACH: tuple[Row, ...] = (
    a_tenant(
        system_grants=("openai", "anthropic"),
        rate_limits={"requests_per_minute": 5},
        cost_limit_total=10**15,
        default_fallbacks=("spare", "ü"),
        queue={"max_waiting": 5, "timeout_seconds": 0.5},
        rules=({"on": "request", "do": "cap", "field": "temperature", "max": 0.8, "when": "ü"},),
    ),
    DepartmentRow(id="dep_1", tenant_id="t1", created_at=1.25, name="r&d", cost_limit_daily=7),
    a_team(department_id="dep_1"),
    a_user(team_id="team_1", email="a@example.com"),
    a_key(allowed_models=("m1", "m2"), expires_at=99.5, team_id="team_1", enabled=False),
    a_token(),
    a_secret(ciphertext=bytes(range(256)), rotated_at=3.0),
    a_config(
        timeouts={"connect": 1.5}, rate_limits={"max_concurrent": 3}, region="eu", priority=-1, weight=7, queue={}
    ),
    a_pool(members=({"name": "pc_1", "weight": 2, "model": "m1"},), options={"circuit_breaker": {"failures": 3}}),
    a_route(rules=({"if": "ü", "then": [1, None, True]},), options={"a": {"b": 0.5}}),
    a_price(cache_read_pico=75_000, provider="openai", effective_from=17.0),
    an_audit_row(detail={"before": None, "after": {"weight": 2}}),
)


def a_ledger_row(attempt_id: str = "att_1", **changes: Any) -> LedgerRow:
    fields = {
        "request_id": "req_1",
        "attempt_id": attempt_id,
        "kind": "charge",
        "tenant_id": "t1",
        "key_id": "key_1",
        "requested_model": "fast",
        "model": "m1",
        "endpoint": "pc_1",
        "provider": "openai",
        "operation": "chat",
        "input_tokens": 12,
        "output_tokens": 3,
        "cost_nano_usd": 3_600,
        "priced": True,
        "credential": "tenant",
        "outcome": "ok",
        "estimated": False,
        "started_at": 1_700_000_000.25,
        "total_ms": 12.5,
    }
    return LedgerRow(**fields | changes)

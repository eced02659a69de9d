"""Rows become a Snapshot, once: everything a request could have to compute is computed here.

One tenant's part is compiled from that tenant's rows alone (`TenantParts`), so a change rebuilds one tenant and a
mistake in one tenant's rows cannot reach another's. What is the same for a hundred thousand keys (tenant, team and
user ids) is interned, or the index would spend most of its memory on copies.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from ai_gateway.domain.budgets import Scope, limits_of
from ai_gateway.domain.config import (
    BaseUrl,
    Endpoint,
    EndpointId,
    FailedAttempts,
    Key,
    KeyDigest,
    KeyId,
    Ownership,
    ProviderType,
    Tenant,
    TenantId,
)
from ai_gateway.domain.wording import Language
from ai_gateway.store.courses import compile_courses, compile_models, default_tiers
from ai_gateway.store.endpoints import EndpointCompiler, Unseal, no_preparation
from ai_gateway.store.levels import budgets_of, limits_of_key, rates_of, rates_of_key
from ai_gateway.store.options import choice_of, queue_of
from ai_gateway.store.price_rows import ceiling_of, compile_prices
from ai_gateway.store.rows import (
    BudgetRow,
    DepartmentRow,
    EnhancedProviderConfig,
    LimitedRow,
    PoolRow,
    PriceRow,
    RouteRow,
    SecretRow,
    TeamRow,
    TenantRow,
    UserRow,
)
from ai_gateway.store.rule_sets import RuleBook, TenantRules
from ai_gateway.store.wordings import Languages, wording_of
from ai_gateway.store.zones import zone_named


class KeyRecord(msgspec.Struct, frozen=True, gc=False):
    """The columns of a key that the data plane needs, and no more: there are a hundred thousand of them."""

    id: str
    tenant_id: str
    name: str
    digest: bytes
    enabled: bool
    expires_at: float | None
    allowed_models: tuple[str, ...] | None
    department_id: str | None
    team_id: str | None
    user_id: str | None
    cost_limit_daily: int | None = None
    cost_limit_monthly: int | None = None
    cost_limit_total: int | None = None
    rate_limits: dict[str, int] = {}


class TenantParts(msgspec.Struct, frozen=True):
    """All rows of one tenant that its part of the Snapshot is made of (its keys are indexed apart)."""

    tenant: TenantRow
    configs: tuple[EnhancedProviderConfig, ...] = ()
    secrets: tuple[SecretRow, ...] = ()
    pools: tuple[PoolRow, ...] = ()
    routes: tuple[RouteRow, ...] = ()
    prices: tuple[PriceRow, ...] = ()
    teams: tuple[TeamRow, ...] = ()
    users: tuple[UserRow, ...] = ()
    departments: tuple[DepartmentRow, ...] = ()
    budgets: tuple[BudgetRow, ...] = ()


class SnapshotCompiler(msgspec.Struct, frozen=True):
    """`system_endpoints` are the gateway's own accounts, lent to tenants whose `system_grants` name them; the other
    doors are EndpointCompiler's. `languages` are those that faults can be told in, by their tags."""

    unseal: Unseal
    mock_url: BaseUrl | None = None
    system_endpoints: tuple[Endpoint, ...] = ()
    environment: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    prepare: Callable[[ProviderType], None] = no_preparation
    languages: Languages = msgspec.field(default_factory=dict[str, Language])
    book: RuleBook = msgspec.field(default_factory=RuleBook)

    def compile_rules(self, parts: TenantParts) -> TenantRules:
        """What takes long, once: it may be called in a thread."""
        secrets = {secret.name: secret for secret in parts.secrets}
        return self.book.compile(parts.tenant, parts.routes, secrets, self.unseal)

    def compile_endpoints(self, parts: TenantParts) -> Iterator[tuple[str, Endpoint]]:
        """By name, one at a time: they take the most of a tenant's time, and there may be a thousand."""
        compiler = EndpointCompiler(self.unseal, self.mock_url, self.environment, self.prepare)
        secrets = {secret.name: secret for secret in parts.secrets}
        for row in parts.configs:
            endpoint = compiler.compile(row, secrets) if row.enabled else None
            if endpoint is not None:
                yield endpoint.name, endpoint
        taken = {row.name for row in parts.configs}  # a disabled config of one's own still hides the lent one
        for system in self.system_endpoints:
            if system.name in parts.tenant.system_grants and system.name not in taken:
                yield system.name, _lend(system, TenantId(parts.tenant.id))

    def compile_tenant(
        self, parts: TenantParts, rules: TenantRules | None = None, endpoints: Mapping[str, Endpoint] | None = None
    ) -> Tenant:
        """`rules` and `endpoints` are those of the other two, where they were compiled before."""
        tenant = parts.tenant
        endpoints = dict(self.compile_endpoints(parts)) if endpoints is None else endpoints
        rules = self.compile_rules(parts) if rules is None else rules
        courses = compile_courses(parts.pools, parts.routes, endpoints, tenant.default_fallbacks, rules)
        behind = default_tiers(parts.pools, courses, tenant.default_fallbacks)
        return Tenant(
            id=TenantId(tenant.id),
            name=tenant.name,
            enabled=tenant.enabled,
            default_fallbacks=tenant.default_fallbacks,
            stores_responses=tenant.stored_responses,
            queue=queue_of(tenant.queue),
            endpoints=endpoints,
            courses=courses,
            models=compile_models(endpoints.values(), behind, rules.tenant),
            prices=compile_prices(parts.prices, ceiling_of(tenant.ceiling_price, "ceiling")),
            team_departments={team.id: team.department_id for team in parts.teams},
            user_teams={user.id: user.team_id for user in parts.users},
            zone=zone_named(tenant.timezone),
            failed_attempts=choice_of(FailedAttempts.REPORTED, tenant.failed_attempts),
            limits=limits_of(budgets_of(parts.budgets, levels_of(parts))),
            rates=rates_of(levels_of(parts)),
            wording=wording_of(tenant, self.languages),
            rules=rules.tenant,
        )


def by_digest(records: Iterable[KeyRecord]) -> Iterator[tuple[KeyDigest, Key]]:
    return ((KeyDigest(record.digest), _key(record)) for record in records)


def levels_of(parts: TenantParts) -> tuple[tuple[Scope, LimitedRow], ...]:
    """Every level of a tenant that can carry limits, but its keys, which are indexed apart."""
    return (
        (Scope.TENANT, parts.tenant),
        *((Scope.DEPARTMENT, row) for row in parts.departments),
        *((Scope.TEAM, row) for row in parts.teams),
        *((Scope.USER, row) for row in parts.users),
    )


def _lend(system: Endpoint, tenant_id: TenantId) -> Endpoint:
    """Each tenant gets an endpoint of its own, so that its breaker and its numbers are nobody else's."""
    return msgspec.structs.replace(
        system, id=EndpointId(f"{system.id}@{tenant_id}"), tenant_id=tenant_id, ownership=Ownership.SYSTEM
    )


def _key(record: KeyRecord) -> Key:
    return Key(
        id=KeyId(record.id),
        tenant_id=TenantId(sys.intern(record.tenant_id)),
        name=record.name,
        enabled=record.enabled,
        expires_at=record.expires_at,
        allowed_models=record.allowed_models,
        department_id=_interned(record.department_id),
        team_id=_interned(record.team_id),
        user_id=_interned(record.user_id),
        limits=limits_of_key(record),
        rates=rates_of_key(record),
    )


def _interned(text: str | None) -> str | None:
    return None if text is None else sys.intern(text)

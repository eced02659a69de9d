"""A tenant's configuration as one document: what is exported, and what is applied.

Things are named, never numbered, so that the same document fits another gateway. It has no key in it: an export says
which secret a config uses, and an `api_key` in a document that is applied is stored as POST would store it.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from ai_gateway.admin.answers import Answer
from ai_gateway.admin.budgets import BudgetNumbers
from ai_gateway.admin.desk import Desk
from ai_gateway.admin.error_messages import ErrorMessagesBody, LanguageTag
from ai_gateway.admin.fields import Body, LimitsBody, Text, Zone, limits_of
from ai_gateway.admin.money import show_dollars
from ai_gateway.admin.pools import PoolBody
from ai_gateway.admin.pools import body_of as pool_body_of
from ai_gateway.admin.price_fields import PriceBody, said_by, show_ceiling
from ai_gateway.admin.provider_fields import ProviderBody, columns_of
from ai_gateway.admin.provider_fields import body_of as provider_body_of
from ai_gateway.admin.routes import RouteBody
from ai_gateway.admin.traffic_fields import FailedAttemptsWord, Groups
from ai_gateway.domain.budgets import Scope
from ai_gateway.policy.wording import ENGLISH
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import (
    BudgetRow,
    DepartmentRow,
    EnhancedProviderConfig,
    PoolRow,
    PriceRow,
    RouteRow,
    TeamRow,
    TenantRow,
    UserRow,
)
from ai_gateway.store.zones import UTC_NAME


class DepartmentEntry(LimitsBody):
    name: Text


class TeamEntry(LimitsBody):
    name: Text
    department: Text | None = None


class UserEntry(LimitsBody):
    name: Text
    email: Text | None = None
    team: Text | None = None


class BudgetEntry(BudgetNumbers):
    """`name` is that of the team, department or user; the tenant itself needs none. Keys are not in a document, and so
    neither are their budgets."""

    scope: Literal["team", "department", "user", "tenant"]
    name: Text | None = None


class ConfigurationBody(Body):
    """A section that is left out is not looked at; `prune` deletes what the sections that are there do not name."""

    version: Literal[1]
    prune: bool = False
    departments: Annotated[list[DepartmentEntry], Field(max_length=10_000)] | None = None
    teams: Annotated[list[TeamEntry], Field(max_length=10_000)] | None = None
    users: Annotated[list[UserEntry], Field(max_length=100_000)] | None = None
    providers: Annotated[list[ProviderBody], Field(max_length=10_000)] | None = None
    default_fallbacks: Groups | None = None
    pools: Annotated[list[PoolBody], Field(max_length=10_000)] | None = None
    routes: Annotated[list[RouteBody], Field(max_length=10_000)] | None = None
    prices: Annotated[list[PriceBody], Field(max_length=100_000)] | None = None
    timezone: Zone | None = None
    failed_attempts: FailedAttemptsWord | None = None
    language: LanguageTag | None = None
    error_messages: ErrorMessagesBody | None = None
    budgets: Annotated[list[BudgetEntry], Field(max_length=100_000)] | None = None


async def export(unit: Unit, desk: Desk) -> Answer:
    """Applying what this gives changes nothing."""
    tenant_id = desk.tenant_id
    tenant = await unit.fetch(TenantRow, tenant_id, tenant_id)
    departments = await unit.find(DepartmentRow, tenant_id)
    teams = await unit.find(TeamRow, tenant_id)
    users = await unit.find(UserRow, tenant_id)
    names = {row.id: row.name for row in (*departments, *teams, *users)}
    department_names = {row.id: row.name for row in departments}
    team_names = {row.id: row.name for row in teams}
    return {
        "version": 1,
        "departments": [_said({"name": row.name, **limits_of(row)}) for row in departments],
        "teams": [
            _said({"name": row.name, "department": department_names.get(row.department_id or ""), **limits_of(row)})
            for row in teams
        ],
        "users": [
            _said({"name": row.name, "email": row.email, "team": team_names.get(row.team_id or ""), **limits_of(row)})
            for row in users
        ],
        "providers": [_export_provider(row) for row in await unit.find(EnhancedProviderConfig, tenant_id)],
        "default_fallbacks": [] if tenant is None else list(tenant.default_fallbacks),
        "pools": [pool_body_of(row) for row in await unit.find(PoolRow, tenant_id)],
        "routes": [
            {"name": row.name, "pool": row.pool, "rules": list(row.rules), **row.options}
            for row in await unit.find(RouteRow, tenant_id)
        ],
        "prices": [_said(said_by(row)) for row in await unit.find(PriceRow, tenant_id)],
        "timezone": UTC_NAME if tenant is None else tenant.timezone,
        "failed_attempts": "reported" if tenant is None else tenant.failed_attempts,
        "language": ENGLISH if tenant is None else tenant.language,
        "error_messages": {} if tenant is None else tenant.error_messages,
        "budgets": [
            _export_budget(row, names.get(row.scope_id))
            for row in sorted(await unit.find(BudgetRow, tenant_id), key=lambda row: row.name)
            if row.scope != Scope.KEY
        ],
    }


def _said(entry: dict[str, Any]) -> Answer:
    """What is null or empty says nothing, and a reader should not have to read it."""
    return {name: value for name, value in entry.items() if value not in (None, {}, [], ())}


def _export_provider(row: EnhancedProviderConfig) -> Answer:
    columns = columns_of(provider_body_of(row))
    columns["models"] = list(row.models)
    columns["ceiling_price"] = show_ceiling(row.ceiling_price)
    return _said({**columns, "api_key_secret_name": row.api_key_secret_name})


def _export_budget(row: BudgetRow, name: str | None) -> Answer:
    return _said(
        {
            "scope": row.scope,
            "name": name,
            "window": row.window,
            "limit_usd": None if row.limit_nano is None else show_dollars(row.limit_nano),
            "limit_tokens": row.limit_tokens,
            "limit_requests": row.limit_requests,
            "mode": row.mode,
        }
    ) | {"warn_at_percent": list(row.warn_at_percent)}

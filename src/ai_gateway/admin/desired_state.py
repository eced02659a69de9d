"""Making a tenant what a document says: by name, in one transaction, all of it or nothing.

What would happen is found out by doing it and rolling back, so that a preview cannot differ from the deed. Sections go
in the order in which they name each other; pruning goes the other way, through the same refusals as DELETE.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from ai_gateway.admin import departments, desired_budgets, pools, prices, providers, routes, teams, users
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.changes import Change, name_of
from ai_gateway.admin.desk import Desk
from ai_gateway.admin.differences import differences_of
from ai_gateway.admin.document import ConfigurationBody, TeamEntry, UserEntry
from ai_gateway.admin.fallbacks import check_fallbacks
from ai_gateway.admin.lookup import WORDS
from ai_gateway.admin.price_fields import PriceBody, columns_of
from ai_gateway.admin.refusals import invalid
from ai_gateway.store.rows import (
    DepartmentRow,
    EnhancedProviderConfig,
    PoolRow,
    PriceRow,
    RouteRow,
    Row,
    TeamRow,
    TenantRow,
    UserRow,
    new_id,
)

R = TypeVar("R", bound=Row)
_Remove = Callable[[Change, R], Awaitable[None]]

_SAME_MOMENT = 0.001  # an instant is exported in milliseconds


class Outcome(msgspec.Struct, frozen=True):
    """What was done, as pairs of what it is and its name, and what changed in it; filled while the document is
    applied."""

    created: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])
    updated: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])
    deleted: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])
    warnings: list[str] = msgspec.field(default_factory=list[str])
    changes: dict[tuple[str, str], list[Answer]] = msgspec.field(default_factory=dict[tuple[str, str], list[Answer]])

    def note(self, old: Row | None, new: Row) -> None:
        if old is None:
            self.created.append((WORDS[new.noun], name_of(new)))
        elif new != old:
            pair = (WORDS[new.noun], name_of(new))
            if pair not in self.changes:
                self.updated.append(pair)
            self.changes[pair] = [*self.changes.get(pair, ()), *differences_of(old, new)]

    def answer(self) -> Answer:
        return {
            "created": [_named(pair) for pair in self.created],
            "updated": [_named(pair) | self._changed(pair) for pair in self.updated],
            "deleted": [_named(pair) for pair in self.deleted],
            "warnings": self.warnings,
        }

    def _changed(self, pair: tuple[str, str]) -> Answer:
        return {"changes": self.changes[pair]} if self.changes.get(pair) else {}


def _named(pair: tuple[str, str]) -> Answer:
    return {"noun": pair[0], "name": pair[1]}


async def apply(change: Change, desk: Desk, body: ConfigurationBody) -> Outcome:
    """Raises what the single requests would raise: InvalidRequest (409, 422), Forbidden, Conflict."""
    outcome = Outcome()
    _refuse_doubles(body)
    await _apply_departments(change, desk, body, outcome)
    await _apply_teams(change, desk, body.teams or (), outcome)
    await _apply_users(change, desk, body.users or (), outcome)
    await _apply_traffic(change, desk, body, outcome)
    await _apply_prices(change, desk, body.prices or (), outcome)
    await desired_budgets.apply(change, desk, body, outcome.note)
    if body.prune:
        await _prune(change, desk, body, outcome)
    named = [*(body.default_fallbacks or ()), *(name for pool in body.pools or () for name in pool.fallbacks or ())]
    outcome.warnings.extend(await check_fallbacks(change.unit, desk.tenant_id, named, param="pools"))
    await change.fold(desk.tenant_id, "configuration")
    return outcome


def _names(entries: Sequence[object] | None) -> list[str]:
    found = (getattr(entry, "name", None) or getattr(entry, "group_name", None) for entry in entries or ())
    return [name for name in found if isinstance(name, str)]


def _refuse_doubles(body: ConfigurationBody) -> None:
    sections = ("departments", "teams", "users", "providers", "pools", "routes")
    for section in sections:
        twice = [name for name, count in Counter(_names(getattr(body, section))).items() if count > 1]
        if twice:
            raise invalid(section, f"names '{twice[0]}' twice.")


async def _by_name(change: Change, desk: Desk, kind: type[R]) -> dict[str, R]:
    return {name_of(row): row for row in await change.unit.find(kind, desk.tenant_id)}


async def _put(change: Change, old: Row | None, new: Row, outcome: Outcome) -> None:
    if old is None:
        await change.insert(new)
    elif new != old:
        await change.replace(new)
    outcome.note(old, new)


async def _apply_departments(change: Change, desk: Desk, body: ConfigurationBody, outcome: Outcome) -> None:
    there = await _by_name(change, desk, DepartmentRow)
    for entry in body.departments or ():
        old = there.get(entry.name)
        row_id, created_at = _identity(old, DepartmentRow, change.now)
        full = departments.DepartmentBody.model_construct(**dict(entry))
        await _put(change, old, departments.settle(full, row_id, desk.tenant_id, created_at), outcome)


async def _apply_teams(change: Change, desk: Desk, entries: Iterable[TeamEntry], outcome: Outcome) -> None:
    there = await _by_name(change, desk, TeamRow)
    above = await _by_name(change, desk, DepartmentRow)
    for entry in entries:
        old = there.get(entry.name)
        row_id, created_at = _identity(old, TeamRow, change.now)
        fields = {name: value for name, value in entry if name != "department"}
        department_id = _id_of(above, entry.department, "department")
        full = teams.TeamBody.model_construct(**fields, department_id=department_id)
        await _put(change, old, await teams.settle(change.unit, full, row_id, desk.tenant_id, created_at), outcome)


async def _apply_users(change: Change, desk: Desk, entries: Iterable[UserEntry], outcome: Outcome) -> None:
    there = await _by_name(change, desk, UserRow)
    above = await _by_name(change, desk, TeamRow)
    for entry in entries:
        old = there.get(entry.name)
        row_id, created_at = _identity(old, UserRow, change.now)
        fields = {name: value for name, value in entry if name != "team"}
        full = users.UserBody.model_construct(**fields, team_id=_id_of(above, entry.team, "team"))
        await _put(change, old, await users.settle(change.unit, full, row_id, desk.tenant_id, created_at), outcome)


def _identity(old: Row | None, kind: type[Row], now: float) -> tuple[str, float]:
    return (new_id(kind.prefix, now), now) if old is None else (old.id, old.created_at)


def _id_of(rows: dict[str, R], name: str | None, field: str) -> str | None:
    if name is None:
        return None
    if name not in rows:
        raise invalid(field, f"there is no {field} '{name}'.")
    return rows[name].id


async def _apply_traffic(change: Change, desk: Desk, body: ConfigurationBody, outcome: Outcome) -> None:
    configs = await _by_name(change, desk, EnhancedProviderConfig)
    for provider in body.providers or ():
        old = configs.get(provider.name)
        outcome.note(old, await providers.place(change, desk, provider, old))
        if old is not None and provider.api_key is not None:
            outcome.updated.append(("secret", f"provider:{provider.name}"))
    groups = await _by_name(change, desk, PoolRow)
    for pool in body.pools or ():
        row, warnings = await pools.place(change, desk, pool, groups.get(pool.group_name))
        outcome.note(groups.get(pool.group_name), row)
        outcome.warnings.extend(warnings)
    await _apply_default_fallbacks(change, desk, body.default_fallbacks, outcome)
    named = await _by_name(change, desk, RouteRow)
    for route in body.routes or ():
        outcome.note(named.get(route.name), await routes.place(change, desk, route, named.get(route.name)))


async def _apply_default_fallbacks(change: Change, desk: Desk, groups: Sequence[str] | None, outcome: Outcome) -> None:
    tenant = await change.unit.fetch(TenantRow, desk.tenant_id, desk.tenant_id)
    if groups is None or tenant is None:
        return
    await _put(change, tenant, msgspec.structs.replace(tenant, default_fallbacks=tuple(groups)), outcome)


async def _apply_prices(change: Change, desk: Desk, entries: Iterable[PriceBody], outcome: Outcome) -> None:
    """Prices are only ever added: one that is there with the same numbers is left alone."""
    there = await change.unit.find(PriceRow, desk.tenant_id)
    for entry in entries:
        if not any(_same_price(row, entry, change.now) for row in there):
            row = await prices.place(change, desk.tenant_id, entry)
            there.append(row)
            outcome.note(None, row)


def _same_price(row: PriceRow, entry: PriceBody, now: float) -> bool:
    said = msgspec.structs.asdict(row)
    if any(said[name] != value for name, value in columns_of(entry).items()):
        return False
    if entry.effective_from is None:
        return row.effective_from <= now
    return abs(row.effective_from - entry.effective_from) <= _SAME_MOMENT


async def _prune(change: Change, desk: Desk, body: ConfigurationBody, outcome: Outcome) -> None:
    async def drop_provider(change: Change, row: EnhancedProviderConfig) -> None:
        await providers.remove(change, desk, row)

    async def prune(kind: type[R], entries: Sequence[object] | None, remove: _Remove[R]) -> None:
        kept = set(_names(entries))
        rows = {} if entries is None else await _by_name(change, desk, kind)
        for name, row in rows.items():
            if name not in kept:
                await remove(change, row)
                outcome.deleted.append((WORDS[kind.noun], name))

    outcome.deleted.extend(await desired_budgets.prune(change, desk, body))
    await prune(RouteRow, body.routes, routes.remove)
    await prune(PoolRow, body.pools, pools.remove)
    await prune(EnhancedProviderConfig, body.providers, drop_provider)
    await prune(UserRow, body.users, users.remove)
    await prune(TeamRow, body.teams, teams.remove)
    await prune(DepartmentRow, body.departments, departments.remove)

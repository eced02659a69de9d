"""Finding rows in one tenant, and refusing to break what hangs from them.

Every look-up goes through the scope, so a foreign row, a deleted one and one that never was are the same thing here.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from ai_gateway.admin.answers import Answer
from ai_gateway.admin.changes import name_of
from ai_gateway.admin.refusals import conflict, invalid, missing
from ai_gateway.store.records import Scope, Unit
from ai_gateway.store.rows import Row

R = TypeVar("R", bound=Row)

WORDS: Final[Mapping[str, str]] = {
    "tenants": "tenant",
    "departments": "department",
    "teams": "team",
    "users": "user",
    "api_keys": "api key",
    "admin_tokens": "token",
    "secrets": "secret",
    "provider_configs_v2": "provider config",
    "pools": "pool",
    "routes": "route",
    "prices": "price",
    "budgets": "budget",
}


async def fetch(unit: Unit, kind: type[R], scope: Scope, row_id: str) -> R:
    """Raises NotFound."""
    row = await unit.fetch(kind, scope, row_id)
    if row is None:
        raise missing(WORDS[kind.noun])
    return row


async def find_named(unit: Unit, kind: type[R], scope: Scope, column: str, name: str) -> R | None:
    """By id, else by name."""
    row = await unit.fetch(kind, scope, name)
    if row is not None:
        return row
    rows = await unit.find(kind, scope, **{column: name})
    return rows[0] if rows else None


async def require(unit: Unit, kind: type[Row], tenant_id: str, field: str, row_id: str | None) -> None:
    """A body that names another row names one of its own tenant: 422 otherwise, foreign and missing alike."""
    if row_id is not None and await unit.fetch(kind, tenant_id, row_id) is None:
        raise invalid(field, f"there is no such {WORDS[kind.noun]}.")


async def refuse_while_used(unit: Unit, row: Row, users: Mapping[type[Row], str]) -> None:
    """`users`: which column of which kind may name this row's id. Revoked keys count for nothing. Raises a 409."""
    for kind, column in users.items():
        rows = await unit.find(kind, row.tenant_id, **{column: row.id})
        names = [name_of(user) for user in rows if getattr(user, "revoked_at", None) is None]
        if names:
            listed = ", ".join(names[:5]) + (" and more" if len(names) > 5 else "")
            raise conflict(f"This {WORDS[row.noun]} is in use by {WORDS[kind.noun]} {listed}.")


def deleted(row: Row) -> Answer:
    return {"id": row.id, "deleted": True}

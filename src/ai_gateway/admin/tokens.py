"""Admin tokens: who may use this API. Shown once, kept as a keyed digest, revocable.

A token is never worth more than whoever made it: a tenant's admin makes tokens of its own tenant, and only the
platform makes the platform's.
"""

import secrets
from typing import Final

import msgspec

from ai_gateway.admin.access import Permission, Role
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Wide, WideDesk
from ai_gateway.admin.fields import Body, RowId, Text
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import fetch
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.refusals import forbidden, invalid
from ai_gateway.admin.routing import Route
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import AdminTokenRow, TenantRow, new_id

_PREFIX: Final = "gwa-"
_RANDOM_BYTES: Final = 32


class TokenBody(Body):
    """`tenant_id` null: the tenant of X-Tenant-Id or of the token that asks; must be null for a platform_admin."""

    role: Text
    name: Text
    tenant_id: RowId | None = None


async def list_tokens(desk: WideDesk, page: Paged) -> Answer:
    """The tokens of the tenant; all of them for a platform admin who names no tenant."""
    async with desk.reading() as unit:
        return await list_rows(unit, AdminTokenRow, desk.scope, page, describe)


async def create_token(desk: WideDesk, body: TokenBody) -> Answer:
    """A new token. `token` is in this answer and nowhere else, ever."""
    text = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    role = _role(body.role)
    async with desk.changing() as change:
        row = AdminTokenRow(
            id=new_id(AdminTokenRow.prefix, change.now),
            tenant_id=await _tenant_for(change.unit, desk, role, body.tenant_id),
            created_at=change.now,
            name=body.name,
            role=str(role),
            digest=desk.doors.digest_token(text.encode()),
            display=f"{text[: len(_PREFIX) + 4]}...{text[-4:]}",
        )
        await change.insert(row, role=str(role))
    return {**describe(row), "token": text}


async def revoke_token(desk: WideDesk, row_id: str) -> Answer:
    """The token dies at once and for good."""
    async with desk.changing() as change:
        row = await fetch(change.unit, AdminTokenRow, desk.scope, row_id)
        if row.revoked_at is None:
            row = msgspec.structs.replace(row, revoked_at=change.now)
            await change.replace(row, "revoke")
    return describe(row)


def _role(text: str) -> Role:
    if text not in set(Role):
        raise invalid("role", f"must be one of {', '.join(Role)}.")
    return Role(text)


async def _tenant_for(unit: Unit, desk: Wide, role: Role, tenant_id: str | None) -> str | None:
    own = desk.principal.tenant_id
    if role is Role.PLATFORM_ADMIN:
        if own is not None:
            raise forbidden("Only a platform admin makes platform tokens.", "Ask the operator of this gateway.")
        if tenant_id is not None:
            raise invalid("tenant_id", "must be null for a platform_admin, who belongs to no tenant.")
        return None
    chosen = tenant_id or desk.tenant_id or desk.doors.default_tenant_id
    if chosen is None:
        raise invalid("tenant_id", "is missing; this role belongs to a tenant.")
    if own not in (None, chosen) or await unit.fetch(TenantRow, chosen, chosen) is None:
        raise invalid("tenant_id", "there is no such tenant.")
    return chosen


def describe(row: AdminTokenRow) -> Answer:
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "tenant_id": row.tenant_id,
        "display": row.display,
        "revoked_at": None if row.revoked_at is None else show_instant(row.revoked_at),
        "created_at": show_instant(row.created_at),
    }


ROUTES: Final = (
    Route("GET", "/tokens", list_tokens, Permission.READ),
    Route("POST", "/tokens", create_token, Permission.CHANGE, status=201),
    Route("DELETE", "/tokens/{row_id}", revoke_token, Permission.CHANGE),
)

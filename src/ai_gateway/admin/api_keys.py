"""Gateway keys: shown once, kept as a keyed digest, dead the moment they are rotated or revoked.

A revoked key stays as a row, because the ledger names it; it can be neither changed nor brought back. A key that was
only disabled can.
"""

import secrets
from typing import Final

import msgspec

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.fields import (
    LimitsBody,
    ModelNames,
    RowId,
    Text,
    limits_of,
    merged,
    sent_limits,
    stored_limits,
)
from ai_gateway.admin.instants import Instant, show_instant
from ai_gateway.admin.lookup import fetch, require
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.refusals import conflict, invalid
from ai_gateway.admin.routing import Route
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import ApiKeyRow, DepartmentRow, TeamRow, UserRow, new_id

_PREFIX: Final = "sk-gw-"
_RANDOM_BYTES: Final = 32


class ApiKeyBody(LimitsBody):
    """`allowed_models` null: every model of the tenant. `expires_at` null: never."""

    name: Text
    team_id: RowId | None = None
    user_id: RowId | None = None
    department_id: RowId | None = None
    allowed_models: ModelNames | None = None
    expires_at: Instant | None = None
    enabled: bool = True


class ApiKeyPatch(ApiKeyBody):
    name: Text = "unset"


class _Minted(msgspec.Struct, frozen=True):
    """A new key: `text` is for its owner alone, the rest is kept."""

    text: str
    digest: bytes
    display: str


async def list_api_keys(desk: TenantDesk, page: Paged) -> Answer:
    """The keys of the tenant, revoked ones too, oldest first."""
    async with desk.reading() as unit:
        return await list_rows(unit, ApiKeyRow, desk.tenant_id, page, describe)


async def create_api_key(desk: TenantDesk, body: ApiKeyBody) -> Answer:
    """A new key. `key` is in this answer and nowhere else, ever."""
    minted = _mint(desk)
    async with desk.changing() as change:
        _refuse_past(body.expires_at, change.now)
        blank = ApiKeyRow(
            id=new_id(ApiKeyRow.prefix, change.now),
            tenant_id=desk.tenant_id,
            created_at=change.now,
            name=body.name,
            digest=minted.digest,
            display=minted.display,
        )
        row = await settle(change.unit, body, blank, desk.tenant_id)
        await change.insert(row)
    return {**describe(row), "key": minted.text}


async def read_api_key(desk: TenantDesk, row_id: str) -> Answer:
    """One key, without the key."""
    async with desk.reading() as unit:
        return describe(await fetch(unit, ApiKeyRow, desk.tenant_id, row_id))


async def replace_api_key(desk: TenantDesk, row_id: str, body: ApiKeyBody) -> Answer:
    """The key's settings as the body says; what the body leaves out is reset. The key itself stays."""
    async with desk.changing() as change:
        old = await _fetch_live(change.unit, desk, row_id)
        if body.expires_at != old.expires_at:
            _refuse_past(body.expires_at, change.now)
        row = await settle(change.unit, body, old, desk.tenant_id)
        await change.replace(row)
    return describe(row)


async def update_api_key(desk: TenantDesk, row_id: str, body: ApiKeyPatch) -> Answer:
    """Only the fields that the body has."""
    async with desk.changing() as change:
        old = await _fetch_live(change.unit, desk, row_id)
        if "expires_at" in body.model_fields_set:
            _refuse_past(body.expires_at, change.now)
        row = await settle(change.unit, merged(body_of(old), body), old, desk.tenant_id)
        await change.replace(row)
    return describe(row)


async def rotate_api_key(desk: TenantDesk, row_id: str) -> Answer:
    """A new key in place of the old one, which dies at once. `key` is in this answer and nowhere else."""
    minted = _mint(desk)
    async with desk.changing() as change:
        old = await _fetch_live(change.unit, desk, row_id)
        row = msgspec.structs.replace(old, digest=minted.digest, display=minted.display)
        await change.replace(row, "rotate")
    return {**describe(row), "key": minted.text}


async def revoke_api_key(desk: TenantDesk, row_id: str) -> Answer:
    """The key dies at once and for good. Revoking it again changes nothing."""
    async with desk.changing() as change:
        row = await fetch(change.unit, ApiKeyRow, desk.tenant_id, row_id)
        if row.revoked_at is None:
            row = msgspec.structs.replace(row, enabled=False, revoked_at=change.now)
            await change.replace(row, "revoke")
    return describe(row)


def _mint(desk: Desk) -> _Minted:
    text = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    return _Minted(
        text=text, digest=desk.doors.digest_key(text.encode()), display=f"{text[: len(_PREFIX) + 4]}...{text[-4:]}"
    )


async def _fetch_live(unit: Unit, desk: Desk, row_id: str) -> ApiKeyRow:
    row = await fetch(unit, ApiKeyRow, desk.tenant_id, row_id)
    if row.revoked_at is not None:
        raise conflict("This key is revoked and stays so; make a new one.")
    return row


def _refuse_past(expires_at: float | None, now: float) -> None:
    if expires_at is not None and expires_at <= now:
        raise invalid("expires_at", "lies in the past.")


async def settle(unit: Unit, body: ApiKeyBody, old: ApiKeyRow, tenant_id: str) -> ApiKeyRow:
    """Raises InvalidRequest (422) for a team, user or department that is not the tenant's."""
    await require(unit, TeamRow, tenant_id, "team_id", body.team_id)
    await require(unit, UserRow, tenant_id, "user_id", body.user_id)
    await require(unit, DepartmentRow, tenant_id, "department_id", body.department_id)
    return msgspec.structs.replace(
        old,
        name=body.name,
        team_id=body.team_id,
        user_id=body.user_id,
        department_id=body.department_id,
        allowed_models=None if body.allowed_models is None else tuple(body.allowed_models),
        expires_at=body.expires_at,
        enabled=body.enabled,
        **stored_limits(body),
    )


def body_of(row: ApiKeyRow) -> ApiKeyBody:
    return ApiKeyBody.model_construct(
        name=row.name,
        team_id=row.team_id,
        user_id=row.user_id,
        department_id=row.department_id,
        allowed_models=None if row.allowed_models is None else list(row.allowed_models),
        expires_at=row.expires_at,
        enabled=row.enabled,
        **sent_limits(row),
    )


def describe(row: ApiKeyRow) -> Answer:
    return {
        "id": row.id,
        "name": row.name,
        "display": row.display,
        "team_id": row.team_id,
        "user_id": row.user_id,
        "department_id": row.department_id,
        "allowed_models": None if row.allowed_models is None else list(row.allowed_models),
        "expires_at": None if row.expires_at is None else show_instant(row.expires_at),
        "enabled": row.enabled,
        "revoked_at": None if row.revoked_at is None else show_instant(row.revoked_at),
        **limits_of(row),
        "created_at": show_instant(row.created_at),
    }


ROUTES: Final = (
    Route("GET", "/api-keys", list_api_keys, Permission.READ),
    Route("POST", "/api-keys", create_api_key, Permission.CHANGE, status=201),
    Route("GET", "/api-keys/{row_id}", read_api_key, Permission.READ),
    Route("PUT", "/api-keys/{row_id}", replace_api_key, Permission.CHANGE),
    Route("PATCH", "/api-keys/{row_id}", update_api_key, Permission.CHANGE),
    Route("DELETE", "/api-keys/{row_id}", revoke_api_key, Permission.CHANGE),
    Route("POST", "/api-keys/{row_id}/rotate", rotate_api_key, Permission.CHANGE),
    Route("POST", "/api-keys/{row_id}/revoke", revoke_api_key, Permission.CHANGE),
)

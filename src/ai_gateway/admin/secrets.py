"""Provider keys in safe keeping: sealed for this tenant and this name, and never said again.

A list shows the last four characters, so that a person can tell two keys apart, and who uses them; a short secret
shows none, because four characters of it would be most of it.
"""

import json
from typing import Annotated, Final

import msgspec
from pydantic import AfterValidator, StringConstraints

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.fields import Body
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import deleted, find_named
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.refusals import conflict, missing
from ai_gateway.admin.routing import Route
from ai_gateway.admin.rules import secrets_in
from ai_gateway.domain.secret import Secret
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import EnhancedProviderConfig, RouteRow, SecretRow, TenantRow, new_id

ENVIRONMENT_PREFIX: Final = "env:"
_SHORTEST_SHOWN: Final = 12


def _sendable(value: str) -> str:
    """A key that is a file of JSON, as Google gives them out, is kept without its line breaks."""
    if value.lstrip().startswith("{"):
        value = _on_one_line(value)
    if any(not " " <= char <= "~" for char in value) or value != value.strip():
        raise ValueError("must be visible ASCII without blanks at its ends, as a key is sent in a header.")
    return value


def _on_one_line(text: str) -> str:
    try:
        return json.dumps(json.loads(text), separators=(",", ":"))
    except (ValueError, RecursionError):
        return text


def _not_environment(name: str) -> str:
    if name.lower().startswith(ENVIRONMENT_PREFIX):
        raise ValueError("must not begin with 'env:'; that is how a config names the gateway's own environment.")
    return name


SecretName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:/-]+$"),
    AfterValidator(_not_environment),
]
SecretValue = Annotated[str, StringConstraints(min_length=1, max_length=16_384), AfterValidator(_sendable)]


class SecretBody(Body):
    name: SecretName
    value: SecretValue


class SecretValueBody(Body):
    value: SecretValue


async def list_secrets(desk: TenantDesk, page: Paged) -> Answer:
    """The secrets of the tenant: names, last four characters, and who uses them."""
    async with desk.reading() as unit:
        users = await users_by_secret(unit, desk.tenant_id)
        return await list_rows(unit, SecretRow, desk.tenant_id, page, lambda row: describe(row, users))


async def create_secret(desk: TenantDesk, body: SecretBody) -> Answer:
    """A new secret; its value is never answered."""
    async with desk.changing() as change:
        row = seal(desk, body.name, body.value, new_id(SecretRow.prefix, change.now), change.now)
        await change.insert(row)
        users = await users_by_secret(change.unit, desk.tenant_id)
    return describe(row, users)


async def read_secret(desk: TenantDesk, row_id: str) -> Answer:
    """One secret, without its value."""
    async with desk.reading() as unit:
        row = await _fetch(unit, desk, row_id)
        return describe(row, await users_by_secret(unit, desk.tenant_id))


async def rotate_secret(desk: TenantDesk, row_id: str, body: SecretValueBody) -> Answer:
    """Another value under the same name; whoever uses it has it at once."""
    async with desk.changing() as change:
        row = await _fetch(change.unit, desk, row_id)
        row = await reseal(change, desk, row, body.value)
        users = await users_by_secret(change.unit, desk.tenant_id)
    return describe(row, users)


async def delete_secret(desk: TenantDesk, row_id: str) -> Answer:
    """Refused (409) while a provider config or a rule uses it."""
    async with desk.changing() as change:
        row = await _fetch(change.unit, desk, row_id)
        users = (await users_by_secret(change.unit, desk.tenant_id)).get(row.name)
        if users:
            raise conflict(f"This secret is in use by {', '.join(users)}.")
        await change.delete(row)
    return deleted(row)


async def _fetch(unit: Unit, desk: Desk, row_id: str) -> SecretRow:
    row = await find_named(unit, SecretRow, desk.tenant_id, "name", row_id)
    if row is None:
        raise missing("secret")
    return row


def seal(desk: Desk, name: str, value: str, row_id: str, now: float) -> SecretRow:
    return SecretRow(
        id=row_id,
        tenant_id=desk.tenant_id,
        created_at=now,
        name=name,
        ciphertext=desk.doors.vault.seal(desk.tenant_id, name, Secret(value)),
        last4=value[-4:] if len(value) >= _SHORTEST_SHOWN else "****",
    )


async def reseal(change: Change, desk: Desk, old: SecretRow, value: str) -> SecretRow:
    fresh = seal(desk, old.name, value, old.id, old.created_at)
    row = msgspec.structs.replace(fresh, rotated_at=change.now)
    await change.replace(row, "rotate")
    return row


async def keep(change: Change, desk: Desk, name: str, value: str) -> SecretRow:
    """Under this name from now on, whether or not it was there."""
    old = await change.unit.find(SecretRow, desk.tenant_id, name=name)
    if old:
        return await reseal(change, desk, old[0], value)
    row = seal(desk, name, value, new_id(SecretRow.prefix, change.now), change.now)
    await change.insert(row)
    return row


async def users_by_secret(unit: Unit, tenant_id: str) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for config in await unit.find(EnhancedProviderConfig, tenant_id):
        if config.api_key_secret_name is not None:
            users.setdefault(config.api_key_secret_name, []).append(config.name)
    ruled = (*await unit.find(TenantRow, tenant_id), *await unit.find(RouteRow, tenant_id))
    for row in ruled:
        for name in secrets_in(row.rules):
            users.setdefault(name, []).append(f"the rules of {row.name}")
    return users


def describe(row: SecretRow, users: dict[str, list[str]]) -> Answer:
    return {
        "id": row.id,
        "name": row.name,
        "last4": row.last4,
        "used_by": users.get(row.name, []),
        "rotated_at": None if row.rotated_at is None else show_instant(row.rotated_at),
        "created_at": show_instant(row.created_at),
    }


ROUTES: Final = (
    Route("GET", "/secrets", list_secrets, Permission.READ),
    Route("POST", "/secrets", create_secret, Permission.CHANGE, status=201),
    Route("GET", "/secrets/{row_id}", read_secret, Permission.READ),
    Route("PUT", "/secrets/{row_id}", rotate_secret, Permission.CHANGE),
    Route("DELETE", "/secrets/{row_id}", delete_secret, Permission.CHANGE),
    Route("POST", "/secrets/{row_id}/rotate", rotate_secret, Permission.CHANGE),
)

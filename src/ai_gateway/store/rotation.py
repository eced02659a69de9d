"""A new master key: everything that the old one sealed is sealed anew, in one transaction.

Either all of it is under the new master or none of it, so a rotation that is killed is simply started again; and one
that is started again finds nothing to do. Running processes need both masters (`KeyVault(new, previous=old)`) from
before it starts until they were restarted.
"""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ai_gateway.store.rows import SecretRow
from ai_gateway.store.session import BEGIN_OPTION, WRITE, told_as_unavailable
from ai_gateway.store.tables import INSTANCE_KEYS, STORED_RESPONSES, TABLES
from ai_gateway.store.vault import CannotUnseal, KeyVault


async def rotate_master(engine: AsyncEngine, old: bytes, new: bytes) -> int:
    """How many were sealed anew. Raises CannotUnseal, having changed nothing, where neither key opens one."""
    vault = KeyVault(new, previous=old)
    with told_as_unavailable():
        async with engine.execution_options(**{BEGIN_OPTION: WRITE}).begin() as connection:
            secrets = await _rotate_secrets(connection, vault) + await _rotate_instance_keys(connection, vault)
            return secrets + await _rotate_responses(connection, vault)


async def _rotate_secrets(connection: AsyncConnection, vault: KeyVault) -> int:
    table = TABLES[SecretRow]
    query = select(table.c.id, table.c.tenant_id, table.c.name, table.c.ciphertext).with_for_update()
    stale = [row for row in await connection.execute(query) if not vault.is_current(row.ciphertext)]
    for row in stale:
        sealed = vault.seal(row.tenant_id, row.name, vault.unseal(row.tenant_id, row.name, row.ciphertext))
        await connection.execute(update(table).where(table.c.id == row.id).values(ciphertext=sealed))
    return len(stale)


async def _rotate_instance_keys(connection: AsyncConnection, vault: KeyVault) -> int:
    rows = (await connection.execute(select(INSTANCE_KEYS).with_for_update())).all()
    stale = [row for row in rows if not vault.is_current(row.ciphertext)]
    for row in stale:
        sealed = vault.seal_instance_key(row.name, vault.unseal_instance_key(row.name, row.ciphertext))
        statement = update(INSTANCE_KEYS).where(INSTANCE_KEYS.c.name == row.name).values(ciphertext=sealed)
        await connection.execute(statement)
    return len(stale)


async def _rotate_responses(connection: AsyncConnection, vault: KeyVault) -> int:
    """One at a time, for there may be more than fit into memory. One that neither key opens is lost already, and no
    reason to keep the old key."""
    table = STORED_RESPONSES
    count = 0
    for row in (await connection.execute(select(table.c.tenant_id, table.c.response_id))).all():
        place = (table.c.tenant_id == row.tenant_id) & (table.c.response_id == row.response_id)
        body = (await connection.execute(select(table.c.body).where(place))).scalar_one_or_none()
        if body is None or vault.is_current(body):
            continue
        try:
            plain = vault.unseal_response(row.tenant_id, row.response_id, body)
        except CannotUnseal:
            continue
        sealed = vault.seal_response(row.tenant_id, row.response_id, plain)
        await connection.execute(update(table).where(place).values(body=sealed))
        count += 1
    return count

"""Keys that this installation makes for itself, once: the peppers under which gateway keys and tokens are digested.

They lie in the database, sealed under the master key, rather than being derived from it: so the master can be rotated
without making every gateway key that was ever handed out invalid.
"""

import secrets
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.session import BEGIN_OPTION, WRITE, told_as_unavailable
from ai_gateway.store.tables import INSTANCE_KEYS
from ai_gateway.store.vault import KEY_BYTES, KeyVault

KEY_DIGESTS: Final = "key-digests"
TOKEN_DIGESTS: Final = "token-digests"  # noqa: S105  # the name of a key


async def load_or_create_instance_key(engine: AsyncEngine, vault: KeyVault, name: str) -> bytes:
    """32 bytes, the same ones for every process: of those that start together, the first to insert wins and all read
    what it wrote. Raises CannotUnseal (another master key) and StoreUnavailable."""
    with told_as_unavailable():
        async with engine.execution_options(**{BEGIN_OPTION: WRITE}).begin() as connection:
            ciphertext = await connection.run_sync(_load_or_insert, vault, name)
    return vault.unseal_instance_key(name, ciphertext)


def _load_or_insert(connection: Connection, vault: KeyVault, name: str) -> bytes:
    query = select(INSTANCE_KEYS.c.ciphertext).where(INSTANCE_KEYS.c.name == name)
    there = connection.execute(query).scalar_one_or_none()
    if there is not None:
        return there
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    sealed = vault.seal_instance_key(name, secrets.token_bytes(KEY_BYTES))
    connection.execute(insert(INSTANCE_KEYS).values(name=name, ciphertext=sealed).on_conflict_do_nothing())
    return connection.execute(query).scalar_one()

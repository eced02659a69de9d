"""Responses that tenants may read again and go on from, sealed for the tenant and under the response's own id."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, final

import msgspec
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_gateway.domain.stored_responses import StoredResponse
from ai_gateway.store.plain_rows import read, upsert
from ai_gateway.store.rows import StoredResponseRow
from ai_gateway.store.session import told_as_lost
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import STORED_RESPONSES
from ai_gateway.store.vault import CannotUnseal

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(StoredResponse).decode


class ResponseVault(Protocol):
    def seal_response(self, tenant_id: str, response_id: str, response: bytes) -> bytes: ...

    def unseal_response(self, tenant_id: str, response_id: str, ciphertext: bytes) -> bytes:
        """Raises CannotUnseal."""
        ...


@final
class SqlResponses:
    def __init__(self, store: SqlStore, vault: ResponseVault) -> None:
        self._store = store
        self._vault = vault

    async def keep(self, tenant_id: str, responses: Sequence[StoredResponse], expires: float) -> None:
        rows = [
            StoredResponseRow(
                tenant_id=tenant_id,
                response_id=response.id,
                expires=expires,
                body=self._vault.seal_response(tenant_id, response.id, _encode(response)),
            )
            for response in responses
        ]
        async with self._writing() as connection:
            await upsert(connection, STORED_RESPONSES, rows)

    async def find(self, tenant_id: str, response_id: str, now: float) -> StoredResponse | None:
        query = select(STORED_RESPONSES).where(_at(tenant_id, response_id), STORED_RESPONSES.c.expires >= now)
        async with self._reading() as connection:
            found = await read(connection, query, StoredResponseRow)
        if not found:
            return None
        try:
            return _decode(self._vault.unseal_response(tenant_id, response_id, found[0].body))
        except CannotUnseal:  # sealed under a master key that is gone
            return None

    async def forget(self, tenant_id: str, response_id: str) -> bool:
        async with self._writing() as connection:
            return (await connection.execute(delete(STORED_RESPONSES).where(_at(tenant_id, response_id)))).rowcount > 0

    async def cut(self, now: float) -> int:
        async with self._writing() as connection:
            return (await connection.execute(delete(STORED_RESPONSES).where(STORED_RESPONSES.c.expires < now))).rowcount

    def _reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return told_as_lost("stored responses cannot be read", self._store.reading())

    def _writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return told_as_lost("stored responses cannot be written", self._store.writing())


@final
class MemoryResponses:
    """The twin in memory; it passes the same tests."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[StoredResponse, float]] = {}

    async def keep(self, tenant_id: str, responses: Sequence[StoredResponse], expires: float) -> None:
        for response in responses:
            self._kept[tenant_id, response.id] = response, expires

    async def find(self, tenant_id: str, response_id: str, now: float) -> StoredResponse | None:
        response, expires = self._kept.get((tenant_id, response_id), (None, 0.0))
        return response if expires >= now else None

    async def forget(self, tenant_id: str, response_id: str) -> bool:
        return self._kept.pop((tenant_id, response_id), None) is not None

    async def cut(self, now: float) -> int:
        gone = [place for place, (_, expires) in self._kept.items() if expires < now]
        for place in gone:
            del self._kept[place]
        return len(gone)


def _at(tenant_id: str, response_id: str) -> ColumnElement[bool]:
    return (STORED_RESPONSES.c.tenant_id == tenant_id) & (STORED_RESPONSES.c.response_id == response_id)

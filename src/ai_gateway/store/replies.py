"""Replies to requests that named an Idempotency-Key, sealed for their tenant and key.

A key is claimed in one transaction, so of any number of processes one runs the request. A claim is alive while its
process renews it, which a process does for what runs in it; once nobody does, the next one that asks is given it, and
is told which request had it.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, final

import msgspec
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_gateway.domain.repeats import Claim, Kept, Place, Standing
from ai_gateway.store.plain_rows import insert_new, read
from ai_gateway.store.rows import ReplyRow
from ai_gateway.store.session import told_as_lost
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import REPLIES
from ai_gateway.store.vault import CannotUnseal

UNFINISHED_SECONDS: Final = 86_400.0
"""How long it is remembered that a request began and ended without a word."""
RENEWED_AT_ONCE: Final = 1_000
"""A statement takes some ten thousand values."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Kept).decode


class ReplyVault(Protocol):
    def seal_reply(self, tenant_id: str, key: str, reply: bytes) -> bytes: ...

    def unseal_reply(self, tenant_id: str, key: str, ciphertext: bytes) -> bytes:
        """Raises CannotUnseal."""
        ...


@final
class SqlReplies:
    def __init__(self, store: SqlStore, vault: ReplyVault) -> None:
        self._store = store
        self._vault = vault

    async def claim(self, claim: Claim, now: float) -> Standing:
        """A key that stands is found by reading alone: only one that is claimed is written."""
        async with self._reading() as connection:
            row = await _find(connection, claim.place)
        if row is None or _is_free(row, claim, now):
            async with self._writing() as connection:
                return await self._take(connection, claim, now)
        return self._standing(row)

    async def keep(self, claim: Claim, reply: Kept | None, expires: float) -> bool:
        place = claim.place
        body = None if reply is None else self._vault.seal_reply(place.tenant_id, place.key, _encode(reply))
        size = 0 if body is None else len(body)
        changes = {"finished": True, "expires": expires, "body": body, "size": size}
        async with self._writing() as connection:
            return (await connection.execute(update(REPLIES).where(_mine(claim)).values(changes))).rowcount == 1

    async def free(self, claim: Claim) -> None:
        async with self._writing() as connection:
            await connection.execute(delete(REPLIES).where(_mine(claim), ~REPLIES.c.finished))

    async def renew(self, owner: str, request_ids: Sequence[str], until: float) -> None:
        unfinished = update(REPLIES).where(REPLIES.c.owner == owner, ~REPLIES.c.finished).values(until=until)
        async with self._writing() as connection:
            for start in range(0, len(request_ids), RENEWED_AT_ONCE):
                some = request_ids[start : start + RENEWED_AT_ONCE]
                await connection.execute(unfinished.where(REPLIES.c.request_id.in_(some)))

    async def end_all(self) -> None:
        """Every process that claimed something is gone: said by one that is alone with its database."""
        async with self._writing() as connection:
            await connection.execute(update(REPLIES).where(~REPLIES.c.finished).values(until=0.0))

    async def cut(self, now: float, most_bytes: int) -> int:
        """What is too much loses its reply, not its key: nobody is charged twice because there was no room."""
        columns = REPLIES.c
        gone = (columns.finished & (columns.expires < now)) | (
            ~columns.finished & (columns.until < now - UNFINISHED_SECONDS)
        )
        newer = func.sum(columns.size).over(order_by=columns.expires.desc())
        sums = select(columns.expires, newer.label("bytes")).where(columns.finished).subquery()
        last = select(func.max(sums.c.expires)).where(sums.c.bytes > most_bytes)
        async with self._writing() as connection:
            count = (await connection.execute(delete(REPLIES).where(gone))).rowcount
            oldest = (await connection.execute(last)).scalar_one()
            if oldest is not None:
                too_much = update(REPLIES).where(columns.finished, columns.size > 0, columns.expires <= oldest)
                count += (await connection.execute(too_much.values(body=None, size=0))).rowcount
            return count

    async def _take(self, connection: AsyncConnection, claim: Claim, now: float) -> Standing:
        fresh = _row_of(claim)
        if await insert_new(connection, REPLIES, fresh):
            return _yours(claim, None)
        row = await _find(connection, claim.place, for_update=True)
        if row is None:  # it was freed at this very moment: who asks again gets it
            return Standing(print=claim.print, request_id="", owner="")
        if not _is_free(row, claim, now):
            return self._standing(row)
        await connection.execute(update(REPLIES).where(_at(claim.place)).values(msgspec.structs.asdict(fresh)))
        return _yours(claim, row)

    def _standing(self, row: ReplyRow) -> Standing:
        reply = None
        if row.body is not None:
            try:
                reply = _decode(self._vault.unseal_reply(row.tenant_id, row.key, row.body))
            except CannotUnseal:  # sealed under a master key that is gone: the key stands, its reply does not
                reply = None
        return Standing(print=row.print, request_id=row.request_id, owner=row.owner, finished=row.finished, reply=reply)

    def _reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return told_as_lost("replies cannot be read", self._store.reading())

    def _writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return told_as_lost("replies cannot be written", self._store.writing())


@final
class MemoryReplies:
    """The twin in memory; it passes the same tests."""

    def __init__(self) -> None:
        self._rows: dict[Place, ReplyRow] = {}
        self._replies: dict[Place, Kept] = {}

    async def claim(self, claim: Claim, now: float) -> Standing:
        row = self._rows.get(claim.place)
        if row is None or _is_free(row, claim, now):
            self._rows[claim.place] = _row_of(claim)
            self._replies.pop(claim.place, None)
            return _yours(claim, row)
        reply = self._replies.get(claim.place)
        return Standing(print=row.print, request_id=row.request_id, owner=row.owner, finished=row.finished, reply=reply)

    async def keep(self, claim: Claim, reply: Kept | None, expires: float) -> bool:
        row = self._of(claim)
        if row is None:
            return False
        size = 0 if reply is None else len(reply.body)
        self._rows[claim.place] = msgspec.structs.replace(row, finished=True, expires=expires, size=size)
        if reply is not None:
            self._replies[claim.place] = reply
        return True

    async def free(self, claim: Claim) -> None:
        row = self._of(claim)
        if row is not None and not row.finished:
            del self._rows[claim.place]

    async def renew(self, owner: str, request_ids: Sequence[str], until: float) -> None:
        alive = set(request_ids)
        for place, row in self._rows.items():
            if row.owner == owner and row.request_id in alive and not row.finished:
                self._rows[place] = msgspec.structs.replace(row, until=until)

    async def end_all(self) -> None:
        for place, row in self._rows.items():
            if not row.finished:
                self._rows[place] = msgspec.structs.replace(row, until=0.0)

    async def cut(self, now: float, most_bytes: int) -> int:
        gone = [
            place
            for place, row in self._rows.items()
            if (row.finished and row.expires < now) or (not row.finished and row.until < now - UNFINISHED_SECONDS)
        ]
        for place in gone:
            del self._rows[place]
            self._replies.pop(place, None)
        count, size = len(gone), 0
        finished = (row for row in self._rows.values() if row.size)
        for row in sorted(finished, key=lambda row: row.expires, reverse=True):
            size += row.size
            if size > most_bytes:
                place = Place(row.tenant_id, row.key)
                self._rows[place] = msgspec.structs.replace(row, size=0)
                del self._replies[place]
                count += 1
        return count

    def _of(self, claim: Claim) -> ReplyRow | None:
        row = self._rows.get(claim.place)
        is_mine = row is not None and (row.owner, row.request_id) == (claim.owner, claim.request_id)
        return row if is_mine else None


def _is_free(row: ReplyRow, claim: Claim, now: float) -> bool:
    """Expired, or claimed by who is gone. A process asks only for keys that do not run in itself: a claim of its own
    that stands is one that it gave up."""
    if row.finished:
        return row.expires < now
    return row.until < now or row.owner == claim.owner


def _yours(claim: Claim, before: ReplyRow | None) -> Standing:
    rerun_of = None if before is None or before.finished else before.request_id
    return Standing(print=claim.print, request_id=claim.request_id, owner=claim.owner, rerun_of=rerun_of)


def _row_of(claim: Claim) -> ReplyRow:
    return ReplyRow(
        tenant_id=claim.place.tenant_id,
        key=claim.place.key,
        print=claim.print,
        request_id=claim.request_id,
        owner=claim.owner,
        until=claim.until,
    )


async def _find(connection: AsyncConnection, place: Place, *, for_update: bool = False) -> ReplyRow | None:
    query = select(REPLIES).where(_at(place))
    found = await read(connection, query.with_for_update() if for_update else query, ReplyRow)
    return found[0] if found else None


def _at(place: Place) -> ColumnElement[bool]:
    return (REPLIES.c.tenant_id == place.tenant_id) & (REPLIES.c.key == place.key)


def _mine(claim: Claim) -> ColumnElement[bool]:
    mine = (REPLIES.c.owner == claim.owner) & (REPLIES.c.request_id == claim.request_id)
    return _at(claim.place) & mine

"""The store in SQL: one generic unit of work for every noun, on SQLite and on PostgreSQL.

There is no query per noun, because every noun is asked the same few things; what scopes a read to its tenant is
written once (`_scoped`) and nothing else builds a WHERE. Revisions are handed out under a lock that is held until the
commit, so they become visible in their order: a reader that has seen revision 7 will never be handed a 6 later.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final, TypeVar, final

from sqlalchemy import Delete, Engine, Select, Table, Update, delete, event, insert, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.traffic import WindowSpent
from ai_gateway.store import charges, ledger, recalls, refresh, windows
from ai_gateway.store.ledger_columns import Entries
from ai_gateway.store.ledger_file import LedgerFile
from ai_gateway.store.reading import SqlReader, read_changes
from ai_gateway.store.records import AnyTenant, Conflict, Scope, StoreUnavailable, Unit
from ai_gateway.store.rows import AuditRow, LedgerRow, Row
from ai_gateway.store.session import BEGIN_OPTION, WRITE, connect_file, told_as_unavailable
from ai_gateway.store.snapshots import SnapshotCompiler
from ai_gateway.store.tables import NOBODY, REVISIONS, TABLES, column_of, row_of, select_rows, values_of

R = TypeVar("R", bound=Row)
Q = TypeVar("Q", Select[Any], Update, Delete)

_REVISION_LOCK: Final = 7_204_001  # any number that nobody else on this database uses for advisory locks
_WAIT_SECONDS: Final = 10


@final
class SqlStore:
    """`now` gives Unix seconds: when a revision was made. `close` disposes of the engine."""

    def __init__(self, engine: AsyncEngine, compile: SnapshotCompiler, now: Callable[[], float]) -> None:
        self._engine = engine
        self._compiler = compile
        self._now = now
        self._turn = asyncio.Lock() if engine.dialect.name == "sqlite" else None
        self._file = None if self._turn is None else _ledger_file(engine)
        self._writer = engine if self._turn is None else engine.execution_options(**{BEGIN_OPTION: WRITE})
        self._reader = engine if self._turn is not None else engine.execution_options(isolation_level="REPEATABLE READ")

    def begin(self) -> AbstractAsyncContextManager[Unit]:
        return self._begin()

    @asynccontextmanager
    async def _begin(self) -> AsyncGenerator[Unit]:
        async with self.writing() as connection:
            yield _SqlUnit(connection, self._now)

    async def changes_since(self, revision: int) -> list[ConfigurationChanged]:
        async with self.reading() as connection:
            return await read_changes(connection, revision)

    async def load_snapshot(self) -> Snapshot:
        async with self.reading() as connection:
            return await refresh.load(SqlReader(connection), self._compiler)

    async def apply_changes(self, snapshot: Snapshot, changes: Sequence[ConfigurationChanged]) -> Snapshot:
        async with self.reading() as connection:
            return await refresh.apply(SqlReader(connection), self._compiler, snapshot, changes)

    async def append_ledger(self, entries: Entries, process_id: str = "") -> int:
        if self._file is None:
            async with self.writing() as connection:
                inserted = await ledger.append(connection, entries, process_id)
                await recalls.recall(connection, entries)
                return inserted
        async with _turn_of(self._turn):
            with told_as_unavailable():
                return await asyncio.to_thread(self._file.append, entries, process_id)

    async def page_ledger(
        self, scope: Scope, *, before: int | None = None, limit: int = 100, **equal: Any
    ) -> list[LedgerRow]:
        async with self.reading() as connection:
            return await ledger.page(connection, scope, before, limit, equal)

    async def charges(self, scope: Scope, span: charges.Span, limit: int) -> list[LedgerRow]:
        async with self.reading() as connection:
            return await charges.charges(connection, scope, span, limit)

    async def adjustments(self, request_ids: Sequence[str]) -> list[LedgerRow]:
        async with self.reading() as connection:
            return await charges.adjustments(connection, request_ids)

    async def ledger_watermark(self) -> int:
        fenced = self.reading if self._turn is not None else self.writing
        async with fenced() as connection:
            return await ledger.watermark(connection)

    async def spent_in(self, window_ids: Sequence[str]) -> list[WindowSpent]:
        async with self.reading() as connection:
            return await windows.spent_in(connection, window_ids)

    async def ping(self) -> None:
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that writes, in its turn: for the rooms whose rows are no nouns (store/health.py and the
        like). Raises StoreUnavailable."""
        async with _turn_of(self._turn):
            with told_as_unavailable():
                async with self._writer.begin() as connection:
                    yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """One consistent view for all statements of the block. Raises StoreUnavailable."""
        with told_as_unavailable():
            async with self._reader.connect() as connection, connection.begin():
                yield connection


@asynccontextmanager
async def _turn_of(lock: asyncio.Lock | None) -> AsyncGenerator[None]:
    """On SQLite the writers of this process queue here, in order; its busy handler would let them poll and starve."""
    if lock is None:
        yield
        return
    try:
        await asyncio.wait_for(lock.acquire(), _WAIT_SECONDS)
    except TimeoutError as error:
        raise StoreUnavailable("another transaction of this process holds the database") from error
    try:
        yield
    finally:
        lock.release()


def _ledger_file(engine: AsyncEngine) -> LedgerFile:
    """It ends with the engine."""
    file = LedgerFile(partial(connect_file, engine))

    def close(_engine: Engine) -> None:
        file.close()

    event.listen(engine.sync_engine, "engine_disposed", close)
    return file


@final
class _SqlUnit:
    def __init__(self, connection: AsyncConnection, now: Callable[[], float]) -> None:
        self._connection = connection
        self._now = now

    async def insert(self, row: Row) -> None:
        table = TABLES[type(row)]
        with _told_as_conflict(row.noun):
            async with self._connection.begin_nested():
                await self._connection.execute(insert(table).values(values_of(row)))

    async def insert_missing(self, rows: Sequence[Row]) -> int:
        if not rows:
            return 0
        dialect_insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        table = TABLES[type(rows[0])]
        statement = dialect_insert(table).on_conflict_do_nothing(index_elements=["id"]).returning(table.c.id)
        return len((await self._connection.execute(statement, [values_of(row) for row in rows])).all())

    async def fetch(self, kind: type[R], scope: Scope, row_id: str) -> R | None:
        table = TABLES[kind]
        query = _scoped(select_rows(kind), table, scope).where(table.c.id == row_id)
        columns = (await self._connection.execute(query)).one_or_none()
        return None if columns is None else row_of(kind, columns)

    async def find(self, kind: type[R], scope: Scope, **equal: Any) -> list[R]:
        table = TABLES[kind]
        query = _where(_scoped(select_rows(kind), table, scope), table, equal).order_by(table.c.id)
        return [row_of(kind, columns) for columns in await self._connection.execute(query)]

    async def page(
        self, kind: type[R], scope: Scope, *, after: str | None = None, limit: int = 100, **equal: Any
    ) -> list[R]:
        table = TABLES[kind]
        query = _where(_scoped(select_rows(kind), table, scope), table, equal).limit(limit)
        newest_first = kind is AuditRow
        query = query.order_by(table.c.id.desc() if newest_first else table.c.id)
        if after is not None:
            query = query.where(table.c.id < after if newest_first else table.c.id > after)
        return [row_of(kind, columns) for columns in await self._connection.execute(query)]

    async def replace(self, row: Row) -> bool:
        table = TABLES[type(row)]
        statement = _scoped(update(table), table, row.tenant_id).where(table.c.id == row.id).values(values_of(row))
        with _told_as_conflict(row.noun):
            async with self._connection.begin_nested():
                return (await self._connection.execute(statement)).rowcount == 1

    async def delete(self, kind: type[Row], scope: Scope, row_id: str) -> bool:
        table = TABLES[kind]
        statement = _scoped(delete(table), table, scope).where(table.c.id == row_id)
        return (await self._connection.execute(statement)).rowcount == 1

    async def bump(self, tenant_id: str | None, noun: str, noun_id: str) -> ConfigurationChanged:
        if self._connection.dialect.name == "postgresql":  # on SQLite the write transaction is the lock
            await self._connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _REVISION_LOCK})
        values = {"tenant_id": tenant_id, "noun": noun, "noun_id": noun_id, "at": self._now()}
        statement = insert(REVISIONS).values(values).returning(REVISIONS.c.revision)
        revision = (await self._connection.execute(statement)).scalar_one()
        return ConfigurationChanged(revision=revision, tenant_id=tenant_id, noun=noun, noun_id=noun_id)


def _scoped(statement: Q, table: Table, scope: Scope) -> Q:
    if isinstance(scope, AnyTenant):
        return statement
    return statement.where(table.c.tenant_id == (scope or NOBODY))


def _where(statement: Select[Any], table: Table, equal: dict[str, Any]) -> Select[Any]:
    for name, wanted in equal.items():
        statement = statement.where(column_of(table, name) == wanted)
    return statement


@contextmanager
def _told_as_conflict(noun: str) -> Generator[None]:
    """The savepoint around the statement is rolled back by then: the unit may go on after a Conflict."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict(noun, _conflicting_field(noun, error)) from error


def _conflicting_field(noun: str, error: IntegrityError) -> str:
    """PostgreSQL names the constraint (uq_pools_group_name), SQLite the columns (pools.tenant_id, pools.group_name)."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is None:
        return str(error.orig).rpartition(".")[2]
    return "id" if diagnosis.constraint_name == f"pk_{noun}" else diagnosis.constraint_name.removeprefix(f"uq_{noun}_")

"""Rows that are no nouns, written and read: what SQL spells differently on each database stands here, once.

Nobody edits these rows field by field. One is written at the end of a table that numbers them, or it replaces the one
with its key.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

S = TypeVar("S", bound=msgspec.Struct)


async def read(connection: AsyncConnection, query: Select[Any], kind: type[S]) -> list[S]:
    """`query` selects columns with the names of the fields."""
    found = await connection.execute(query)
    names = list(map(str, found.keys()))  # SQLAlchemy's own are a subclass of str
    return [msgspec.convert(dict(zip(names, columns, strict=True)), kind) for columns in found]


async def upsert(connection: AsyncConnection, table: Table, rows: Sequence[msgspec.Struct]) -> None:
    """Insert rows, or overwrite the ones with the same primary key."""
    if not rows:
        return
    statement = _insert(connection, table)
    key = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.c if column.name not in key}
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=rest), _values(rows))


async def append(connection: AsyncConnection, table: Table, rows: Sequence[msgspec.Struct]) -> None:
    """Insert rows at the end of a table that numbers them; those that a unique constraint knows are left out."""
    if rows:
        values = [{name: value for name, value in row.items() if name != "id"} for row in _values(rows)]
        await connection.execute(_insert(connection, table).on_conflict_do_nothing(), values)


async def insert_new(connection: AsyncConnection, table: Table, row: msgspec.Struct) -> bool:
    """Insert a row with a key of its own; False where there is one with this key."""
    statement = _insert(connection, table).on_conflict_do_nothing().returning(*table.primary_key)
    return (await connection.execute(statement.values(_values([row])[0]))).first() is not None


def _insert(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _values(rows: Sequence[msgspec.Struct]) -> list[dict[str, Any]]:
    return [msgspec.structs.asdict(row) for row in rows]

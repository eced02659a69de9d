"""The database as a command sees it: opened, asked one thing, closed.

The only file of the command line that knows SQL's room; the others import it when they run, so that a command which
needs no database does not pay for one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.domain.secret import Secret
from ai_gateway.settings import Settings
from ai_gateway.store import rotation, schema
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.vault import CannotUnseal, parse_master_key

__all__ = [
    "HEAD",
    "CannotUnseal",
    "Place",
    "Unreachable",
    "downgrade",
    "migrate",
    "place",
    "rotate_master",
    "schema_version",
]

T = TypeVar("T")

HEAD: Final = schema.HEAD


class Unreachable(Exception):
    """The database is away; the text is for people and has no password in it."""


class Place(msgspec.Struct, frozen=True):
    url: URL
    has_data: bool
    """False only for an SQLite file that was not made yet: looking at it must not make it."""

    @property
    def name(self) -> str:
        return self.url.render_as_string(hide_password=True)


def place(settings: Settings) -> Place:
    """Raises ValueError with a text for people."""
    configured = None if settings.database_url is None else settings.database_url.reveal()
    url = database_url(configured, settings.data_dir)
    return Place(url=url, has_data=url.get_backend_name() != "sqlite" or Path(url.database or "").exists())


def schema_version(where: Place) -> str | None:
    """None where nothing was migrated yet. Raises Unreachable."""
    return _with_engine(where, schema.current_version) if where.has_data else None


def migrate(where: Place) -> str:
    """Up to HEAD. Raises Unreachable."""
    if where.url.get_backend_name() == "sqlite":
        Path(where.url.database or "").parent.mkdir(parents=True, exist_ok=True)
    _with_engine(where, schema.migrate)
    return HEAD


def downgrade(where: Place, target: str) -> str:
    """Down to `target`; what the versions between brought is dropped. Raises Unreachable, ValueError."""
    from alembic.util.exc import CommandError

    try:
        _with_engine(where, lambda engine: schema.downgrade(engine, target))
    except CommandError as error:
        raise ValueError(f"{error}. This version knows {HEAD} and below, down to `{schema.EMPTY}`.") from None
    return target


def rotate_master(where: Place, old: Secret, new: Secret) -> int:
    """How many were sealed anew. Raises Unreachable, and CannotUnseal having changed nothing."""
    keys = parse_master_key(old.reveal()), parse_master_key(new.reveal())
    return _with_engine(where, lambda engine: rotation.rotate_master(engine, *keys)) if where.has_data else 0


def _with_engine(where: Place, use: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    async def run() -> T:
        engine = open_engine(where.url)
        try:
            return await use(engine)
        finally:
            await engine.dispose()

    try:
        return asyncio.run(run())
    except StoreUnavailable as error:
        raise Unreachable(f"The database at {where.name} cannot be used: {_cause(error)}") from None


def _cause(error: StoreUnavailable) -> str:
    """The driver's own first line, which names host and reason; it never repeats a password."""
    cause = getattr(error.__cause__, "orig", None) or error.__cause__ or error
    return str(cause).partition("\n")[0]

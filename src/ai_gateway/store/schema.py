"""Which schema the database has, and the way up and down.

The version is a constant here, so that readiness compares two strings: Alembic costs hundreds of milliseconds to
import and is loaded only when there is something to migrate. Processes that start together agree by a lock that lasts
as long as the transaction of the migration: one migrates, the others wait, then find nothing to do.
"""

import importlib.resources
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ai_gateway.store.session import BEGIN_OPTION, BUSY_MILLISECONDS, EXCLUSIVE, told_as_unavailable

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0015"
EMPTY: Final = "base"

_MIGRATION_LOCK: Final = 7_204_002
_SQLITE_WAIT_MILLISECONDS: Final = 60_000


async def current_version(engine: AsyncEngine) -> str | None:
    """None: nothing was migrated yet. Raises StoreUnavailable."""
    with told_as_unavailable():
        async with engine.connect() as connection:
            return await _version(connection)


async def migrate(engine: AsyncEngine) -> str | None:
    """Bring the schema up to HEAD; the version that was found. Raises StoreUnavailable."""
    found = await current_version(engine)
    if found == HEAD:
        return found
    async with _alone(engine) as connection:
        found = await _version(connection)
        if found != HEAD:
            await connection.run_sync(_run(_upgrade, HEAD))
    return found


async def downgrade(engine: AsyncEngine, target: str) -> None:
    """Bring the schema down to a version, or to EMPTY: what the versions between brought is dropped, with its data."""
    async with _alone(engine) as connection:
        await connection.run_sync(_run(_downgrade, target))


async def _version(connection: AsyncConnection) -> str | None:
    if connection.dialect.name == "postgresql":
        there = text("SELECT to_regclass('alembic_version') IS NOT NULL")
    else:
        there = text("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'")
    if not (await connection.execute(there)).scalar_one():
        return None
    return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()


@asynccontextmanager
async def _alone(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    with told_as_unavailable():
        if engine.dialect.name == "postgresql":
            async with engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
                yield connection
            return
        async with engine.execution_options(**{BEGIN_OPTION: EXCLUSIVE}).connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute(f"PRAGMA busy_timeout = {_SQLITE_WAIT_MILLISECONDS}")
            try:
                async with connection.begin():
                    yield connection
            finally:  # the connection goes back to a pool whose other users must not wait that long
                await driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")


def _run(step: "Callable[[Config, str], None]", target: str) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        from alembic.config import Config

        config = Config()
        folder = importlib.resources.files("ai_gateway.store") / "migrations"
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        step(config, target)

    return run


def _upgrade(config: "Config", target: str) -> None:
    from alembic import command

    command.upgrade(config, target)


def _downgrade(config: "Config", target: str) -> None:
    from alembic import command

    command.downgrade(config, target)

"""What time it is for everybody: PostgreSQL's own clock. SQLite has none, but what it has written down has happened, so
its latest instant is one that this machine's clock cannot honestly be behind."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.session import told_as_unavailable

_NOW: Final = text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
_LATEST: Final = text(
    "SELECT max(at) FROM (SELECT max(at) AS at FROM configuration_revisions"
    " UNION ALL SELECT started_at FROM (SELECT started_at FROM ledger ORDER BY id DESC LIMIT 1))"
)


async def shared_time(engine: AsyncEngine, ours: float) -> float:
    """Unix seconds; `ours` where nobody knows better. Raises StoreUnavailable."""
    is_postgresql = engine.dialect.name == "postgresql"
    with told_as_unavailable():
        async with engine.connect() as connection:
            found: float | None = (await connection.execute(_NOW if is_postgresql else _LATEST)).scalar_one()
    if is_postgresql and found is not None:
        return found
    return max(ours, found or 0.0)

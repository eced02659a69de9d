import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

import ai_gateway
from ai_gateway.store import migrations, schema
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import TenantRow
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.tables import metadata, row_of, select_rows

SOURCE = Path(ai_gateway.__file__).parent.parent


def open_at(url: str) -> AsyncEngine:
    return open_engine(database_url(url, Path()))


async def tables_of(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


def test_head_is_alembics_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


async def test_up_down_and_up_again(url: str) -> None:
    engine = open_at(url)
    assert await schema.current_version(engine) is None
    assert await schema.migrate(engine) is None
    assert await schema.current_version(engine) == schema.HEAD
    assert await tables_of(engine) == {table.name for table in metadata.sorted_tables} | {"alembic_version"}
    assert await schema.migrate(engine) == schema.HEAD
    await schema.downgrade(engine, schema.EMPTY)
    assert await schema.current_version(engine) is None
    assert await tables_of(engine) == {"alembic_version"}
    await schema.migrate(engine)
    assert await schema.current_version(engine) == schema.HEAD
    await engine.dispose()


async def test_a_tenant_of_before_has_no_default_fallbacks_and_survives_the_way_back(url: str) -> None:
    engine = open_at(url)
    await schema.migrate(engine)
    await schema.downgrade(engine, "0002")
    async with engine.begin() as connection:
        columns = "id, tenant_id, created_at, name, enabled, system_grants, rate_limits"
        await connection.execute(text(f"INSERT INTO tenants ({columns}) VALUES ('t', 't', 1, 'T', true, '[]', '{{}}')"))
    await schema.migrate(engine)
    async with engine.connect() as connection:
        row = (await connection.execute(select_rows(TenantRow))).one()
    assert row_of(TenantRow, row) == TenantRow(id="t", tenant_id="t", created_at=1, name="T")
    await schema.downgrade(engine, "0002")
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT name FROM tenants"))).scalar_one() == "T"
    await engine.dispose()


async def test_the_migrations_make_the_tables_that_the_code_expects(url: str) -> None:
    engine = open_at(url)
    await schema.migrate(engine)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [one for one in compare_metadata(context, metadata) if "alembic_version" not in str(one)]

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(url: str) -> None:
    engine = open_at(url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE ledger (in_the_way INTEGER)"))
    with pytest.raises((StoreUnavailable, ProgrammingError)):
        await schema.migrate(engine)
    assert await tables_of(engine) == {"ledger"}
    await engine.dispose()


MIGRATE = """
import asyncio, sys
from pathlib import Path
from ai_gateway.store import schema
from ai_gateway.store.rows import TenantRow
from ai_gateway.store.session import database_url, open_engine

async def main():
    engine = open_engine(database_url(sys.argv[1], Path()))
    sys.stdin.readline()
    found = await schema.migrate(engine)
    print(found, await schema.current_version(engine))
    await engine.dispose()

asyncio.run(main())
"""


async def test_of_three_processes_that_start_together_all_find_it_migrated(url: str) -> None:
    command = (sys.executable, "-c", MIGRATE, url)
    processes = [
        await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PYTHONPATH": str(SOURCE)},
        )
        for _ in range(3)
    ]
    answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [error for _, error in answers if error] == []
    assert [out.split()[1].decode() for out, _ in answers] == [schema.HEAD] * 3


async def test_only_a_migration_imports_alembic() -> None:
    program = """
import sys
import ai_gateway.store.sql, ai_gateway.store.schema, ai_gateway.store.rotation, ai_gateway.store.instance_keys
print(sorted({name.partition(".")[0] for name in sys.modules} & {"alembic", "fastapi", "pydantic", "aiohttp"}))
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=subprocess.PIPE, env={"PYTHONPATH": str(SOURCE)}
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"


@pytest.mark.usefixtures("threads_end")
async def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(database_url(f"sqlite:///{tmp_path}/no/such/folder/gateway.db", tmp_path))
    with pytest.raises(StoreUnavailable):
        await schema.current_version(engine)
    with pytest.raises(StoreUnavailable):
        await schema.migrate(engine)
    await engine.dispose()

"""What the ledger's own way into SQLite is; its promises are in test_contract.py."""

import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.ledger_file import LedgerFile
from ai_gateway.store.session import connect_file, database_url, open_engine
from ai_gateway.store.sql import SqlStore
from store.rows_for_tests import a_compiler
from support.builders import a_receipt


@pytest.fixture
async def engine(migrated_file: Path, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    shutil.copyfile(migrated_file, tmp_path / "gateway.db")
    engine = open_engine(database_url(None, tmp_path))
    yield engine
    await engine.dispose()


@pytest.fixture
def file(engine: AsyncEngine) -> Iterator[LedgerFile]:
    file = LedgerFile(partial(connect_file, engine))
    yield file
    file.close()


def statements_of(file: LedgerFile, *batches: list[Any]) -> list[str]:
    """What SQLite is told for all but the first batch."""
    told: list[str] = []
    file.append(batches[0], "")
    assert file._connection is not None
    file._connection.set_trace_callback(told.append)
    for batch in batches[1:]:
        file.append(batch, "")
    return told


def test_a_batch_is_one_transaction_of_few_statements_of_few_kinds(file: LedgerFile) -> None:
    receipts = [a_receipt(f"att_{number}") for number in range(2_001)]
    told = statements_of(file, receipts[:1], receipts[1:])
    assert (told[0], told[-1]) == ("BEGIN IMMEDIATE", "COMMIT")
    # 2,000 rows = 7 x 256 + 3 x 64 + 1 x 16; then the totals of two levels in a day, its month and all of time
    assert [one.split("(")[0].strip() for one in told[1:-1]] == [
        "SELECT max",
        *["INSERT INTO ledger"] * (7 + 3 + 1),
        *["INSERT INTO spending_windows"] * (3 * 2),
    ]


def test_accounts_of_one_model_share_its_statements(file: LedgerFile) -> None:
    receipts = [a_receipt(f"att_{number}", endpoint=f"account-{number % 3}") for number in range(257)]
    told = statements_of(file, receipts[:1], receipts[1:])
    [insert] = [one for one in told if one.startswith("INSERT INTO ledger")]
    assert insert.count("'account-0'") == 85  # bound for each row: those of 1 to 256 that 3 divides
    assert insert.count("'fast'") == 1


def test_its_connection_is_made_for_appending_and_no_other_is(engine: AsyncEngine, file: LedgerFile) -> None:
    file.append([a_receipt("att_1")], "")
    assert file._connection is not None
    other = connect_file(engine)
    for pragma, value in (("secure_delete", 0), ("cache_size", -4096), ("wal_autocheckpoint", 4000)):
        assert file._connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)
    assert other.execute("PRAGMA wal_autocheckpoint").fetchone() == (1000,)
    other.close()


def test_a_batch_that_fails_leaves_nothing_and_the_next_one_goes_on(engine: AsyncEngine, file: LedgerFile) -> None:
    rest = [a_receipt(f"att_{number}") for number in range(300)]
    with pytest.raises(sqlite3.IntegrityError):
        file.append([*rest, a_receipt("att_bad", tenant_id=None)], "")
    assert rows_in(engine) == 0
    assert file.append(rest, "") == 300


def test_two_who_write_at_once_take_turns(file: LedgerFile) -> None:
    """They bring the same: each row is one of theirs, and neither is refused."""
    receipts = [a_receipt(f"att_{number}") for number in range(600)]
    new: list[int] = []
    both = [threading.Thread(target=lambda: new.append(file.append(receipts, ""))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(new) == [0, 600]


def test_what_was_closed_opens_when_it_is_written_to(engine: AsyncEngine, file: LedgerFile) -> None:
    file.close()
    assert file.append([a_receipt("att_1")], "") == 1
    file.close()
    assert file.append([a_receipt("att_2")], "") == 1
    assert rows_in(engine) == 2


async def test_it_ends_with_its_engine(tmp_path: Path, engine: AsyncEngine) -> None:
    """The last who leaves a database takes its write-ahead log away."""
    store = SqlStore(engine, a_compiler(), lambda: 5.0)
    assert await store.append_ledger([a_receipt("att_1")]) == 1
    assert (tmp_path / "gateway.db-wal").exists()
    await store.close()
    assert not (tmp_path / "gateway.db-wal").exists()


def rows_in(engine: AsyncEngine) -> int:
    connection = connect_file(engine)
    [count] = connection.execute("SELECT count(*) FROM ledger").fetchone()
    connection.close()
    return int(count)

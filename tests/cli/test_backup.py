import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ai_gateway.cli.backup import PAGE_BYTES
from ai_gateway.runtime.folder import FolderLock
from cli.conftest import Run


@pytest.fixture
def data(tmp_path: Path, run: Run) -> Path:
    """A data folder with a ledger of two rows and two files of a journal."""
    folder = tmp_path / "data"
    assert run("migrate", AI_GATEWAY_DATA_DIR=str(folder)).exit_code == 0
    with closing(sqlite3.connect(folder / "gateway.db")) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(ledger)") if row[3] and row[1] != "id"]
        for attempt, cost in (("att_1", 1_500), ("att_2", 7)):
            values = dict.fromkeys(columns, 0) | {"attempt_id": attempt, "cost_nano_usd": cost, "kind": "charge"}
            marks = ", ".join("?" * len(values))
            database.execute(f"INSERT INTO ledger ({', '.join(values)}) VALUES ({marks})", list(values.values()))
        database.commit()
    (folder / "journal").mkdir(exist_ok=True)
    for name in ("1.journal", "2.journal"):
        (folder / "journal" / name).write_bytes(name.encode())
    return folder


def test_a_backup_has_journal_and_database_and_says_what_they_add_up_to(run: Run, data: Path, tmp_path: Path) -> None:
    done = run("backup", str(tmp_path / "copy"), "--json", AI_GATEWAY_DATA_DIR=str(data))
    found = json.loads(done.stdout)
    assert (found["ledger_rows"], found["cost_nano_usd"], found["watermark"]) == (2, 1_507, 2)
    assert found["journal_segments"] == 2
    assert json.loads((tmp_path / "copy" / "backup.json").read_text()) == found
    restored = run("restore", str(tmp_path / "copy"), AI_GATEWAY_DATA_DIR=str(tmp_path / "new"))
    assert restored.exit_code == 0, restored.output
    assert {it.name: it.read_bytes() for it in (tmp_path / "new" / "journal").iterdir()} == {
        "1.journal": b"1.journal",
        "2.journal": b"2.journal",
    }
    with closing(sqlite3.connect(tmp_path / "new" / "gateway.db")) as database:
        assert database.execute("SELECT sum(cost_nano_usd) FROM ledger").fetchone() == (1_507,)


def test_every_process_of_a_data_folder_has_its_journal_copied_page_by_page(
    run: Run, data: Path, tmp_path: Path
) -> None:
    """The last page is a part of one, and pages of zeros come back as zeros."""
    content = b"a" * PAGE_BYTES + bytes(3 * PAGE_BYTES) + b"b" * 100 + bytes(PAGE_BYTES)
    (data / "journal-2").mkdir()
    (data / "journal-2" / "0000000001.journal").write_bytes(content)
    (data / "journal-2" / "process").write_text("prc_1")
    found = json.loads(run("backup", str(tmp_path / "copy"), "--json", AI_GATEWAY_DATA_DIR=str(data)).stdout)
    assert found["journal_segments"] == 3
    new = tmp_path / "new"
    assert run("restore", str(tmp_path / "copy"), AI_GATEWAY_DATA_DIR=str(new)).exit_code == 0
    assert (new / "journal-2" / "0000000001.journal").read_bytes() == content
    assert (new / "journal-2" / "process").read_text() == "prc_1"
    (new / "gateway.db").unlink()
    for file in (new / "journal").iterdir():
        file.unlink()
    refused = run("restore", str(tmp_path / "copy"), AI_GATEWAY_DATA_DIR=str(new))
    assert refused.exit_code == 3, "the other process's journal is there"


def test_nothing_that_is_there_is_written_over(run: Run, data: Path, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy")
    assert run("backup", copy, AI_GATEWAY_DATA_DIR=str(data)).exit_code == 0
    assert run("backup", copy, AI_GATEWAY_DATA_DIR=str(data)).exit_code == 2
    refused = run("restore", copy, AI_GATEWAY_DATA_DIR=str(data))
    assert (refused.exit_code, "nothing was changed" in refused.stderr) == (3, True)


def test_no_folder_of_a_running_gateway_is_restored_into(run: Run, data: Path, tmp_path: Path) -> None:
    run("backup", str(tmp_path / "copy"), AI_GATEWAY_DATA_DIR=str(data))
    (tmp_path / "used").mkdir()
    with closing(FolderLock(tmp_path / "used")):
        assert run("restore", str(tmp_path / "copy"), AI_GATEWAY_DATA_DIR=str(tmp_path / "used")).exit_code == 3
    assert not (tmp_path / "used" / "gateway.db").exists()


def test_what_is_no_backup_and_what_is_no_database_are_said_to_be_none(run: Run, tmp_path: Path) -> None:
    assert run("restore", str(tmp_path), AI_GATEWAY_DATA_DIR=str(tmp_path / "new")).exit_code == 2
    assert run("backup", str(tmp_path / "copy"), AI_GATEWAY_DATA_DIR=str(tmp_path / "nothing")).exit_code == 3
    assert not (tmp_path / "copy").exists()


def test_with_postgresql_the_journal_is_copied_and_the_next_step_named(run: Run, data: Path, tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/x"
    done = run("backup", str(tmp_path / "copy"), AI_GATEWAY_DATA_DIR=str(data), DATABASE_URL=url)
    assert (done.exit_code, "pg_dump" in done.stdout) == (0, True)
    assert sorted(it.name for it in (tmp_path / "copy").iterdir()) == ["backup.json", "journal"]

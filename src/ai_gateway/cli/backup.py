"""`ai-gateway backup` and `ai-gateway restore`: the database and the journal as one thing, while the gateway runs.

The order is the whole trick. What the journal lets go of is in the database by then; so the journal is copied first
and the database after it, and whatever was settled before the backup began is in one of them or in both. What is in
both is booked once, because the ledger knows each attempt. What was under way is in the copy as a hold, and is booked
at its floor by the gateway that starts on it, unless the database has its end already.

A journal is written to while it is copied, from its beginning to its end. So it is copied from its end to its
beginning: what comes meanwhile can be missing at the end of the copy, as after a kill, but never in the middle, where
it would be damage.
"""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ai_gateway import __version__
from ai_gateway.cli.screen import AsJson, Exit, Screen
from ai_gateway.cli.surroundings import read_offline_settings
from ai_gateway.runtime.folder import FolderInUse, FolderLock
from ai_gateway.runtime.segments import SUFFIX
from ai_gateway.settings import Settings

JOURNAL: Final = "journal"
DATABASE: Final = "gateway.db"
MANIFEST: Final = "backup.json"
PAGE_BYTES: Final = 4096

To = Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that is not there yet.")]
From = Annotated[Path, typer.Argument(metavar="FOLDER", help="As `ai-gateway backup` made it.")]


def backup(folder: To, *, as_json: AsJson = False) -> None:
    """Copy the journal and then the SQLite database into a new folder; the gateway may run meanwhile. With PostgreSQL
    the journals alone: run `pg_dump` right after it. The encryption key is in neither, and has to be kept elsewhere.

    Example: `ai-gateway backup /backups/2026-11-26`
    """
    screen = Screen(as_json=as_json)
    settings = read_offline_settings(screen)
    if folder.exists():
        screen.stop(Exit.USAGE, [f"{folder} is there already. Name a folder that is not."])
    database = _sqlite_file(screen, settings)
    try:
        with screen.working("Copying ..."):
            folder.mkdir(parents=True)
            segments = sum(_copy_journal(journal, folder / journal.name) for journal in _journals(settings.data_dir))
            found: dict[str, Any] = {"version": __version__, "journal_segments": segments, "database": None}
            if database is not None:
                found |= {"database": DATABASE} | _copy_database(database, folder / DATABASE)
            (folder / MANIFEST).write_text(json.dumps(found, indent=1) + "\n")
    except (OSError, sqlite3.Error) as error:
        screen.stop(Exit.FAILED, [f"The backup failed: {error}. Remove {folder} and try again."])
    if database is None:
        screen.answer(found, f"The journal is in {folder}. Now: pg_dump --format=custom --file={folder}/gateway.dump")
    else:
        screen.answer(
            found,
            f"Backed up to {folder}: {found['ledger_rows']:,} rows of the ledger, "
            f"{found['cost_nano_usd']:,} nano-dollars, {segments} segments of the journal.",
        )


def restore(folder: From, *, as_json: AsJson = False) -> None:
    """Put a backup into AI_GATEWAY_DATA_DIR, which no gateway may use and which must have no database and no journal.

    Example: `AI_GATEWAY_DATA_DIR=/var/lib/gateway ai-gateway restore /backups/2026-11-26`
    """
    screen = Screen(as_json=as_json)
    settings = read_offline_settings(screen)
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        screen.stop(Exit.USAGE, [f"{folder} is no backup: it has no {MANIFEST}."])
    target = settings.data_dir
    target.mkdir(parents=True, exist_ok=True)
    try:
        with closing(FolderLock(target)):
            _check_is_empty(screen, target)
            for journal in _journals(folder):
                shutil.copytree(journal, target / journal.name, dirs_exist_ok=True)
            if found["database"] is not None:
                shutil.copyfile(folder / DATABASE, target / DATABASE)
    except FolderInUse as error:
        screen.stop(Exit.REFUSED, [f"{error} Stop it first."])
    except OSError as error:
        screen.stop(Exit.FAILED, [f"The restore failed: {error}."])
    screen.answer({"ok": True, "data_dir": str(target), **found}, f"Restored to {target}. Start the gateway.")


def _sqlite_file(screen: Screen, settings: Settings) -> Path | None:
    """None: the database is PostgreSQL."""
    from ai_gateway.cli import database

    try:
        place = database.place(settings)
    except ValueError as error:
        screen.stop(Exit.REFUSED, [str(error)])
    if place.url.get_backend_name() != "sqlite":
        return None
    if not place.has_data:
        screen.stop(Exit.REFUSED, [f"There is no database at {place.name}. Set AI_GATEWAY_DATA_DIR or DATABASE_URL."])
    return Path(place.url.database or "")


def _journals(folder: Path) -> list[Path]:
    """One for each process that lives in a data folder."""
    return sorted(it for it in folder.glob(f"{JOURNAL}*") if it.is_dir())


def _copy_journal(source: Path, target: Path) -> int:
    """How many segments. One that goes while it is copied is in the database: only what is drained is removed."""
    target.mkdir()
    copied = 0
    for file in sorted(source.iterdir(), reverse=True):
        try:
            if file.suffix == SUFFIX:
                _copy_backwards(file, target / file.name)
                copied += 1
            else:
                shutil.copyfile(file, target / file.name)
        except FileNotFoundError:
            (target / file.name).unlink(missing_ok=True)
    return copied


def _copy_backwards(source: Path, target: Path) -> None:
    """Pages of nothing stay nothing."""
    with source.open("rb") as reader, target.open("wb") as writer:
        size = os.fstat(reader.fileno()).st_size
        os.truncate(writer.fileno(), size)
        for offset in reversed(range(0, size, PAGE_BYTES)):
            page = os.pread(reader.fileno(), PAGE_BYTES, offset)
            if page.strip(b"\0"):
                os.pwrite(writer.fileno(), page, offset)


def _copy_database(source: Path, target: Path) -> dict[str, int]:
    """A consistent copy of one instant, and what its ledger adds up to."""
    with closing(sqlite3.connect(source, timeout=30)) as database:
        database.execute("VACUUM INTO ?", (str(target),))
    with closing(sqlite3.connect(target)) as copy:
        if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise OSError("the copy of the database is damaged")
        rows, cost, last = copy.execute(
            "SELECT count(*), coalesce(sum(cost_nano_usd), 0), max(id) FROM ledger"
        ).fetchone()
    return {"ledger_rows": rows, "cost_nano_usd": cost, "watermark": last or 0}


def _check_is_empty(screen: Screen, target: Path) -> None:
    if (target / DATABASE).exists() or any(any(journal.iterdir()) for journal in _journals(target)):
        screen.stop(Exit.REFUSED, [f"{target} has a database or a journal. Move them away first: nothing was changed."])

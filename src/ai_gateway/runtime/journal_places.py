"""Which journal is whose, where several processes share a data folder: each has a folder of its own in it, with a lock.

A lock that can be had means that nobody lives there. A process that starts takes the first such place for its own, and
whatever else is left behind can be taken over by any process at any time. The file `process` says which run wrote what
is there: in the books, its leases stand under that name. It is written before the run's first record and changed only
when nothing of the earlier run is left.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

from ai_gateway.runtime.folder import FolderInUse, FolderLock
from ai_gateway.runtime.segments import SUFFIX

FIRST: Final = "journal"
MOST: Final = 256
_NAME: Final = "process"


class NoPlace(ValueError):
    """Every journal of the data folder is in use; the text says so for people."""


@final
class JournalPlace:
    """A journal's folder, locked until `close`. `process_id` is the run that left what is there; None: nobody said."""

    def __init__(self, path: Path) -> None:
        """Raises FolderInUse."""
        self._lock = FolderLock(path)
        self.path = path
        name = path / _NAME
        self.process_id = (name.read_text().strip() or None) if name.exists() else None

    def belong_to(self, process_id: str) -> None:
        """From now on records here are of this run."""
        temporary = self.path / f"{_NAME}.new"
        with temporary.open("w") as file:
            file.write(process_id)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.path / _NAME)
        self.process_id = process_id

    def empty(self) -> None:
        """All that was here is in the ledger, and its leases are closed."""
        (self.path / _NAME).unlink(missing_ok=True)
        self.process_id = None

    @property
    def is_empty(self) -> bool:
        return self.process_id is None and not any(it.suffix == SUFFIX for it in self.path.iterdir())

    def close(self) -> None:
        self._lock.close()


def take_place(data_dir: Path, most: int = MOST) -> JournalPlace:
    """The first journal that nobody has. Raises NoPlace."""
    for number in range(1, most + 1):
        try:
            return JournalPlace(data_dir / (FIRST if number == 1 else f"{FIRST}-{number}"))
        except FolderInUse:
            continue
    raise NoPlace(f"{most} gateways run on the data folder {data_dir}. Set AI_GATEWAY_DATA_DIR to another folder.")


def orphaned_places(data_dir: Path) -> Iterator[JournalPlace]:
    """Journals in which something is left and nobody lives. Whoever takes one closes it."""
    for path in sorted(data_dir.glob(f"{FIRST}*")):
        if not path.is_dir():
            continue
        try:
            place = JournalPlace(path)
        except FolderInUse:
            continue
        if place.is_empty:
            place.close()
        else:
            yield place

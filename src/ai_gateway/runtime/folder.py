"""The data folder belongs to one process at a time: with SQLite it owns every number in it whole, and two owners would
each be right and together wrong. With a database that is shared, processes may share the folder too, since each has
a journal of its own in it. The lock goes with the process, also after kill -9.
"""

import fcntl
import os
from enum import Enum
from pathlib import Path
from typing import final


class FolderInUse(Exception):
    """Another process runs on this data folder; the text says so for people."""


class Sharing(Enum):
    """ALONE: nobody else is let in. TOGETHER: others who say the same are."""

    ALONE = fcntl.LOCK_EX
    TOGETHER = fcntl.LOCK_SH


@final
class FolderLock:
    """Raises FolderInUse. `close` lets another process have the folder."""

    def __init__(self, folder: Path, sharing: Sharing = Sharing.ALONE) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, sharing.value | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise FolderInUse(
                f"Another gateway (process {owner}) runs on the data folder {folder}. "
                "Stop it, or set AI_GATEWAY_DATA_DIR to another folder."
            ) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def close(self) -> None:
        os.close(self._file)

"""The heap in pages of 2 MB, where the system has such.

Hundreds of thousands of small objects lie in memory as they were made, and a request touches some thousands of them
that are far apart. In pages of 4 kB each such step asks for the page's address first, of which a processor remembers a
few thousand, and a machine that is virtual looks for it twice. In pages of 2 MB it is remembered for all of the heap.
Linux makes them by itself only where it was told to for every process; whoever asks can have them for his own memory
(madvise(2), MADV_COLLAPSE, since Linux 6.1). That is asked for what is full already, so it costs next to no memory:
neither the stack of a thread nor room that is kept for bodies becomes larger by it.

Where there is no such system nothing happens, and nothing is slower than before.
"""

import ctypes
import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from errno import EINVAL
from pathlib import Path
from typing import Final, final

COLLAPSE: Final = 25  # MADV_COLLAPSE of asm-generic/mman-common.h
MOST_EMPTY: Final = 1 / 64
"""Of an area that counts as full."""
SIZE_FILE: Final = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
_MAPS_FILE: Final = Path("/proc/self/maps")
_RESIDENT_FILE: Final = Path("/proc/self/statm")
_IS_RESIDENT: Final = b"\x01"
_HEAP: Final = "[heap]"
_ANONYMOUS: Final = 5
"""Words of a line of maps that has no name."""


@final
class LargePages:
    """`look` is for a thread: it takes about a millisecond for each area that it finds, in the system."""

    def __init__(self, size_file: Path = SIZE_FILE) -> None:
        self._size = _large_page_bytes(size_file)
        self._done: set[int] = set()
        self._resident_bytes = 0

    def look(self) -> int:
        """How many bytes are in large pages now that were not before. Where memory has not grown by one since the last
        time, nothing is asked."""
        if not self._size:
            return 0
        try:
            resident = _resident_bytes()
            if resident < self._resident_bytes + self._size:
                return 0
            self._resident_bytes = resident
            return sum(self._size for area in self._full_areas() if self._make_large(area))
        except (OSError, AttributeError):
            self._size = 0  # a system without these files or calls has not got them a minute later
            return 0

    def _full_areas(self) -> Iterator[int]:
        pages = self._size // mmap.PAGESIZE
        told = (ctypes.c_char * pages)()
        library = ctypes.CDLL(None)
        for begin, end in tuple(_own_memory()):
            for area in range(-(-begin // self._size) * self._size, end - self._size + 1, self._size):
                if area in self._done or library.mincore(ctypes.c_void_p(area), ctypes.c_size_t(self._size), told):
                    continue
                if told.raw.count(_IS_RESIDENT) >= pages * (1 - MOST_EMPTY):
                    yield area

    def _make_large(self, area: int) -> bool:
        library = ctypes.CDLL(None, use_errno=True)
        refused = library.madvise(ctypes.c_void_p(area), ctypes.c_size_t(self._size), COLLAPSE) != 0
        if not refused or ctypes.get_errno() == EINVAL:  # for any other reason it is asked again
            self._done.add(area)
        return not refused


def _large_page_bytes(size_file: Path) -> int:
    """0 where there are none."""
    if sys.platform.startswith("linux"):
        with suppress(OSError, ValueError):
            return int(size_file.read_text())
    return 0


def _resident_bytes() -> int:
    return int(_RESIDENT_FILE.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _own_memory() -> Iterator[tuple[int, int]]:
    """Where what is this process's alone, and no file's, begins and ends."""
    for line in _MAPS_FILE.read_text().splitlines():
        words = line.split()
        if words[1].startswith("rw-p") and (len(words) == _ANONYMOUS or words[-1] == _HEAP):
            begin, _, end = words[0].partition("-")
            yield int(begin, 16), int(end, 16)

"""A file of the journal on a real disk, written through a window of mapped memory.

A record in a shared mapping is in the kernel's page cache the moment it was copied there: it is as safe from kill -9 as
after a `pwrite`, and there was no system call. Two of these a request cost more than the records' making, and each
gave the interpreter's lock away in the middle of a request, to whichever thread was waiting for it.

All blocks of the file are its own before it is mapped (`DiskFolder.create`), so a write finds no full disk. What a
broken disk answers comes with `sync`. The window is small and moves with the writing, because mapped pages count as
memory of the process. Where the file system maps nothing, `pwrite` is what is left.
"""

import errno
import mmap
import os
from typing import Final, final

WINDOW_BYTES: Final = 256 << 10


@final
class DiskFile:
    """`file` is an open descriptor, this object's from now on. Offsets and sizes are bytes."""

    __slots__ = ("_base", "_end", "_file", "_size", "_window")

    def __init__(self, file: int) -> None:
        self._file = file
        self._size = os.fstat(file).st_size
        self._window: mmap.mmap | None = None
        self._base = self._end = 0

    def write(self, data: bytes, offset: int) -> None:
        found = self.window(offset, offset + len(data))
        if found is None:
            return self._write_out(data, offset)
        window, base, _ = found
        window[offset - base : offset - base + len(data)] = data
        return None

    def window(self, start: int, end: int) -> tuple[mmap.mmap, int, int] | None:
        """The window where it holds all from `start` to `end`, and from where to where it goes. It holds until the next
        call of anything but `read` and `sync`. None where nothing can be mapped."""
        window = self._window
        if window is None or start < self._base or end > self._end:
            window = self._map(start, end)
            if window is None:
                return None
        return window, self._base, self._end

    def read(self, size: int, offset: int) -> bytes:
        return os.pread(self._file, size, offset)

    def sync(self) -> None:
        os.fdatasync(self._file)

    def close(self) -> None:
        self._unmap()
        os.close(self._file)

    def _map(self, offset: int, end: int) -> mmap.mmap | None:
        """A window that holds all from `offset` to `end`; None where there is none. The file never grows."""
        self._unmap()
        base = offset - offset % mmap.ALLOCATIONGRANULARITY
        size = min(self._size - base, max(WINDOW_BYTES, end - base))
        if end > self._size:
            return None
        try:
            self._window = mmap.mmap(self._file, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=base)
        except OSError:
            return None
        self._base, self._end = base, base + size
        return self._window

    def _unmap(self) -> None:
        if self._window is not None:
            self._window.close()
            self._window = None
            self._base = self._end = 0

    def _write_out(self, data: bytes, offset: int) -> None:
        written = os.pwrite(self._file, data, offset)
        if written != len(data):
            raise OSError(errno.ENOSPC, "the disk took only a part of a record")

"""A timer that is exact to some microseconds. The event loop's own is exact to a millisecond, which is more than what
a gateway may add to an answer: a generator built on it would measure itself. Linux only (timerfd)."""

import asyncio
import ctypes
import os
from collections.abc import Callable
from typing import Final, final

CLOCK_MONOTONIC: Final = 1
TFD_NONBLOCK: Final = 0o4000
TFD_TIMER_ABSTIME: Final = 1
NANO: Final = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("it_interval", _Timespec), ("it_value", _Timespec))


@final
class ExactTimer:
    """Calls `fired` once at the instant that `set` names, in seconds of time.monotonic()."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fired: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._libc.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._loop = loop
        self._fired = fired
        loop.add_reader(self._descriptor, self._ring)

    def set(self, at: float) -> None:
        seconds, nanoseconds = divmod(max(1, int(at * NANO)), NANO)
        when = _Itimerspec(_Timespec(0, 0), _Timespec(seconds, nanoseconds))
        if self._libc.timerfd_settime(self._descriptor, TFD_TIMER_ABSTIME, ctypes.byref(when), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _ring(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return
        self._fired()

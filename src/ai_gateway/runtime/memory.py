"""How this process holds memory: large bodies, and the objects of a configuration that will never be garbage."""

import ctypes
import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

TRIM_THRESHOLD: Final = -1  # M_TRIM_THRESHOLD of malloc.h
MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD
LARGE_BODY_BYTES: Final = 32 << 20
KEPT_BYTES: Final = 32 << 20
YOUNG_OBJECTS: Final = 3_000
"""New ones that are still there, until they are looked at. Each takes 0.2 to 0.4 us, and everybody waits: one pass over
50,000 took 10 to 25 ms, and one over these takes less than one."""
YOUNG_PASSES: Final = 1
"""So often survivors are passed on before they are looked at again, all together."""
MIDDLE_PASSES: Final = 100
"""So often that is done until everything is looked at: a million new objects that stayed."""


def keep_large_bodies_in_the_heap() -> bool:
    """glibc maps every block above 128 kB anew, and gives the heap's end back as soon as 128 kB of it are free. Either
    way a large prompt meets a page fault for each 4 kB, which cost more than all that is done with it. Up to 32 MB of
    the heap's end are kept instead. False where the C library has no such switches (mallopt(3))."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(MMAP_THRESHOLD, LARGE_BODY_BYTES)) and bool(mallopt(TRIM_THRESHOLD, KEPT_BYTES))
    except (AttributeError, OSError):
        return False


def settle_in() -> None:
    """Called when the configuration is loaded: what lives now lives long, so the collector need not look at it again,
    and what it looks at later is little at a time; requests make few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_PASSES, MIDDLE_PASSES)


@contextmanager
def moving_in() -> Generator[None]:
    """While so much is made that stays, looking for garbage would find none for a long time. Afterwards it has settled
    in."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        settle_in()

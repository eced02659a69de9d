"""How this process holds memory: large bodies, and the objects of a configuration that will never be garbage."""

import ctypes
import gc
import sys
from typing import Final

TRIM_THRESHOLD: Final = -1  # M_TRIM_THRESHOLD of malloc.h
MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD
LARGE_BODY_BYTES: Final = 32 << 20
KEPT_BYTES: Final = 32 << 20
YOUNG_OBJECTS: Final = 50_000


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
    and it looks at young objects less often; requests make few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)

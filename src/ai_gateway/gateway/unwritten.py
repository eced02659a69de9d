"""Bytes that are not there yet, with room to put them in.

A read has to end in `bytes`: that is what every parser here takes. Python fills one that it makes, or copies it from
something that could be written to, and with a body of 400 kB either is a pass over memory as dear as the kernel's own.
So one is made as C makes them, from NULL, which the C API allows to be written to until somebody has seen it. Memory
that nothing was written to has not been touched: a size alone takes addresses and no more.
"""

import ctypes
from typing import Final

_WRITABLE: Final = 0x200  # PyBUF_WRITE
_new: Final = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_char_p, ctypes.c_ssize_t)(
    ("PyBytes_FromStringAndSize", ctypes.pythonapi)
)
_address: Final = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(("PyBytes_AsString", ctypes.pythonapi))
_view: Final = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)(
    ("PyMemoryView_FromMemory", ctypes.pythonapi)
)


def unwritten(size: int) -> tuple[bytes, memoryview]:
    """Bytes and the room in them, of that size, at least one. Whoever writes keeps the bytes for as long as the
    room, and writes all of it before anybody else reads them."""
    made: bytes = _new(None, size)
    return made, _view(_address(made), size, _WRITABLE)

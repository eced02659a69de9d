"""Where something broke, in words that may be written down: the type of the exception and the lines that led to it.

Its text is left out. It is made of whatever was in somebody's hands at that moment, which can be a key, an address or
a part of a conversation, and a log is read by more people than may see those.
"""

import traceback
from pathlib import PurePath
from typing import Final

MOST_FRAMES: Final = 8


def place_of(error: BaseException) -> str:
    """ "KeyError at meters.py:88 hold < line.py:60 serve", the innermost first; causes behind it."""
    told: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(told) < MOST_FRAMES:
        frames = traceback.extract_tb(seen.__traceback__)[-MOST_FRAMES:]
        where = " < ".join(f"{PurePath(it.filename).name}:{it.lineno} {it.name}" for it in reversed(frames))
        told.append(f"{type(seen).__name__} at {where}" if where else type(seen).__name__)
        seen = seen.__cause__
    return ", because of ".join(told)

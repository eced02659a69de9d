"""What Google's families of models take, by their names: no API tells it, so it is a table.

Three things changed from one family to the next. How thinking is asked for: not at all (up to 2.0), by a budget of
tokens (2.5), by a level (3). Whether schemas are taken as JSON Schema (from 2.0 on) or as the subset of OpenAPI 3.0
that came before it. And whether a call of a tool must come back with the signature of the thought behind it, and
results of tools may hold images (3). A name that nobody knows is taken for the newest: aliases ("gemini-flash-latest")
move there, and what an old model cannot do it refuses by name.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import Final

import msgspec


class ThinkingBy(Enum):
    NOTHING = "it does not think"
    BUDGET = "thinkingBudget"
    LEVEL = "thinkingLevel"


class Family(msgspec.Struct, frozen=True):
    """`least_budget`: below it thinking cannot be; 0: it can be switched off. `levels`: what it knows of minimal, low,
    medium, high."""

    thinking: ThinkingBy
    json_schema: bool = True
    least_budget: int = 0
    most_budget: int = 24_576
    levels: tuple[str, ...] = ()
    signs_calls: bool = False
    results_hold_images: bool = False
    validates: bool = True


_FIRST: Final = Family(ThinkingBy.NOTHING, json_schema=False, validates=False)
_SECOND: Final = Family(ThinkingBy.NOTHING, validates=False)
_FLASH: Final = Family(ThinkingBy.BUDGET)
_PRO: Final = Family(ThinkingBy.BUDGET, least_budget=128, most_budget=32_768)
_FLASH_3: Final = Family(
    ThinkingBy.LEVEL,
    levels=("minimal", "low", "medium", "high"),
    signs_calls=True,
    results_hold_images=True,
)
_PRO_3: Final = Family(ThinkingBy.LEVEL, levels=("low", "high"), signs_calls=True, results_hold_images=True)
_PRO_3_1: Final = Family(ThinkingBy.LEVEL, levels=("low", "medium", "high"), signs_calls=True, results_hold_images=True)

_VERSION: Final = re.compile(r"gemini-(?:[a-z]+-)*(\d+)(?:[.-](\d+))?(?![\d])")


@lru_cache(maxsize=1024)
def family_of(model: str) -> Family:
    """`model` as Google names it, with or without "models/" before it."""
    name = model.rsplit("/", 1)[-1].lower()
    if name.startswith(("gemma", "learnlm", "text-bison", "chat-bison")):
        return _FIRST
    is_pro = "pro" in re.split(r"[-.]", name)
    found = _VERSION.match(name)
    if found is None:
        return _PRO_3_1 if is_pro else _FLASH_3
    version = (int(found[1]), int(found[2] or 0) if len(found[2] or "") < 3 else 0)
    if version < (2, 5):
        return _FIRST if version < (2, 0) else _SECOND
    if version < (3, 0):
        return _PRO if is_pro else _FLASH
    if is_pro:
        return _PRO_3 if version == (3, 0) else _PRO_3_1
    return _FLASH_3

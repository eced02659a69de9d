"""Arguments of a call that Vertex streams piece by piece: each piece names a place in the object and a value for it.

Nobody is sent such a call unless he asks for it, and the gateway does not; a model's default may change all the same.
A piece of a string is appended to what the place has.
"""

import re
from itertools import pairwise
from typing import Final, cast

from ai_gateway.domain.conversation import Json
from ai_gateway.providers.decoding import as_object

MOST_STEPS: Final = 64
MOST_INDEX: Final = 10_000

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d{1,5})\]|\['([^']*)'\]")


def put(arguments: dict[str, Json], piece: object) -> None:
    """One of `partialArgs`. A path that cannot be followed is left out."""
    said = as_object(piece)
    steps = _steps(said.get("jsonPath"))
    value = next((said[name] for name in ("stringValue", "numberValue", "boolValue") if name in said), None)
    if not steps:
        return
    place: Json = arguments
    for step, following in pairwise(steps):
        place = _entered(place, step, [] if isinstance(following, int) else {})
        if place is None:
            return
    last = steps[-1]
    if isinstance(place, dict) and isinstance(last, str):
        members = cast("dict[str, Json]", place)
        members[last] = _joined(members.get(last), value)
    elif isinstance(place, list) and isinstance(last, int):
        items = _reached(cast("list[Json]", place), last)
        items[last] = _joined(items[last], value)


def _steps(path: object) -> list[str | int]:
    if not isinstance(path, str) or not path.startswith("$"):
        return []
    found = list(_STEP.finditer(path, 1))
    if len(found) > MOST_STEPS or sum(len(it[0]) for it in found) != len(path) - 1:
        return []
    steps: list[str | int] = [int(it[2]) if it[2] is not None else it[1] or it[3] or "" for it in found]
    return [] if any(isinstance(it, int) and it > MOST_INDEX for it in steps) else steps


def _entered(place: Json, step: str | int, empty: Json) -> Json:
    if isinstance(place, dict) and isinstance(step, str):
        return cast("dict[str, Json]", place).setdefault(step, empty)
    if isinstance(place, list) and isinstance(step, int):
        items = _reached(cast("list[Json]", place), step)
        if items[step] is None:
            items[step] = empty
        return items[step]
    return None


def _reached(items: list[Json], index: int) -> list[Json]:
    items.extend([None] * (index + 1 - len(items)))
    return items


def _joined(before: Json, value: Json) -> Json:
    return before + value if isinstance(before, str) and isinstance(value, str) else value

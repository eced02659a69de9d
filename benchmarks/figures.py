"""Numbers that are reported: the median of blocks with what they ranged over, held against a bar."""

from collections.abc import Sequence
from statistics import median
from typing import Literal

import msgspec

Unit = Literal["CPU-µs", "CPU-µs/frame", "x", "ms", "kB", "MB", "µs/kB", "bytes", "s", "%", "streams", "rows", "count"]


class Figure(msgspec.Struct, frozen=True):
    """`value` is the median of `blocks` samples, from `low` to `high`."""

    value: float
    low: float
    high: float
    blocks: int


class AtMost(msgspec.Struct, frozen=True, tag="at_most"):
    bound: float

    def holds(self, value: float) -> bool:
        return value <= self.bound


class AtLeast(msgspec.Struct, frozen=True, tag="at_least"):
    bound: float

    def holds(self, value: float) -> bool:
        return value >= self.bound


Bar = AtMost | AtLeast


class Row(msgspec.Struct, frozen=True):
    """A line of the table. `figure` None: nothing valid was measured, and `note` says why."""

    part: str
    what: str
    unit: Unit
    figure: Figure | None
    bar: Bar | None = None
    note: str = ""

    @property
    def verdict(self) -> Literal["holds", "missed", "not measured", ""]:
        if self.figure is None:
            return "not measured"
        if self.bar is None:
            return ""
        return "holds" if self.bar.holds(self.figure.value) else "missed"


def figure(samples: Sequence[float]) -> Figure | None:
    if not samples:
        return None
    return Figure(median(samples), min(samples), max(samples), len(samples))


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Pair by pair: what two blocks of one round shared (the clock, the neighbours) cancels."""
    return [above / below for above, below in zip(numerators, denominators, strict=True) if below]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Least squares, y per x."""
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread

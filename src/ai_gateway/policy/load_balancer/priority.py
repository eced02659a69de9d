"""Fill the first, spill over to the next: for a cheap or reserved endpoint with others behind it.

Members of one priority share by their weights, as a level; the lowest number comes first. A level spills when none of
its members admits, which they stop doing when their rate limit or their concurrency is full. While a whole level is
only coming back, it takes as many of the requests as the best of its ramps says and leaves the rest to the levels
that stood in for it.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol, final

from ai_gateway.policy.field import Field


class Sharing(Protocol):
    """A strategy that goes by weights: who has none is never picked."""

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None: ...


@final
class Priority:
    """`priorities`: one for each weight, the lowest is filled first. `sharing` makes the strategy within a level."""

    def __init__(
        self, weights: Sequence[int], priorities: Sequence[int], sharing: Callable[[Sequence[int]], Sharing]
    ) -> None:
        fair = list(weights) if any(weights) else [1] * len(weights)
        places: dict[int, list[int]] = {}
        for place, priority in enumerate(priorities):
            if fair[place]:
                places.setdefault(priority, []).append(place)
        self._levels = [_Level(places[priority], fair, sharing) for priority in sorted(places)]

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        if field.is_calm:
            return self._levels[0].pick(field, rng)
        hesitant: int | None = None
        for level in self._levels:
            place = level.pick(field, rng)
            if place is None:
                continue
            if field.ramp(place) >= 1.0 or rng.random() < level.ramp(field):
                return place
            if hesitant is None:
                hesitant = place
        return hesitant


@final
class _Level:
    def __init__(self, places: list[int], weights: Sequence[int], sharing: Callable[[Sequence[int]], Sharing]) -> None:
        self._places = places
        self._sharing = sharing([weights[place] for place in places]) if len(places) > 1 else None

    def ramp(self, field: Field) -> float:
        """The best of those that admit, of which there is one."""
        return max(field.ramp(place) for place in self._places if field.admits(place))

    def pick(self, field: Field, rng: Random) -> int | None:
        calm = field.is_calm
        if self._sharing is None:
            place = self._places[0]
            return place if calm or field.admits(place) else None
        seen = field if calm else _Part(field, self._places)
        local = self._sharing.pick(seen, rng)
        return None if local is None else self._places[local]


@final
class _Part:
    """The field of a level, by places within the level."""

    __slots__ = ("_places", "_whole", "is_calm", "now")

    def __init__(self, whole: Field, places: Sequence[int]) -> None:
        self._whole = whole
        self._places = places
        self.is_calm = False
        self.now = whole.now

    def admits(self, place: int) -> bool:
        return self._whole.admits(self._places[place])

    def ramp(self, place: int) -> float:
        return self._whole.ramp(self._places[place])

    def active(self, place: int) -> int:
        return self._whole.active(self._places[place])

    def first_token_ms(self, place: int) -> float | None:
        return self._whole.first_token_ms(self._places[place])

    def peak_first_token_ms(self, place: int) -> float | None:
        return self._whole.peak_first_token_ms(self._places[place])

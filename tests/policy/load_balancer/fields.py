"""A field whose numbers a test writes down."""

from collections.abc import Iterable, Mapping
from typing import final


@final
class FakeField:
    """All is well with everybody but those who are named."""

    def __init__(
        self,
        *,
        out: Iterable[int] = (),
        ramps: Mapping[int, float] | None = None,
        active: Mapping[int, int] | None = None,
        first_token_ms: Mapping[int, float] | None = None,
        now: float = 1_000.0,
    ) -> None:
        self.out = set(out)
        self.ramps = dict(ramps or {})
        self.in_flight = dict(active or {})
        self.waits = dict(first_token_ms or {})
        self.now = now

    @property
    def is_calm(self) -> bool:
        return not self.out and not self.ramps

    def admits(self, place: int) -> bool:
        return place not in self.out

    def ramp(self, place: int) -> float:
        return self.ramps.get(place, 1.0)

    def active(self, place: int) -> int:
        return self.in_flight.get(place, 0)

    def first_token_ms(self, place: int) -> float | None:
        return self.waits.get(place)

    def peak_first_token_ms(self, place: int) -> float | None:
        return self.waits.get(place)


CALM = FakeField()

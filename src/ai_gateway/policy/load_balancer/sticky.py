"""The same caller at the same endpoint, while it is not overburdened there: prompt caches live per endpoint.

Consistent hashing with bounded loads: Mirrokni, Thorup, Zadimoghaddam, "Consistent hashing with bounded loads", 2016,
https://arxiv.org/abs/1608.01350. Every member stands at points of a ring that are digests of its name, so all
replicas and all restarts agree, and a member that is added or removed moves only the callers that it gains or had. A
caller's digest is looked up on the ring; from there the first member is taken that admits and carries less than (1 +
1/4) times its share of all requests in flight. So nobody carries more than that, however popular a caller is, and
whoever is sent on goes to the same next member every time.

Below eight requests in flight a member is never overburdened: in a quiet pool the mean is a fraction, and two
requests of one caller at once would part for nothing. The sum of what is in flight is counted again after every n / 8
picks, and in between those picks are added: eight looks a pick at any size, and the bound errs by at most an eighth
of n.
"""

from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from struct import unpack_from
from typing import Final, Protocol, final

from ai_gateway.policy.field import Field

POINTS: Final = 40
"""For the heaviest member, fewer for lighter ones. The number must not depend on how many members there are, else all
callers would move when one is added."""

POINTS_PER_DIGEST: Final = 8
PLACE_BITS: Final = (1 << 20) - 1
SLACK: Final = 1.25
CROWD: Final = 8
LOOKS: Final = 8
MOST_CROWDED: Final = 32
"""After so many overburdened members the first of them is taken. The paper expects 1 / slack^2 = 16 steps; only while
members fall out faster than they are counted can it be more."""


class Inner(Protocol):
    """Who picks for requests that belong to nobody."""

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None: ...


@final
class Sticky:
    """`names` are unique and stay the same over restarts; one for each weight."""

    def __init__(self, inner: Inner, weights: Sequence[int], names: Sequence[str]) -> None:
        self._inner = inner
        self._weights = list(weights) if any(weights) else [1] * len(weights)
        heaviest = max(self._weights)
        # The place is in the low bits of its points: one list to sort and to search.
        self._ring = sorted(
            point & ~PLACE_BITS | place
            for place, (weight, name) in enumerate(zip(self._weights, names, strict=True))
            if weight
            for point in _points(name, max(1, POINTS * weight // heaviest))
        )
        self._recount_after = max(1, len(self._weights) // LOOKS)
        self._picks_until_count = 0
        self._in_flight = 0
        self._weight = 1

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        if affinity is None:
            return self._inner.pick(field, rng)
        calm, fair_load = field.is_calm, self._fair_load(field)
        ring = self._ring
        start = bisect_right(ring, _digest(affinity))
        crowded: list[int] = []
        for step in range(start, start + len(ring)):
            place = ring[step % len(ring)] & PLACE_BITS
            if place in crowded or not (calm or field.admits(place)):
                continue
            share = self._weights[place] * (1.0 if calm else field.ramp(place))
            if field.active(place) < max(CROWD, SLACK * fair_load * share):
                return place
            crowded.append(place)
            if len(crowded) == MOST_CROWDED:
                break
        return crowded[0] if crowded else None

    def _fair_load(self, field: Field) -> float:
        """Requests in flight for each weight of those that admit, the one to be placed included."""
        if not self._picks_until_count:
            calm = field.is_calm
            able = [place for place, weight in enumerate(self._weights) if weight and (calm or field.admits(place))]
            self._in_flight = sum(map(field.active, able))
            self._weight = sum(self._weights[place] for place in able) or 1
            self._picks_until_count = self._recount_after
        self._picks_until_count -= 1
        self._in_flight += 1
        return self._in_flight / self._weight


def _digest(affinity: bytes | str) -> int:
    data = affinity.encode() if isinstance(affinity, str) else affinity
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def _points(name: str, count: int) -> tuple[int, ...]:
    """The first points of the endless sequence that belongs to a name: fewer are a part of more."""
    digests = b"".join(
        blake2b(name.encode(), digest_size=8 * POINTS_PER_DIGEST, salt=number.to_bytes(2, "big")).digest()
        for number in range(-(-count // POINTS_PER_DIGEST))
    )
    return unpack_from(f">{count}Q", digests)

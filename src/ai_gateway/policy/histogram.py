"""Latencies as counts in buckets that grow by a fixed ratio, because percentiles of an hour cannot be had from the
percentiles of its minutes, but its counts are the exact sums of theirs.

A bucket reaches from one power of 2^(1/8) to the next, so any percentile read from it is within 4.4 % of the true
one, from a tenth of a millisecond to days, in a few dozen small numbers. This is DDSketch with a relative accuracy of
(ratio - 1) / (ratio + 1): Masson, Rim, Lee, "DDSketch", VLDB 2019, https://www.vldb.org/pvldb/vol12/p2195-masson.pdf
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import ceil, log
from typing import Final

RATIO: Final = 2 ** (1 / 8)
ACCURACY: Final = (RATIO - 1) / (RATIO + 1)
SHORTEST_MS: Final = 0.1

_LOG_RATIO: Final = log(RATIO)

Counts = tuple[int, ...]
"""Bucket, count, bucket, count, ...: buckets rising, no count 0. Bucket b holds what is in (RATIO^(b-1), RATIO^b]."""


def count(milliseconds: Iterable[float]) -> Counts:
    return _packed(Counter(ceil(log(max(SHORTEST_MS, it)) / _LOG_RATIO) for it in milliseconds))


def merge(parts: Iterable[Counts]) -> Counts:
    total: Counter[int] = Counter()
    for part in parts:
        for bucket, samples in _pairs(part):
            total[bucket] += samples
    return _packed(total)


def size(counts: Counts) -> int:
    """How many samples are in it."""
    return sum(counts[1::2])


def percentile(counts: Counts, percent: int) -> float | None:
    """Milliseconds, within ACCURACY of the sample of that rank; None where nothing was counted."""
    samples = size(counts)
    rank = min(samples - 1, samples * percent // 100)
    for bucket, here in _pairs(counts):
        if rank < here:
            return 2 * RATIO**bucket / (RATIO + 1)
        rank -= here
    return None


def _pairs(counts: Counts) -> Iterator[tuple[int, int]]:
    return zip(counts[::2], counts[1::2], strict=True)


def _packed(total: Counter[int]) -> Counts:
    return tuple(number for pair in sorted(total.items()) for number in pair)

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.histogram import ACCURACY, RATIO, count, merge, percentile, size

SAMPLES = st.lists(st.floats(0.1, 1e8), min_size=1, max_size=200)


def true_percentile(samples: list[float], percent: int) -> float:
    return sorted(samples)[min(len(samples) - 1, len(samples) * percent // 100)]


@given(SAMPLES, st.integers(0, 100))
def test_a_percentile_is_as_near_as_promised(samples: list[float], percent: int) -> None:
    read = percentile(count(samples), percent)
    assert read is not None
    assert math.isclose(read, true_percentile(samples, percent), rel_tol=ACCURACY * 1.0001)


@given(st.lists(st.lists(st.floats(0, 1e8), max_size=30), max_size=8))
def test_the_counts_of_the_whole_are_the_sums_of_its_parts(parts: list[list[float]]) -> None:
    whole = count([sample for part in parts for sample in part])
    assert merge(count(part) for part in parts) == whole
    assert size(whole) == sum(map(len, parts))


@given(SAMPLES)
def test_counts_are_pairs_of_a_rising_bucket_and_what_is_in_it(samples: list[float]) -> None:
    counts = count(samples)
    assert list(counts[::2]) == sorted(set(counts[::2]))
    assert all(counts[1::2])


def test_a_bucket_ends_at_a_power_of_the_ratio() -> None:
    assert count([1.0, RATIO, RATIO * 1.001]) == (0, 1, 1, 1, 2, 1)


def test_what_is_too_short_to_matter_is_counted_as_the_shortest() -> None:
    assert count([0.0, 0.001, 0.1]) == (math.ceil(math.log(0.1) / math.log(RATIO)), 3)


def test_nothing_has_no_percentile() -> None:
    assert percentile((), 50) is None
    assert count([]) == merge([]) == ()


@pytest.mark.parametrize(("percent", "expected"), [(0, 1.0), (50, 100.0), (95, 1_000.0), (100, 1_000.0)])
def test_percentiles_of_three_speeds(percent: int, expected: float) -> None:
    """40 of 1 ms, 50 of 100 ms, 10 of a second: rank 50 is in the middle, rank 95 among the slow."""
    read = percentile(count([1.0] * 40 + [100.0] * 50 + [1_000.0] * 10), percent)
    assert read == pytest.approx(expected, rel=ACCURACY * 1.0001)

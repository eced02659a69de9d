from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.config import Retries
from ai_gateway.policy.backoff import pause_seconds

RETRIES = Retries(max_attempts=9, base_seconds=0.25, cap_seconds=8.0)


def test_pauses_are_spread_evenly_from_nothing_to_the_bound() -> None:
    for pauses_before, bound in ((0, 0.25), (1, 0.5), (2, 1.0), (5, 8.0), (40, 8.0)):
        rng = Random(pauses_before)
        sample = sorted(pause_seconds(RETRIES, pauses_before, rng) / bound for _ in range(2_000))
        # Kolmogorov-Smirnov against uniform(0, 1): 1.63 / sqrt(2000) = 0.0364 is the bound for p = 0.01.
        assert max(abs((rank + 1) / 2_000 - it) for rank, it in enumerate(sample)) < 0.0364


@given(st.floats(0.001, 600.0), st.integers(0, 1_000), st.integers(0, 100))
def test_an_announced_wait_is_a_floor_and_stretched_by_a_tenth_at_most(wait: float, before: int, seed: int) -> None:
    pause = pause_seconds(RETRIES, before, Random(seed), wait)
    assert wait <= pause <= max(wait * 1.1, RETRIES.cap_seconds)


def test_those_who_were_told_the_same_number_do_not_come_together() -> None:
    rng = Random(1)
    assert len({pause_seconds(RETRIES, 0, rng, 30.0) for _ in range(100)}) == 100


def test_an_announced_wait_of_nothing_is_none() -> None:
    assert pause_seconds(RETRIES, 0, Random(1), 0.0) == pause_seconds(RETRIES, 0, Random(1))

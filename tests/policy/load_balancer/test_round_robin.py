from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.load_balancer.round_robin import RoundRobin


@given(weights=st.lists(st.integers(0, 100), min_size=1, max_size=20), count=st.integers(1, 100))
def test_everyone_in_turn_whatever_the_weights(weights: list[int], count: int) -> None:
    picker, rng = RoundRobin(weights), Random(1)
    assert [picker.pick(rng) for _ in range(count)] == [number % len(weights) for number in range(count)]

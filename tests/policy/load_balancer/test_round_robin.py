from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.load_balancer.round_robin import RoundRobin
from policy.load_balancer.fields import CALM, FakeField


def picks(picker: RoundRobin, field: FakeField, count: int) -> str:
    rng = Random(1)
    return "".join("ABCDEF"[picker.pick(field, rng) or 0] for _ in range(count))


@given(weights=st.lists(st.integers(0, 100), min_size=1, max_size=20), count=st.integers(1, 100))
def test_everyone_in_turn_whatever_the_weights(weights: list[int], count: int) -> None:
    picker, rng = RoundRobin(weights), Random(1)
    assert [picker.pick(CALM, rng) for _ in range(count)] == [number % len(weights) for number in range(count)]


def test_who_is_out_is_passed_over_and_its_successor_is_not_burdened_twice() -> None:
    assert picks(RoundRobin([1] * 4), FakeField(out={1}), 6) == "ACDACD"


def test_who_comes_back_has_nothing_to_catch_up() -> None:
    picker = RoundRobin([1] * 3)
    assert picks(picker, FakeField(out={1}), 30) == "AC" * 15
    assert picks(picker, CALM, 6) == "ABCABC"


def test_while_nobody_admits_the_turn_stays_where_it_is() -> None:
    picker = RoundRobin([1] * 3)
    assert picks(picker, CALM, 1) == "A"
    assert picker.pick(FakeField(out={0, 1, 2}), Random(1)) is None
    assert picks(picker, CALM, 3) == "BCA"


def test_who_ramps_lets_most_of_its_turns_go_by() -> None:
    shown = picks(RoundRobin([1] * 3), FakeField(ramps={1: 0.1}), 2_100)
    assert 60 <= shown.count("B") <= 140  # 1,000 rounds of A and C, a tenth of them with B: 100, sigma 9.5
    assert abs(shown.count("A") - shown.count("C")) <= 1

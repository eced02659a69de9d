from collections import Counter
from random import Random

import pytest

from ai_gateway.policy.load_balancer.priority import Priority
from ai_gateway.policy.load_balancer.weighted_round_robin import WeightedRoundRobin
from policy.load_balancer.fields import CALM, FakeField

WEIGHTS, PRIORITIES = [1, 70, 30, 5], [2, 1, 1, 0]
"""The last is first; then the two in the middle share; then the first of the list."""


def counts(field: FakeField, picks: int = 1_000, weights: list[int] = WEIGHTS) -> Counter[int | None]:
    picker, rng = Priority(weights, PRIORITIES, WeightedRoundRobin), Random(1)
    return Counter(picker.pick(field, rng) for _ in range(picks))


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ({}, {3: 1_000}),
        ({3}, {1: 700, 2: 300}),
        ({3, 1}, {2: 1_000}),
        ({3, 1, 2}, {0: 1_000}),
        ({3, 1, 2, 0}, {None: 1_000}),
        ({0, 1, 2}, {3: 1_000}),
    ],
)
def test_a_level_spills_when_none_of_it_admits(out: set[int], expected: dict[int | None, int]) -> None:
    assert counts(FakeField(out=out)) == expected


def test_a_level_spills_only_while_it_is_full() -> None:
    picker, rng, field = Priority([1, 1], [0, 1], WeightedRoundRobin), Random(1), FakeField()
    shown = ""
    for number in range(9):
        field.out = {0} if number in {3, 4} else set()
        shown += str(picker.pick(field, rng))
    assert shown == "000110000"


def test_a_level_that_comes_back_takes_as_much_as_its_best_ramp() -> None:
    picked = counts(FakeField(ramps={3: 0.3}), 10_000)
    assert abs(picked[3] - 3_000) <= 190  # 4 sigma of 46
    assert picked[0] == 0
    assert picked[1] * 30 == pytest.approx(picked[2] * 70, rel=0.01)


def test_a_level_with_one_member_at_its_best_takes_everything() -> None:
    picked = counts(FakeField(out={3}, ramps={1: 0.1}), 3_700)
    assert picked == {1: pytest.approx(700, abs=2), 2: pytest.approx(3_000, abs=2)}  # 70 * 0.1 to 30


def test_where_all_levels_only_come_back_the_first_takes_what_nobody_wants() -> None:
    picked = counts(FakeField(ramps=dict.fromkeys(range(4), 0.1)))
    assert picked[None] == 0
    assert picked[3] >= 750  # 0.1 + 0.9^3 = 0.83 of 1,000; 4 sigma of 12, and room


def test_who_has_no_weight_is_in_no_level_unless_nobody_has_one() -> None:
    assert counts(CALM, 100, [1, 70, 30, 0]) == {1: 70, 2: 30}
    assert counts(CALM, 100, [0, 0, 0, 0]) == {3: 100}


def test_without_priorities_it_is_its_inner_strategy() -> None:
    picker, rng = Priority([70, 30], [0, 0], WeightedRoundRobin), Random(1)
    plain = WeightedRoundRobin([70, 30])
    assert [picker.pick(CALM, rng) for _ in range(50)] == [plain.pick(CALM, rng) for _ in range(50)]


def test_the_strategy_within_a_level_sees_its_own_members() -> None:
    class Asking:
        """Picks whoever is idle, and shows what it sees."""

        def __init__(self, weights: object) -> None:
            self.weights = weights

        def pick(self, field: FakeField, rng: Random, affinity: bytes | str | None = None) -> int | None:
            assert (field.now, field.is_calm) == (1_000.0, False)
            seen = [(field.active(place), field.first_token_ms(place), field.ramp(place)) for place in (0, 1)]
            assert seen == [(4, 400.0, 1.0), (0, 200.0, 0.5)]
            assert field.peak_first_token_ms(1) == 200.0
            assert [field.admits(0), field.admits(1)] == [True, True]
            return 1

    picker = Priority([9, 1, 1], [1, 0, 0], Asking)  # type: ignore[arg-type]
    field = FakeField(out={0}, active={1: 4}, first_token_ms={1: 400.0, 2: 200.0}, ramps={2: 0.5})
    assert picker.pick(field, Random(1)) == 2

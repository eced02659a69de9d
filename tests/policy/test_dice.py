from collections import Counter
from collections.abc import Callable
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.dice import ALL_UP_TO, DRAWS, Dice
from policy.load_balancer.fields import CALM, FakeField

ROLLS = 20_000


def assert_shares(roll: Callable[[], int | None], shares: list[float]) -> None:
    counts = Counter(roll() for _ in range(ROLLS))
    assert set(counts) <= {place for place, share in enumerate(shares) if share}
    for place, part in enumerate(shares):
        share = part / sum(shares)
        sigma = sqrt(ROLLS * share * (1 - share))  # of a binomial count
        assert abs(counts[place] - ROLLS * share) <= 4 * sigma, (place, counts)


@pytest.mark.parametrize("weights", [[70, 30], [50, 30, 20], [0, 3, 0, 1], [1] * 20])
def test_one_is_drawn_by_weight(weights: list[int]) -> None:
    dice, rng = Dice(weights), Random(1)
    assert_shares(lambda: dice.one(rng), [float(weight) for weight in weights])


def test_where_nobody_has_a_weight_all_are_equal() -> None:
    dice, rng = Dice([0, 0, 0]), Random(1)
    assert_shares(lambda: dice.one(rng), [1, 1, 1])


def test_another_is_drawn_by_weight_among_the_rest() -> None:
    dice, rng = Dice([50, 30, 0, 20]), Random(1)
    assert_shares(lambda: dice.another(0, rng), [0, 30, 0, 20])
    assert_shares(lambda: dice.another(1, rng), [50, 0, 0, 20])
    assert_shares(lambda: dice.another(3, rng), [50, 30, 0, 0])


def test_who_is_alone_has_no_other() -> None:
    assert Dice([0, 5, 0]).another(1, Random(1)) is None
    assert Dice([0, 5, 0]).another_admitted(1, FakeField(out={0}), Random(1)) is None


@given(weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=30), seed=st.integers(0, 999))
def test_another_is_never_the_same(weights: list[int], seed: int) -> None:
    dice, rng = Dice(weights), Random(seed)
    for _ in range(20):
        one = dice.one(rng)
        other = dice.another(one, rng)
        assert other is None or (other != one and dice.weights[other])


def test_those_who_admit_keep_their_shares_to_each_other() -> None:
    dice, rng = Dice([50, 30, 20]), Random(1)
    assert_shares(lambda: dice.admitted(FakeField(out={0}), rng), [0, 30, 20])
    assert_shares(lambda: dice.admitted(FakeField(ramps={0: 0.4}), rng), [20, 30, 20])


def test_the_last_look_at_everybody_has_the_same_shares() -> None:
    """Of 302 members 300 are out: eight draws find nobody in 95 of 100 cases."""
    dice, rng = Dice([30, 20] + [1] * 300), Random(1)
    field = FakeField(out=range(2, 302), ramps={0: 0.5})
    heavy = Dice([30, 20] + [100] * 300)
    assert_shares(lambda: dice.admitted(field, rng), [15, 20])
    assert_shares(lambda: heavy.admitted(field, rng), [15, 20])


def test_where_nobody_admits_nobody_is_drawn() -> None:
    field, rng = FakeField(out=range(40)), Random(1)
    for members in (3, 40):
        dice = Dice([1] * members)
        assert dice.admitted(field, rng) is None
        assert dice.another_admitted(0, field, rng) is None
        assert not dice.handful(field, rng)


def test_a_handful_of_few_is_everybody_with_a_weight() -> None:
    assert list(Dice([1, 0, 3]).handful(CALM, Random(1))) == [0, 2]
    assert len(Dice([1] * ALL_UP_TO).handful(CALM, Random(1))) == ALL_UP_TO
    assert Dice([1] * ALL_UP_TO).compares_everybody


def test_a_handful_of_many_is_drawn_by_weight() -> None:
    dice, rng = Dice([3] * 10 + [1] * 10), Random(1)
    assert not dice.compares_everybody
    assert len(dice.handful(CALM, rng)) == DRAWS
    drawn = iter([place for _ in range(ROLLS // DRAWS) for place in dice.handful(CALM, rng)])
    assert_shares(lambda: next(drawn), [3.0] * 10 + [1.0] * 10)


@pytest.mark.parametrize("members", [3, 40])
def test_a_handful_holds_only_those_who_admit(members: int) -> None:
    dice, rng, field = Dice([1] * members), Random(1), FakeField(out={1})
    assert {place for _ in range(500) for place in dice.handful(field, rng)} == set(range(members)) - {1}


def test_who_ramps_is_in_a_handful_as_often_as_its_ramp_says() -> None:
    dice, rng, field = Dice([1, 1]), Random(1), FakeField(ramps={0: 0.3})
    often = sum(0 in dice.handful(field, rng) for _ in range(ROLLS))
    assert abs(often - 0.3 * ROLLS) <= 4 * sqrt(ROLLS * 0.3 * 0.7)


def test_a_rival_that_ramps_sits_out_as_often_as_its_ramp_says() -> None:
    dice, rng, field = Dice([1, 1]), Random(1), FakeField(ramps={0: 0.3})
    often = sum(dice.another_admitted(1, field, rng) == 0 for _ in range(ROLLS))
    assert abs(often - 0.3 * ROLLS) <= 4 * sqrt(ROLLS * 0.3 * 0.7)

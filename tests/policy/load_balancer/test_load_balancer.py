from collections import Counter
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.config import Strategy
from ai_gateway.policy.load_balancer import STRATEGIES, Picker, picker_for
from ai_gateway.policy.load_balancer.least_connections import LeastConnections
from ai_gateway.policy.load_balancer.least_latency import LeastLatency
from ai_gateway.policy.load_balancer.p2c import PowerOfTwo
from ai_gateway.policy.load_balancer.priority import Priority
from ai_gateway.policy.load_balancer.random import RandomPick
from ai_gateway.policy.load_balancer.round_robin import RoundRobin
from ai_gateway.policy.load_balancer.sticky import Sticky
from ai_gateway.policy.load_balancer.weighted_round_robin import WeightedRoundRobin
from policy.load_balancer.fields import CALM, FakeField

BY_WEIGHT = sorted(set(Strategy) - {Strategy.ROUND_ROBIN})


def all_pickers(weights: list[int]) -> list[Picker]:
    names = [f"member-{place}" for place in range(len(weights))]
    priorities = [place // 2 for place in range(len(weights))]
    plain = [picker_for(strategy, weights, priorities=priorities) for strategy in Strategy]
    return [*plain, picker_for(Strategy.P2C, weights, sticky_names=names)]


@pytest.mark.parametrize(
    ("strategy", "kind"),
    [
        (Strategy.WEIGHTED_ROUND_ROBIN, WeightedRoundRobin),
        (Strategy.ROUND_ROBIN, RoundRobin),
        (Strategy.LEAST_CONNECTIONS, LeastConnections),
        (Strategy.LEAST_LATENCY, LeastLatency),
        (Strategy.RANDOM, RandomPick),
        (Strategy.P2C, PowerOfTwo),
        (Strategy.PRIORITY, Priority),
    ],
)
def test_a_strategy_is_found_by_its_name(strategy: Strategy, kind: type[object]) -> None:
    assert isinstance(picker_for(strategy, [1, 2]), kind)
    assert isinstance(picker_for(strategy, [1, 2], sticky_names=["one", "two"]), Sticky)


def test_every_strategy_is_in_force() -> None:
    assert set(STRATEGIES) == set(Strategy)


@given(
    weights=st.lists(st.integers(0, 20), min_size=1, max_size=40),
    data=st.data(),
    seed=st.integers(0, 1_000),
    affinity=st.none() | st.text(max_size=8),
)
def test_only_a_member_that_admits_is_picked_and_one_is_if_there_is_one(
    weights: list[int], data: st.DataObject, seed: int, affinity: str | None
) -> None:
    places = list(range(len(weights)))
    out = data.draw(st.sets(st.sampled_from(places)), "out")
    ramps = data.draw(st.dictionaries(st.sampled_from(places), st.floats(0.1, 1.0), max_size=5), "ramps")
    active = data.draw(st.dictionaries(st.sampled_from(places), st.integers(0, 30), max_size=5), "active")
    waits = data.draw(st.dictionaries(st.sampled_from(places), st.floats(1, 5_000), max_size=5), "waits")
    field, rng = FakeField(out=out, ramps=ramps, active=active, first_token_ms=waits), Random(seed)
    for picker in all_pickers(weights):
        weighed = set(places) if isinstance(picker, RoundRobin) else {it for it in places if weights[it]} or set(places)
        for _ in range(40):
            picked = picker.pick(field, rng, affinity)
            assert (picked in weighed - out) if weighed - out else picked is None, picker


@pytest.mark.parametrize("strategy", BY_WEIGHT)
@pytest.mark.parametrize("weights", [[70, 30], [50, 30, 20], [1] * 40, [3] * 20 + [1] * 20])
def test_an_idle_pool_of_equals_shares_by_weight(strategy: Strategy, weights: list[int]) -> None:
    picker, rng, draws = picker_for(strategy, weights), Random(7), 20_000
    counts = Counter(picker.pick(CALM, rng) for _ in range(draws))
    for place, weight in enumerate(weights):
        share = weight / sum(weights)
        sigma = sqrt(draws * share * (1 - share))  # of a binomial count; 4 of them: one in 16,000 each
        explored = draws / 32  # CALM stands still: whoever was asked at 1,000 s is not asked again, one pick each
        assert abs(counts[place] - draws * share) <= 4 * sigma + min(1, explored), (place, counts[place])


@pytest.mark.parametrize("strategy", Strategy)
def test_one_of_a_thousand_that_admits_is_found(strategy: Strategy) -> None:
    picker, rng = picker_for(strategy, [1] * 1_000, priorities=[0] * 1_000), Random(3)
    field = FakeField(out=set(range(1_000)) - {617})
    assert [picker.pick(field, rng) for _ in range(3)] == [617] * 3


@pytest.mark.parametrize("strategy", Strategy)
def test_what_is_out_loses_its_share_to_the_others_by_their_weights(strategy: Strategy) -> None:
    picker, rng, draws = picker_for(strategy, [1, 1, 1, 1]), Random(5), 9_000
    counts = Counter(picker.pick(FakeField(out={1}), rng) for _ in range(draws))
    sigma = sqrt(draws * 1 / 3 * 2 / 3)
    assert all(abs(counts[place] - draws / 3) <= 4 * sigma for place in (0, 2, 3)), counts


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("members", [2, 4, 40])
def test_a_member_that_ramps_gets_no_more_than_that_part_of_a_full_share(strategy: Strategy, members: int) -> None:
    """At 0.2 among n - 1 others: at most 0.2 / (n - 1 + 0.2) of the picks, or 0.2 of a share where it is a rival."""
    picker, rng, draws = picker_for(strategy, [1] * members), Random(9), 20_000
    field = FakeField(ramps={0: 0.2})
    share = [picker.pick(field, rng) for _ in range(draws)].count(0) / draws
    most = 0.2 / (members - 0.8)
    assert 0.5 * 0.2 / members <= share <= most + 4 * sqrt(most * (1 - most) / draws)  # 4 sigma of a binomial count


@pytest.mark.parametrize("strategy", Strategy)
def test_a_pool_of_which_all_ramp_serves_everything(strategy: Strategy) -> None:
    picker, rng = picker_for(strategy, [1, 1, 1], priorities=[0, 0, 1]), Random(9)
    field = FakeField(ramps={0: 0.1, 1: 0.1, 2: 0.1})
    assert None not in [picker.pick(field, rng) for _ in range(500)]


def test_a_request_without_affinity_is_picked_by_the_strategy_inside() -> None:
    picker, rng = picker_for(Strategy.ROUND_ROBIN, [1, 1, 1], sticky_names=["a", "b", "c"]), Random(1)
    assert [picker.pick(CALM, rng) for _ in range(6)] == [0, 1, 2, 0, 1, 2]

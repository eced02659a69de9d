"""Laws of the strategies among endpoints that misbehave, in virtual time. `python -m tests.simulation.balancing` prints
the tables."""

from functools import cache

import msgspec
import pytest

from simulation.balancing import (
    FLAPPING,
    ORDINARY,
    PICKERS,
    SLOW,
    Member,
    Result,
    Scenario,
    keep_weights,
    scenarios,
    show,
    simulate,
    slow_then_well,
    table,
)

SCENARIOS = {scenario.name: scenario for scenario in scenarios()}
BY_SPEED = ["least_latency", "p2c"]
BY_TURNS = ["weighted_round_robin", "round_robin", "priority"]
CROWDS = [name for name in SCENARIOS if "each" in name]


@cache
def result(scenario: str, strategy: str) -> Result:
    return simulate(SCENARIOS[scenario], PICKERS[strategy])


@pytest.mark.parametrize("strategy", PICKERS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_request_is_answered_and_few_are_sent_twice(scenario: str, strategy: str) -> None:
    """The breaker needs five failures each time it lets the flapping one try: under 10 % of 60 requests a second."""
    it = result(scenario, strategy)
    assert it.requests > 1_000
    assert it.errors == 0
    assert it.retries <= 0.10 * it.requests


@pytest.mark.parametrize("strategy", BY_TURNS)
def test_turns_are_exact(strategy: str) -> None:
    tally = [sum(call.place == place for call in result("3 ordinary", strategy).calls) for place in range(3)]
    assert max(tally) - min(tally) <= 1


@pytest.mark.parametrize("seed", [1, 2])
def test_weights_are_kept_within_one_request_after_every_request(seed: int) -> None:
    kept = keep_weights(seed=seed)
    assert kept.furthest <= 1.0
    assert kept.percent == pytest.approx((50, 30, 20), abs=0.01)


@pytest.mark.parametrize("strategy", PICKERS)
def test_equal_endpoints_are_loaded_equally(strategy: str) -> None:
    """1,500 requests, 500 each. Chance alone deviates by sqrt(500 * 2 / 3) = 3.7 %, 5,000 callers on a ring of 40
    points by up to 1 / sqrt(40) = 16 %, and who goes by measured speed follows the noise of the measurements."""
    assert result("3 ordinary", strategy).spread <= (0.16 if strategy == "sticky" else 0.10)


@pytest.mark.parametrize("scenario", CROWDS)
def test_two_looks_or_a_few_keep_the_longest_queue_shorter_than_chance_does(scenario: str) -> None:
    most = result(scenario, "random").peak
    assert result(scenario, "p2c").peak <= most
    assert result(scenario, "least_connections").peak < most


@pytest.mark.parametrize("strategy", BY_SPEED)
@pytest.mark.parametrize("scenario", ["3, one slow", *CROWDS])
def test_a_slow_endpoint_is_not_felt(scenario: str, strategy: str) -> None:
    """An ordinary p99 is 200 ms * e^(0.25 * 2.33) = 358 ms."""
    assert result(scenario, strategy).p99 <= 0.358 * 1.2
    assert result("3, one slow", "weighted_round_robin").p99 > 2.0


@pytest.mark.parametrize("strategy", BY_SPEED)
@pytest.mark.parametrize(("per_second", "stream_ms"), [(20, 100), (100, 100), (100, 600), (300, 600), (60, 5_000)])
def test_ten_times_as_slow_gets_under_five_percent_and_its_share_again_when_it_heals(
    strategy: str, per_second: int, stream_ms: int
) -> None:
    """Once, twice and ten times 200 ms; at 40 s all are as fast as the first."""
    it = slow_then_well(strategy, per_second, stream_ms)
    assert it.share(2, 10, 40) <= 0.05
    assert it.share(2, 70, 90) >= 0.25  # of a third, 30 s after


@pytest.mark.parametrize("strategy", BY_SPEED)
def test_the_slow_one_adds_less_than_a_fifth_to_the_99th_percentile(strategy: str) -> None:
    fast, middle = ORDINARY, Member(first_token_ms=400.0)
    three = simulate(Scenario("three", (fast, middle, SLOW), 100, 60, 10.0), PICKERS[strategy])
    two = simulate(Scenario("two", (fast, middle), 100, 60, 10.0), PICKERS[strategy])
    assert three.p99 <= 1.2 * two.p99


@pytest.mark.parametrize("strategy", PICKERS)
def test_who_comes_back_ramps_and_never_bursts(strategy: str) -> None:
    """Down and up again for 20 s each at 90 requests a second, with a ramp of 5 s. No second on return has more calls
    than an ordinary one of its share, 30 with 4 sigma of 5.5, and the first has clearly fewer."""
    member = msgspec.structs.replace(FLAPPING, flaps_seconds=20.0)
    it = simulate(Scenario("returns", (ORDINARY, ORDINARY, member), 90, 60, 0.0), PICKERS[strategy])
    back = next(call.at for call in it.calls if call.place == 2 and call.at >= 40.0)
    seconds = [sum(call.place == 2 and back + s <= call.at < back + s + 1 for call in it.calls) for s in range(15)]
    assert max(seconds) <= 30 + 22, seconds
    assert seconds[0] <= 20, seconds
    assert sum(seconds[10:]) >= 120, seconds  # its share, 150, is back


def test_a_seed_gives_the_same_run_and_another_gives_another() -> None:
    scenario = SCENARIOS["3, one flapping"]
    assert simulate(scenario, PICKERS["p2c"], 5) == simulate(scenario, PICKERS["p2c"], 5)
    assert simulate(scenario, PICKERS["p2c"], 5) != simulate(scenario, PICKERS["p2c"], 6)


def test_the_table_shows_every_strategy() -> None:
    text = table({name: result("3, one slow", name) for name in PICKERS})
    assert [line.split()[0] for line in text.splitlines()[2:]] == list(PICKERS)
    assert "33." in next(line for line in text.splitlines() if line.startswith("weighted_round_robin")).split()[-1]


def test_it_prints_a_table_for_each_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [SCENARIOS["3 ordinary"], SCENARIOS["3, one rate limited"]]
    show(chosen, seed=3)
    printed = capsys.readouterr().out
    assert printed.startswith("seed 3\n")
    assert [f"\n{scenario.name}: " in printed for scenario in chosen] == [True, True]
    assert "weights 50/30/20: 50." in printed
    assert [f"\n{name} " in printed.partition("1x, 2x and 10x")[2] for name in BY_SPEED] == [True, True]

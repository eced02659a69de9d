"""What a caller notices of an outage, and what the provider sees of ours. `python -m simulation.outages` prints the
table."""

from functools import cache

import pytest

from simulation.outages import SCENARIOS, Simulation, main, scenario

SEEDS = (1, 2)
ALL_FAIL = [it.name for it in SCENARIOS if it.heals_at == 60.0]


@cache
def run(name: str, seed: int) -> Simulation:
    return Simulation(scenario(name), seed).run()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", ["failing", "hanging"])
def test_a_flapping_primary_with_a_fallback_is_never_noticed(how: str, seed: int) -> None:
    done = run(f"2 s up, 2 s {how}, a fallback", seed)
    assert len(done.ended) == 18_000
    assert done.failed() == 0
    assert done.calls <= 1.1 * len(done.ended)


@pytest.mark.parametrize(("how", "most"), [("fails", 20), ("hangs", 220)])
def test_one_of_three_is_not_missed(how: str, most: int) -> None:
    """Who hangs from the first second on has no speed yet: 2 x 100 a second x 1 s go there, then probes."""
    done = run(f"one of three {how}", 1)
    assert done.failed() == 0
    assert done.calls <= 1.1 * len(done.ended)
    broken, *well = (it.calls for it in done.tiers[0])
    assert broken <= most
    assert min(well) >= 0.9 * max(well)


@pytest.mark.parametrize("name", ALL_FAIL)
def test_an_outage_of_everything_is_not_made_worse(name: str) -> None:
    done = run(name, 1)
    assert done.allowed_until(60.0) == 1.2 * 18_000 + 10 * 60
    assert done.calls_until(60.0) <= done.allowed_until(60.0)
    assert done.failed(until=50.0) == 1.0


@pytest.mark.parametrize("name", ALL_FAIL)
def test_whoever_heals_serves_within_ten_seconds(name: str) -> None:
    done = run(name, 1)
    assert done.failed(since=70.0) <= 0.05
    assert done.failed(since=60.0, until=70.0) <= 0.05  # in fact nearly at once


def test_a_fallback_that_heals_alone_is_found() -> None:
    done = run("all fail, only the fallback heals after 60 s", 1)
    assert done.failed(since=60.0, until=70.0) <= 0.05
    assert done.failed(since=70.0) == 0


@pytest.mark.parametrize("name", [it.name for it in SCENARIOS])
def test_there_is_never_a_second_probe(name: str) -> None:
    assert run(name, 1).most_probes <= 1


def test_every_request_ends_once_and_keeps_nothing() -> None:
    for it in SCENARIOS:
        done = run(it.name, 1)
        assert len(done.ended) == int(it.rate * it.seconds)
        assert {up.gate.breaker.waiting for tier in done.tiers for up in tier} == {0}
        assert max(ended.calls for ended in done.ended) <= 3


def test_the_table_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    main(1, [scenario("one of three fails"), scenario("one alone fails, healed after 60 s")])
    _, _, steady, heals = capsys.readouterr().out.splitlines()
    assert "%" in steady
    assert heals.endswith("%")

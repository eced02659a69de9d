import itertools
from random import Random

from ai_gateway.policy.rota import JITTER, Rota

EVERY = 30.0


def turns(rota: Rota, members: list[str], seconds: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {it: [] for it in members}
    for now in range(seconds):
        for it in rota.due(members, now):
            found[it].append(now)
    return found


def test_everybody_has_a_turn_once_an_interval() -> None:
    """In 600 s at 30 s: 20 turns, one more or less by where the first one falls."""
    members = [f"pc_{number}" for number in range(200)]
    for instants in turns(Rota(EVERY, Random(1)), members, 600).values():
        assert 19 <= len(instants) <= 21
        gaps = [later - earlier for earlier, later in itertools.pairwise(instants)]
        assert all(EVERY * (1 - JITTER) <= gap <= EVERY * (1 + JITTER) + 1 for gap in gaps)


def test_those_who_came_together_do_not_have_their_turns_together() -> None:
    """600 members in 30 s are 20 a second; no second has three times as many."""
    members = [f"pc_{number}" for number in range(600)]
    found = turns(Rota(EVERY, Random(2)), members, 31)
    busiest = max(sum(now in instants for instants in found.values()) for now in range(31))
    assert busiest <= 60


def test_the_longest_overdue_comes_first_and_nobody_makes_up_for_turns_he_missed() -> None:
    rota = Rota(EVERY, Random(3))
    members = ["a", "b", "c"]
    rota.due(members, 0.0)
    first = rota.due(members, 1_000.0)
    assert sorted(first) == members
    assert rota.due(members, 1_001.0) == []
    second = rota.due(members, 2_000.0)
    assert sorted(second) == members


def test_who_is_gone_has_no_turn_and_begins_anew_when_he_returns() -> None:
    rota = Rota(EVERY, Random(4))
    rota.due(["a"], 0.0)
    assert rota.due([], 100.0) == []
    assert rota.due(["a"], 101.0) == []
    assert rota.due(["a"], 132.0) == ["a"]

from ai_gateway.policy.exploration import AGAIN_AFTER_SECONDS, ONE_OF, Exploration
from policy.load_balancer.fields import FakeField


def found(exploration: Exploration, field: FakeField, picks: int) -> list[int]:
    places = [exploration.stale(field) for _ in range(picks)]
    return [place for place in places if place is not None]


def test_of_so_many_picks_one_goes_to_whom_nobody_asked() -> None:
    exploration = Exploration([1, 1, 1])
    field = FakeField(now=100.0)
    places = [exploration.stale(field) for _ in range(5 * ONE_OF)]
    assert [number for number, place in enumerate(places, 1) if place is not None] == [ONE_OF, 2 * ONE_OF, 3 * ONE_OF]
    assert [place for place in places if place is not None] == [0, 1, 2]


def test_the_one_asked_longest_ago_is_first_and_asked_again_only_after_a_while() -> None:
    exploration = Exploration([1, 1, 1])
    exploration.asked[:] = [90.0, 80.0, 99.0]
    assert found(exploration, FakeField(now=100.0), 5 * ONE_OF) == [1, 0]
    assert found(exploration, FakeField(now=100.0 + AGAIN_AFTER_SECONDS), 5 * ONE_OF) == [2, 0, 1]


def test_who_is_out_is_not_asked_and_does_not_keep_the_others_from_it() -> None:
    exploration = Exploration([1, 1])
    exploration.asked[:] = [80.0, 90.0]
    assert found(exploration, FakeField(now=100.0, out={0}), 3 * ONE_OF) == [1]


def test_who_has_no_weight_is_never_asked() -> None:
    assert found(Exploration([0, 1, 0]), FakeField(now=100.0), 5 * ONE_OF) == [1]


def test_an_answer_from_everybody_leaves_nothing_to_explore() -> None:
    exploration = Exploration([1, 1])
    exploration.asked[:] = [99.0, 98.0]
    assert found(exploration, FakeField(now=100.0), 10 * ONE_OF) == []

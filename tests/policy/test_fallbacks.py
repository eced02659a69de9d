from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.fallbacks import MOST, behind, find_ring, follow

NAMES = st.sampled_from("abcdefgh")
GROUPS = st.dictionaries(NAMES, st.none() | st.lists(NAMES, max_size=3, unique=True), max_size=8)
DEFAULT = st.lists(NAMES, max_size=3, unique=True)


@pytest.mark.parametrize(
    ("groups", "default", "expected"),
    [
        ({"a": ["b"], "b": None}, (), ["b"]),
        ({"a": ["b", "c"], "b": ["d"], "c": None, "d": None}, (), ["b", "d", "c"]),
        ({"a": ["b", "c"], "b": ["c"], "c": None}, (), ["b", "c"]),
        ({"a": ["gone", "b"], "b": None}, (), ["b"]),
        ({"a": None, "b": None}, ("b",), ["b"]),
        ({"a": None, "b": ["c"], "c": None}, ("b",), ["b", "c"]),
        ({"a": [], "b": None}, ("b",), []),
        ({"a": ["c"], "b": None, "c": None}, ("b",), ["c"]),
        ({"a": None, "b": None}, ("a", "b"), ["b"]),
        ({"a": ["a"]}, (), []),
        ({"a": ["b"], "b": ["a"]}, (), ["b"]),
    ],
    ids=[
        "its own",
        "depth first",
        "each once",
        "one that is missing is passed over",
        "the default where it says nothing",
        "what stands behind the default",
        "an empty list says nowhere",
        "its own instead of the default",
        "a default one goes on to the other",
        "never itself",
        "a ring ends",
    ],
)
def test_the_groups_behind_a_group(groups: dict[str, list[str] | None], default: tuple[str, ...], expected: list[str]):
    assert behind("a", groups, default) == expected


def test_a_long_way_is_cut() -> None:
    groups = {str(number): [str(number + 1)] for number in range(100)}
    assert follow(["0"], groups) == [str(number) for number in range(MOST)]


@pytest.mark.parametrize(
    ("groups", "default", "ring"),
    [
        ({"a": ["a"]}, (), ["a", "a"]),
        ({"a": ["b"], "b": ["a"]}, (), ["a", "b", "a"]),
        ({"z": ["c"], "a": ["b"], "b": ["c"], "c": ["a"]}, (), ["a", "b", "c", "a"]),
        ({"a": None, "b": ["a"]}, ("b",), ["a", "b", "a"]),
        ({"a": [], "b": ["a"]}, ("b",), None),
        ({"a": None, "b": None}, ("b",), None),
        ({"a": None, "b": None}, ("a", "b"), None),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": None}, (), None),
        ({"a": ["gone"]}, ("gone",), None),
    ],
    ids=[
        "itself",
        "two",
        "three, told from the first name, entered behind one that is in no ring",
        "over the default",
        "not where it says nowhere",
        "the default one ends there",
        "two default ones end there",
        "a diamond is no ring",
        "what is missing leads nowhere",
    ],
)
def test_a_ring_is_named(groups: dict[str, list[str] | None], default: tuple[str, ...], ring: list[str] | None) -> None:
    assert find_ring(groups, default) == ring


def test_ten_thousand_groups_in_a_row_are_no_ring_until_the_last_leads_back() -> None:
    groups = {str(number): [str(number + 1)] for number in range(10_000)}
    assert find_ring(groups, ()) is None
    ring = find_ring({**groups, "10000": ["0"]}, ())
    assert ring is not None
    assert len(ring) == 10_002


@given(groups=GROUPS, default=DEFAULT)
def test_behind_a_group_stand_others_that_exist_each_once(groups: dict[str, list[str] | None], default: list[str]):
    for group in groups:
        found = behind(group, groups, default)
        assert len(set(found)) == len(found)
        assert set(found) <= set(groups) - {group}


@given(groups=GROUPS, default=DEFAULT)
def test_a_ring_leads_from_each_to_the_next_and_without_one_nothing_can_be_met_twice(
    groups: dict[str, list[str] | None], default: list[str]
) -> None:
    def ahead(group: str) -> list[str]:
        own = groups.get(group, [])
        if own is None:
            return [] if group in default else default
        return own

    ring = find_ring(groups, default)
    if ring is not None:
        assert ring[0] == ring[-1]
        assert all(to in ahead(of) for of, to in pairwise(ring))
        return
    left = dict.fromkeys(groups)
    while ends := [group for group in left if not any(to in left for to in ahead(group))]:
        for group in ends:
            del left[group]
    assert left == {}, "taking away what leads nowhere empties a graph without rings"

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.admin.differences import LONGEST, MOST, differences, differences_of
from ai_gateway.store.rows import RouteRow

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ({"max": 0.8}, {"max": 0.5}, "max"),
        ({"rules": [{"do": "cap", "max": 1}]}, {"rules": [{"do": "cap", "max": 2}]}, "rules[0].max"),
        ({"rules": [1]}, {"rules": [1, 2]}, "rules[1]"),
        ({"rules": (1, 2)}, {"rules": (1,)}, "rules[1]"),
        ({"a": True}, {"a": 1}, "a"),
        ({"a": {"b": 1}}, {}, "a"),
    ],
)
def test_a_change_is_told_by_its_place(before: Any, after: Any, path: str) -> None:
    (change,) = differences(before, after)
    assert change["path"] == path


def test_of_two_rows_only_what_people_wrote_is_compared() -> None:
    rules = ({"do": "cap", "max": 0.8},)
    before = RouteRow(id="route_1", tenant_id="t1", created_at=1.0, name="fast", pool="gpt-4", rules=rules)
    after = msgspec.structs.replace(before, id="route_2", created_at=2.0, rules=({"do": "cap", "max": 0.5},))
    assert differences_of(before, after) == [{"path": "rules[0].max", "before": 0.8, "after": 0.5}]


def test_much_is_cut() -> None:
    assert len(differences(list(range(MOST * 2)), [])) == MOST + 1
    (change,) = differences("x" * (LONGEST + 9), "y")
    assert change["before"] == "x" * LONGEST + "..."


@given(JSON, JSON)
def test_what_is_equal_has_no_difference_and_what_differs_has_one(before: Any, after: Any) -> None:
    assert differences(before, before) == []
    if before != after:
        assert differences(before, after) or _only_nothing(before, after)


def _only_nothing(before: Any, after: Any) -> bool:
    """A member that is null says what a member that is absent says."""
    return _stripped(before) == _stripped(after)


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stripped(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        kept = [_stripped(member) for member in value]
        while kept and kept[-1] is None:
            kept.pop()
        return kept
    return value

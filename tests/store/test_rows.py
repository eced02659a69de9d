from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.store.rows import NOUNS, Row, new_id


@given(st.floats(0, 4e9), st.floats(0.001, 1e9))
def test_ids_sort_by_time(now: float, later: float) -> None:
    assert new_id("key", now) < new_id("key", now + later + 0.001)


def test_two_ids_of_one_instant_differ() -> None:
    assert len({new_id("key", 1.0) for _ in range(1_000)}) == 1_000
    assert new_id("key", 1.0).startswith("key_0000000003e8")


def test_nouns_and_prefixes_are_told_apart() -> None:
    assert len({kind.noun for kind in NOUNS}) == len({kind.prefix for kind in NOUNS}) == len(NOUNS)
    assert {kind.noun for kind in NOUNS if not kind.prefix} == set()


def test_what_names_a_row_is_a_field_of_it() -> None:
    for kind in NOUNS:
        assert set(kind.unique + kind.unique_everywhere) <= set(kind.__struct_fields__)
        assert issubclass(kind, Row)

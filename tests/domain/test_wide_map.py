"""The law: whatever is put and dropped, in however many drafts, a wide map says what a dictionary would, and no map
that was there before says anything else than it did."""

from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.wide_map import PARTS, WideMap

names = st.one_of(st.integers(-50, 50), st.text(max_size=2), st.binary(max_size=2))
steps = st.lists(st.tuples(names, st.one_of(st.none(), st.integers())), max_size=20)


def changed(before: WideMap[object, int], batch: list[tuple[object, int | None]]) -> WideMap[object, int]:
    draft = before.draft()
    for name, value in batch:
        if value is None:
            draft.drop(name)
        else:
            draft.put(name, value)
    return draft.done()


def after(before: dict[object, int], batch: list[tuple[object, int | None]]) -> dict[object, int]:
    made = dict(before)
    for name, value in batch:
        if value is None:
            made.pop(name, None)
        else:
            made[name] = value
    return made


@given(st.lists(steps, max_size=5), st.lists(names))
def test_it_says_what_a_dictionary_would_and_earlier_ones_stay(
    history: list[list[tuple[object, int | None]]], asked: list[object]
) -> None:
    lived: list[tuple[WideMap[object, int], dict[object, int]]] = [(WideMap(), {})]
    for batch in history:
        wide, plain = lived[-1]
        lived.append((changed(wide, batch), after(plain, batch)))
    for wide, plain in lived:
        assert wide == plain
        assert len(wide) == len(plain)
        assert sorted(map(repr, wide)) == sorted(map(repr, plain))
        for name in [*asked, *plain]:
            assert wide.get(name) == plain.get(name)
            assert wide.get(name, -1) == plain.get(name, -1)
            assert (name in wide) == (name in plain)


def test_a_change_copies_the_parts_that_it_touches_and_no_others() -> None:
    before = changed(WideMap(), [(f"name {place}", place) for place in range(10_000)])
    now = changed(before, [("name 7", None), ("new", 1)])
    others = sum(old is not new for old, new in zip(before.parts, now.parts, strict=True))
    assert 1 <= others <= 2
    assert changed(before, []).parts == before.parts


def test_entries_are_spread_evenly() -> None:
    """100,000 over 256 parts are 391 a part; that one has twice as many is less likely than that a machine errs."""
    wide = changed(WideMap(), [(place.to_bytes(4, "big"), place) for place in range(100_000)])
    assert max(map(len, wide.parts)) < 2 * 100_000 / PARTS


def test_what_was_dropped_is_told() -> None:
    draft = changed(WideMap(), [("a", 1)]).draft()
    assert (draft.drop("a"), draft.drop("a")) == (1, None)

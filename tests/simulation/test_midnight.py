"""R-18 and B-15: midnight at 300 requests a second, where clocks change and where they do not.
`python -m simulation.midnight` prints the figures."""

import pytest

from simulation.midnight import DAY_OF_KEY, HALF_SECONDS, NIGHTS, RATE, Books, Leased, Night, Owned, cross

CASES: list[tuple[Night, type[Books]]] = [*((night, Owned) for night in NIGHTS), (NIGHTS[1], Leased)]


@pytest.mark.parametrize(("night", "books"), CASES, ids=[f"{it.name}, {kind.__name__}" for it, kind in CASES])
async def test_b15_what_is_admitted_before_midnight_is_booked_before_it(night: Night, books: type[Books]) -> None:
    it = await cross(night, books=books())
    assert set(it.statuses) == {200, 429}, "some were refused, and all of them with a word"
    assert sum(it.statuses.values()) > 2 * HALF_SECONDS * RATE
    assert it.wrong == [], "nothing was refused that would have fitted"
    assert it.crossing > 100
    assert it.rows == it.windows
    assert len(it.windows) == night.days
    assert max(it.windows.values()) <= DAY_OF_KEY
    assert all(one == other for one, other in it.others)
    if night.days == 2:
        assert 0 <= it.opened < 1.0
    assert it.asks == 0, "whoever has a lease has one of the new day before it begins"

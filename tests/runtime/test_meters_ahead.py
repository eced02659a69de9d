"""Room on a way changes nothing but what a request costs: meters that make room do, hear and tell what meters do that
look at every cell each time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.domain.budgets import Leg, Limit, Unit, Window
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.runtime.cells import Cell, Short, Shortage, is_warned
from ai_gateway.runtime.meters import MOST_ROOMS, REQUESTS_AHEAD, Meters
from ai_gateway.runtime.thresholds import Crossing
from ai_gateway.runtime.ways import NO_ROOM, Way

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
DAY = 86_400.0
KEY, OTHER, TEAM, TENANT = ("key", "k"), ("key", "o"), ("team", "t"), ("tenant", "a")
CALLERS = ((KEY, TENANT), (OTHER, TEAM, TENANT), (("key", "x"), TEAM, TENANT), (("key", "y"),))


def a_limit(leg: Leg, amount: int, unit: Unit = Unit.USD, window: Window = Window.DAILY, **more: object) -> Limit:
    return Limit(leg, window, unit, amount, tenant_id="a", **more)  # type: ignore[arg-type]


def a_charge(worst: int, *limits: Limit, legs: tuple[Leg, ...] = (KEY, TENANT), **more: object) -> Charge:
    return Charge(**{"legs": legs, "worst_nano": worst, "at": NOON, "limits": limits} | more)  # type: ignore[arg-type]


def go(meters: Meters, name: str, charge: Charge) -> bool:
    way = meters.way_of(charge)
    return meters.take_along(name, way, int(charge.at), charge.worst_nano, charge.worst_tokens)


@contextmanager
def without_room() -> Iterator[Meters]:
    """Somebody waits for something all the time, so nobody may take more than he needs."""
    meters = Meters()
    with meters.waiting_for(Cell(a_limit(("key", "nobody"), 0), 0, 0)):
        yield meters


class Both:
    """The same happens to both; `ahead` makes room, and is asked the short way where there is one."""

    def __init__(self, exact: Meters, ahead: int) -> None:
        self.ahead, self.exact = Meters(requests_ahead=ahead), exact
        self.holds: dict[str, Hold] = {}
        self.at = NOON
        self.revision = 0
        self.limits: dict[tuple[Leg, ...], tuple[Limit, ...]] = dict.fromkeys(CALLERS, ())
        self.waiting = ExitStack()
        self.heard: tuple[list[object], list[object]] = ([], [])
        for meters, heard in zip((self.ahead, exact), self.heard, strict=True):
            meters.crossed = lambda it, heard=heard: heard.append(_crossed(it))
            meters.freed = lambda it, heard=heard: heard.append(("freed", it.limit, it.number))

    def configure(self, limits: list[Limit]) -> None:
        self.revision += 1
        self.limits = {legs: tuple(it for it in limits if it.leg in legs) for legs in CALLERS}

    def take(self, name: str, legs: tuple[Leg, ...], worst: int, tokens: int) -> None:
        charge = Charge(legs, worst, tokens, self.at, self.limits[legs], revision=self.revision)
        expected = self.exact.take(name, charge)
        taken = go(self.ahead, name, charge)
        got = Hold(name, charge, self.ahead.way_of(charge).number) if taken else self.ahead.take(name, charge)
        assert taken == isinstance(expected, Hold)
        if isinstance(expected, Shortage):
            assert isinstance(got, Shortage)
            assert (got.short, got.cell.limit, got.amount) == (expected.short, expected.cell.limit, expected.amount)
            assert (got.cell.free, got.cell.spent) == (expected.cell.free, expected.cell.spent)
        else:
            assert got == expected
            self.holds[name] = expected

    def settle(self, hold: Hold, cost: int, tokens: int) -> None:
        exact, ahead = self.exact, self.ahead
        own = _plus(exact.booked(hold), (cost, tokens, 1))
        tells = any(is_warned(cell, own[cell.unit]) for cell in exact.cells_of(hold))
        exact.book(hold, cost, tokens)
        assert exact.settle(hold) == own[1]
        assert ahead.settle_whole(hold.request_id, cost, tokens) == tells

    def look(self) -> None:
        """At every number that there is."""
        for limit in {limit for limits in self.limits.values() for limit in limits}:
            assert self.ahead.standing(limit, self.at) == self.exact.standing(limit, self.at)
        for leg in {leg for legs in CALLERS for leg in legs}:
            for window in Window:
                assert self.ahead.spent(leg, window, self.at) == self.exact.spent(leg, window, self.at)
        assert self.ahead.near_limit("a", self.at) == self.exact.near_limit("a", self.at)

    def check(self) -> None:
        ahead, exact = self.heard
        assert sorted(map(repr, ahead)) == sorted(map(repr, exact))
        ahead.clear()
        exact.clear()
        assert self.ahead.open_holds == self.exact.open_holds


def _crossed(it: Crossing) -> object:
    return ("crossed", it.percent, it.cell.limit, it.cell.spent)


def _plus(one: tuple[int, int, int], cost: tuple[int, int, int]) -> tuple[int, int, int]:
    return one[0] + cost[0], one[1] + cost[1], 1


LEGS = (KEY, OTHER, TEAM, TENANT)
UNITS = (Unit.USD, Unit.USD, Unit.USD, Unit.TOKENS, Unit.REQUESTS)
WHAT = ["take"] * 12 + ["settle whole"] * 12
WHAT += ["book", "settle", "extend", "cover", "tomorrow", "limits", "look", "correct", "wait", "wait no more"]


def some_limits(rng: Random) -> list[Limit]:
    """Any on a leg, and nearly always one of dollars that all share: of little or of plenty."""
    places = {(rng.choice(LEGS), rng.choice(UNITS), rng.choice(list(Window))) for _ in range(rng.randrange(5))}
    places.add((TENANT, Unit.USD, Window.DAILY))
    return [
        a_limit(leg, rng.choice([30, 75, 100, 200, 400]), unit, window, warn_at=rng.choice([(), (50, 80, 100), (95,)]))
        for leg, unit, window in sorted(places)
    ]


def a_step(both: Both, rng: Random, name: str, worst: int) -> None:
    what, legs, amount = rng.choice(WHAT), rng.choice(CALLERS), rng.randrange(worst + 3)
    some_tokens = rng.randrange(8)
    if what == "take":
        both.take(name, legs, rng.choice([worst, worst, amount]), some_tokens)
    elif what == "limits":
        both.configure(some_limits(rng))
    elif what == "tomorrow":
        both.at += DAY * rng.choice([0, 0, 1])
    elif what == "look":
        both.look()
    elif what == "correct":
        nano = rng.randrange(-3, 4) * worst
        for meters in (both.ahead, both.exact):
            meters.correct(legs, int(both.at // DAY), nano)
    elif what == "wait" and both.limits[legs]:
        which = rng.randrange(9)
        for meters in (both.ahead, both.exact):
            cells = meters.cells_for(Charge(legs, 0, 0, both.at, both.limits[legs], revision=both.revision))
            both.waiting.enter_context(meters.waiting_for(cells[which % len(cells)]))
    elif what == "wait no more":
        both.waiting.close()
    elif both.holds:
        one = both.holds[rng.choice(list(both.holds))]
        if what == "settle whole":
            both.settle(both.holds.pop(one.request_id), amount, some_tokens)
        elif what == "settle":
            del both.holds[one.request_id]
            assert both.ahead.settle(one) == both.exact.settle(one)
        elif what == "book":
            for meters in (both.ahead, both.exact):
                meters.book(one, amount, some_tokens)
            assert both.ahead.booked(one) == both.exact.booked(one)
        else:
            ahead, exact = (
                meters.cover(one) if what == "cover" else meters.extend(one, amount, some_tokens)
                for meters in (both.ahead, both.exact)
            )
            assert (ahead and (ahead.short, ahead.cell.limit)) == (exact and (exact.short, exact.cell.limit))


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 20))
def test_what_is_taken_along_a_way_does_what_take_book_and_settle_do(seed: int, ahead: int, worst: int) -> None:
    """Waiting, corrections, midnights, limits that come, change and go, costs above the hold, in any order."""
    rng = Random(seed)
    with without_room() as exact:
        both = Both(exact, ahead)
        both.configure(some_limits(rng))
        with both.waiting:
            for number in range(100):
                a_step(both, rng, f"r{number}", worst)
                both.check()
        both.look()


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 20), st.integers(1, 4))
def test_a_crowd_crosses_every_threshold_with_the_request_that_reaches_it(
    seed: int, ahead: int, worst: int, callers: int
) -> None:
    """Nobody looks in between, so there is room for as long as there can be."""
    rng = Random(seed)
    with without_room() as exact:
        both = Both(exact, ahead)
        both.configure(some_limits(rng))
        for number in range(100):
            both.take(f"r{number}", rng.choice(CALLERS[:callers]), worst, 1)
            while len(both.holds) > rng.randrange(4):
                hold = both.holds.pop(next(iter(both.holds)))
                both.settle(hold, rng.choice([worst // 2, worst, worst, 3 * worst]), 1)
            both.check()
        both.look()


def test_a_request_in_room_touches_no_cell_until_somebody_looks() -> None:
    meters, limit = Meters(), a_limit(TENANT, 10**9)
    charge = a_charge(10, limit)
    way = meters.way_of(charge)
    (cell,) = way.cells
    for number in range(100):
        assert meters.take_along(f"r{number}", way, int(NOON), 10, 5)
        assert not meters.settle_whole(f"r{number}", 4, 3)
        assert (cell.used, cell.spent) == (10 * REQUESTS_AHEAD, 0)
    standing = meters.standing(limit, NOON)
    assert (standing.spent, standing.held, cell.used) == (400, 0, 400)
    assert meters.spent(KEY, Window.DAILY, NOON) == (400, 300, 100)


def test_what_a_way_has_ahead_is_no_reason_to_refuse_anybody() -> None:
    limit = a_limit(TENANT, 1_000, warn_at=())
    meters = Meters()
    assert go(meters, "r1", a_charge(10, limit))
    assert go(meters, "r2", a_charge(990, limit, legs=(OTHER, TENANT)))
    refused = meters.take("r3", a_charge(1, limit))
    assert isinstance(refused, Shortage)
    assert (refused.short, refused.cell.free) == (Short.CONTENDED, 0)


def test_who_spends_more_than_was_held_leaves_no_room_to_others() -> None:
    limit = a_limit(TENANT, 1_000, warn_at=())
    meters, charge = Meters(), a_charge(10, limit)
    dear = a_charge(10, limit, legs=(OTHER, TENANT), limits=charge.limits)
    assert go(meters, "r1", charge)
    assert go(meters, "r2", dear)
    assert not meters.settle_whole("r2", 990, 0)
    assert not go(meters, "r3", charge)  # 990 are spent and 10 held


def test_what_a_request_was_extended_by_is_no_room_in_which_nobody_looks() -> None:
    limit = a_limit(KEY, 1_000, warn_at=(50,))
    meters, charge = Meters(requests_ahead=10), a_charge(10, limit)
    assert go(meters, "r", charge)
    assert meters.extend(Hold("r", charge, meters.way_of(charge).number), 450, 0) is None
    assert meters.settle_whole("r", 500, 0)


def test_what_is_unsaid_for_days_is_in_the_sums() -> None:
    meters, limit = Meters(), a_limit(TENANT, 10**9, window=Window.TOTAL)
    assert go(meters, "r", a_charge(10, limit))
    assert not meters.settle_whole("r", 7, 3)
    later = NOON + 5 * DAY
    meters.way_of(a_charge(10, limit, at=later))
    assert meters.spent(TENANT, Window.TOTAL, later) == (7, 3, 1)


def test_a_way_of_another_second_takes_nothing_and_is_found_right_again() -> None:
    meters = Meters()
    charge = a_charge(10, a_limit(KEY, 1_000))
    way = meters.way_of(charge)
    assert way.second == int(NOON)
    assert not meters.take_along("r", way, int(NOON) + 1, 10, 0)
    assert meters.way_of(a_charge(10, at=NOON + 1.5, limits=charge.limits)) is way
    assert way.second == int(NOON) + 1
    assert meters.take_along("r", way, int(NOON) + 1, 10, 0)
    assert meters.way_of(a_charge(10, at=NOON + DAY, limits=charge.limits)) is not way


def test_a_way_from_before_a_limit_was_added_takes_nothing() -> None:
    meters = Meters()
    way = meters.way_of(a_charge(10))
    assert meters.take_along("r1", way, int(NOON), 10, 0)
    added = a_limit(TENANT, 15)
    assert meters.standing(added, NOON).held == 10
    assert not meters.take_along("r2", way, int(NOON), 10, 0)
    assert isinstance(meters.take("r2", a_charge(10, added)), Shortage)
    assert not meters.settle_whole("r1", 7, 0)
    assert (meters.standing(added, NOON).spent, meters.standing(added, NOON).held) == (7, 0)


def test_nobody_passes_those_who_wait_and_who_waits_elsewhere_is_in_nobodys_way() -> None:
    meters, limit, other = Meters(), a_limit(KEY, 10**6), a_limit(OTHER, 10**6)
    charge, elsewhere = a_charge(10, limit), a_charge(10, other, legs=(OTHER, TENANT))
    (cell,) = meters.cells_for(charge)
    assert go(meters, "r0", charge)
    with meters.waiting_for(cell):
        assert cell.used == 10
        assert not go(meters, "r1", charge)
        assert go(meters, "r2", elsewhere)
        assert meters.way_of(elsewhere).room == NO_ROOM
    assert go(meters, "r1", charge)


def test_settling_whole_twice_is_settling_once() -> None:
    meters, charge = Meters(), a_charge(10, a_limit(KEY, 1_000))
    assert go(meters, "r", charge)
    for _ in range(2):
        assert not meters.settle_whole("r", 10, 1)
    assert meters.spent(KEY, Window.DAILY, NOON) == (10, 1, 1)


def test_who_hands_over_has_the_hold_that_take_gives() -> None:
    limit = a_limit(KEY, 35, warn_at=(50,))
    meters, charge = Meters(), a_charge(10, limit, worst_tokens=3)
    way = meters.way_of(charge)
    assert go(meters, "r", charge)
    hold = Hold("r", charge, way.number)
    assert hold == Meters().take("r", charge)
    assert meters.cells_of(hold) == way.cells
    assert meters.extend(hold, 5, 0) is None
    meters.book(hold, 12)
    assert meters.booked(hold) == (12, 0, 1)
    assert meters.cover(hold) is None  # 12 are gone, and 10 more fit: 22 of 35
    assert meters.standing(limit, NOON).held == 22
    meters.book(hold, 8, 2)
    assert meters.cells_to_tell_of(hold) == way.cells
    assert meters.settle(hold) == 2
    assert (meters.standing(limit, NOON).spent, meters.standing(limit, NOON).held) == (20, 0)
    assert meters.cells_of(hold) == meters.cells_to_tell_of(hold) == ()


def test_there_is_nothing_to_tell_of_what_is_in_room() -> None:
    limit = a_limit(KEY, 10_000, warn_at=(20,))
    meters, charge = Meters(), a_charge(10, limit)
    hold = meters.take("r", charge)
    assert isinstance(hold, Hold)
    meters.book(hold, 10)
    assert meters.cells_to_tell_of(hold) == ()
    meters.book(hold, 1_990)
    assert [is_warned(cell, 2_000) for cell in meters.cells_to_tell_of(hold)] == [True]


def test_only_so_many_ways_have_room_at_once() -> None:
    meters, limit = Meters(), a_limit(TENANT, 10**9)
    ways: list[Way] = []
    for number in range(MOST_ROOMS + 1):
        charge = a_charge(10, limit, legs=(("key", str(number)), TENANT), limits=(limit,))
        assert go(meters, f"r{number}", charge)
        ways.append(meters.way_of(charge))
    assert sum(way.room != NO_ROOM for way in ways) == 1
    assert meters.standing(limit, NOON).held == 10 * (MOST_ROOMS + 1)


def test_a_way_that_needs_room_again_and_again_loses_nothing_when_all_is_said() -> None:
    meters, limit = Meters(requests_ahead=1), a_limit(KEY, 10**9)
    charge = a_charge(10, limit)
    for number in range(2 * MOST_ROOMS):
        assert go(meters, f"r{number}", charge)
    (cell,) = meters.cells_for(charge)
    assert (cell.held, cell.spent) == (20 * MOST_ROOMS, 0)

"""Meters against a model that keeps a list of everything that happened and adds it up anew for each question."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.domain.budgets import Leg, Limit, Unit, Window
from ai_gateway.domain.traffic import Charge, Hold, WindowSpent
from ai_gateway.policy.windows import number_of, windows_at
from ai_gateway.runtime.cells import Short, Shortage
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.thresholds import Crossing

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
DAY = 86_400.0
KEY, TEAM, DEPARTMENT, USER, TENANT = ("key", "k"), ("team", "t"), ("department", "d"), ("user", "u"), ("tenant", "a")
LEGS = (KEY, TEAM, DEPARTMENT, USER, TENANT)


def a_limit(leg: Leg, amount: int, window: Window = Window.DAILY, unit: Unit = Unit.USD, **more: object) -> Limit:
    return Limit(leg, window, unit, amount, **more)  # type: ignore[arg-type]


def a_charge(worst: int, *limits: Limit, at: float = NOON, legs: tuple[Leg, ...] = LEGS, **more: object) -> Charge:
    return Charge(legs=legs, worst_nano=worst, at=at, limits=limits, **more)  # type: ignore[arg-type]


def taken(meters: Meters, name: str, charge: Charge) -> Hold:
    hold = meters.take(name, charge)
    assert isinstance(hold, Hold), hold
    return hold


def short(meters: Meters, name: str, charge: Charge) -> Shortage:
    shortage = meters.take(name, charge)
    assert isinstance(shortage, Shortage), shortage
    return shortage


def spend(meters: Meters, name: str, charge: Charge, cost: int) -> None:
    hold = taken(meters, name, charge)
    meters.book(hold, cost)
    meters.settle(hold)


class Model:
    """The reference: what each request asked for, cost and still holds, and sums over all of them for each question."""

    def __init__(self) -> None:
        self.requests: dict[str, tuple[Charge, list[int], list[int], list[bool]]] = {}

    def sums(self, limit: Limit, at: float) -> tuple[int, int]:
        spent = held = 0
        number = number_of(limit.window, windows_at(at))
        for charge, amounts, booked, is_open in self.requests.values():
            if limit.leg in charge.legs and number_of(limit.window, windows_at(charge.at)) == number:
                spent += 0 if is_open[0] else booked[limit.unit]
                held += amounts[limit.unit] if is_open[0] else 0
        return spent, held

    def take(self, name: str, charge: Charge) -> Short | None:
        asked = (charge.worst_nano, charge.worst_tokens, 1)
        found = [(limit, *self.sums(limit, charge.at), asked[limit.unit]) for limit in charge.limits]
        if any(spent + amount > limit.amount for limit, spent, _, amount in found if amount):
            return Short.EXHAUSTED
        if any(spent + held + amount > limit.amount for limit, spent, held, amount in found if amount):
            return Short.CONTENDED
        self.requests[name] = (charge, list(asked), [0, 0, 0], [True])
        return None

    def open_ones(self) -> list[str]:
        return [name for name, it in self.requests.items() if it[3][0]]


A_LIMIT = st.builds(
    a_limit,
    st.sampled_from([KEY, TEAM, TENANT]),
    st.integers(0, 4000),
    st.sampled_from(Window),
    st.sampled_from(Unit),
)
A_STEP = st.tuples(
    st.sampled_from(["take", "take", "take late", "book", "settle", "settle", "extend", "tomorrow", "limits"]),
    st.integers(0, 5),
    st.integers(0, 1000),
    st.sampled_from([(KEY,), (KEY, TENANT), (KEY, TEAM, TENANT)]),
    st.lists(A_LIMIT, max_size=4, unique_by=lambda it: (it.leg, it.window, it.unit)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(A_STEP, max_size=60))
def test_meters_do_what_the_model_does_through_any_history(
    steps: list[tuple[str, int, int, tuple[Leg, ...], list[Limit]]],
) -> None:
    """Holds, settlements, extensions, midnights, late arrivals and limits that come, change and go, in any order."""
    meters, model, holds = Meters(), Model(), dict[str, Hold]()
    at, limits, revision = NOON + 29 * DAY, tuple[Limit, ...](), 0  # 2026-01-30: two steps from another month
    for number, (what, which, amount, legs, more) in enumerate(steps):
        name = f"r{number}"
        if what == "tomorrow":
            for one in model.open_ones():
                if model.requests[one][0].at <= at - DAY:  # nothing lives longer
                    meters.settle(holds[one])
                    model.requests[one][3][0] = False
            at += DAY
        elif what == "limits":
            limits, revision = tuple(more), revision + 1
        elif what.startswith("take"):
            own = tuple(limit for limit in limits if limit.leg in legs)
            when = at if what == "take" else at - DAY
            charge = a_charge(amount, *own, at=when, legs=legs, worst_tokens=which * 100, revision=revision)
            expected, got = model.take(name, charge), meters.take(name, charge)
            assert (got.short if isinstance(got, Shortage) else None) == expected
            if isinstance(got, Hold):
                holds[name] = got
        elif open_ones := model.open_ones():
            name = open_ones[which % len(open_ones)]
            charge, amounts, booked, is_open = model.requests[name]
            if what == "book":
                meters.book(holds[name], amount, which)
                booked[0], booked[1], booked[2] = booked[0] + amount, booked[1] + which, 1
            elif what == "extend":
                if meters.extend(holds[name], amount, which) is None:
                    amounts[0], amounts[1] = amounts[0] + amount, amounts[1] + which
            else:
                meters.settle(holds[name])
                meters.settle(holds[name])
                is_open[0] = False
        for limit in limits:
            standing = meters.standing(limit, at)
            assert (standing.spent, standing.held) == model.sums(limit, at)
    assert meters.open_holds == len(model.open_ones())


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=40), st.integers(0, 3000))
def test_what_is_settled_and_held_never_passes_a_limit_where_holds_are_true(
    asked: list[tuple[int, int]], amount: int
) -> None:
    meters, limits = Meters(), tuple(a_limit(leg, amount + place) for place, leg in enumerate(LEGS))
    holds: list[tuple[Hold, int]] = []
    for number, (worst, of_it) in enumerate(asked):
        hold = meters.take(f"r{number}", a_charge(worst, *limits))
        if isinstance(hold, Hold):
            holds.append((hold, min(of_it, worst)))
        if number % 3 == 2 and holds:
            done, cost = holds.pop(0)
            meters.book(done, cost)
            meters.settle(done)
        for limit in limits:
            standing = meters.standing(limit, NOON)
            assert standing.spent + standing.held <= limit.amount


def test_a_request_of_yesterday_is_held_and_booked_yesterday() -> None:
    meters, limit = Meters(), a_limit(KEY, 1_000_000)
    month, total = a_limit(KEY, 10**9, Window.MONTHLY), a_limit(KEY, 10**9, Window.TOTAL)
    late = taken(meters, "late", a_charge(10, limit))
    today = taken(meters, "today", a_charge(100, limit, at=NOON + DAY))
    slow = taken(meters, "slow", a_charge(1000, limit))  # admitted before midnight, its body came after
    assert meters.standing(limit, NOON + DAY).held == 100
    for hold, cost in ((late, 1), (today, 2), (slow, 3)):
        meters.book(hold, cost)
        meters.settle(hold)

    yesterday, now = meters.standing(limit, NOON), meters.standing(limit, NOON + DAY)
    assert (yesterday.window_id, yesterday.spent, yesterday.held) == ("D:2026-01-01", 1 + 3, 0)
    assert (now.window_id, now.spent, now.held) == ("D:2026-01-02", 2, 0)
    assert meters.standing(month, NOON + DAY).spent == meters.standing(total, NOON + DAY).spent == 1 + 2 + 3


def test_b15_midnight_is_that_of_the_zone_and_resets_nothing_twice() -> None:
    berlin, limit = ZoneInfo("Europe/Berlin"), a_limit(KEY, 100)
    meters = Meters()
    midnight = 1_767_308_400.0  # 2026-01-02T00:00 in Berlin, 23:00 UTC
    spend(meters, "before", a_charge(90, limit, at=midnight - 0.001, zone=berlin), 90)
    assert isinstance(meters.take("r", a_charge(20, limit, at=midnight - 0.001, zone=berlin)), Shortage)
    spend(meters, "after", a_charge(90, limit, at=midnight, zone=berlin), 80)
    assert meters.standing(limit, midnight - 1, berlin).spent == 90
    standing = meters.standing(limit, midnight + 3600, berlin)
    assert (standing.window_id, standing.spent, standing.resets_at) == ("D:2026-01-02", 80, int(midnight + DAY))
    assert isinstance(meters.take("r", a_charge(30, limit, at=midnight + 1.5 * 3600, zone=berlin)), Shortage)


@pytest.mark.parametrize("window", Window)
@pytest.mark.parametrize("leg", LEGS)
def test_a_hold_that_would_pass_a_limit_leaves_no_trace(leg: Leg, window: Window) -> None:
    meters, limit = Meters(), a_limit(leg, 100, window)
    first = taken(meters, "r1", a_charge(60, limit))
    contended = short(meters, "r2", a_charge(41, limit))
    taken(meters, "r3", a_charge(40, limit))  # 60 + 40 = 100
    meters.book(first, 60)
    meters.settle(first)
    exhausted = short(meters, "r4", a_charge(41, limit))  # 60 are spent, and 60 + 41 > 100 whatever comes back

    assert (contended.short, contended.cell.limit, contended.amount) == (Short.CONTENDED, limit, 41)
    assert (exhausted.short, exhausted.cell.spent, exhausted.cell.held) == (Short.EXHAUSTED, 60, 40)
    for other in LEGS:
        standing = meters.standing(a_limit(other, 10**6, window), NOON)
        assert (standing.spent, standing.held) == (60, 40)
    assert meters.open_holds == 1


def test_what_is_exhausted_is_said_before_what_is_contended() -> None:
    meters = Meters()
    taken(meters, "r1", a_charge(60))
    shortage = short(meters, "r2", a_charge(50, a_limit(KEY, 100), a_limit(TENANT, 40, Window.TOTAL)))
    assert (shortage.short, shortage.cell.limit.leg) == (Short.EXHAUSTED, TENANT)


def test_of_two_that_are_exhausted_the_first_in_the_order_of_checking_is_said() -> None:
    shortage = short(Meters(), "r", a_charge(50, a_limit(KEY, 49), a_limit(TENANT, 1)))
    assert shortage.cell.limit.leg == KEY


def test_truth_above_the_hold_is_booked() -> None:
    meters, limit = Meters(), a_limit(KEY, 10)
    hold = taken(meters, "r", a_charge(10, limit))
    meters.book(hold, 25)
    meters.settle(hold)
    standing = meters.standing(limit, NOON)
    assert (standing.spent, standing.held) == (25, 0)


@pytest.mark.parametrize(("unit", "amount"), [(Unit.TOKENS, 100), (Unit.REQUESTS, 2)])
def test_tokens_and_requests_are_held_and_spent_like_money(unit: Unit, amount: int) -> None:
    meters, limit = Meters(), a_limit(TEAM, amount, Window.MONTHLY, unit)
    first = taken(meters, "r1", a_charge(9, limit, worst_tokens=60))
    second = taken(meters, "r2", a_charge(9, limit, worst_tokens=40))
    assert short(meters, "r3", a_charge(9, limit, worst_tokens=1)).short is Short.CONTENDED
    meters.book(first, 5, 50)
    meters.book(first, 5, 10)  # a second attempt: no second request
    for hold in (first, second):
        meters.settle(hold)
    assert meters.standing(limit, NOON).spent == (60 if unit is Unit.TOKENS else 1)  # the second was never sent


def test_b09_a_limit_of_nobody_yet_seen_holds_its_first_burst() -> None:
    meters, limit = Meters(), a_limit(("user", "new"), 100)
    answers = [meters.take(f"r{n}", a_charge(60, limit, legs=(("user", "new"),))) for n in range(8)]
    assert [isinstance(it, Hold) for it in answers] == [True] + [False] * 7


def test_a_limit_that_comes_into_force_knows_what_the_morning_cost_and_what_is_in_flight() -> None:
    meters = Meters()
    spend(meters, "r1", a_charge(60), 50)
    open_one = taken(meters, "r2", a_charge(30))
    limit = a_limit(TENANT, 100)
    assert short(meters, "r3", a_charge(21, limit)).short is Short.CONTENDED  # 50 + 30 + 21 > 100
    meters.book(open_one, 30)
    meters.settle(open_one)
    assert short(meters, "r4", a_charge(21, limit)).short is Short.EXHAUSTED
    taken(meters, "r5", a_charge(20, limit))


def test_a_changed_limit_holds_at_once_and_an_old_configuration_does_not_bring_it_back() -> None:
    meters, before, after = Meters(), a_limit(TENANT, 100), a_limit(TENANT, 10)
    taken(meters, "r1", a_charge(5, before, revision=1))
    assert isinstance(meters.take("r2", a_charge(6, after, revision=2)), Shortage)
    assert isinstance(meters.take("r3", a_charge(6, before, legs=(("key", "other"), TENANT), revision=1)), Shortage)
    taken(meters, "r4", a_charge(95, before, revision=3))


def test_b08_room_for_another_attempt_is_made_before_it_is_sent() -> None:
    """What failed attempts cost is gone: the next one may still cost the worst case."""
    meters, limit = Meters(), a_limit(KEY, 100)
    hold = taken(meters, "r", a_charge(60, limit))
    assert meters.cover(hold) is None
    meters.book(hold, 30)
    assert meters.cover(hold) is None
    assert meters.standing(limit, NOON).held == 90
    meters.book(hold, 30)
    shortage = meters.cover(hold)
    assert shortage is not None
    assert shortage.short is Short.CONTENDED  # by itself: 60 are gone and 60 more do not fit
    assert meters.standing(limit, NOON).held == 90
    meters.settle(hold)
    assert (meters.standing(limit, NOON).spent, meters.standing(limit, NOON).held) == (60, 0)


def test_restoring_sets_and_never_adds() -> None:
    meters, day = Meters(), windows_at(NOON)
    books = [
        WindowSpent(KEY, Window.DAILY, day.day, (5, 1, 1)),
        WindowSpent(KEY, Window.MONTHLY, day.month, (50, 2, 2)),
        WindowSpent(KEY, Window.TOTAL, 0, (500, 3, 3)),
    ]
    for _ in range(2):
        meters.restore(books)
    spend(meters, "r", a_charge(7), 7)
    assert [meters.spent(KEY, window, NOON)[0] for window in Window] == [12, 57, 507]
    assert meters.spent(KEY, Window.DAILY, NOON, UTC) == (12, 1, 2)
    assert meters.spent(KEY, Window.DAILY, NOON + DAY)[0] == 0
    assert meters.spent(("key", "unknown"), Window.TOTAL, NOON) == (0, 0, 0)
    assert isinstance(meters.take("r2", a_charge(1, a_limit(KEY, 507, Window.TOTAL))), Shortage)


def test_thresholds_are_told_once_each_and_again_by_a_process_that_starts() -> None:
    told: list[tuple[int, int]] = []

    def heard(crossing: Crossing) -> None:
        told.append((crossing.percent, crossing.cell.spent))

    meters, limit = Meters(), a_limit(KEY, 1000, warn_at=(50, 80, 90, 100))
    meters.crossed = heard
    for number, cost in enumerate((499, 1, 1, 400, 98, 1, 5)):
        hold = taken(meters, f"r{number}", a_charge(0, limit))
        meters.book(hold, cost)
        meters.settle(hold)
    assert told == [(50, 500), (80, 901), (90, 901), (100, 1000)]
    told.clear()

    again = Meters()
    again.crossed = heard
    again.restore([WindowSpent(KEY, Window.DAILY, windows_at(NOON).day, (820, 0, 0))])
    again.standing(limit, NOON)
    assert told == [(50, 820), (80, 820)]


def test_what_is_well_used_is_known_without_looking_at_the_rest() -> None:
    meters = Meters()
    heard: list[int] = []
    meters.crossed = lambda crossing: heard.append(crossing.percent)
    limits = [a_limit(("key", f"k{number}"), 1_000, tenant_id="a", warn_at=(95,)) for number in range(5)]
    for limit, cost in zip(limits, (800, 799, 960, 0, 1_000), strict=True):
        spend(meters, limit.leg[1], a_charge(cost, limit, legs=(limit.leg, TENANT)), cost)
    assert meters.near_limit("a", NOON) == [limits[4], limits[2], limits[0]]
    assert heard == [95, 95]  # near is no warning
    assert meters.near_limit("b", NOON) == []
    meters.correct([limits[2].leg], int(NOON // DAY), -500)
    raised = a_limit(limits[4].leg, 2_000, tenant_id="a")
    taken(meters, "more", a_charge(1, raised, legs=(raised.leg, TENANT), revision=1))
    assert meters.near_limit("a", NOON) == [limits[0]]
    assert meters.near_limit("a", NOON + DAY) == []


def test_old_days_are_folded_and_still_counted() -> None:
    meters = Meters()
    for number in range(40):
        spend(meters, f"r{number}", a_charge(1, at=NOON + number * DAY), 1)
    assert meters.spent(KEY, Window.TOTAL, NOON + 39 * DAY)[0] == 40
    assert meters.spent(KEY, Window.MONTHLY, NOON + 39 * DAY)[0] == 9  # 1 to 9 February


def test_a_limit_that_was_gone_for_a_while_holds_what_was_taken_meanwhile() -> None:
    meters, limit = Meters(), a_limit(KEY, 100)
    taken(meters, "before", a_charge(10, limit, revision=1))
    meanwhile = taken(meters, "meanwhile", a_charge(20, revision=2))
    assert meters.standing(limit, NOON).held == 30
    short(meters, "after", a_charge(71, limit, revision=3))
    meters.book(meanwhile, 5)
    meters.settle(meanwhile)
    assert (meters.standing(limit, NOON).spent, meters.standing(limit, NOON).held) == (5, 10)

"""Meters against a model that keeps a list of everything that happened and adds it up anew for each question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.faults import BudgetExceeded, RateLimited
from ai_gateway.domain.traffic import Charge, Hold, LegLimits, LegSpent
from ai_gateway.policy.windows import windows_at
from ai_gateway.runtime.meters import Level, Levels, Meters

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
DAY = 86_400.0
KEY, TEAM, TENANT = ("key", "k"), ("team", "t"), ("tenant", "a")
LEGS = (KEY, TEAM, TENANT)


def a_charge(worst: int, at: float = NOON, legs: tuple[tuple[str, str], ...] = LEGS, **limits: LegLimits) -> Charge:
    by_leg = tuple(limits.get(leg[0], LegLimits()) for leg in legs) if limits else ()
    return Charge(legs=legs, worst_nano=worst, at=at, limits=by_leg)


class Model:
    """Every hold as [leg set, instant, worst, spent, open]."""

    def __init__(self) -> None:
        self.holds: dict[str, list[object]] = {}

    def hold(self, name: str, charge: Charge) -> None:
        self.holds[name] = [charge, 0, True]

    def levels(self, leg: tuple[str, str], at: float) -> Levels:
        now = windows_at(at)
        sums = [[0, 0], [0, 0], [0, 0]]
        for charge, spent, is_open in self.holds.values():
            assert isinstance(charge, Charge)
            assert isinstance(spent, int)
            if leg not in charge.legs:
                continue
            then = windows_at(charge.at)
            for place, inside in enumerate((then.day == now.day, then.month == now.month, True)):
                if inside:
                    sums[place][0] += 0 if is_open else spent
                    sums[place][1] += charge.worst_nano if is_open else 0
        return Levels(*(Level(spent, held) for spent, held in sums))


A_STEP = st.tuples(
    st.sampled_from(["hold", "late hold", "book", "settle", "tomorrow"]),
    st.integers(0, 5),
    st.integers(0, 1000),
    st.sampled_from([(KEY,), (KEY, TENANT), LEGS]),
)


@given(st.lists(A_STEP, max_size=60))
def test_meters_say_what_the_model_says_through_any_history(
    steps: list[tuple[str, int, int, tuple[tuple[str, str], ...]]],
) -> None:
    meters, model, holds = Meters(), Model(), dict[str, Hold]()
    at = NOON + 29 * DAY  # 2026-01-30: two steps from another month
    for number, (what, which, amount, legs) in enumerate(steps):
        if what == "tomorrow":
            at += DAY
        elif what.endswith("hold"):
            charge = a_charge(amount, at if what == "hold" else at - which * DAY, legs)
            holds[f"r{number}"] = meters.hold(f"r{number}", charge)
            model.hold(f"r{number}", charge)
        elif open_ones := [name for name in holds if model.holds[name][2]]:
            name = open_ones[which % len(open_ones)]
            if what == "book":
                meters.book(holds[name], amount)
                model.holds[name][1] += amount  # type: ignore[operator]
            else:
                meters.settle(holds[name])
                meters.settle(holds[name])
                model.holds[name][2] = False
        for leg in LEGS:
            assert meters.levels(leg, at) == model.levels(leg, at)
    assert meters.open_holds == sum(bool(it[2]) for it in model.holds.values())


def test_a_request_of_yesterday_is_held_and_booked_yesterday() -> None:
    meters = Meters()
    late = meters.hold("late", a_charge(10, NOON))
    today = meters.hold("today", a_charge(100, NOON + DAY))
    slow = meters.hold("slow", a_charge(1000, NOON))  # admitted before midnight, its body came after
    for hold, cost in ((late, 1), (today, 2), (slow, 3)):
        meters.book(hold, cost)
        meters.settle(hold)

    assert meters.levels(KEY, NOON + DAY) == Levels(Level(2), Level(6), Level(6))
    assert meters.levels(KEY, NOON).day == Level(1 + 3)


def test_truth_above_the_hold_is_booked() -> None:
    meters = Meters()
    hold = meters.hold("r", a_charge(10, key=LegLimits(day=10)))
    meters.book(hold, 25)
    meters.settle(hold)
    assert meters.levels(KEY, NOON).day == Level(spent=25, held=0)


@pytest.mark.parametrize("window", ["day", "month", "total"])
@pytest.mark.parametrize("level", ["key", "team", "tenant"])
def test_a_hold_that_would_pass_a_limit_leaves_no_trace(level: str, window: str) -> None:
    meters = Meters()
    first = meters.hold("r1", a_charge(60))
    limits = {level: LegLimits(**{window: 100})}

    with pytest.raises(RateLimited) as contended:
        meters.hold("r2", a_charge(41, **limits))
    meters.hold("r3", a_charge(40, **limits))  # 60 + 40 = 100
    meters.book(first, 60)
    meters.settle(first)
    with pytest.raises(BudgetExceeded) as exhausted:
        meters.hold("r4", a_charge(41, **limits))  # 60 are spent, and 60 + 41 > 100 whatever comes back

    assert contended.value.code == "budget_contended"
    assert "limit 100, spent 60, held 40, asked 41" in exhausted.value.detail
    for leg in LEGS:
        assert meters.levels(leg, NOON).total == Level(spent=60, held=40)
    assert meters.open_holds == 1


def test_what_is_exhausted_is_said_before_what_is_contended() -> None:
    meters = Meters()
    meters.hold("r1", a_charge(60))
    with pytest.raises(BudgetExceeded):
        meters.hold("r2", a_charge(50, key=LegLimits(day=100), tenant=LegLimits(total=40)))


def test_restoring_sets_and_never_adds() -> None:
    meters = Meters()
    for _ in range(2):
        meters.restore([LegSpent(KEY, 5, 50, 500)], NOON)
    hold = meters.hold("r", a_charge(7))
    assert meters.levels(KEY, NOON) == Levels(Level(5, 7), Level(50, 7), Level(500, 7))
    meters.settle(hold)
    assert meters.held(KEY) == 0
    assert meters.levels(("key", "unknown"), NOON) == Levels(Level(), Level(), Level())


def test_a_limit_counts_what_was_restored() -> None:
    meters = Meters()
    meters.restore([LegSpent(KEY, 5, 50, 500)], NOON)
    with pytest.raises(BudgetExceeded):
        meters.hold("r", a_charge(1, key=LegLimits(total=500)))

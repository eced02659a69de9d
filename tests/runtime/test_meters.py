from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.traffic import Charge
from ai_gateway.runtime.meters import Meters

KEY, TENANT = ("key", "k1"), ("tenant", "t1")
CHARGES = st.lists(
    st.tuples(st.sampled_from([(KEY, TENANT), (TENANT,), (("key", "k2"), TENANT)]), st.integers(0, 10**12))
)


def test_a_hold_is_on_every_leg_until_it_is_settled() -> None:
    meters = Meters()
    hold = meters.hold("req_1", Charge(legs=(KEY, TENANT), worst_nano=50))
    assert (meters.held(KEY), meters.held(TENANT), meters.open_holds) == (50, 50, 1)

    meters.settle(hold)

    assert (meters.held(KEY), meters.held(TENANT), meters.open_holds) == (0, 0, 0)


def test_settling_twice_is_settling_once() -> None:
    meters = Meters()
    first = meters.hold("req_1", Charge(legs=(TENANT,), worst_nano=50))
    meters.hold("req_2", Charge(legs=(TENANT,), worst_nano=7))
    meters.settle(first)
    meters.settle(first)
    assert (meters.held(TENANT), meters.open_holds) == (7, 1)


@given(charges=CHARGES, order=st.randoms(use_true_random=False))
def test_what_is_held_is_the_sum_of_the_open_holds_and_returns_to_nothing(charges: list, order) -> None:  # type: ignore[no-untyped-def, type-arg]
    meters = Meters()
    holds = [
        meters.hold(f"req_{number}", Charge(legs=legs, worst_nano=nano)) for number, (legs, nano) in enumerate(charges)
    ]
    order.shuffle(holds)
    while True:
        for leg in (KEY, TENANT, ("key", "k2")):
            assert meters.held(leg) == sum(it.charge.worst_nano for it in holds if leg in it.charge.legs)
        assert meters.open_holds == len(holds)
        if not holds:
            break
        meters.settle(holds.pop())

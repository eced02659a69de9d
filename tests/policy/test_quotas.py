from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Usage
from ai_gateway.policy.pricing import cost_nano
from ai_gateway.policy.quotas import charge, legs_of
from ai_gateway.policy.worst_case import Worst, worst_of
from support.builders import MODEL, a_book, a_call, a_caller, a_candidate, a_price


def test_the_legs_are_key_team_department_user_tenant_in_this_order() -> None:
    caller = a_caller(team_id="team_1", department_id="dep_1", user_id="usr_1")
    assert legs_of(caller) == (
        ("key", "key_1"),
        ("team", "team_1"),
        ("department", "dep_1"),
        ("user", "usr_1"),
        ("tenant", "t1"),
    )


def test_a_missing_level_is_skipped() -> None:
    assert legs_of(a_caller(user_id="usr_1")) == (("key", "key_1"), ("user", "usr_1"), ("tenant", "t1"))


def test_the_dearest_rates_and_the_callers_cap_decide() -> None:
    # 100 bytes are at most 100 tokens: 100 * 5 + 20 * 7 nano
    worst = Worst(input_pico=5_000, output_pico=7_000, default_output=99, until=1.0)
    assert charge(a_caller(), a_call(max_output=20), worst).worst_nano == 640


def test_without_a_cap_the_endpoints_default_bounds_the_output() -> None:
    worst = Worst(input_pico=0, output_pico=1_000, default_output=77, until=1.0)
    assert charge(a_caller(), a_call(), worst).worst_nano == 77


def test_every_choice_that_is_asked_for_may_be_as_long_as_the_cap() -> None:
    worst = Worst(input_pico=0, output_pico=1_000, default_output=77, until=1.0)
    assert charge(a_caller(), a_call(max_output=20, choices=3), worst).worst_nano == 60


def test_what_nobody_priced_holds_nothing() -> None:
    assert charge(a_caller(), a_call(), worst_of([a_candidate()], {}, {}, 0.0)).worst_nano == 0


@given(size=st.integers(1, 10**6), read=st.integers(0, 10**6), cap=st.integers(0, 10**5), wrote=st.integers(0, 10**5))
def test_what_is_held_is_never_less_than_what_it_can_cost(size: int, read: int, cap: int, wrote: int) -> None:
    price = a_price(MODEL)
    worst = worst_of([a_candidate()], a_book(price), {}, 0.0)
    held = charge(a_caller(), a_call(body_bytes=size, max_output=cap), worst)
    assert cost_nano(price, Usage(input_tokens=min(read, size), output_tokens=min(wrote, cap))) <= held.worst_nano

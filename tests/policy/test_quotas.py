from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Usage
from ai_gateway.policy.pricing import cost_nano
from ai_gateway.policy.quotas import charge, legs_of
from support.builders import MODEL, a_book, a_call, a_caller, a_candidate, a_price, a_tenant, an_endpoint


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


def test_the_dearest_candidate_decides() -> None:
    candidates = [a_candidate(model=name) for name in ("cheap", "dear", "unpriced")]
    book = a_book(
        a_price("cheap", input_pico=1_000, output_pico=1_000), a_price("dear", input_pico=5_000, output_pico=7_000)
    )
    caller = a_caller(tenant=a_tenant(prices={}))

    # 100 bytes are at most 100 tokens: 100 * 5 + 20 * 7 nano
    assert charge(caller, a_call(max_output=20), candidates, book, 0.0).worst_nano == 640


def test_without_a_cap_the_endpoints_default_bounds_the_output() -> None:
    caller = a_caller(tenant=a_tenant(prices=a_book(a_price(input_pico=0, output_pico=1_000))))
    candidate = a_candidate(an_endpoint(default_max_output=77))
    assert charge(caller, a_call(), [candidate], {}, 0.0).worst_nano == 77


def test_what_nobody_priced_holds_nothing() -> None:
    assert charge(a_caller(tenant=a_tenant(prices={})), a_call(), [a_candidate()], {}, 0.0).worst_nano == 0


@given(size=st.integers(1, 10**6), read=st.integers(0, 10**6), cap=st.integers(0, 10**5), wrote=st.integers(0, 10**5))
def test_what_is_held_is_never_less_than_what_it_can_cost(size: int, read: int, cap: int, wrote: int) -> None:
    price = a_price(MODEL)
    caller = a_caller(tenant=a_tenant(prices=a_book(price)))
    held = charge(caller, a_call(body_bytes=size, max_output=cap), [a_candidate()], {}, 0.0)
    assert cost_nano(price, Usage(input_tokens=min(read, size), output_tokens=min(wrote, cap))) <= held.worst_nano

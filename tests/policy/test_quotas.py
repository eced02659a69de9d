import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.policy.pricing import cost_nano
from ai_gateway.policy.quotas import affordable_output, charge, cost_at_worst, legs_of, limits_of_caller
from ai_gateway.policy.worst_case import Worst, worst_of
from support.builders import MODEL, a_book, a_call, a_caller, a_candidate, a_head, a_key, a_price, a_tenant


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
    assert charge(a_caller(), a_call(), worst_of([a_candidate()], a_book(), a_book(), 0.0)).worst_nano == 0


@given(size=st.integers(1, 10**6), read=st.integers(0, 10**6), cap=st.integers(0, 10**5), wrote=st.integers(0, 10**5))
def test_what_is_held_is_never_less_than_what_it_can_cost(size: int, read: int, cap: int, wrote: int) -> None:
    price = a_price(MODEL)
    worst = worst_of([a_candidate()], a_book(price), a_book(), 0.0)
    held = charge(a_caller(), a_call(body_bytes=size, max_output=cap), worst)
    assert cost_nano(price, Usage(input_tokens=min(read, size), output_tokens=min(wrote, cap))) <= held.worst_nano


@given(
    size=st.integers(0, 500),
    cap=st.integers(0, 300),
    nano=st.integers(0, 10**6),
    tokens=st.integers(0, 1000),
    choices=st.integers(1, 3),
)
def test_an_affordable_answer_is_the_longest_that_fits(
    size: int, cap: int, nano: int, tokens: int, choices: int
) -> None:
    worst = Worst(input_pico=150_000, output_pico=600_001, default_output=99, until=1.0)
    call = a_call(body_bytes=size, max_output=cap, choices=choices)
    output = affordable_output(call, worst, nano, tokens)

    def fits(length: int) -> bool:
        return cost_at_worst(call, worst, length) <= nano and size + length * choices <= tokens

    assert 0 <= output <= cap
    assert output == 0 or fits(output)
    assert output == cap or not fits(output + 1)


def test_counting_tokens_is_free_and_an_embedding_writes_nothing() -> None:
    worst = Worst(input_pico=1_000, output_pico=1_000, default_output=99, until=1.0)
    counting = a_call(a_head(operation=Operation.COUNT_TOKENS))
    assert charge(a_caller(), counting, worst).worst_nano == 0
    embedding = charge(a_caller(), a_call(a_head(operation=Operation.EMBEDDINGS)), worst)
    assert (embedding.worst_nano, embedding.worst_tokens) == (100, 100)


@pytest.mark.parametrize(
    ("size_bound", "default_output", "each"),
    [
        (512, 65_536, 512),  # a model that is paid by tokens: what the size says
        (512, 1, 1),  # one whose pictures have a price each
        (12_288, 4_096, 4_096),  # one that nobody knows: no more than its endpoint's default
    ],
)
def test_pictures_are_held_for_by_their_number_and_size(size_bound: int, default_output: int, each: int) -> None:
    worst = Worst(
        input_pico=1_000, output_pico=40_000_000, default_output=default_output, until=1.0, request_pico=7_000
    )
    call = a_call(a_head(operation=Operation.IMAGES), body_bytes=100, max_output=size_bound, choices=3)
    held = charge(a_caller(), call, worst)
    assert held.worst_tokens == 100 + 3 * each
    assert held.worst_nano == 100 + 3 * each * 40_000 + 7
    assert affordable_output(call, worst, nano=held.worst_nano, tokens=held.worst_tokens) == 0  # nobody can cut it


def test_texts_are_held_for_each_prompt() -> None:
    worst = Worst(input_pico=1_000, output_pico=1_000, default_output=99, until=1.0)
    call = a_call(a_head(operation=Operation.COMPLETIONS), body_bytes=100, max_output=16, choices=6)
    assert charge(a_caller(), call, worst).worst_tokens == 100 + 6 * 16


def test_a_callers_limits_are_those_of_its_legs_in_the_order_of_checking() -> None:
    own = Limit(("key", "key_1"), Window.DAILY, Unit.USD, 5, "mine")
    budget = Limit(("key", "key_1"), Window.DAILY, Unit.USD, 3)
    team = Limit(("team", "team_1"), Window.MONTHLY, Unit.TOKENS, 7, "T")
    tenant = Limit(("tenant", "t1"), Window.TOTAL, Unit.USD, 9, "t1")
    legs = (("key", "key_1"), ("team", "team_1"), ("tenant", "t1"))
    limits = {it.leg: (it,) for it in (budget, team, tenant, Limit(("team", "other"), Window.DAILY, Unit.USD, 1))}
    key = a_key(name="Mine", limits=(own,))
    found = limits_of_caller(a_tenant("t1", limits=limits), key, legs)
    assert [(it.leg[0], it.amount, it.name) for it in found] == [
        ("key", 3, "Mine"),
        ("team", 7, "T"),
        ("tenant", 9, "t1"),
    ]
    assert limits_of_caller(a_tenant("t1"), key, legs) == (own,)

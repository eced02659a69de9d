from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.latency import Latency


def after(*answers: tuple[float, float]) -> Latency:
    """Answers as (seconds, milliseconds), with a memory of 5 s."""
    latency = Latency(5.0)
    for now, milliseconds in answers:
        latency.observe(milliseconds, now)
    return latency


def test_nothing_is_known_before_the_first_answer_and_everything_by_it() -> None:
    assert (Latency().usual, Latency().peak) == (None, None)
    first = after((0.0, 200.0))
    assert (first.usual, first.peak) == (200.0, 200.0)


def test_the_past_fades_by_the_seconds_that_went_by() -> None:
    latency = after((0.0, 1_000.0), (5.0, 200.0))
    assert latency.usual == pytest.approx(200 + 800 * exp(-1))  # 494.3: after one memory 37 % of the past are left
    assert latency.peak == pytest.approx(200 + 800 * exp(-1))


def test_a_slow_answer_is_a_peak_at_once_and_usual_only_with_time() -> None:
    latency = after((0.0, 200.0), (0.1, 2_000.0))
    assert latency.peak == 2_000.0
    assert latency.usual == pytest.approx(2_000 - 1_800 * exp(-0.02))  # 235.6


def test_one_answer_after_a_quiet_minute_is_believed() -> None:
    latency = after((0.0, 2_000.0), (60.0, 200.0))
    assert latency.usual == pytest.approx(200, abs=0.02)  # 1,800 ms * e^-12 = 0.011
    assert latency.peak == pytest.approx(200, abs=0.02)


def test_five_good_answers_five_seconds_apart_make_a_slow_endpoint_well() -> None:
    latency = after((0.0, 2_000.0), *((5.0 * number, 200.0) for number in range(1, 6)))
    assert latency.usual == pytest.approx(200 + 1_800 * exp(-5))  # 212.1


def test_an_answer_out_of_order_weighs_nothing_but_as_a_peak() -> None:
    assert after((9.0, 200.0), (8.0, 100.0)).usual == 200.0
    assert after((9.0, 200.0), (8.0, 900.0)).peak == 900.0
    assert after((9.0, 200.0), (8.0, 100.0), (14.0, 100.0)).usual == pytest.approx(100 + 100 * exp(-1))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0.1, 1e6)), min_size=1))
def test_both_stay_within_what_was_seen_and_the_peak_on_top(answers: list[tuple[float, float]]) -> None:
    latency = after(*answers)
    seen = [milliseconds for _, milliseconds in answers]
    assert latency.usual is not None
    assert latency.peak is not None
    assert min(seen) * (1 - 1e-9) <= latency.usual <= latency.peak * (1 + 1e-9) <= max(seen) * (1 + 2e-9)

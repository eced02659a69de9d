from collections import deque
from math import exp
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.latency import MEMORY_SECONDS
from ai_gateway.runtime.board import WINDOW, Board, Spread, spread


def test_what_started_is_active_until_it_ended_in_one_of_three_ways() -> None:
    standing = Board().of("pc_1")
    for _ in range(3):
        standing.start()
    assert (standing.requests, standing.active) == (3, 3)

    standing.succeed(100.0, 10.0, 0.0)
    standing.fail()
    standing.leave()

    assert (standing.requests, standing.active, standing.errors) == (3, 0, 1)
    assert (list(standing.latencies), list(standing.ttfts)) == ([100.0], [10.0])


def test_what_was_never_sent_was_never_asked_for() -> None:
    standing = Board().of("pc_1")
    standing.start()
    standing.withdraw()
    assert (standing.requests, standing.active, standing.errors) == (0, 0, 0)


def test_the_averages_are_over_time_and_know_the_first_token_from_the_end() -> None:
    standing = Board().of("pc_1")
    standing.succeed(100.0, None, 0.0)
    assert (standing.latency.usual, standing.ttft.usual) == (100.0, None)
    standing.succeed(200.0, 50.0, MEMORY_SECONDS)
    # The old answer weighs exp(-1) after as long as the average remembers: 200 - 100 * exp(-1)
    assert standing.latency.usual == pytest.approx(200.0 - 100.0 * exp(-1))
    assert standing.ttft.usual == 50.0


def test_a_failure_says_nothing_of_how_long_an_answer_takes() -> None:
    standing = Board().of("pc_1")
    standing.fail()
    standing.leave()
    assert standing.latency.usual is None
    assert not standing.latencies


def test_only_the_last_answers_count() -> None:
    standing = Board().of("pc_1")
    for number in range(WINDOW + 5):
        standing.succeed(float(number), None, 0.0)
    assert len(standing.latencies) == WINDOW
    assert min(standing.latencies) == 5.0


def test_percentiles_of_a_hundred_answers() -> None:
    samples = [float(it) for it in range(1, 101)]
    Random(1).shuffle(samples)
    assert spread(50.0, deque(samples)) == Spread(ewma=50.0, p50=51.0, p95=96.0, p99=100.0)


def test_nothing_measured_is_nothing_said() -> None:
    assert spread(None, deque()) == Spread(ewma=None, p50=None, p95=None, p99=None)


@given(samples=st.lists(st.floats(0, 1e6), min_size=1, max_size=600))
def test_percentiles_are_samples_and_in_order(samples: list[float]) -> None:
    it = spread(1.0, deque(samples))
    assert {it.p50, it.p95, it.p99} <= set(samples)
    assert it.p50 is not None
    assert it.p95 is not None
    assert it.p99 is not None
    assert it.p50 <= it.p95 <= it.p99


def test_what_is_no_longer_configured_is_forgotten_once_it_carries_nothing() -> None:
    board = Board()
    board.of("kept").start()
    busy, idle = board.of("busy"), board.of("idle")
    busy.start()

    board.keep_only({"kept"})

    assert board.of("busy") is busy
    assert board.of("idle") is not idle

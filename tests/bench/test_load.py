"""The generator against a provider in a process of its own: it counts what happened, and it cannot be fooled by a
server that stalls."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from benchmarks.plan import Ask, Closed, Flood, Open, Plan, Result, Streams, Target, spread
from benchmarks.processes import Load, Upstream, fetch
from benchmarks.upstream import PROMPT_TOKENS, Knobs

STALL_SECONDS = 1


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    with ExitStack() as stack:
        yield Upstream(stack)


@pytest.fixture
def upstream(provider: Upstream) -> Upstream:
    provider.turn_to(Knobs())
    return provider


def load(upstream: Upstream, shape: Closed | Open | Streams | Flood, ask: Ask = Ask()) -> Result:
    return Load(Plan(Target(upstream.port, {}), ask, shape, 20)).result()


def load_with_a_stall(upstream: Upstream, shape: Closed | Open) -> Result:
    running = Load(Plan(Target(upstream.port, {}), Ask(), shape, 20))
    stall = threading.Thread(target=fetch, args=(upstream.port, "POST", "/stall", b"%d" % STALL_SECONDS))
    stall.start()
    result = running.result()
    stall.join()
    return result


def test_a_stall_of_a_second_is_felt_by_all_who_meant_to_send_in_it(upstream: Upstream) -> None:
    """300 requests in 1.5 s at fixed instants; those of the stalled second wait 1 s, 0.995 s, ... So of all 300, more
    than 100 waited longer than a third of a second, and the 99th percentile is nearly the whole stall."""
    result = load_with_a_stall(upstream, Open(200, 1.5, "fixed", connections=8))

    assert result.right == result.requests == 300
    assert result.latency.p99 > 900_000
    assert result.latency.p90 > 400_000


def test_a_closed_loop_hides_the_same_stall(upstream: Upstream) -> None:
    """One late request for each of 4 connections, among thousands: what coordinated omission looks like."""
    closed = load_with_a_stall(upstream, Closed(4, 2.5))
    opened = load_with_a_stall(upstream, Open(200, 1.5, "fixed", connections=8))

    assert closed.latency.most > 900_000
    assert closed.latency.p99 < opened.latency.p99


def test_client_and_provider_count_the_same(upstream: Upstream) -> None:
    before = upstream.ledger()

    result = load(upstream, Closed(4, 0.3))

    after = upstream.ledger()
    assert result.requests == result.right == after.answers - before.answers > 0
    assert result.prompt_tokens == PROMPT_TOKENS * result.requests == after.prompt_tokens - before.prompt_tokens
    assert result.completion_tokens == 31 * result.requests == after.completion_tokens - before.completion_tokens


def test_every_request_of_a_schedule_is_sent(upstream: Upstream) -> None:
    assert load(upstream, Open(300, 0.5, "poisson")).right == 150


def test_paced_streams_are_counted_frame_by_frame(upstream: Upstream) -> None:
    """5 streams of a role, 10 words, and the end, usage and [DONE], which come as one: 14 chunks in 12 writes."""
    upstream.turn_to(Knobs(frames=10, pace_seconds=0.01))
    before = upstream.ledger()

    result = load(upstream, Streams(5, 0.05), Ask(streamed=True, size=10, pace_seconds=0.01))

    assert (result.right, result.complaints) == (5, [])
    assert result.frames == sum(result.frames_by_tenth.values()) == 5 * 14
    assert upstream.ledger().frames - before.frames == 5 * 14
    assert upstream.ledger().open_streams == 0


def test_a_stream_that_stands_still_is_stalled(upstream: Upstream) -> None:
    upstream.turn_to(Knobs(frames=30, pace_seconds=0.02))
    plan = Plan(Target(upstream.port, {}), Ask(streamed=True, size=30, pace_seconds=0.02), Streams(3, 0.01), 20)
    before = upstream.ledger().frames
    running = Load(plan)
    while upstream.ledger().frames < before + 6:  # each of the three had its first
        pass
    fetch(upstream.port, "POST", "/stall", b"0.5")

    assert running.result().stalled_streams == 3


def test_unpaced_streams_and_floods_are_right_too(upstream: Upstream) -> None:
    assert load(upstream, Closed(2, 0.2), Ask(streamed=True, size=34)).complaints == []
    assert load(upstream, Flood(20), Ask(prompt_bytes=150_000)).right == 20


def test_failures_are_complaints_and_not_answers(upstream: Upstream) -> None:
    upstream.turn_to(Knobs(fail_every=3, fail_status=503))

    result = load(upstream, Open(300, 0.2, "fixed"))

    assert result.requests == 60
    assert result.right == 40
    assert "503" in result.complaints[0]


def test_a_spread_takes_the_nearest_rank() -> None:
    shown = spread([place / 1e6 for place in range(100, 0, -1)])

    assert (shown.count, shown.p50, shown.p99, shown.most) == (100, 51.0, 100.0, 100.0)
    assert spread([]).count == 0

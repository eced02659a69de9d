from collections.abc import Callable
from math import inf
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.domain.config import BreakerSettings
from ai_gateway.policy.circuit_breaker import (
    FORGOTTEN_AFTER_SECONDS,
    LEAST_ROOM,
    CircuitBreaker,
    Saved,
    State,
    Ticket,
    Transition,
    open_seconds,
    still_holds,
)
from ai_gateway.policy.rolling_window import BUCKETS, RollingWindow

CLOSED, OPEN, HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN
DEFAULTS = BreakerSettings()
SUDDEN = BreakerSettings(slow_start_seconds=0.0)
NEVER_BY_RATE = BreakerSettings(minimum_requests=1_000_000)


class Heard:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.moves: list[Transition] = []
        self.stirs = 0

    def moved(self, transition: Transition) -> None:
        self.moves.append(transition)

    def stirred(self) -> None:
        self.stirs += 1

    @property
    def path(self) -> list[State]:
        return [it.after for it in self.moves]


class Bench:
    """A breaker, its clock and its dice. `now` begins at 0."""

    def __init__(self, rules: BreakerSettings = DEFAULTS, seed: int = 1) -> None:
        self.heard = Heard()
        self.rng = Random(seed)
        self.now = 0.0
        self.breaker = CircuitBreaker(rules, self.heard, 0.0)

    def send(self) -> Ticket:
        return self.breaker.on_send(self.now)

    def fail(self, ticket: Ticket | None = None, times: int = 1) -> None:
        for _ in range(times):
            self.breaker.on_failure(self.send() if ticket is None else ticket, self.now, self.rng, "provider_error")

    def succeed(self, ticket: Ticket | None = None, times: int = 1) -> None:
        for _ in range(times):
            self.breaker.on_success(self.send() if ticket is None else ticket, self.now)

    def admits(self) -> bool:
        return self.breaker.admits(self.now)

    def opened(self) -> "Bench":
        self.fail(times=self.breaker.settings.failure_threshold)
        return self

    def half_opened(self) -> "Bench":
        self.opened()
        self.now = self.breaker.until
        assert self.admits()
        return self


# What each event does in each state: CLOSED, OPEN (not yet due), HALF_OPEN.
TABLE: list[tuple[str, Callable[[Bench], None], State, State, State]] = [
    ("one failure", lambda it: it.fail(), CLOSED, OPEN, OPEN),
    ("five failures", lambda it: it.fail(times=5), OPEN, OPEN, OPEN),
    ("one success", lambda it: it.succeed(), CLOSED, OPEN, HALF_OPEN),
    ("two successes", lambda it: it.succeed(times=2), CLOSED, CLOSED, CLOSED),
    ("a caller that left", lambda it: it.breaker.on_leave(it.send()), CLOSED, OPEN, HALF_OPEN),
    ("an operator's force", lambda it: it.breaker.force_open(it.now, None, "drill"), OPEN, OPEN, OPEN),
    ("an operator's reset", lambda it: it.breaker.reset(it.now, "drill is over"), CLOSED, CLOSED, CLOSED),
    ("time", lambda it: _pass(it, 400.0), CLOSED, HALF_OPEN, HALF_OPEN),
]


def _pass(bench: Bench, seconds: float) -> None:
    bench.now += seconds
    bench.breaker.look(bench.now)


@pytest.mark.parametrize(
    ("event", "do", "from_closed", "from_open", "from_half_open"), TABLE, ids=[it[0] for it in TABLE]
)
def test_every_event_in_every_state(
    event: str, do: Callable[[Bench], None], from_closed: State, from_open: State, from_half_open: State
) -> None:
    benches = (Bench(), Bench().opened(), Bench().half_opened())
    for bench, after in zip(benches, (from_closed, from_open, from_half_open), strict=True):
        do(bench)
        assert bench.breaker.state is after, event


def test_the_whole_round_is_told_with_its_reasons() -> None:
    bench = Bench()
    bench.now = 7.0
    bench.fail(times=5)
    opened_at, until = bench.breaker.opened_at, bench.breaker.until
    bench.now = until
    bench.admits()
    bench.succeed(times=2)

    assert [(it.before, it.after) for it in bench.heard.moves] == [
        (CLOSED, OPEN),
        (OPEN, HALF_OPEN),
        (HALF_OPEN, CLOSED),
    ]
    assert [it.at for it in bench.heard.moves] == [7.0, until, until]
    assert [it.reason for it in bench.heard.moves] == [
        "5 failures in a row, the last: provider_error",
        "its open time is over",
        "2 requests succeeded",
    ]
    assert opened_at == 7.0
    assert bench.breaker.opened_at is None


def test_a_success_between_failures_begins_the_row_again() -> None:
    bench = Bench(NEVER_BY_RATE)
    for _ in range(50):
        bench.fail(times=4)
        bench.succeed()
    assert bench.breaker.state is CLOSED


def test_half_of_twenty_within_the_window_is_too_many_though_never_five_in_a_row() -> None:
    bench = Bench()
    for _ in range(9):
        bench.succeed()
        bench.fail()
    bench.succeed()
    assert bench.breaker.state is CLOSED  # 9 of 19: too few requests to judge
    bench.fail()
    assert bench.breaker.state is OPEN  # 10 of 20
    assert bench.heard.moves[0].reason.startswith("10 failures of 20 requests within 10 s")


def test_failures_leave_the_window() -> None:
    bench = Bench()
    for _ in range(9):
        bench.succeed()
        bench.fail()
    bench.now = 10.6  # the window, and the bucket in which it began
    for _ in range(11):
        bench.succeed()
    bench.fail()
    assert bench.breaker.state is CLOSED  # 1 of 12


def test_what_is_still_under_way_counts_as_sent() -> None:
    """Ten failures among twenty sent would open it; among forty sent they do not, though only ten have ended."""
    bench = Bench(msgspec.structs.replace(DEFAULTS, failure_threshold=100))
    waiting = [bench.send() for _ in range(30)]
    bench.fail(times=10)
    assert bench.breaker.state is CLOSED
    for ticket in waiting[:10]:
        bench.fail(ticket)
    assert bench.breaker.state is OPEN  # 20 of 40


def test_open_admits_nobody_until_its_time_is_over() -> None:
    bench = Bench().opened()
    assert 30.0 <= bench.breaker.until <= 33.0
    bench.now = bench.breaker.until - 0.001
    assert not bench.admits()
    bench.now = bench.breaker.until
    assert bench.admits()
    assert bench.breaker.state is HALF_OPEN


def test_half_open_admits_one_probe_and_the_next_when_it_has_ended() -> None:
    bench = Bench().half_opened()
    probe = bench.send()
    assert not bench.admits()
    bench.succeed(probe)
    assert bench.admits()
    probe = bench.send()
    assert not bench.admits()
    bench.succeed(probe)
    assert bench.breaker.state is CLOSED


def test_a_probe_whose_caller_left_makes_room_for_another() -> None:
    bench = Bench().half_opened()
    probe = bench.breaker.on_answer(bench.send(), bench.now, 0.1)
    bench.breaker.on_leave(probe)
    assert bench.admits()
    assert bench.breaker.state is HALF_OPEN
    assert bench.breaker.successes == 0


def test_a_probe_that_an_operator_overtook_still_counts_as_the_one_in_flight() -> None:
    bench = Bench().half_opened()
    probe = bench.send()
    bench.breaker.force_open(bench.now, 1.0, "drill")
    bench.now += 1.0
    assert not bench.admits()
    assert bench.breaker.probing
    bench.fail(probe)  # late: it frees the place and says nothing
    assert bench.breaker.state is HALF_OPEN
    assert bench.admits()


def test_each_probe_that_fails_doubles_the_time_up_to_the_longest() -> None:
    bench = Bench().opened()
    spans = [bench.breaker.until - bench.now]
    for _ in range(6):
        bench.now = bench.breaker.until
        assert bench.admits()
        bench.fail()
        spans.append(bench.breaker.until - bench.now)
    # 30, 60, 120, 240, then 300: each at least that, at most a tenth more, never above 300.
    for span, least in zip(spans, (30.0, 60.0, 120.0, 240.0, 300.0, 300.0, 300.0), strict=True):
        assert least - 1e-6 <= span <= min(300.0, least * 1.1) + 1e-6


def test_a_relapse_while_it_returns_goes_on_where_the_series_was() -> None:
    bench = Bench().half_opened()
    bench.fail()
    bench.now = bench.breaker.until
    assert bench.admits()
    bench.succeed(times=2)
    bench.now += 29.0
    bench.opened()
    assert bench.breaker.growth == 1
    assert 60.0 <= bench.breaker.until - bench.now <= 66.0


def test_whoever_has_returned_wholly_begins_anew() -> None:
    bench = Bench().half_opened()
    bench.fail()
    bench.now = bench.breaker.until
    assert bench.admits()
    bench.succeed(times=2)
    bench.now += 30.001
    bench.opened()
    assert bench.breaker.growth == 0


def test_late_reports_move_nothing() -> None:
    bench = Bench()
    early = [bench.send() for _ in range(20)]
    bench.opened()
    bench.succeed(early[0])
    bench.succeed(early[1])
    assert bench.breaker.state is OPEN
    bench.now = bench.breaker.until
    assert bench.admits()
    bench.fail(early[2])
    assert bench.breaker.state is HALF_OPEN
    bench.succeed(early[3])
    assert bench.breaker.successes == 0
    bench.succeed(times=2)
    assert bench.breaker.state is CLOSED
    for ticket in early[4:]:
        bench.fail(ticket)
    assert bench.breaker.state is CLOSED
    assert bench.breaker.waiting == 0


def test_successes_in_panic_close_it_and_failures_in_panic_do_not_lengthen_it() -> None:
    bench = Bench().opened()
    until = bench.breaker.until
    bench.succeed()
    bench.fail()
    bench.succeed()
    assert bench.breaker.state is OPEN  # never two in a row
    assert bench.breaker.until == until
    bench.succeed()
    assert bench.breaker.state is CLOSED


def test_requests_in_panic_are_no_probes() -> None:
    bench = Bench().half_opened()
    probe, other = bench.send(), bench.send()
    bench.breaker.on_leave(other)
    assert not bench.admits()
    bench.breaker.on_leave(probe)
    assert bench.admits()


def test_an_operators_breaker_stays_open_whatever_happens() -> None:
    bench = Bench()
    bench.breaker.force_open(bench.now, None, "maintenance")
    bench.succeed(times=20)
    bench.now = 1e9
    assert not bench.admits()
    assert (bench.breaker.state, bench.breaker.forced, bench.breaker.until) == (OPEN, True, inf)
    assert bench.breaker.reason == "maintenance"


def test_an_operators_breaker_with_an_end_is_tested_after_it() -> None:
    bench = Bench()
    bench.breaker.force_open(bench.now, 30.0, "maintenance")
    bench.now = 29.999
    assert not bench.admits()
    bench.now = 30.0
    assert bench.admits()
    assert (bench.breaker.state, bench.breaker.forced) == (HALF_OPEN, False)


def test_a_reset_breaker_is_trusted_wholly_at_once() -> None:
    bench = Bench().half_opened()
    bench.fail()
    bench.breaker.reset(bench.now, "fixed")
    assert (bench.breaker.state, bench.breaker.calm, bench.breaker.failures) == (CLOSED, True, 0)
    assert bench.breaker.ramp(bench.now) == 1.0
    assert bench.breaker.growth == 0
    assert bench.heard.moves[-1].reason == "fixed"


def test_resetting_what_is_closed_is_no_transition() -> None:
    bench = Bench()
    bench.fail(times=4)
    bench.breaker.reset(bench.now, "why not")
    bench.fail(times=4)
    assert bench.heard.moves == []


@pytest.mark.parametrize(
    ("seconds", "share"),
    [(0.0, 0.10), (5.0, 0.25), (10.0, 0.40), (15.0, 0.55), (20.0, 0.70), (25.0, 0.85), (30.001, 1.0), (99.0, 1.0)],
)
def test_it_returns_from_a_tenth_to_all_in_a_straight_line(seconds: float, share: float) -> None:
    bench = Bench().half_opened()
    bench.succeed(times=2)
    assert bench.breaker.ramp(bench.now + seconds) == pytest.approx(share)
    assert bench.breaker.calm is (share == 1.0)


def test_without_slow_start_it_is_back_at_once() -> None:
    bench = Bench(SUDDEN).half_opened()
    bench.succeed(times=2)
    assert bench.breaker.calm
    assert bench.breaker.ramp(bench.now) == 1.0


def test_calm_changes_are_told() -> None:
    bench = Bench().half_opened()
    assert bench.heard.stirs == 1
    bench.succeed(times=2)
    assert bench.heard.stirs == 1  # closed, but returning
    bench.breaker.ramp(bench.now + 30.001)
    assert bench.heard.stirs == 2


def warmed(bench: Bench, waits: float = 0.05, rate: float = 300.0) -> None:
    """Two seconds of traffic at `rate`, each answered at once after having waited `waits`."""
    for _ in range(int(2 * rate)):
        bench.now += 1 / rate
        bench.succeed(bench.breaker.on_answer(bench.send(), bench.now, waits))


def test_who_hangs_is_crowded_after_twice_what_its_speed_explains() -> None:
    bench = Bench()
    warmed(bench)
    sent = 0
    while bench.admits():
        bench.now += 1 / 300
        bench.send()
        sent += 1
    # 300 a second x 0.05 s = 15 under way normally; twice that, and the deviation that has not settled yet.
    assert 30 <= sent <= 40
    assert bench.breaker.state is CLOSED
    assert not bench.breaker.calm


def test_one_answer_of_a_crowd_lets_the_next_in() -> None:
    bench = Bench()
    warmed(bench)
    tickets: list[Ticket] = []
    while bench.admits():
        bench.now += 1 / 300
        tickets.append(bench.send())
    bench.breaker.on_answer(tickets.pop(), bench.now, 1.0)
    assert bench.admits()
    assert bench.breaker.calm


def test_a_crowd_that_gives_up_makes_room() -> None:
    bench = Bench(msgspec.structs.replace(NEVER_BY_RATE, failure_threshold=1000))
    warmed(bench)
    tickets: list[Ticket] = []
    while bench.admits():
        bench.now += 1 / 300
        tickets.append(bench.send())
    for ticket in tickets[:5]:
        bench.fail(ticket)
    assert bench.admits()


def test_a_burst_after_silence_is_no_crowd() -> None:
    bench = Bench()
    warmed(bench)
    bench.now += 3600.0
    for _ in range(500):
        bench.send()
        assert bench.admits()


def test_a_slow_endpoint_that_answers_is_no_crowd() -> None:
    bench = Bench()
    tickets: list[Ticket] = []
    for step in range(3000):
        bench.now += 0.01
        tickets.append(bench.send())
        assert bench.admits(), step
        if step >= 1000:  # everybody is answered after ten seconds
            bench.succeed(bench.breaker.on_answer(tickets[step - 1000], bench.now, 10.0))
        else:  # somebody is, all the time, as streams of a busy endpoint are
            bench.breaker.on_answer(bench.send(), bench.now, 10.0)


def test_the_room_of_a_busy_hour_is_not_kept_for_a_quiet_one() -> None:
    bench = Bench()
    tickets = [bench.send() for _ in range(500)]
    for ticket in tickets:
        bench.succeed(bench.breaker.on_answer(ticket, bench.now, 2.0))
    bench.now += 60.0
    sent = 0
    while bench.admits():
        bench.now += 1.0
        bench.send()
        sent += 1
    assert sent <= 2 * LEAST_ROOM


def test_a_reset_lets_a_crowd_and_a_returning_endpoint_in_at_full_share() -> None:
    returning = Bench().half_opened()
    returning.succeed(times=2)
    crowded = Bench()
    while crowded.admits():
        crowded.now += 0.1
        crowded.send()
    for bench in (returning, crowded):
        assert not bench.breaker.calm
        bench.breaker.reset(bench.now, "it is well")
        assert bench.breaker.calm
        assert bench.admits()
        assert bench.breaker.ramp(bench.now) == 1.0


def test_a_ticket_ends_the_waiting_once() -> None:
    bench = Bench()
    ticket = bench.send()
    assert bench.breaker.waiting == 1
    ticket = bench.breaker.on_answer(ticket, bench.now, 0.1)
    assert bench.breaker.waiting == 0
    bench.succeed(ticket)
    assert bench.breaker.waiting == 0


def test_who_returns_is_not_helped_by_what_was_sent_before_it_fell() -> None:
    """All of it within the hundred seconds of one bucket."""
    rules = BreakerSettings(window_seconds=100.0 * BUCKETS, failure_threshold=1_000, minimum_requests=10)
    bench = Bench(msgspec.structs.replace(rules, slow_start_seconds=0.0))
    bench.fail(times=10)
    bench.now = bench.breaker.until
    assert bench.admits()
    bench.succeed(times=2)
    bench.fail(times=9)
    assert bench.breaker.state is CLOSED
    bench.fail()
    assert bench.heard.moves[-1].reason.startswith("10 failures of 10 requests")


def test_open_seconds_are_spread_over_a_tenth() -> None:
    rng = Random(7)
    sample = sorted(open_seconds(DEFAULTS, 0, rng) for _ in range(2_000))
    # Kolmogorov-Smirnov against uniform(30, 33): 1.63 / sqrt(2000) = 0.0364 is the bound for p = 0.01.
    distance = max(abs((rank + 1) / 2_000 - (it - 30.0) / 3.0) for rank, it in enumerate(sample))
    assert distance < 0.0364


@given(
    recovery=st.floats(0.1, 1000.0),
    longest=st.floats(0.1, 1000.0),
    growth=st.integers(0, 2_000),
    seed=st.integers(0, 100),
)
def test_an_open_time_is_never_shorter_than_asked_nor_longer_than_the_longest(
    recovery: float, longest: float, growth: int, seed: int
) -> None:
    rules = BreakerSettings(recovery_timeout_seconds=recovery, longest_open_seconds=longest)
    span = open_seconds(rules, growth, Random(seed))
    assert recovery <= span <= max(recovery, longest)


EVENTS = (
    "send",
    "send",
    "panic",
    "answer",
    "succeed",
    "succeed",
    "fail",
    "fail",
    "leave",
    "force",
    "force 20",
    "reset",
)
GAPS = (0.0, 0.01, 1.0, 31.0)
Trace = list[tuple[str, float, int]]


def test_ten_thousand_traces_keep_the_law() -> None:
    rng = Random(20)
    for _ in range(10_000):
        length = rng.randrange(60)
        follow([(rng.choice(EVENTS), rng.choice(GAPS), rng.randrange(10)) for _ in range(length)])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(GAPS), st.integers(0, 9)), max_size=60))
def test_no_trace_breaks_the_law(trace: Trace) -> None:
    follow(trace)


def follow(trace: Trace) -> None:
    """One probe at most, nobody past an operator, open times within their bounds, and the waiting counted."""
    bench = Bench(BreakerSettings(failure_threshold=2))
    breaker = bench.breaker
    under_way: list[Ticket] = []
    probes: set[int] = set()
    for event, seconds, which in trace:
        bench.now += seconds
        probing = breaker.probing
        if event == "send":
            if not breaker.admits(bench.now):
                continue
            is_probe = breaker.state is HALF_OPEN
            assert not breaker.forced
            assert not (is_probe and probes), "a second probe"
            under_way.append(bench.send())
            if is_probe:
                probes.add(under_way[-1])
        elif event == "panic" and not breaker.forced:
            breaker.look(bench.now)
            under_way.append(bench.send())
            if breaker.probing and not probing:
                probes.add(under_way[-1])
        elif event == "answer" and under_way and under_way[which % len(under_way)] > 0:
            place = which % len(under_way)
            under_way[place] = breaker.on_answer(under_way[place], bench.now, 0.1)
        elif event in ("succeed", "fail", "leave") and under_way:
            ticket = under_way.pop(which % len(under_way))
            probes.discard(abs(ticket))
            if event == "succeed":
                bench.succeed(ticket)
            elif event == "fail":
                bench.fail(ticket)
            else:
                breaker.on_leave(ticket)
        elif event == "force":
            breaker.force_open(bench.now, None, "drill")
        elif event == "force 20":
            breaker.force_open(bench.now, 20.0, "drill")
        elif event == "reset":
            breaker.reset(bench.now, "over")
        assert len(probes) <= 1
        assert breaker.waiting == sum(ticket > 0 for ticket in under_way)
        if breaker.forced and breaker.until > bench.now:
            assert not breaker.admits(bench.now)
        if breaker.state is OPEN and not breaker.forced:
            assert breaker.opened_at is not None
            assert 30.0 <= breaker.until - breaker.opened_at <= 300.0
        if breaker.calm:
            assert breaker.admits(bench.now)
            assert breaker.ramp(bench.now) == 1.0


def test_an_answer_that_came_whole_to_a_calm_breaker_is_an_answer_and_a_success() -> None:
    """Wherever it has come to, of every ticket that is under way: late ones and old probes too."""
    rng = Random(21)
    calm = 0
    for _ in range(5_000):
        trace = [(rng.choice(EVENTS), rng.choice(GAPS), 0) for _ in range(rng.randrange(40))]
        one, tickets = lived(trace)
        other, _ = lived(trace)
        for ticket in tickets:
            if not one.breaker.calm:
                break
            calm += 1
            waited = rng.choice((0.0, 0.1, 2.0))
            one.breaker.on_calm_answer(ticket, one.now, waited)
            other.succeed(other.breaker.on_answer(ticket, other.now, waited))
            assert known_of(one.breaker) == known_of(other.breaker)
            if one.breaker.calm:
                one.now = other.now = one.now + rng.choice(GAPS)
                assert one.breaker.on_calm_send(one.now) == other.breaker.on_send(other.now)
                assert known_of(one.breaker) == known_of(other.breaker)
    assert calm > 2_000


def known_of(breaker: CircuitBreaker) -> dict[str, object]:
    known = {name: getattr(breaker, name) for name in CircuitBreaker.__slots__ if name != "_listener"}
    window = known.pop("_window")
    return known | {name: getattr(window, name) for name in RollingWindow.__slots__}


def lived(trace: Trace) -> tuple[Bench, list[Ticket]]:
    """A breaker after what is told, and the tickets that wait for their first answer."""
    bench, under_way = Bench(BreakerSettings(failure_threshold=2, success_threshold=1, slow_start_seconds=0.0)), []
    for event, seconds, _ in trace:
        bench.now += seconds
        if event == "send" and not bench.admits():
            continue
        if event in ("send", "panic"):
            bench.breaker.look(bench.now)
            under_way.append(bench.send())
        elif event in ("succeed", "fail") and under_way:
            (bench.succeed if event == "succeed" else bench.fail)(under_way.pop())
    return bench, under_way


# Restarts. Wall time is the monotonic plus `WALL` before the restart; the new process counts from 0 again.
WALL = 1_700_000_000.0


def restarted(bench: Bench, after_seconds: float = 0.5, seed: int = 2) -> Bench:
    saved = bench.breaker.save("fp", bench.now, bench.now + WALL)
    wall = bench.now + WALL + after_seconds
    fresh = Bench(bench.breaker.settings, seed)
    if still_holds(saved, "fp", wall):
        fresh.breaker.restore(saved, fresh.now, wall, fresh.rng)
    return fresh


def test_what_was_open_is_open_after_a_restart_for_the_rest_of_its_time() -> None:
    bench = Bench().opened()
    left = bench.breaker.until - bench.now
    fresh = restarted(bench)
    assert fresh.breaker.state is OPEN
    assert fresh.breaker.until == pytest.approx(left - 0.5)
    assert fresh.breaker.opened_at == pytest.approx(-0.5)
    assert fresh.heard.moves[0].reason == "5 failures in a row, the last: provider_error"


def test_a_growth_is_not_forgotten_in_a_restart() -> None:
    bench = Bench().half_opened()
    bench.fail()
    fresh = restarted(bench)
    fresh.now = fresh.breaker.until
    assert fresh.admits()
    fresh.fail()
    assert fresh.breaker.growth == 2


@pytest.mark.parametrize("seed", range(20))
def test_a_probe_of_the_process_before_waits_a_moment_so_that_a_dead_endpoint_gets_one_call_at_most(seed: int) -> None:
    bench = Bench().half_opened()
    bench.send()
    fresh = restarted(bench, seed=seed)
    assert fresh.breaker.state is OPEN
    assert 0.0 <= fresh.breaker.until <= 3.0
    calls = 0
    for step in range(1000):  # a thousand requests in the first second, with a fallback beside it
        fresh.now = step / 1000
        if fresh.admits():
            calls += 1
            fresh.fail()
    assert calls <= 1


@pytest.mark.parametrize("seed", range(20))
def test_after_a_kill_while_open_the_dead_endpoint_gets_one_call_at_most(seed: int) -> None:
    fresh = restarted(Bench().opened(), after_seconds=29.9 + seed * 0.2, seed=seed)
    calls = 0
    for step in range(1000):
        fresh.now = step / 1000
        if fresh.admits():
            calls += 1
            fresh.fail()
    assert calls <= 1


def test_a_clock_that_was_set_back_does_not_open_it_for_ever() -> None:
    saved = Bench().opened().breaker.save("fp", 0.0, WALL)
    fresh = Bench()
    fresh.breaker.restore(saved, fresh.now, WALL - 86_400.0, fresh.rng)
    assert fresh.breaker.until == 300.0


def test_an_operators_word_survives_with_its_end() -> None:
    bench = Bench()
    bench.breaker.force_open(bench.now, 3600.0, "maintenance")
    fresh = restarted(bench)
    assert (fresh.breaker.forced, fresh.breaker.reason) == (True, "maintenance")
    assert fresh.breaker.until == pytest.approx(3599.5)
    bench.breaker.force_open(bench.now, None, "gone")
    assert restarted(bench).breaker.until == inf


def test_a_saved_breaker_is_a_plain_document() -> None:
    saved = Bench().opened().breaker.save("fp", 0.0, WALL)
    assert msgspec.convert(msgspec.to_builtins(saved), Saved) == saved


SAVED = Saved(state=OPEN, fingerprint="fp", updated_wall=WALL, until_wall=WALL + 30.0)


@pytest.mark.parametrize(
    ("changes", "fingerprint", "after", "holds"),
    [
        ({}, "fp", 10.0, True),
        ({}, "another", 10.0, False),
        ({}, "fp", 30.0 + FORGOTTEN_AFTER_SECONDS - 0.1, True),
        ({}, "fp", 30.0 + FORGOTTEN_AFTER_SECONDS, False),
        ({"state": HALF_OPEN}, "fp", 40.0, True),
        ({"state": CLOSED}, "fp", 1.0, False),
        ({"until_wall": None}, "fp", 1.0, False),  # no breaker that nobody forced is open without an end
        ({"forced": True}, "another", 10.0, True),
        ({"forced": True}, "fp", 30.0, False),
        ({"forced": True, "until_wall": None}, "another", 1e9, True),
    ],
)
def test_what_a_restart_takes_up(changes: dict[str, object], fingerprint: str, after: float, holds: bool) -> None:
    assert still_holds(msgspec.structs.replace(SAVED, **changes), fingerprint, WALL + after) is holds


def test_the_window_has_as_many_buckets_as_it_says() -> None:
    bench = Bench(msgspec.structs.replace(DEFAULTS, failure_threshold=1000))
    for _ in range(BUCKETS):
        bench.fail()
        bench.now += 0.5
    assert bench.breaker.state is OPEN  # 20 of 20, spread over ten seconds

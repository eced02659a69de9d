"""One attempt: however it ends, it is one receipt, one word to the breaker, and nothing that is still taken."""

import asyncio
import errno
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import Candidate, OnStreamCut, RateLimits, Timeouts
from ai_gateway.domain.faults import Category, Fault, GatewayFault, Origin, RateLimited
from ai_gateway.domain.traffic import Head, Hold, Outcome, Shaped
from ai_gateway.gateway.admission import admit
from ai_gateway.gateway.client import Client, Interruption
from ai_gateway.gateway.continuing import Rescue, rescue_for
from ai_gateway.gateway.funding import Funded
from ai_gateway.gateway.journey import Journey
from ai_gateway.gateway.trial import SHORTEST_SECONDS, Trial
from ai_gateway.gateway.world import World
from ai_gateway.policy import quotas
from ai_gateway.policy.circuit_breaker import State
from ai_gateway.providers.continuation import Continuation, Way
from ai_gateway.runtime.upstream import Broken, CannotConnect, EgressRefused, TooSlow
from providers.halves import TEXT, chat_event, chat_stream, read
from providers.halves import a_call as a_counting_call
from support.builders import TOKEN, a_candidate, a_course, a_head, a_shaped, a_snapshot, a_tenant, an_endpoint
from support.journal import MemoryFolder, a_journal
from support.line import Line, a_line
from support.upstream import EVENTS, JSON, Gate, Pause, Script
from support.wire import CHAT_ERROR_EVENT, CHAT_REPLY, chat_events

DEADLINE_SECONDS = 600.0
ONE = a_candidate(an_endpoint())
LIMITED = a_candidate(an_endpoint(rate_limits=RateLimits(requests_per_minute=10, tokens_per_minute=24_000)))
RATES = {"x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "0"}


def refusing(status: int, kind: str, headers: dict[str, str] = JSON, **error: Any) -> Script:
    return Script(status, headers, (msgspec.json.encode({"error": {"message": "no", "type": kind, **error}}),))


@dataclass
class Bench:
    """A line of which one attempt at a time is made by hand, and the caller who gets its answer."""

    line: Line
    candidate: Candidate
    shaped: Shaped
    journey: Journey
    client: Client
    sent: list[dict[str, Any]] = field(default_factory=list)

    def trial(
        self, number: int = 1, *, rescue: Rescue | None = None, continuation: Continuation | None = None
    ) -> Trial:
        world = World(self.journey.plan, self.shaped.call, self.line.clock, self.line.doors.rng)
        assert world.pick(0, ()) == 0
        doors = self.line.doors
        return Trial(doors, self.journey, self.client, world.use(), number, rescue=rescue, continuation=continuation)

    async def attempt(self, *scripts: Script, number: int = 1, **more: Any) -> Fault | None:
        self.line.upstream.will_play(*scripts)
        trial = self.trial(number, **more)
        trial.hold()
        return await trial.run()

    @property
    def outcomes(self) -> list[Outcome]:
        return [it.outcome for it in self.line.receipts]

    @property
    def errors(self) -> int:
        return self.line.doors.board.of(self.candidate.endpoint.id).errors

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(it.get("body", b"") for it in self.sent)

    def assert_over(self) -> None:
        """Nothing runs and nothing is taken, and the answer was let go."""
        standing = self.line.doors.board.of(self.candidate.endpoint.id)
        member = self.journey.plan.stages[0].members[0]
        assert standing.active == 0
        assert member.gate.breaker.waiting == 0
        assert self.line.doors.journal.open_attempts == 0
        limits = member.throttle.limits
        assert limits is None or limits.standing(self.line.clock.now()).active == 0
        assert all(it.closed for it in self.line.upstream.answers)


async def a_bench(
    candidate: Candidate = ONE,
    *,
    stream: bool = False,
    shaped: Shaped | None = None,
    head: Head | None = None,
    deadline_seconds: float = DEADLINE_SECONDS,
    **doors: Any,
) -> Bench:
    course = a_course("fast", candidate)
    line = await a_line(a_snapshot(a_tenant("t1", candidate.endpoint, courses=(course,))), **doors)
    head = head or a_head(received=line.clock.now(), credentials=(TOKEN.encode(),))
    shaped = shaped or a_shaped()
    call = msgspec.structs.replace(shaped.call, head=head, stream=stream or shaped.call.stream)
    shaped = msgspec.structs.replace(shaped, call=call)
    admitted = admit(line.doors, head)
    plan = line.doors.plans.of("t1", course, head.dialect, head.operation)
    worst = plan.worst(admitted.caller.tenant.prices, admitted.snapshot.book, head.received_wall)
    hold = line.doors.meters.take(head.request_id, quotas.charge(admitted.caller, call, worst))
    assert isinstance(hold, Hold)
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    journey = Journey(admitted, shaped, plan, Funded(hold), line.clock.now() + deadline_seconds)
    return Bench(line, candidate, shaped, journey, Client({"type": "http"}, receive, send), sent)


async def test_an_answer_is_booked_shown_and_delivered() -> None:
    bench = await a_bench()

    fault = await bench.attempt(Script(200, JSON, (Pause(0.25), CHAT_REPLY)), number=2)

    assert fault is None
    (receipt,) = bench.line.receipts
    assert (receipt.outcome, receipt.cost_nano_usd, receipt.total_ms, receipt.ttft_ms) == (
        Outcome.OK,
        3_600,
        250.0,
        None,
    )
    assert bench.body == CHAT_REPLY
    assert bench.headers["x-gateway-attempts"] == "2"
    assert bench.headers["x-gateway-route"] == "fast"
    assert bench.headers["x-gateway-cost-usd"] == "0.0000036"
    assert list(bench.line.doors.board.of("pc_up-1").latencies) == [250.0]
    bench.assert_over()


async def test_attempts_of_a_request_have_ids_that_count_them() -> None:
    bench = await a_bench()
    await bench.attempt(Script(before=(CannotConnect("no"),)), number=1)
    await bench.attempt(Script(200, JSON, (CHAT_REPLY,)), number=2)
    first, second = bench.line.receipts
    assert first.request_id == second.request_id
    assert first.attempt_id != second.attempt_id
    assert bench.errors == 1


async def test_a_stream_measures_its_first_event_and_its_end() -> None:
    bench = await a_bench(stream=True)
    events = chat_events("Hello", "!")
    fault = await bench.attempt(Script(200, EVENTS, (Pause(0.2), events[0], Pause(0.3), *events[1:])))
    assert fault is None
    (receipt,) = bench.line.receipts
    assert (receipt.ttft_ms, receipt.total_ms) == (200.0, 500.0)
    assert list(bench.line.doors.board.of("pc_up-1").ttfts) == [200.0]
    bench.assert_over()


async def test_an_endpoint_that_has_begun_to_answer_owes_nothing_however_long_it_talks() -> None:
    """Who owes many first answers is crowded, so a long stream must not count among them."""
    bench = await a_bench(stream=True)
    breaker, gate = bench.journey.plan.stages[0].members[0].gate.breaker, Gate()
    events = chat_events("Hello", "!")
    talking = asyncio.get_running_loop().create_task(bench.attempt(Script(200, EVENTS, (events[0], gate, *events[1:]))))
    await gate.reached()
    assert breaker.waiting == 0
    gate.open()
    assert await talking is None
    bench.assert_over()


@pytest.mark.parametrize(
    ("script", "code", "outcome", "errors"),
    [
        (Script(before=(CannotConnect("no"),)), "provider_unreachable", Outcome.PROVIDER_ERROR, 1),
        (Script(before=(EgressRefused("10.0.0.7"),)), "egress_denied", Outcome.PROVIDER_ERROR, 1),
        (Script(before=(Broken("reset"),)), "provider_connection_lost", Outcome.PROVIDER_ERROR, 1),
        (Script(200, JSON, (b'{"half', Broken("cut"))), "provider_connection_lost", Outcome.PROVIDER_ERROR, 1),
        (Script(before=(TooSlow("head"),)), "provider_timeout", Outcome.TIMEOUT, 1),
        (refusing(500, "server_error"), None, Outcome.PROVIDER_ERROR, 1),
        (refusing(429, "rate_limit"), None, Outcome.PROVIDER_ERROR, 1),
        (refusing(401, "invalid_api_key"), None, Outcome.PROVIDER_ERROR, 1),
        (refusing(400, "invalid_request_error"), None, Outcome.CLIENT_ERROR, 0),
        (refusing(400, "invalid_request_error", code="context_length_exceeded"), None, Outcome.CLIENT_ERROR, 0),
        (Script(200, JSON, (b"<html>",)), None, Outcome.PROVIDER_ERROR, 1),
        (Script(200, JSON), None, Outcome.PROVIDER_ERROR, 1),
    ],
)
async def test_a_failure_is_one_receipt_and_a_fault_and_the_caller_hears_nothing(
    script: Script, code: str | None, outcome: Outcome, errors: int
) -> None:
    bench = await a_bench(LIMITED)

    fault = await bench.attempt(script)

    assert fault is not None
    assert code is None or fault.code == code
    assert bench.outcomes == [outcome]
    assert bench.errors == errors
    assert bench.sent == []
    bench.assert_over()


async def test_an_address_that_may_not_be_called_is_a_policy_and_says_so() -> None:
    bench = await a_bench()
    fault = await bench.attempt(Script(before=(EgressRefused("10.0.0.7"),)))
    assert fault is not None
    assert (fault.origin, "10.0.0.7" in fault.message) == (Origin.POLICY, False)


@pytest.mark.parametrize(
    ("script", "failures", "quarantined", "rests"),
    [
        (refusing(503, "server_error"), 1, False, False),
        (refusing(400, "invalid_request_error"), 0, False, False),
        (refusing(401, "invalid_api_key"), 0, True, True),
        (refusing(429, "rate_limit", {**JSON, "retry-after": "9"}), 0, False, True),
    ],
)
async def test_the_breaker_is_told_what_came_of_it(
    script: Script,
    failures: int,
    quarantined: bool,
    rests: bool,
) -> None:
    bench = await a_bench()
    gate = bench.journey.plan.stages[0].members[0].gate
    await bench.attempt(script)
    assert gate.breaker.failures == failures
    assert gate.cooldown.quarantined is quarantined
    assert gate.admits(bench.line.clock.now()) is not rests


async def test_the_first_429_makes_limits_that_know_its_headers() -> None:
    bench = await a_bench()
    throttle = bench.journey.plan.stages[0].members[0].throttle
    assert throttle.limits is None
    fault = await bench.attempt(refusing(429, "rate_limit", {**JSON, **RATES, "retry-after": "9"}))
    assert isinstance(fault, RateLimited)
    assert throttle.limits is not None
    standing = throttle.limits.standing(bench.line.clock.now())
    assert (standing.requests_left, standing.rests_seconds) == (0, 9.0)
    bench.assert_over()


@pytest.mark.parametrize("stream", [False, True])
async def test_an_endpoint_with_limits_hears_what_any_answer_says_of_them(stream: bool) -> None:
    bench = await a_bench(LIMITED, stream=stream)
    body = tuple(chat_events("hi")) if stream else (CHAT_REPLY,)
    await bench.attempt(Script(200, {**(EVENTS if stream else JSON), **RATES}, body))
    limits = bench.journey.plan.stages[0].members[0].throttle.limits
    assert limits is not None
    standing = limits.standing(bench.line.clock.now())
    # All 15 tokens of the usage are taken, and not the 4,121 of the worst case; 1/240 of a limit stays unused
    assert (standing.requests_left, standing.tokens_left) == (0, 24_000 - 100 - 15)


async def test_an_endpoint_without_limits_pays_nothing_for_such_headers() -> None:
    bench = await a_bench()
    await bench.attempt(Script(200, {**JSON, **RATES}, (CHAT_REPLY,)))
    assert bench.journey.plan.stages[0].members[0].throttle.limits is None


async def test_what_an_endpoint_does_when_asked_for_a_stream_it_has_not_is_its_fault_and_is_paid() -> None:
    bench = await a_bench(stream=True)
    fault = await bench.attempt(Script(200, JSON, (CHAT_REPLY,)))
    assert fault is not None
    assert fault.code == "provider_not_streaming"
    (receipt,) = bench.line.receipts
    assert (receipt.outcome, receipt.cost_nano_usd) == (Outcome.PROVIDER_ERROR, 3_600)
    assert bench.errors == 1
    bench.assert_over()


async def test_a_stream_that_fails_before_its_first_event_is_another_endpoints_to_answer() -> None:
    bench = await a_bench(stream=True)
    fault = await bench.attempt(Script(200, EVENTS, (CHAT_ERROR_EVENT,)))
    assert fault is not None
    assert (fault.category, bench.outcomes, bench.sent) == (Category.OVERLOADED, [Outcome.PROVIDER_ERROR], [])
    bench.assert_over()


async def test_a_stream_that_is_cut_is_booked_as_far_as_it_came() -> None:
    bench = await a_bench(stream=True)
    fault = await bench.attempt(Script(200, EVENTS, (*chat_events("Hello", "!")[:2], Broken("reset"))))
    assert fault is not None
    (receipt,) = bench.line.receipts
    assert (receipt.outcome, receipt.estimated, receipt.usage.output_tokens) == (Outcome.CUT, True, 2)
    assert bench.errors == 1
    assert b"Hello" in bench.body
    bench.assert_over()


# Ends that say nothing of the endpoint


async def interrupt(bench: Bench, why: Interruption | None) -> Fault | None:
    """The attempt is cancelled while the provider is silent."""
    gate = Gate()
    bench.line.upstream.will_play(Script(before=(gate,)))
    trial = bench.trial()
    trial.hold()
    running = asyncio.get_running_loop().create_task(trial.run())
    await gate.reached()
    bench.client.interruption = why
    running.cancel()
    return await running


@pytest.mark.parametrize(
    ("why", "code", "outcome"),
    [(Interruption.LEFT, None, Outcome.CANCELLED), (Interruption.DRAINED, "draining", Outcome.CUT)],
)
async def test_who_leaves_or_drains_blames_nobody(why: Interruption, code: str | None, outcome: Outcome) -> None:
    bench = await a_bench(LIMITED)
    fault = await interrupt(bench, why)
    assert (None if fault is None else fault.code) == code
    (receipt,) = bench.line.receipts
    assert (receipt.outcome, receipt.usage.output_tokens) == (outcome, 0)
    assert bench.errors == 0
    assert bench.journey.plan.stages[0].members[0].gate.breaker.failures == 0
    bench.assert_over()


async def test_a_process_that_ends_books_and_goes() -> None:
    bench = await a_bench()
    with pytest.raises(asyncio.CancelledError):
        await interrupt(bench, None)
    assert bench.outcomes == [Outcome.CUT]
    bench.assert_over()


@pytest.mark.parametrize(
    "script",
    [Script(before=(RuntimeError("a bug"),)), Script(200, JSON, (CHAT_REPLY[:9], RuntimeError("a bug")))],
)
async def test_a_bug_of_ours_goes_on_to_the_edge_and_is_booked(script: Script) -> None:
    bench = await a_bench(LIMITED)
    with pytest.raises(RuntimeError):
        await bench.attempt(script)
    assert bench.outcomes == [Outcome.CUT]
    assert bench.errors == 0
    bench.assert_over()


async def test_five_hangs_open_the_breaker_and_five_callers_who_left_do_not() -> None:
    bench = await a_bench()
    gate = bench.journey.plan.stages[0].members[0].gate
    for _ in range(5):
        await interrupt(bench, Interruption.LEFT)
    assert gate.breaker.state is State.CLOSED
    for _ in range(5):
        await bench.attempt(Script(before=(TooSlow("head"),)))
    assert gate.breaker.state is State.OPEN


async def test_what_cannot_be_written_down_is_not_sent() -> None:
    folder = MemoryFolder()
    bench = await a_bench(journal=a_journal(folder))
    trial = bench.trial()
    folder.failing_writes = errno.ENOSPC
    with pytest.raises(GatewayFault):
        trial.hold()
    assert bench.line.upstream.sent == []


async def test_the_hold_is_the_worst_case_and_the_receipt_what_is_booked_of_it() -> None:
    bench = await a_bench()
    trial = bench.trial()
    trial.hold()
    ((held, progress),) = bench.line.doors.journal.running()
    assert (held.worst_nano, progress) == (bench.journey.hold.charge.worst_nano, None)
    assert held.receipt.outcome is Outcome.ORPHAN
    bench.line.upstream.will_answer(CHAT_REPLY)
    await trial.run()
    assert trial.receipt().attempt_id == held.receipt.attempt_id
    assert bench.line.doors.journal.running() == []


# Times


async def test_a_pools_timeouts_are_over_the_endpoints() -> None:
    own = Timeouts(connect=3.0, response=40.0)
    candidate = msgspec.structs.replace(
        a_candidate(an_endpoint(timeouts=own)), timeouts=Timeouts(connect=1.0, response=9.0)
    )
    bench = await a_bench(candidate)
    await bench.attempt(Script(200, JSON, (CHAT_REPLY,)))
    (sent,) = bench.line.upstream.sent
    assert (sent.connect_seconds, sent.head_seconds) == (1.0, 9.0)


async def test_no_attempt_waits_longer_than_the_requests_deadline() -> None:
    bench = await a_bench(deadline_seconds=2.0)
    bench.line.clock.advance(0.5)
    fault = await bench.attempt(Script(before=(Pause(9.0),)))
    (sent,) = bench.line.upstream.sent
    assert (sent.connect_seconds, sent.head_seconds) == (1.5, 1.5)
    assert fault is not None
    assert (fault.category, bench.outcomes) == (Category.TIMEOUT, [Outcome.TIMEOUT])
    bench.assert_over()


async def test_the_time_for_an_answer_begins_with_the_attempt_and_not_with_the_request() -> None:
    candidate = a_candidate(an_endpoint(timeouts=Timeouts(response=10.0, total=100.0)))
    bench = await a_bench(candidate)
    bench.line.clock.advance(50.0)
    await bench.attempt(Script(200, JSON, (CHAT_REPLY,)))
    assert bench.line.upstream.sent[0].head_seconds == 10.0
    bench.line.clock.advance(45.0)
    await bench.attempt(Script(200, JSON, (CHAT_REPLY,)))
    assert bench.line.upstream.sent[1].head_seconds == 5.0  # 100 - 95


async def test_a_wait_is_never_none_at_all() -> None:
    bench = await a_bench(deadline_seconds=1.0)
    bench.line.clock.advance(5.0)
    await bench.attempt(Script(200, JSON, (CHAT_REPLY,)))
    assert bench.line.upstream.sent[0].head_seconds == SHORTEST_SECONDS


async def test_the_server_timing_tells_our_time_from_the_providers() -> None:
    bench = await a_bench()
    bench.line.clock.advance(0.5)
    await bench.attempt(Script(200, JSON, (Pause(0.25), CHAT_REPLY)))
    assert bench.headers["server-timing"] == "gateway;dur=500.000, provider;dur=250.000"


# The rest of an answer


async def cut_in_the_middle(bench: Bench) -> tuple[Rescue, Continuation]:
    rescue = rescue_for(OnStreamCut.CONTINUE, bench.shaped)
    assert rescue is not None
    whole = chat_stream(TEXT)
    fault = await bench.attempt(Script(200, EVENTS, (*whole[:20], Broken("reset"))), rescue=rescue)
    assert fault is not None
    assert rescue.broke(fault)
    continuation = rescue.way_on(bench.candidate)
    assert continuation is not None
    assert continuation.way is Way.RESTART
    return rescue, continuation


async def test_a_continuation_brings_the_rest_and_no_word_twice() -> None:
    bench = await a_bench(shaped=a_counting_call(Dialect.OPENAI))
    rescue, continuation = await cut_in_the_middle(bench)

    fault = await bench.attempt(
        Script(200, EVENTS, tuple(chat_stream(TEXT, "2"))), number=2, rescue=rescue, continuation=continuation
    )

    assert fault is None
    seen = read(Dialect.OPENAI, bench.body)
    assert seen.text == TEXT
    assert bench.outcomes == [Outcome.CUT, Outcome.OK]
    bench.assert_over()


async def test_another_answer_is_not_a_continuation_and_not_the_endpoints_fault() -> None:
    bench = await a_bench(shaped=a_counting_call(Dialect.OPENAI))
    rescue, continuation = await cut_in_the_middle(bench)
    other = (chat_event({"role": "assistant", "content": ""}), *chat_stream(f"quite another {TEXT}", "2"))

    bench.line.upstream.will_stream(*other)
    trial = bench.trial(2, rescue=rescue, continuation=continuation)
    trial.hold()
    fault = await trial.run()

    assert fault is not None
    assert fault.code == "continuation_differs"
    assert trial.diverged
    assert bench.outcomes == [Outcome.CUT, Outcome.CANCELLED]
    assert bench.errors == 1  # of the cut, none of the second
    assert b"another" not in bench.body
    bench.assert_over()

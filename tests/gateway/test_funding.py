"""Dialogues about budgets through the whole line: who is refused with which words, who waits, whose answer is cut."""

import asyncio
from random import Random
from typing import Any

import pytest

from ai_gateway.domain.budgets import Leg, Limit, Mode, Unit, Window
from ai_gateway.domain.config import ProviderType, QueueLimits, Retries
from ai_gateway.runtime.raised_limits import hear_of_raises
from ai_gateway.runtime.segments import JournalSize
from gateway.budgets import (
    CHAT,
    DOLLAR,
    INPUT_NANO,
    KEY,
    LEGS,
    OUTPUT_NANO,
    TENANT,
    a_body,
    a_limit,
    a_limited_line,
    a_reply,
    limited_tenant,
    sent_body,
    spends_all,
    worst_of,
)
from support.builders import MODEL, a_book, a_candidate, a_course, a_price, a_snapshot, an_endpoint
from support.journal import a_journal
from support.line import Answered, Line
from support.turns import settle
from support.upstream import JSON, Gate, Script

BODY = a_body(100)
WORST = worst_of(BODY, 100)


def spent(line: Line, leg: Leg = KEY, window: Window = Window.DAILY) -> int:
    return line.doors.meters.spent(leg, window, line.clock.wall())[0]


async def spend(line: Line, times: int, body: bytes = BODY) -> list[Answered]:
    line.upstream.always = spends_all(len(body))
    return [await line.post(CHAT, body) for _ in range(times)]


@pytest.mark.parametrize("leg", LEGS)
async def test_a_limit_on_any_level_refuses_before_anything_is_sent_and_says_whose_it_is(leg: Leg) -> None:
    line = await a_limited_line(a_limit(leg, 2 * WORST, mode=Mode.STRICT))
    answers = await spend(line, 3)

    assert [it.status for it in answers] == [200, 200, 402]
    assert len(line.upstream.sent) == 2
    refused = answers[-1]
    assert refused.headers["x-gateway-error"] == "budget_exceeded"
    assert refused.headers["x-should-retry"] == "false"
    assert "retry-after" not in refused.headers
    assert (refused.error["type"], refused.error["code"]) == ("billing_error", "budget_exceeded")
    gateway = refused.error["gateway"]
    assert (gateway["category"], gateway["level"], gateway["level_name"]) == ("budget", leg[0], leg[1])
    assert refused.error["message"].startswith("Daily cost limit exceeded. Limit: $0.0")
    assert refused.error["message"].endswith("Resets at midnight UTC.")
    assert spent(line, leg) == 2 * WORST
    line.assert_at_rest()


async def test_the_levels_are_checked_from_the_key_to_the_tenant() -> None:
    limits = [a_limit(leg, 0, mode=Mode.STRICT) for leg in reversed(LEGS)]
    for place, leg in enumerate(LEGS):
        line = await a_limited_line(*(it for it in limits if it.leg in LEGS[place:]))
        (refused,) = await spend(line, 1)
        assert refused.error["gateway"]["level"] == leg[0]


async def test_a_message_below_the_limit_says_what_the_request_could_have_cost() -> None:
    line = await a_limited_line(a_limit(KEY, DOLLAR // 100, mode=Mode.STRICT))
    (refused,) = await spend(line, 1, a_body(1_000_000))
    assert refused.error["message"] == (
        "Daily cost limit exceeded. Limit: $0.01, Current: $0.00. Resets at midnight UTC."
        " This request could cost up to $0.6001."
    )


@pytest.mark.parametrize(("unit", "amount"), [(Unit.TOKENS, len(BODY) + 100), (Unit.REQUESTS, 1)])
async def test_tokens_and_requests_are_limited_like_money(unit: Unit, amount: int) -> None:
    line = await a_limited_line(a_limit(KEY, amount, unit=unit))
    assert [it.status for it in await spend(line, 2)] == [200, 402]


async def test_b10_b12_a_report_of_zero_costs_zero_and_gives_all_back() -> None:
    line = await a_limited_line(a_limit(KEY, WORST, mode=Mode.STRICT))
    line.upstream.always = lambda request: Script(200, JSON, (a_reply(0, 0),))
    assert [(await line.post(CHAT, BODY)).status for _ in range(3)] == [200, 200, 200]
    assert spent(line) == 0


async def test_truth_above_the_hold_is_booked_and_counts() -> None:
    line = await a_limited_line(a_limit(KEY, WORST, mode=Mode.STRICT))
    line.upstream.always = lambda request: Script(200, JSON, (a_reply(1_000_000, 100),))
    assert (await line.post(CHAT, BODY)).status == 200
    assert spent(line) == 1_000_000 * INPUT_NANO + 100 * OUTPUT_NANO > WORST
    assert (await line.post(CHAT, BODY)).status == 402


# Shorter answers


async def test_an_answer_is_cut_to_what_is_left_and_says_so() -> None:
    """One whole request fits, and of the next one its question and 40 tokens."""
    line = await a_limited_line(a_limit(KEY, WORST + worst_of(BODY, 40)))
    whole, cut, refused = await spend(line, 3)

    assert "x-gateway-max-tokens-clamped" not in whole.headers
    assert cut.headers["x-gateway-max-tokens-clamped"] == "40"
    assert [sent_body(it)["max_tokens"] for it in line.upstream.sent] == [100, 40]
    assert refused.status == 402
    assert spent(line) == WORST + worst_of(BODY, 40)


@pytest.mark.parametrize(("left", "status"), [(15, 402), (16, 200)])
async def test_an_answer_of_fewer_than_sixteen_tokens_is_worth_nobodys_money(left: int, status: int) -> None:
    line = await a_limited_line(a_limit(KEY, worst_of(BODY, left)))
    assert [it.status for it in await spend(line, 1)] == [status]


async def test_every_limit_that_stands_in_the_way_cuts_and_a_strict_one_refuses() -> None:
    usd = a_limit(TENANT, worst_of(BODY, 60))
    tokens = a_limit(KEY, len(BODY) + 50, unit=Unit.TOKENS)
    (cut,) = await spend(await a_limited_line(usd, tokens), 1)
    assert cut.headers["x-gateway-max-tokens-clamped"] == "50"

    strict = a_limit(KEY, worst_of(BODY, 70), mode=Mode.STRICT)
    (refused,) = await spend(await a_limited_line(usd, strict), 1)
    assert (refused.status, refused.error["gateway"]["level"]) == (402, "key")


@pytest.mark.parametrize(
    ("provider", "model", "field", "most"),
    [
        (ProviderType.OPENAI, "ft:mine", "max_completion_tokens", 4096),
        (ProviderType.OPENAI_COMPATIBLE, "llama-3", "max_tokens", 4096),
        (ProviderType.OPENAI, "gpt-4o-mini", None, 16_384),
    ],
)
async def test_without_a_cap_the_default_is_held_and_sent_unless_the_model_has_its_own(
    provider: ProviderType, model: str, field: str | None, most: int
) -> None:
    endpoint = an_endpoint(provider=provider, models=(model,))
    course = a_course("fast", a_candidate(endpoint, model))
    body = a_body(model="fast")
    prices = a_book(a_price(model))
    tenant = limited_tenant(a_limit(KEY, DOLLAR), endpoints=(endpoint,), courses=(course,), prices=prices)
    line = await a_limited_line(tenant=tenant)
    line.upstream.always = lambda request: Script(200, JSON, (a_reply(1, 1),))
    holds: list[int] = []
    line.upstream.asked = lambda request: holds.extend(it.worst_nano for it, _ in line.doors.journal.running())

    assert (await line.post(CHAT, body)).status == 200

    (sent,) = line.upstream.sent
    caps = {name: value for name, value in sent_body(sent).items() if name.startswith("max_")}
    assert caps == ({} if field is None else {field: most})
    if model == MODEL:
        assert holds == [worst_of(body, most)]


async def test_who_has_no_limit_is_sent_as_he_came() -> None:
    line = await a_limited_line()
    line.upstream.always = lambda request: Script(200, JSON, (a_reply(1, 1),))
    await line.post(CHAT, a_body())
    assert "max_tokens" not in sent_body(line.upstream.sent[0])


# What others hold


async def in_flight(line: Line, gate: Gate, body: bytes = BODY) -> Any:
    line.upstream.will_play(Script(200, JSON, (a_reply(len(body), 0),), (gate,)))
    visit = line.visit(CHAT, body).start(line.app)
    await gate.reached()
    return visit


async def test_what_others_hold_is_waited_for_and_not_cut() -> None:
    line, gate = await a_limited_line(a_limit(TENANT, WORST + 10)), Gate()
    first = await in_flight(line, gate)
    line.upstream.will_play(spends_all(len(BODY)))
    second = line.visit(CHAT, BODY).start(line.app)
    await settle()
    assert len(line.upstream.sent) == 1  # 10 nano are left, and would be again

    gate.open()
    await first.end()  # it has cost its question; what is left is less than a whole answer
    answered = await second.end()
    left = (WORST + 10 - worst_of(BODY, 0)) // OUTPUT_NANO
    assert answered.status == 200
    cut = (WORST + 10 - worst_of(BODY, 0) - worst_of(BODY, 0)) // OUTPUT_NANO
    assert answered.headers["x-gateway-max-tokens-clamped"] == str(cut)
    assert left > cut
    line.assert_at_rest()


async def test_a_raised_limit_lets_those_in_who_wait_though_nobody_has_settled() -> None:
    line, gate = await a_limited_line(a_limit(TENANT, WORST, tenant_id="t1")), Gate()
    first = await in_flight(line, gate)
    line.upstream.will_play(Script(200, JSON, (a_reply(1, 1),)))
    second = line.visit(CHAT, BODY).start(line.app)
    await settle()
    assert len(line.upstream.sent) == 1

    raised = limited_tenant(a_limit(TENANT, 3 * WORST, tenant_id="t1"))
    hear_of_raises(line.doors.meters, a_snapshot(raised, revision=8))
    assert (await second.end()).status == 200
    assert line.doors.meters.open_holds == 1  # the first one has what it had
    gate.open()
    await first.end()
    line.assert_at_rest()


async def test_whoever_waits_for_a_limit_that_is_deleted_goes_on() -> None:
    queue = QueueLimits(max_waiting=5, timeout_seconds=60.0)
    line, gate = (
        await a_limited_line(tenant=limited_tenant(a_limit(TENANT, WORST, tenant_id="t1"), queue=queue)),
        Gate(),
    )
    first = await in_flight(line, gate)
    waiting = [line.visit(CHAT, BODY).start(line.app) for _ in range(2)]
    await settle()
    assert len(line.upstream.sent) == 1
    line.upstream.will_play(*[Script(200, JSON, (a_reply(1, 1),))] * 2)

    hear_of_raises(line.doors.meters, a_snapshot(limited_tenant(queue=queue), revision=8))

    await settle()
    assert len(line.upstream.sent) == 3
    assert [(await it.end()).status for it in waiting] == [200, 200]
    gate.open()
    await first.end()
    line.assert_at_rest()


async def test_whoever_waits_in_vain_is_told_to_come_back_soon() -> None:
    line, gate = await a_limited_line(a_limit(TENANT, WORST)), Gate()
    first = await in_flight(line, gate)
    second = line.visit(CHAT, BODY).start(line.app)
    await settle()
    await line.timers.advance(1.0)

    refused = await second.end()

    assert (refused.status, refused.headers["x-gateway-error"]) == (429, "budget_contended")
    assert (refused.headers["retry-after"], refused.error["gateway"]["level"]) == ("1", "tenant")
    gate.open()
    await first.end()
    line.assert_at_rest()


async def test_a_queue_of_the_tenant_lets_one_wait_as_long_as_it_says() -> None:
    queue = QueueLimits(max_waiting=5, timeout_seconds=60.0)
    line, gate = await a_limited_line(tenant=limited_tenant(a_limit(TENANT, 2 * WORST), queue=queue)), Gate()
    first, second = await in_flight(line, gate), await in_flight(line, gate)
    third = line.visit(CHAT, BODY).start(line.app)
    await line.timers.advance(59.0)
    line.upstream.will_play(Script(200, JSON, (a_reply(1, 1),)))
    gate.open()
    assert [it.status for it in (await first.end(), await second.end(), await third.end())] == [200, 200, 200]


async def test_b02_who_leaves_while_waiting_leaves_nothing_behind_and_lets_the_next_one_go() -> None:
    line, gate = await a_limited_line(a_limit(TENANT, WORST)), Gate()
    first = await in_flight(line, gate)
    second = line.visit(CHAT, BODY).start(line.app)
    third = line.visit(CHAT, a_body(10)).start(line.app)
    await settle()
    second.leave()
    await settle()
    line.upstream.will_play(Script(200, JSON, (a_reply(1, 1),)))
    gate.open()
    assert [it.status for it in (await first.end(), await third.end())] == [200, 200]
    assert len(line.upstream.sent) == 2
    line.assert_at_rest()


async def test_nobody_passes_those_who_wait_though_he_needs_less() -> None:
    line, gate = await a_limited_line(a_limit(TENANT, WORST + worst_of(BODY, 20))), Gate()
    first = await in_flight(line, gate)
    large = line.visit(CHAT, BODY).start(line.app)
    await settle()
    small = line.visit(CHAT, a_body(1)).start(line.app)  # it would fit beside the first
    await settle()
    assert len(line.upstream.sent) == 1
    line.upstream.always = lambda request: Script(200, JSON, (a_reply(0, 0),))
    gate.open()
    for visit in (first, large, small):
        assert (await visit.end()).status == 200
    assert [sent_body(it)["max_tokens"] for it in line.upstream.sent] == [100, 100, 1]


async def test_the_answer_that_passes_a_threshold_tells_of_it() -> None:
    """A request costs its worst case, 40 % of the limit; the second one is above the half."""
    line = await a_limited_line(a_limit(KEY, WORST * 5 // 2))
    first, second, third = await spend(line, 3)
    assert "x-gateway-budget-warning" not in first.headers
    assert second.headers["x-gateway-budget-warning"] == "daily cost limit of key 'key_1' is 80% used"
    assert third.headers["x-gateway-budget-warning"] == "daily cost limit of key 'key_1' is 100% used"  # cut to fit


# Attempts


def two_endpoints(*limits: Limit) -> Any:
    endpoints = (an_endpoint("up-1"), an_endpoint("up-2"))
    course = a_course("fast", *map(a_candidate, endpoints), retries=Retries(max_attempts=3, base_seconds=0.0))
    return limited_tenant(*limits, endpoints=endpoints, courses=(course,))


async def test_b13_each_attempt_that_a_provider_bills_counts_and_one_that_it_does_not_costs_nothing() -> None:
    line = await a_limited_line(tenant=two_endpoints(a_limit(KEY, DOLLAR)))
    line.upstream.will_play(Script(503, JSON, (b'{"error":{"message":"down"}}',)))
    line.upstream.will_play(Script(200, JSON, (a_reply(10, 5),)))
    answered = await line.post(CHAT, a_body(100, model="fast"))
    assert answered.status == 200
    assert [it.cost_nano_usd for it in line.receipts] == [0, 10 * INPUT_NANO + 5 * OUTPUT_NANO]
    assert spent(line) == sum(it.cost_nano_usd for it in line.receipts)
    assert line.doors.meters.spent(KEY, Window.DAILY, line.clock.wall())[2] == 1  # one request


async def test_an_attempt_that_no_longer_fits_is_not_made() -> None:
    """The first one was paid for and useless; with the worst case of a second one the limit could be passed."""
    body = a_body(100, model="fast", stream=True)
    line = await a_limited_line(tenant=two_endpoints(a_limit(KEY, worst_of(body, 100) + 10)))
    line.upstream.will_play(Script(200, JSON, (a_reply(9, 9),)))  # whole, though a stream was asked for
    answered = await line.post(CHAT, body)
    assert (answered.status, answered.headers["x-gateway-error"]) == (502, "provider_not_streaming")
    assert len(line.upstream.sent) == 1
    line.assert_at_rest()


async def test_who_gives_up_for_lack_of_money_tells_what_went_wrong_first() -> None:
    body = a_body(100, model="fast", stream=True)
    line = await a_limited_line(tenant=two_endpoints(a_limit(KEY, worst_of(body, 100) + 10)))
    line.upstream.will_play(Script(503, JSON, (b'{"error":{"message":"down"}}',)))
    line.upstream.will_play(Script(200, JSON, (a_reply(9, 9),)))  # paid for and useless
    answered = await line.post(CHAT, body)
    assert (answered.status, answered.headers["x-gateway-error"]) == (502, "provider_error")
    assert len(line.upstream.sent) == 2
    line.assert_at_rest()


async def test_b08_the_dearest_candidate_is_what_is_held() -> None:
    cheap, dear = an_endpoint("up-1"), an_endpoint("up-2", models=("gpt-4o",))
    course = a_course("fast", a_candidate(cheap), a_candidate(dear, "gpt-4o"))
    prices = a_book(a_price(), a_price("gpt-4o", input_pico=2_500_000, output_pico=10_000_000))
    body = a_body(100, model="fast")
    amount = len(body) * 2_500 + 100 * 10_000
    for limit, status in ((amount, 200), (amount - 1, 402)):
        tenant = limited_tenant(
            a_limit(KEY, limit, mode=Mode.STRICT), endpoints=(cheap, dear), courses=(course,), prices=prices
        )
        line = await a_limited_line(tenant=tenant)
        line.upstream.always = lambda request: Script(200, JSON, (a_reply(1, 1),))
        assert (await line.post(CHAT, body)).status == status


# Crowds


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_b01_ten_thousand_at_once_spend_a_dollar_and_never_more(seed: int) -> None:
    """All five legs, each with a limit of its own, a provider that always spends the maximum, and a queue: at no
    instant is more settled and held than a limit allows, and at least 95 % of the dollar is spent."""
    rng = Random(seed)
    bodies = [a_body(rng.randint(500, 1_500)) for _ in range(10_000)]  # some 1,600 of them are a dollar
    limits = [
        a_limit(leg, DOLLAR + place * 1_000, window=window)
        for place, (leg, window) in enumerate(zip(LEGS, _WINDOWS, strict=True))
    ]
    queue = QueueLimits(max_waiting=10_000, timeout_seconds=600.0)
    journal = a_journal(size=JournalSize(segment_bytes=32 << 20))
    line = await a_limited_line(tenant=limited_tenant(*limits, queue=queue), journal=journal)
    line.upstream.always = spends_all(min(map(len, bodies)))
    watch = _Watch(line)

    line.upstream.asked = lambda request: watch.look()
    answers = await asyncio.gather(*(line.post(CHAT, body) for body in bodies))

    statuses = [it.status for it in answers]
    assert set(statuses) == {200, 402}
    watch.look()
    assert 0.95 * DOLLAR <= spent(line) <= DOLLAR
    assert watch.looks > statuses.count(200) > 1_000
    assert spent(line) == sum(it.cost_nano_usd for it in line.receipts)
    line.assert_at_rest()


_WINDOWS = (Window.DAILY, Window.MONTHLY, Window.TOTAL, Window.DAILY, Window.MONTHLY)


class _Watch:
    """Looks at every limit whenever a provider is asked."""

    def __init__(self, line: Line) -> None:
        self._line = line
        (tenant,) = line.doors.snapshots.current().tenants.values()
        self._limits = [limit for limits in tenant.limits.values() for limit in limits]
        self.looks = 0

    def look(self) -> None:
        self.looks += 1
        for limit in self._limits:
            standing = self._line.doors.meters.standing(limit, self._line.clock.wall())
            assert standing.spent + standing.held <= limit.amount

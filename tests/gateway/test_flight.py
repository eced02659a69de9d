"""Requests on a lane, on real sockets: they are booked, told and answered like those of the ordinary line, and whatever
happens to them in the air ends as it does there."""

import errno
import json
from random import Random
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.budgets import Limits
from ai_gateway.domain.config import Retries
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.gateway import http
from ai_gateway.runtime.decisions import Decisions
from ai_gateway.runtime.snapshot import Snapshots
from ai_gateway.runtime.telemetry import Telemetry
from gateway.budgets import KEY, LEVELS, TENANT, a_limit, limited_tenant
from gateway.flying import GOOD, JSON_HEADERS, a_field, led_to, request
from support.builders import TOKEN, a_candidate, a_course, a_key, a_snapshot, a_tenant, an_endpoint
from support.journal import MemoryFolder, a_journal
from support.line import FixedSource
from support.provider import Ending, Played
from support.raw_http import Answer
from support.wire import CHAT_BODY, CHAT_REPLY

OF_THE_MOMENT = ("x-request-id", "request-id", "server-timing", "date")
NEVER = Played(headers=None)
REFUSED = Played(500, JSON_HEADERS, (b'{"error":{"message":"no","type":"server_error"}}',), length=True)


def told(answer: Answer) -> dict[str, Any]:
    lasting = {name: value for name, value in answer.headers.items() if name not in OF_THE_MOMENT}
    return {"status": answer.status, "body": answer.body, **lasting}


def booked(receipt: Receipt) -> Receipt:
    return msgspec.structs.replace(receipt, request_id="", attempt_id="", started_at=0.0, total_ms=0.0)


LIMITED: Limits = (a_limit(KEY, 10**9), a_limit(TENANT, 10**12))


@pytest.mark.parametrize("limits", [(), LIMITED], ids=["without limits", "with limits"])
async def test_what_flies_is_told_and_booked_as_what_walks(limits: Limits) -> None:
    async with a_field(key=a_key(**LEVELS), tenant=lambda *own: limited_tenant(*limits, endpoints=own)) as field:
        answers = [await field.ask() for _ in range(3)]
        flight = await field.take_off(GOOD)
        answers.append(await field.caller.read_answer())
        await field.rest()
        assert flight.is_over
        assert flight.response_complete

        assert [told(it) for it in answers[1:]] == [told(answers[0])] * 3
        receipts = field.line.receipts
        assert [booked(it) for it in receipts[1:]] == [booked(receipts[0])] * 3
        assert [it.request_id for it in receipts] == [it.headers["x-request-id"] for it in answers]
        assert len({it.request_id for it in receipts}) == len(answers)
        ended = [
            msgspec.structs.replace(it, request_id="", started_wall=0.0, seconds=0.0, receipts=())
            for it in field.line.ended
        ]
        assert ended[1:] == [ended[0]] * 3
        sent = [(it.line, it.headers, it.body) for it in field.provider.requests]
        assert sent[1:] == [sent[0]] * 3
        spent = field.line.doors.meters.spent(TENANT, a_limit(TENANT, 1).window, field.line.clock.wall())
        assert spent == (sum(it.cost_nano_usd for it in receipts), 4 * 15, 4)


async def test_what_flies_is_found_among_the_decisions_as_what_walks() -> None:
    decisions = Decisions(lambda _: None, Random(1), sample=0.0)
    telemetry = Telemetry((decisions.note,), taker=decisions)
    async with a_field(telemetry=telemetry) as field:
        await field.learn()
        await field.take_off(GOOD)
        await field.caller.read_answer()
        await field.rest()
        assert len(telemetry.notes) > 0
        latest, *_, first = decisions.recent("t1", 9)
        assert msgspec.structs.replace(latest, request_id=first.request_id, at=first.at, seconds=first.seconds) == first
        assert len(decisions.recent("t1", 9)) == 4
        assert telemetry.attempts == {"openai": {"ok": 4}}
        assert (telemetry.input_tokens, telemetry.output_tokens) == (4 * 12, 4 * 3)


async def test_each_body_is_read_for_itself() -> None:
    async with a_field() as field:
        await field.learn()
        for seed in (1, 10, 100_000):
            body = CHAT_BODY.replace(b'"model"', b'"seed":%d,"model"' % seed)
            await field.take_off(GOOD, body)
            assert (await field.caller.read_answer()).status == 200
            assert json.loads(field.provider.requests[-1].body)["seed"] == seed


async def test_a_body_that_is_wrong_is_told_so_by_the_ordinary_line() -> None:
    async with a_field() as field:
        await field.learn()
        await field.caller.send(request(CHAT_BODY[:-1]))
        answer = await field.caller.read_answer()
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, "invalid_json")
        await field.take_off(GOOD)
        assert (await field.caller.read_answer()).status == 200


UNWELL = {
    "a 5xx": REFUSED,
    "a cut": Played(headers=JSON_HEADERS, body=(CHAT_REPLY[:40],), length=True, ending=Ending.CUT),
    "nothing under 200": Played(headers=JSON_HEADERS, body=(b"{}",), length=True),
    "an error under 200": Played(headers=JSON_HEADERS, body=(b'{"error":{"message":"no","code":"x"}}',), length=True),
    "no HTTP": Played(raw=b"what?\r\n\r\n"),
    "no answer": Played(raw=b""),
}


@pytest.mark.parametrize("play", UNWELL.values(), ids=UNWELL)
async def test_what_fails_in_the_air_is_tried_elsewhere_on_the_ground(play: Played) -> None:
    def two(*own: Any) -> Any:
        return a_tenant("t1", *own, courses=(a_course("gpt-4o-mini", *map(a_candidate, own), retries=Retries()),))

    async with a_field(an_endpoint("up-1"), an_endpoint("up-2"), tenant=two) as field:
        await field.learn()
        await field.take_off(play)
        field.provider.will_play(GOOD)
        answer = await field.caller.read_answer()
        assert (answer.status, answer.body, answer.headers["x-gateway-attempts"]) == (200, CHAT_REPLY, "2")
        await field.rest()
        first, second = field.line.receipts[-2:]
        assert first.request_id == second.request_id == answer.headers["x-request-id"]
        assert (first.outcome, second.outcome) == (Outcome.PROVIDER_ERROR, Outcome.OK)
        assert [it.attempt_id[-2:] for it in (first, second)] == ["_1", "_2"]


async def test_what_fails_and_cannot_be_tried_again_is_the_callers_to_know() -> None:
    async with a_field() as field:
        await field.learn()
        await field.take_off(REFUSED)
        answer = await field.caller.read_answer()
        assert answer.status >= 500
        assert json.loads(answer.body)["error"]["gateway"]["request_id"] == answer.headers["x-request-id"]
        await field.rest()
        assert field.line.ended[-1].fault is not None


async def test_a_caller_who_leaves_takes_the_providers_work_along() -> None:
    async with a_field() as field:
        await field.learn()
        await field.take_off(NEVER)
        field.provider.left.clear()
        field.caller.abort()
        await field.provider.client_left()
        await field.rest()
        receipt = field.line.receipts[-1]
        assert (receipt.outcome, receipt.estimated, receipt.usage.output_tokens) == (Outcome.CANCELLED, True, 0)
        assert receipt.cost_nano_usd > 0, "its input was sent"
        assert field.line.ended[-1].status == 499


async def test_a_gateway_that_drains_says_so_to_who_is_in_the_air() -> None:
    async with a_field() as field:
        await field.learn()
        await field.take_off(NEVER)
        assert http.drain(field.line.doors) == 1
        answer = await field.caller.read_answer()
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (503, "draining")
        await field.rest()
        assert field.line.receipts[-1].outcome is Outcome.CUT


async def test_a_key_that_is_withdrawn_does_not_fly() -> None:
    source = FixedSource(a_snapshot())
    snapshots = Snapshots(source)
    async with a_field(snapshots=snapshots) as field:
        own = led_to(field.provider, an_endpoint())
        source.snapshot = a_snapshot(a_tenant("t1", own))
        await snapshots.load()
        await field.learn()
        source.snapshot = a_snapshot(a_tenant("t1", own), keys={TOKEN: a_key(enabled=False)}, revision=8)
        await snapshots.load()
        await field.caller.send(request())
        assert (await field.caller.read_answer()).status == 401
        source.snapshot = a_snapshot(a_tenant("t1", own), revision=9)
        await snapshots.load()
        await field.ask()
        await field.take_off(GOOD)
        assert (await field.caller.read_answer()).status == 200
        assert field.line.receipts[-1].revision == 9


async def test_a_limit_that_is_used_up_is_one_in_the_air_too() -> None:
    cost = 12 * 150 + 3 * 600
    limit = a_limit(KEY, 6 * cost, warn_at=(50,))
    body = CHAT_BODY[:-1] + b',"max_tokens":3}'
    own = a_key(**LEVELS)
    async with a_field(key=own, tenant=lambda *own: limited_tenant(limit, endpoints=own)) as field:
        statuses: list[int] = []
        warned: list[bool] = []
        for _ in range(9):
            field.provider.will_play(GOOD)
            await field.caller.send(request(body))
            answer = await field.caller.read_answer()
            statuses.append(answer.status)
            warned.append("x-gateway-budget-warning" in answer.headers)
        served = statuses.count(200)
        assert statuses == [200] * served + [402] * (9 - served)
        assert 1 < served < 7
        assert warned.index(True) == 2, "the third has used half of it"
        spent = field.line.doors.meters.spent(KEY, limit.window, field.line.clock.wall())
        assert spent == (served * cost, served * 15, served)


async def test_where_nothing_can_be_written_nothing_takes_off() -> None:
    folder = MemoryFolder()
    async with a_field(journal=a_journal(folder)) as field:
        await field.learn()
        sent = len(field.provider.requests)
        folder.failing_writes = errno.EIO
        await field.caller.send(request())
        assert (await field.caller.read_answer()).status == 503
        assert len(field.provider.requests) == sent
        folder.failing_writes = None
        await field.line.doors.journal.tend()
        await field.take_off(GOOD)
        assert (await field.caller.read_answer()).status == 200


async def test_who_sends_the_next_request_early_is_answered_in_order() -> None:
    async with a_field() as field:
        await field.learn()
        field.provider.will_play(GOOD, GOOD)
        await field.caller.send(request() + request(CHAT_BODY.replace(b"hi", b"ho")))
        answers = [await field.caller.read_answer() for _ in range(2)]
        assert [it.body for it in answers] == [CHAT_REPLY, CHAT_REPLY]
        assert [it.request_id for it in field.line.receipts[-2:]] == [it.headers["x-request-id"] for it in answers]

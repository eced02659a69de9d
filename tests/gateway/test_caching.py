from typing import Any

import msgspec
import pytest

from ai_gateway.domain.budgets import Limit, Mode, Unit, Window
from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import CacheSettings
from ai_gateway.domain.traffic import Outcome
from ai_gateway.policy.pricing import dollars
from gateway.budgets import INPUT_NANO, OUTPUT_NANO, a_body, worst_of
from support.builders import TOKEN, a_course, a_key, a_snapshot, a_tenant, an_endpoint
from support.line import BEARER, Answered, Line, a_line
from support.upstream import EVENTS, JSON, Script
from support.wire import CHAT_REPLY, chat_events

CHAT = "/v1/chat/completions"
BODY = b'{"model":"fast","messages":[{"role":"user","content":"hi"}]}'
STREAM_BODY = b'{"model":"fast","stream":true,"messages":[{"role":"user","content":"hi"}]}'
WHOLE = Script(200, JSON, (CHAT_REPLY,))
OTHER = Script(200, JSON, (CHAT_REPLY.replace(b"Hello!", b"Bye!"),))
CACHED = CacheSettings(ttl_seconds=60.0)


def a_cached_snapshot(**changes: Any) -> Any:
    tenants = [
        a_tenant(name, an_endpoint(f"up-{name}", tenant_id=name), courses=(a_course("fast", cache=CACHED),), **changes)
        for name in ("t1", "t2")
    ]
    return a_snapshot(*tenants, keys={TOKEN: a_key(), "sk-2": a_key("key_2", "t2"), "sk-3": a_key("key_3")})


async def send(line: Line, body: bytes = BODY, key: str = TOKEN, **more: str) -> Answered:
    return await line.post(CHAT, body, {"authorization": f"Bearer {key}", **more})


def state(answered: Answered) -> tuple[str | None, bytes]:
    return answered.headers.get("x-gateway-cache"), answered.body


@pytest.mark.parametrize(
    ("body", "script"), [(BODY, WHOLE), (STREAM_BODY, Script(200, EVENTS, tuple(chat_events("a", "b"))))]
)
async def test_exactly_the_same_is_answered_from_memory_and_booked_at_nothing(body: bytes, script: Script) -> None:
    line = await a_line(a_cached_snapshot())
    line.upstream.will_play(script)
    first = await send(line, body)
    again = await send(line, body, "sk-3")
    assert state(first) == ("miss", first.body)
    assert state(again) == ("hit", first.body)
    assert again.headers["x-gateway-endpoint"] == first.headers["x-gateway-endpoint"]
    assert again.headers["x-gateway-cost-usd"] == "0.0"
    paid, free = line.receipts
    assert (paid.cached, free.cached, free.key_id, free.outcome) == (False, True, "key_3", Outcome.OK)
    assert (free.cost_nano_usd, free.usage, free.endpoint, free.request_id) == (
        0,
        Usage(),
        paid.endpoint,
        again.headers["x-request-id"],
    )
    assert len(line.upstream.sent) == 1
    line.assert_at_rest()


@pytest.mark.parametrize(("percent", "share"), [(10, "one tenth"), (100, "all")])
async def test_a_hit_is_booked_at_its_share_of_what_the_answer_cost(percent: int, share: str) -> None:
    limit = Limit(("tenant", "t1"), Window.DAILY, Unit.USD, 1_000_000_000)
    course = a_course("fast", cache=CacheSettings(hit_price_percent=percent))
    line = await a_line(a_snapshot(a_tenant("t1", an_endpoint(), courses=(course,), limits={limit.leg: (limit,)})))
    line.upstream.will_play(WHOLE)
    await send(line)
    again = await send(line)
    paid, hit = line.receipts
    assert again.headers["x-gateway-cache"] == "hit"
    assert hit.cost_nano_usd == -(-paid.cost_nano_usd * percent // 100) > 0, share
    assert (hit.cached, hit.price_version, hit.priced) == (True, paid.price_version, True)
    assert again.headers["x-gateway-cost-usd"] == dollars(hit.cost_nano_usd)
    spent = line.doors.meters.spent(("tenant", "t1"), Window.DAILY, line.clock.wall())
    assert spent[0] == paid.cost_nano_usd + hit.cost_nano_usd
    line.assert_at_rest()


async def test_b16_hits_use_a_budget_up_like_everything_else() -> None:
    """Room for the answer, one hit at its full price and then no worst case any more, whatever is in memory."""
    body = a_body(100, model="fast")
    price = 12 * INPUT_NANO + 3 * OUTPUT_NANO  # what CHAT_REPLY reports
    limit = Limit(("key", "key_1"), Window.DAILY, Unit.USD, price + worst_of(body, 100), mode=Mode.STRICT)
    course = a_course("fast", cache=CacheSettings(hit_price_percent=100))
    line = await a_line(a_snapshot(a_tenant("t1", an_endpoint(), courses=(course,), limits={limit.leg: (limit,)})))
    line.upstream.will_play(WHOLE)
    assert [(await send(line, body)).status for _ in range(3)] == [200, 200, 402]
    assert [it.cost_nano_usd for it in line.receipts] == [price, price, 0]


async def test_a_hit_tells_of_the_budget_as_every_answer_does() -> None:
    limit = Limit(("key", "key_1"), Window.DAILY, Unit.REQUESTS, 4)
    line = await a_line(a_cached_snapshot(limits={limit.leg: (limit,)}))
    line.upstream.will_play(WHOLE)
    warnings = [(await send(line)).headers.get("x-gateway-budget-warning") for _ in range(3)]
    assert warnings == [None, *(f"daily request limit of key 'key_1' is {used}% used" for used in (50, 75))]


async def test_a_route_without_a_cache_says_nothing_of_one() -> None:
    line = await a_line(a_snapshot(a_tenant("t1", an_endpoint(), courses=(a_course("fast"),))))
    line.upstream.will_play(WHOLE, OTHER)
    assert state(await send(line)) == (None, CHAT_REPLY)
    assert b"Bye!" in (await send(line)).body


@pytest.mark.parametrize(
    "other",
    [
        {"body": BODY.replace(b"hi", b"ho")},
        {"body": BODY[:-1] + b',"temperature":0}'},
        {"key": "sk-2"},
        {"openai-beta": "assistants=v2"},
    ],
    ids=["message", "parameter", "tenant", "header"],
)
async def test_anything_else_is_another_question(other: dict[str, Any]) -> None:
    line = await a_line(a_cached_snapshot())
    line.upstream.will_play(WHOLE, OTHER)
    await send(line)
    assert state(await send(line, **other))[0] == "miss"


async def test_after_a_change_of_the_configuration_everything_is_asked_anew() -> None:
    line = await a_line(a_cached_snapshot())
    line.upstream.will_play(WHOLE, OTHER)
    await send(line)
    newer = msgspec.structs.replace(line.doors.snapshots.current(), revision=8)
    await line.doors.snapshots._install(newer)
    assert state(await send(line))[0] == "miss"


async def test_an_answer_is_given_again_until_its_time_is_over() -> None:
    line = await a_line(a_cached_snapshot())
    line.upstream.will_play(WHOLE, OTHER)
    await send(line)
    line.clock.advance(59.0)
    assert state(await send(line)) == ("hit", CHAT_REPLY)
    line.clock.advance(1.1)
    assert state(await send(line))[0] == "miss"


@pytest.mark.parametrize(
    ("body", "script"),
    [
        (BODY, Script(503, JSON, (b'{"error":{"message":"no"}}',))),
        (BODY, Script(200, JSON, (b'{"error":{"message":"no"}}',))),
        (STREAM_BODY, Script(200, EVENTS, tuple(chat_events("a", "b")[:2]))),
        (BODY, Script(200, JSON, (CHAT_REPLY.replace(b"Hello!", b"x" * (1 << 20)),))),
    ],
    ids=["status", "no payload", "cut stream", "too large"],
)
async def test_errors_truncated_answers_and_very_large_ones_are_not_kept(body: bytes, script: Script) -> None:
    line = await a_line(a_cached_snapshot())
    line.upstream.will_play(script, script)
    await send(line, body)
    assert len(line.doors.answers) == 0
    assert state(await send(line, body))[0] != "hit"


async def test_a_caller_who_left_keeps_nothing() -> None:
    line = await a_line(a_cached_snapshot())
    line.upstream.will_play(Script(200, EVENTS, tuple(chat_events("a", "b"))))
    await line.visit(CHAT, STREAM_BODY, BEARER, leave_after=2).start(line.app).end()
    assert len(line.doors.answers) == 0
    line.assert_at_rest()


async def test_b16_an_exhausted_key_is_refused_what_is_in_memory_too() -> None:
    """One request a day: the second one is known, and refused all the same; another key of the tenant is given it."""
    limit = Limit(("key", "key_1"), Window.DAILY, Unit.REQUESTS, 1)
    line = await a_line(a_cached_snapshot(limits={limit.leg: (limit,)}))
    line.upstream.will_play(WHOLE)
    assert (await send(line)).status == 200
    refused = await send(line)
    assert (refused.status, refused.error["code"]) == (402, "budget_exceeded")
    assert state(await send(line, key="sk-3")) == ("hit", CHAT_REPLY)
    assert (await send(line, key="nobody")).status == 401

"""A13 and B-19: a request that names an Idempotency-Key runs once, whatever its caller does; its reply comes again."""

import asyncio
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.repeats import Claim, Kept
from ai_gateway.domain.traffic import Outcome
from ai_gateway.gateway.http import drain
from ai_gateway.runtime.repeats import ALIVE_SECONDS, RepeatLimits, Repeats
from ai_gateway.store.replies import MemoryReplies
from support.builders import TOKEN, a_key, a_snapshot, a_tenant, an_endpoint
from support.clock import FakeClock
from support.line import BEARER, Answered, Line, a_line
from support.upstream import EVENTS, JSON, Gate, Script
from support.wire import CHAT_BODY, CHAT_REPLY, CHAT_STREAM_BODY, chat_events

CHAT = "/v1/chat/completions"
KEYED = {**BEARER, "idempotency-key": "order-4711"}
WHOLE = Script(200, {**JSON, "x-ratelimit-remaining-requests": "7"}, (CHAT_REPLY,))
STREAM = Script(200, EVENTS, tuple(chat_events("a", "b", "c")))
FAILED = Script(503, JSON, (b'{"error":{"message":"no"}}',))


async def send(line: Line, body: bytes = CHAT_BODY, path: str = CHAT, **more: str) -> Answered:
    return await line.post(path, body, {**KEYED, **more})


@pytest.mark.parametrize(("body", "script"), [(CHAT_BODY, WHOLE), (CHAT_STREAM_BODY, STREAM)], ids=["whole", "stream"])
async def test_the_same_request_again_is_given_the_same_reply_and_costs_nothing(body: bytes, script: Script) -> None:
    line = await a_line()
    line.upstream.will_play(script)
    first = await send(line, body)
    again = await send(line, body)
    assert (again.status, again.body) == (first.status, first.body) == (200, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-gateway-replay-of"] == first.headers["x-request-id"] != again.headers["x-request-id"]
    for name in ("content-type", "x-gateway-endpoint", "x-gateway-route"):
        assert again.headers[name] == first.headers[name]
    assert not {"x-gateway-cost-usd", "server-timing", "x-ratelimit-remaining-requests"} & set(again.headers)
    assert "idempotent-replayed" not in first.headers
    assert len(line.receipts) == 1
    line.assert_at_rest()


async def test_another_body_or_another_address_with_the_key_is_422() -> None:
    line = await a_line()
    line.upstream.will_play(WHOLE)
    await send(line)
    other = await send(line, CHAT_BODY.replace(b"hi", b"ho"))
    elsewhere = await send(line, CHAT_BODY, "/v1/embeddings")
    for answered in (other, elsewhere):
        assert (answered.status, answered.error["code"]) == (422, "idempotency_key_reused")
    assert len(line.receipts) == 1


async def test_while_it_runs_everybody_else_is_told_to_come_back() -> None:
    line, gate = await a_line(), Gate()
    line.upstream.will_play(Script(200, JSON, (gate, CHAT_REPLY)))
    running = line.visit(CHAT, CHAT_BODY, KEYED).start(line.app)
    await gate.reached()
    early = await send(line)
    assert (early.status, early.error["code"], early.headers["retry-after"]) == (409, "idempotency_in_progress", "1")
    gate.open()
    assert (await running.end()).body == (await send(line)).body == CHAT_REPLY


async def test_a_thousand_at_once_are_one_call_one_row_and_one_reply() -> None:
    """Whoever is told to come back comes back."""
    line = await a_line()
    line.upstream.will_play(WHOLE)

    async def insist() -> bytes:
        while (answered := await send(line)).status == 409:  # noqa: ASYNC110  it is the gateway that is asked
            await asyncio.sleep(0)  # as a client pauses
        assert answered.status == 200
        return answered.body

    bodies = await asyncio.gather(*(insist() for _ in range(1_000)))
    assert set(bodies) == {CHAT_REPLY}
    assert len(line.upstream.sent) == len(line.receipts) == 1
    line.assert_at_rest()


@pytest.mark.parametrize("heard", [1, 2])
async def test_a_caller_who_leaves_finds_the_reply_when_he_comes_back(heard: int) -> None:
    line, gate = await a_line(), Gate()
    events = chat_events("a", "b", "c")
    line.upstream.will_play(Script(200, EVENTS, (*events[:1], gate, *events[1:])))
    visit = line.visit(CHAT, CHAT_STREAM_BODY, KEYED, leave_after=heard).start(line.app)
    await gate.reached()
    gate.open()
    await visit.end()
    again = await send(line, CHAT_STREAM_BODY)
    assert again.body == b"".join(it for it in events if b'"usage"' not in it)
    assert [it.outcome for it in line.receipts] == [Outcome.OK]
    line.assert_at_rest()


async def test_b19_the_same_body_twice_within_two_seconds_is_one_charge() -> None:
    line = await a_line()
    line.upstream.will_play(WHOLE)
    await send(line)
    line.clock.advance(1.9)
    await send(line)
    assert sum(it.cost_nano_usd for it in line.receipts) == 3_600  # 12 x 150 + 3 x 600


async def test_a_failure_that_cost_nothing_frees_the_key() -> None:
    line = await a_line()
    line.upstream.will_play(FAILED, WHOLE)
    assert (await send(line)).status == 502
    assert (await send(line)).body == CHAT_REPLY
    assert [it.cost_nano_usd > 0 for it in line.receipts] == [False, True]


async def test_what_was_refused_before_it_was_sent_frees_the_key() -> None:
    line = await a_line()
    assert (await send(line, CHAT_BODY.replace(b"gpt-4o-mini", b"nothing"))).status == 404
    line.upstream.will_play(WHOLE)
    assert (await send(line)).status == 200


async def test_a_failure_that_cost_something_is_kept_as_it_was_told() -> None:
    line = await a_line()
    events = chat_events("a", "b", usage=False)[:2]
    line.upstream.will_play(Script(200, EVENTS, tuple(events)))
    first, again = await send(line, CHAT_STREAM_BODY), await send(line, CHAT_STREAM_BODY)
    assert again.body == first.body
    assert b'"provider_stream_cut"' in again.body
    assert [it.cost_nano_usd > 0 for it in line.receipts] == [True]


async def test_an_error_status_that_cost_something_is_kept_too() -> None:
    """The provider answered whole where a stream was asked for, and billed it."""
    line = await a_line()
    line.upstream.will_play(WHOLE)
    first, again = await send(line, CHAT_STREAM_BODY), await send(line, CHAT_STREAM_BODY)
    assert (first.status, again.status) == (502, 502)
    assert again.body == first.body
    assert len(line.receipts) == 1


async def test_no_key_opens_another_tenants_reply_and_none_that_may_not_use_the_model() -> None:
    tenants = (a_tenant("t1", an_endpoint()), a_tenant("t2", an_endpoint("up-2", tenant_id="t2")))
    keys = {TOKEN: a_key(), "sk-2": a_key("key_2", "t2"), "sk-3": a_key("key_3", allowed_models=("other",))}
    line = await a_line(a_snapshot(*tenants, keys=keys))
    line.upstream.will_play(WHOLE, Script(200, JSON, (CHAT_REPLY.replace(b"Hello!", b"Bye!"),)))
    await send(line)
    assert b"Bye!" in (await send(line, authorization="Bearer sk-2")).body
    assert (await send(line, authorization="Bearer sk-3")).status == 403
    assert (await send(line, authorization="Bearer sk-9")).status == 401


async def test_after_a_crash_the_next_reply_says_which_request_may_have_cost_something_too() -> None:
    vault, clock = MemoryReplies(), FakeClock()
    claims: list[Claim] = []
    claim_in_vault = vault.claim

    async def remember(claim: Claim, now: float) -> Any:
        claims.append(claim)
        return await claim_in_vault(claim, now)

    vault.claim = remember  # type: ignore[method-assign]
    crashed = await a_line(repeats=a_process(vault, clock, "crashed"))
    line = await a_line(repeats=a_process(vault, clock, "alive"))
    gate = Gate()
    crashed.upstream.will_play(Script(200, JSON, (gate,)))
    crashed.visit(CHAT, CHAT_BODY, KEYED).start(crashed.app)
    await gate.reached()
    line.upstream.will_play(WHOLE)
    assert (await send(line)).status == 409
    clock.advance(ALIVE_SECONDS + 1)
    answered = await send(line)
    assert (answered.status, answered.headers["x-gateway-rerun-of"]) == (200, claims[0].request_id)
    assert "x-gateway-rerun-of" not in (await send(line)).headers


def a_process(vault: MemoryReplies, clock: FakeClock, owner: str, **limits: Any) -> Repeats:
    return Repeats(vault, owner, clock.wall, lambda what: None, RepeatLimits(**limits))


async def test_a_reply_above_the_bound_is_answered_whole_and_not_kept() -> None:
    line = await a_line(repeats=a_process(MemoryReplies(), FakeClock(), "one", reply_bytes=100))
    line.upstream.will_play(WHOLE)
    assert (await send(line)).body == CHAT_REPLY
    again = await send(line)
    assert (again.status, again.error["code"]) == (409, "idempotent_reply_not_kept")
    assert len(line.receipts) == 1


class Away:
    """A vault that cannot be asked."""

    asked = 0

    async def claim(self, *_: object) -> Any:
        self.asked += 1
        raise ConnectionError("away")


async def test_only_who_names_a_key_is_refused_while_the_vault_is_away() -> None:
    away: Any = Away()
    line = await a_line(repeats=Repeats(away, "one", FakeClock().wall, lambda what: None))
    line.upstream.will_play(WHOLE)
    refused = await send(line)
    assert (refused.status, refused.error["code"]) == (503, "idempotency_unavailable")
    assert (await line.post(CHAT, CHAT_BODY)).status == 200
    assert away.asked == 1


async def test_the_reply_is_kept_before_its_last_bytes_leave() -> None:
    vault, kept = MemoryReplies(), list[int]()
    line = await a_line(repeats=a_process(vault, FakeClock(), "one"))
    keep_in_vault = vault.keep

    async def look(claim: Claim, reply: Kept | None, expires: float) -> bool:
        kept.append(len(visit.messages))
        return await keep_in_vault(claim, reply, expires)

    vault.keep = look  # type: ignore[method-assign]
    line.upstream.will_play(STREAM)
    visit = line.visit(CHAT, CHAT_STREAM_BODY, KEYED).start(line.app)
    await visit.end()
    assert kept == [len(visit.messages) - 1]


async def test_a_gateway_that_drains_says_so_and_what_it_had_cost_is_kept() -> None:
    line, gate = await a_line(), Gate()
    line.upstream.will_play(Script(200, EVENTS, (chat_events("a")[0], gate)))
    visit = line.visit(CHAT, CHAT_STREAM_BODY, KEYED).start(line.app)
    await gate.reached()
    assert drain(line.doors) == 1
    assert b'"draining"' in (await visit.end()).body
    assert b'"draining"' in (await send(line, CHAT_STREAM_BODY)).body
    line.assert_at_rest()


@pytest.mark.parametrize("key", ["", "x" * 256, "ümlaut", "a\tb"])
async def test_a_key_that_is_none_is_refused(key: str) -> None:
    line = await a_line()
    answered = await send(line, **{"idempotency-key": key})
    assert (answered.status, answered.error["code"]) == (400, "invalid_header")
    assert msgspec.json.decode(answered.body)["error"]["param"] == "Idempotency-Key"

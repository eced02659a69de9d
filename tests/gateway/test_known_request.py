"""Requests whose head their connection has had before: through a real server they are what they were, however often
they come, and nothing is remembered that the next one could be mistaken for."""

import gc
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from weakref import ref

from ai_gateway.gateway.known_request import Heads
from ai_gateway.gateway.protocol import EdgeLimits, protocol_class
from ai_gateway.policy.known_head import known_head
from ai_gateway.runtime.snapshot import Snapshots
from support.builders import TOKEN, a_key, a_snapshot
from support.clock import NOON
from support.line import FixedSource, Line, a_line
from support.raw_http import RawClient, serving
from support.turns import settle
from support.wire import CHAT_BODY, CHAT_REPLY

ROUNDS = 5


def request(body: bytes = CHAT_BODY, token: str = TOKEN, more: str = "") -> bytes:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def sent(line: Line) -> bytes:
    body = line.upstream.sent[-1].body
    assert isinstance(body, bytes)
    return body


@asynccontextmanager
async def a_caller(line: Line, limits: EdgeLimits = EdgeLimits()) -> AsyncGenerator[RawClient]:
    async with serving(line.app, protocol_class(limits)) as server, server.connect() as client:
        yield client
    assert not line.crashes


async def be_served(line: Line, client: RawClient, times: int) -> None:
    for _ in range(times):
        line.upstream.will_answer(CHAT_REPLY)
        await client.send(request())
        assert (await client.read_answer()).status == 200


async def test_each_is_answered_and_booked_for_itself() -> None:
    line = await a_line()
    ids: set[str] = set()
    async with a_caller(line) as client:
        for place in range(ROUNDS):
            line.upstream.will_answer(CHAT_REPLY)
            body = CHAT_BODY.replace(b'"model"', b'"seed":%d,"model"' % 10**place)
            await client.send(request(body))
            answer = await client.read_answer()
            assert (answer.status, answer.body) == (200, CHAT_REPLY)
            assert json.loads(sent(line))["seed"] == 10**place
            ids.add(answer.headers["x-request-id"])
    assert len(ids) == ROUNDS == len({it.request_id for it in line.receipts})


async def test_a_key_that_is_withdrawn_is_withdrawn_for_the_very_next_request() -> None:
    source = FixedSource(a_snapshot())
    snapshots = Snapshots(source)
    await snapshots.load()
    line = await a_line(snapshots=snapshots)
    async with a_caller(line) as client:
        await be_served(line, client, 3)
        source.snapshot = a_snapshot(keys={TOKEN: a_key(enabled=False)}, revision=8)
        await snapshots.load()
        await client.send(request())
        assert (await client.read_answer()).status == 401


async def test_a_key_that_expires_does_so_between_two_requests() -> None:
    line = await a_line(a_snapshot(keys={TOKEN: a_key(expires_at=NOON + 60)}))
    async with a_caller(line) as client:
        await be_served(line, client, 3)
        line.clock.advance(61)
        await client.send(request())
        assert (await client.read_answer()).status == 401


async def test_another_key_on_the_same_connection_is_another_caller() -> None:
    line = await a_line(a_snapshot(keys={TOKEN: a_key("one"), "sk-gw-other": a_key("two")}))
    async with a_caller(line) as client:
        for token in (TOKEN, TOKEN, TOKEN, "sk-gw-other", TOKEN, "sk-gw-other"):
            line.upstream.will_answer(CHAT_REPLY)
            await client.send(request(token=token))
            assert (await client.read_answer()).status == 200
    assert [it.key_id for it in line.receipts] == ["one", "one", "one", "two", "one", "two"]


async def test_a_body_above_the_limit_is_refused_however_well_its_head_is_known() -> None:
    line = await a_line()
    async with a_caller(line, EdgeLimits(body_bytes=len(CHAT_BODY))) as client:
        await be_served(line, client, 3)
        await client.send(request(CHAT_BODY + b" "))
        assert (await client.read_answer()).status == 413


async def test_the_last_request_of_a_connection_closes_it() -> None:
    line = await a_line()
    async with a_caller(line) as client:
        for more in ("", "", "Connection: close\r\n"):
            line.upstream.will_answer(CHAT_REPLY)
            await client.send(request(more=more))
            assert (await client.read_answer()).status == 200
        assert await client.read_to_end() == b""


async def test_a_body_that_looks_like_the_request_that_is_known_is_a_body() -> None:
    line = await a_line()
    async with a_caller(line) as client:
        await be_served(line, client, 3)
        hidden = request()
        whole = request(hidden)
        await client.send(whole[: -len(hidden)])
        await settle()
        await client.send(hidden)
        answer = await client.read_answer()
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, "invalid_json")
    assert len(line.receipts) == 3


async def test_who_says_what_another_has_said_is_still_told_apart() -> None:
    scopes: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scopes.append(scope)
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with (
        serving(app, protocol_class(EdgeLimits())) as server,
        server.connect() as one,
        server.connect() as two,
    ):
        callers = (one, two, one, two)
        for client in callers:
            await client.send(request())
            await client.read_answer()
        addresses = [it.writer.get_extra_info("sockname") for it in callers]
    assert [it["client"] for it in scopes] == addresses
    assert len({id(it["headers"]) for it in scopes}) == 1
    assert len({id(it["extensions"]["ai_gateway.watch"]) for it in scopes}) == len(scopes)
    first = {**scopes[0], "client": None, "extensions": None}
    assert all({**it, "client": None, "extensions": None} == first for it in scopes)


async def test_heads_of_other_callers_are_others() -> None:
    heads: list[Any] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        heads.append(dict(scope["headers"])[b"authorization"])
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with (
        serving(app, protocol_class(EdgeLimits())) as server,
        server.connect() as one,
        server.connect() as two,
    ):
        for client, token in ((one, "a"), (two, "b"), (one, "a"), (two, "b")):
            await client.send(request(token=token))
            await client.read_answer()
    assert heads == [b"Bearer a", b"Bearer b", b"Bearer a", b"Bearer b"]


def test_a_head_is_forgotten_with_the_last_who_knows_it() -> None:
    heads, scope = Heads(), {"server": ("127.0.0.1", 80), "scheme": "http", "client": None, "extensions": {}}
    known = [heads.same(head, dict(scope)) for _ in range(2) if (head := known_head(request())) is not None]
    assert known[0] is known[1]
    assert set(known[0].scope) == {"server", "scheme"}
    gone = ref(known[0])
    known.clear()
    gc.collect()
    assert gone() is None

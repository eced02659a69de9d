"""A body in several reads behind a known head begins one request when it is whole, and is the parser's in every other
case: what a caller hears is the same, however his bytes are cut."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from ai_gateway.gateway.flight import Flight
from ai_gateway.gateway.protocol import EdgeLimits, protocol_class
from gateway.flying import GOOD, Field, a_field, arrive, request
from support.raw_http import serving
from support.turns import settle, until
from support.wire import CHAT_BODY

LONG = msgspec.json.encode(
    {**msgspec.json.decode(CHAT_BODY), "messages": [{"role": "user", "content": "a word " * 20_000}]}
)
SLOW = EdgeLimits(body_seconds=0.2, body_bytes_per_second=10_000_000)


@asynccontextmanager
async def a_connection(limits: EdgeLimits = EdgeLimits()) -> AsyncGenerator[tuple[Field, Any]]:
    """A caller whose reads the test makes itself, on a connection that has taken lanes."""
    made: list[Any] = []

    class Seen(protocol_class(limits)):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            made.append(self)

    async with a_field(protocol=Seen) as field:
        await field.learn()
        yield field, made[0]


def cut(data: bytes, *places: int) -> list[bytes]:
    edges = [0, *places, len(data)]
    return [data[one:other] for one, other in pairwise(edges)]


def flies(field: Field) -> bool:
    return any(isinstance(it, Flight) for it in field.line.doors.live)


@pytest.mark.parametrize("body", [CHAT_BODY, LONG])
@pytest.mark.parametrize("begin", [0, 1, 30, 5000])
async def test_a_body_in_pieces_flies_as_a_whole_one_does(body: bytes, begin: int) -> None:
    """Cut behind the head, or within the body, and once more."""
    data = request(body)
    head = len(data) - len(body)
    async with a_connection() as (field, connection):
        places = [head + min(begin, len(body) - 2), len(data) - 1]
        field.provider.will_play(GOOD)
        for part in cut(data, *places)[:-1]:
            connection.data_received(part)
            assert not field.line.doors.live, "nothing has begun"
        connection.data_received(data[-1:])
        assert flies(field)
        assert (await field.caller.read_answer()).status == 200
        sent = msgspec.json.decode(field.provider.requests[-1].body)
        assert sent["messages"] == msgspec.json.decode(body)["messages"]


async def test_a_long_body_in_one_read_flies_too() -> None:
    async with a_connection() as (field, connection):
        field.provider.will_play(GOOD)
        connection.data_received(request(LONG))
        assert flies(field)
        assert (await field.caller.read_answer()).status == 200
        assert (
            msgspec.json.decode(field.provider.requests[-1].body)["messages"] == msgspec.json.decode(LONG)["messages"]
        )


async def test_a_head_in_pieces_is_the_parsers() -> None:
    data = request(LONG)
    async with a_connection() as (field, connection):
        field.provider.will_play(GOOD)
        for part in cut(data, 20, 90_000):
            connection.data_received(part)
        assert (await field.caller.read_answer()).status == 200
        assert not flies(field)


async def test_what_comes_behind_the_body_is_the_next_request() -> None:
    data = request(LONG) + request(CHAT_BODY)
    async with a_connection() as (field, connection):
        field.provider.will_play(GOOD, GOOD)
        for part in cut(data, 10_000):
            connection.data_received(part)
        assert [(await field.caller.read_answer()).status for _ in range(2)] == [200, 200]
        assert [msgspec.json.decode(it.body)["messages"] for it in field.provider.requests[-2:]] == [
            msgspec.json.decode(it)["messages"] for it in (LONG, CHAT_BODY)
        ]


async def test_a_caller_who_stops_sending_is_told_and_cut_off() -> None:
    async with a_connection(SLOW) as (field, connection):
        connection.data_received(request(LONG)[:5000])
        assert (await field.caller.read_answer()).status == 408
        assert await field.caller.read_to_end() == b""


async def test_a_caller_who_keeps_the_pace_may_go_on() -> None:
    """What is gathered counts, in whichever way it is read."""
    data = request(LONG)
    pace = EdgeLimits(body_seconds=1000, body_bytes_per_second=1)
    async with a_connection(pace) as (field, connection):
        field.provider.will_play(GOOD)
        arrive(connection, data[:5000])
        arrive(connection, data[5000:90_000])
        connection._judge_pace(80_000)
        assert connection.gathered is not None
        arrive(connection, data[90_000:])
        assert (await field.caller.read_answer()).status == 200


async def test_a_caller_who_leaves_within_a_body_was_never_there() -> None:
    async with a_connection() as (field, connection):
        before = len(field.provider.requests)
        connection.data_received(request(LONG)[:5000])
        field.caller.abort()
        await until(lambda: connection.transport.is_closing())
        await settle()
        assert len(field.provider.requests) == before


async def test_a_server_that_stops_answers_what_has_begun() -> None:
    first, last = cut(request(LONG), 5000)
    async with a_connection() as (field, connection):
        field.provider.will_play(GOOD)
        connection.data_received(first)
        connection.shutdown()
        connection.data_received(last)
        said = await field.caller.read_answer()
        assert (said.status, said.headers["connection"]) == (200, "close")
        assert await field.caller.read_to_end() == b""


async def test_a_body_that_is_too_large_is_refused_by_its_head() -> None:
    patient = EdgeLimits(body_bytes=len(LONG) - 1, body_seconds=1000)
    async with a_connection(patient) as (field, connection):
        connection.data_received(request(LONG)[:5000])
        assert (await field.caller.read_answer()).status == 413


async def test_who_was_not_let_in_is_refused_before_the_body_has_come() -> None:
    """Again and again: that the head is known does not make his body welcome."""
    data = request(LONG, token="sk-gw-nobody")
    async with a_connection() as (field, connection):
        connection.data_received(data)
        assert (await field.caller.read_answer()).status == 401
        for _ in range(3):
            connection.data_received(data[:5000])
            assert (await field.caller.read_answer()).status == 401
            connection.data_received(data[5000:])


async def test_requests_that_always_come_in_pieces_are_learned_too() -> None:
    """The first is remembered, the second leaves a lane, the third flies."""
    parts = cut(request(LONG, more="X-Title: a\r\n"), 400)
    async with a_connection() as (field, connection):
        for flying in (False, False, True):
            field.provider.will_play(GOOD)
            for part in parts:
                connection.data_received(part)
            assert flies(field) is flying
            assert (await field.caller.read_answer()).status == 200
            await field.rest()


async def test_a_caller_who_waits_for_a_word_hears_it_each_time() -> None:
    head, body = cut(request(LONG, more="Expect: 100-continue\r\n"), -len(LONG))
    async with a_connection() as (field, connection):
        for number in range(1, 4):
            field.provider.will_play(GOOD)
            connection.data_received(head)
            await until(lambda number=number: len(field.line.doors.live) == 1)
            await settle()
            connection.data_received(body)
            assert (await field.caller.read_answer()).status == 200
            assert field.caller.interim == [100] * number
            await field.rest()


async def test_an_app_that_knows_no_lanes_gets_bodies_as_ever() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    async with serving(app, protocol_class(EdgeLimits())) as server, server.connect() as client:
        for size in (5, 80_000, 5):
            await client.send(request(b"x" * size))
            assert len((await client.read_answer()).body) == size

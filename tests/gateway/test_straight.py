"""However a connection is read, what comes on it is the same; a long body is only not copied."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest

from ai_gateway.gateway.gathering import LEAST_STRAIGHT, GatheringProtocol
from ai_gateway.gateway.long_chat import LONGEST_BYTES
from ai_gateway.gateway.protocol import EdgeLimits
from ai_gateway.gateway.straight import FIRST_BYTES, Straight
from gateway.flying import GOOD, Field, arrive, request
from gateway.test_gathering import SLOW, a_connection, cut, flies
from support.turns import settle, until
from support.wire import CHAT_BODY


def long_body(size: int) -> bytes:
    asked = msgspec.json.decode(CHAT_BODY)
    return msgspec.json.encode({**asked, "messages": [{"role": "user", "content": "a word " * (size // 7)}]})


LONG = long_body(300_000)
SIZES = [100, 5000, 100_000, LEAST_STRAIGHT, 300_000, 400_000, LONGEST_BYTES + 1000]


def is_straight(connection: Any) -> bool:
    return isinstance(connection.transport.get_protocol(), Straight)


@asynccontextmanager
async def a_straight_one(limits: EdgeLimits = EdgeLimits()) -> AsyncGenerator[tuple[Field, Any]]:
    """A connection on which a long body has come before."""
    async with a_connection(limits) as (field, connection):
        field.provider.will_play(GOOD)
        arrive(connection, request(LONG))
        assert (await field.caller.read_answer()).status == 200
        assert is_straight(connection)
        await field.rest()
        yield field, connection


def messages_of(body: bytes) -> Any:
    return msgspec.json.decode(body)["messages"]


@pytest.mark.parametrize("seed", range(12))
async def test_requests_of_every_size_are_the_same_however_they_are_cut(seed: int) -> None:
    rng = random.Random(seed)
    async with a_connection() as (field, connection):
        for _ in range(6):
            body = long_body(rng.choice(SIZES))
            data = request(body)
            places = sorted(rng.sample(range(1, len(data)), rng.choice([0, 0, 1, 3, 10])))
            field.provider.will_play(GOOD)
            for part in cut(data, *places):
                arrive(connection, part)
            assert (await field.caller.read_answer()).status == 200
            assert messages_of(field.provider.requests[-1].body) == messages_of(body)
            await field.rest()


async def test_long_bodies_fly_and_are_read_straight_from_a_socket_too() -> None:
    async with a_connection() as (field, connection):
        for body, is_long in [(LONG, True), (long_body(400_000), True), (CHAT_BODY, False), (LONG, True)]:
            assert (await field.ask(body)).status == 200
            assert is_straight(connection) is is_long
            assert messages_of(field.provider.requests[-1].body) == messages_of(body)
            await field.rest()


@pytest.mark.parametrize("here", [0, 1, FIRST_BYTES, 100_000, len(LONG) - 1])
async def test_a_body_has_its_own_bytes_before_it_is_whole(here: int) -> None:
    data = request(LONG)
    head = len(data) - len(LONG)
    async with a_straight_one() as (field, connection):
        arrive(connection, data[: head + here])
        assert connection.gathered.missing == len(LONG) - here
        assert is_straight(connection)
        assert not field.line.doors.live
        whole = connection.gathered.body
        field.provider.will_play(GOOD)
        arrive(connection, data[head + here :])
        assert flies(field)
        assert whole == LONG
        assert (await field.caller.read_answer()).status == 200


async def test_what_comes_behind_a_long_body_is_the_next_request() -> None:
    data = request(LONG) + request(CHAT_BODY) + request(LONG)
    async with a_straight_one() as (field, connection):
        field.provider.will_play(GOOD, GOOD, GOOD)
        arrive(connection, data)
        assert [(await field.caller.read_answer()).status for _ in range(3)] == [200, 200, 200]
        assert [messages_of(it.body) for it in field.provider.requests[-3:]] == [
            messages_of(it) for it in (LONG, CHAT_BODY, LONG)
        ]


async def test_a_long_body_that_is_no_json_is_refused_as_ever() -> None:
    wrong = LONG[:-1] + b"]"
    async with a_straight_one() as (field, connection):
        arrive(connection, request(wrong))
        assert (await field.caller.read_answer()).status == 400
        field.provider.will_play(GOOD)
        arrive(connection, request(LONG))
        assert (await field.caller.read_answer()).status == 200


async def test_what_is_too_long_to_fly_is_the_parsers_and_has_nothing_kept_for_it() -> None:
    body = long_body(LONGEST_BYTES + 1000)
    async with a_straight_one() as (field, connection):
        field.provider.will_play(GOOD)
        first, last = cut(request(body), 5000)
        arrive(connection, first)
        assert connection.gathered is None
        assert not is_straight(connection)
        arrive(connection, last)
        assert (await field.caller.read_answer()).status == 200
        assert messages_of(field.provider.requests[-1].body) == messages_of(body)


async def test_a_caller_who_stops_sending_is_told_and_cut_off() -> None:
    async with a_straight_one(SLOW) as (field, connection):
        arrive(connection, request(LONG)[:5000])
        assert (await field.caller.read_answer()).status == 408
        assert await field.caller.read_to_end() == b""


async def test_a_caller_who_leaves_within_a_body_was_never_there() -> None:
    async with a_straight_one() as (field, connection):
        before = len(field.provider.requests)
        arrive(connection, request(LONG)[:5000])
        field.caller.abort()
        await until(lambda: connection.transport.is_closing())
        await settle()
        assert len(field.provider.requests) == before


async def test_a_caller_who_leaves_while_he_is_answered_is_noticed() -> None:
    async with a_straight_one() as (field, connection):
        field.provider.asked.clear()
        arrive(connection, request(LONG))
        assert is_straight(connection)
        field.caller.abort()
        await field.rest()


async def test_a_server_that_stops_answers_what_has_begun() -> None:
    first, last = cut(request(LONG), 5000)
    async with a_straight_one() as (field, connection):
        field.provider.will_play(GOOD)
        arrive(connection, first)
        connection.shutdown()
        arrive(connection, last)
        said = await field.caller.read_answer()
        assert (said.status, said.headers["connection"]) == (200, "close")
        assert messages_of(field.provider.requests[-1].body) == messages_of(LONG)


class Edge:
    """Notes what it is told."""

    gathered = None

    def __init__(self) -> None:
        self.told: list[object] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *what: self.told.append((name, *what))


def test_what_is_no_read_is_told_to_the_edge() -> None:
    edge, lost = Edge(), ConnectionResetError()
    straight = Straight(cast(GatheringProtocol, edge))
    straight.pause_writing()
    straight.resume_writing()
    straight.eof_received()
    straight.connection_lost(lost)
    assert edge.told == [("pause_writing",), ("resume_writing",), ("eof_received",), ("connection_lost", lost)]


def test_the_event_loop_sees_a_protocol_that_hands_out_its_buffer() -> None:
    """uvloop takes one that is also an asyncio.Protocol for one that does not."""
    assert issubclass(Straight, asyncio.BufferedProtocol)
    assert not issubclass(Straight, asyncio.Protocol)

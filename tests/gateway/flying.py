"""Callers and providers on real sockets, with the line in between, so that requests take lanes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from ai_gateway.domain.config import Endpoint
from ai_gateway.gateway.flight import Flight
from ai_gateway.gateway.protocol import EdgeLimits, protocol_class
from ai_gateway.runtime.http1_upstream import Http1Upstream
from support.builders import TOKEN, a_key, a_snapshot, a_tenant, an_endpoint
from support.line import Line, a_line
from support.provider import Played, Provider, a_provider
from support.raw_http import Answer, RawClient, RawServer, serving
from support.turns import until
from support.wire import CHAT_BODY, CHAT_REPLY, chat_events

DEADLINE_SECONDS = 20.0
JSON_HEADERS = (("content-type", "application/json"),)
GOOD = Played(headers=JSON_HEADERS, body=(CHAT_REPLY,), length=True)
STREAMED = Played(headers=(("content-type", "text/event-stream"),), body=tuple(chat_events("Hello")))


def request(body: bytes = CHAT_BODY, token: str = TOKEN, more: str = "") -> bytes:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def arrive(connection: Any, data: bytes) -> None:
    """On this connection, as the event loop gives it to whichever protocol reads there."""
    while data:
        protocol = connection.transport.get_protocol()
        if not isinstance(protocol, asyncio.BufferedProtocol):
            protocol.data_received(data)
            return
        room = memoryview(protocol.get_buffer(-1))
        size = min(len(room), len(data))
        room[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]


@dataclass
class Field:
    """One caller's connection, the line behind it and the provider behind that."""

    line: Line
    server: RawServer
    caller: RawClient
    provider: Provider

    async def ask(self, body: bytes = CHAT_BODY, play: Played = GOOD, more: str = "") -> Answer:
        self.provider.will_play(play)
        await self.caller.send(request(body, more=more))
        return await self.caller.read_answer()

    async def learn(self) -> None:
        """Until requests like CHAT_BODY take a lane."""
        for _ in range(3):
            assert (await self.ask()).status == 200

    async def take_off(self, play: Played, body: bytes = CHAT_BODY) -> Flight:
        """A request that is on its way: the provider has it, and nobody has answered."""
        self.provider.asked.clear()
        self.provider.will_play(play)
        await self.caller.send(request(body))
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.provider.asked.wait()
        (live,) = self.line.doors.live
        assert isinstance(live, Flight), "it went the ordinary way"
        return live

    async def rest(self) -> None:
        """Until nothing runs any more."""
        await until(lambda: not self.line.doors.live and not self.line.doors.telemetry.active)


@asynccontextmanager
async def a_field(
    *endpoints: Endpoint, key: Any = None, tenant: Any = None, protocol: Any = None, **changes: Any
) -> AsyncIterator[Field]:
    """`endpoints` are led to the provider; `tenant` makes a tenant of them. `changes` are fields of Doors."""
    async with a_provider() as provider:
        upstream = Http1Upstream(lambda _: True)
        served = tuple(led_to(provider, it) for it in endpoints or (an_endpoint(),))
        made = a_tenant("t1", *served) if tenant is None else tenant(*served)
        line = await a_line(a_snapshot(made, keys={TOKEN: key or a_key()}), upstream=upstream, **changes)
        async with serving(line.app, protocol or protocol_class(EdgeLimits())) as server, server.connect() as caller:
            yield Field(line, server, caller, provider)
            await upstream.close()
        assert not line.crashes
        assert line.doors.meters.open_holds == 0
        assert line.doors.journal.open_attempts == 0
        assert line.doors.live == set()
        assert line.doors.telemetry.active == 0


def led_to(provider: Provider, endpoint: Endpoint) -> Endpoint:
    return msgspec.structs.replace(endpoint, base_url=provider.url)

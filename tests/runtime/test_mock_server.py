"""The mock on its socket: what it decided is what arrives, through the real upstream side."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

import pytest

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.mock_server import CutOff, MockProvider
from ai_gateway.runtime.server import Server, open_sockets
from ai_gateway.runtime.upstream import Answer, Broken, Outgoing, Upstream
from runtime.real_upstreams import opened
from support.clock import FakeClock
from support.wire import DONE


@dataclass
class Mock:
    upstream: Upstream
    port: int

    async def ask(self, model: str, *, stream: bool = False) -> Answer:
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
        return await self.upstream.send(
            Outgoing(
                method="POST",
                url=BaseUrl("http", "127.0.0.1", self.port, ""),
                path="/v1/chat/completions",
                headers=(("content-type", "application/json"),),
                body=json.dumps(body).encode(),
                reach=Reach.BUILT_IN,
                connect_seconds=10.0,
                head_seconds=10.0,
            )
        )


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    server = Server(MockProvider(FakeClock(), Random(1)), open_sockets(("127.0.0.1",), 0))
    running = asyncio.ensure_future(server.run())
    await server.started()
    async with opened("http1", lambda _: False) as upstream:
        yield Mock(upstream, server.port)
    server.stop()
    await running


async def test_an_answer_arrives_whole_with_its_length(mock: Mock) -> None:
    answer = await mock.ask("gpt-4o")
    body = await answer.read(1 << 20, 10.0)
    assert answer.status == 200
    assert answer.headers["content-length"] == str(len(body))
    assert json.loads(body)["choices"][0]["message"]["content"].startswith("This answer comes from")


async def test_a_stream_arrives_to_its_end(mock: Mock) -> None:
    answer = await mock.ask("gpt-4o", stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (await answer.read(1 << 20, 10.0)).endswith(DONE)


async def test_a_cut_is_a_cut_on_the_wire(mock: Mock) -> None:
    answer = await mock.ask("mock-cut-2", stream=True)
    with pytest.raises(Broken):
        await answer.read(1 << 20, 10.0)


async def test_a_status_is_that_status(mock: Mock) -> None:
    answer = await mock.ask("mock-status-503")
    assert answer.status == 503
    assert "error" in json.loads(await answer.read(1 << 20, 10.0))


async def test_nothing_is_nothing(mock: Mock) -> None:
    assert await (await mock.ask("mock-empty")).read(1 << 20, 10.0) == b""


def test_a_cut_is_on_purpose_and_no_line_in_the_log() -> None:
    assert CutOff.on_purpose

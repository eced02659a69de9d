import asyncio
from typing import Any

import pytest

from ai_gateway.gateway.client import Client
from ai_gateway.gateway.queue_updates import comment_of, queue_updates, wants_updates
from ai_gateway.runtime.tasks import Tasks
from support.builders import a_head
from support.turns import settle, until

HEADERS = (("content-type", "text/event-stream"),)


class Connection:
    """What was sent; `blocked` makes the sender wait, as a caller who does not read does."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.blocked = asyncio.Event()
        self.blocked.set()
        self.tasks = Tasks(lambda name, error: self.reported.append(name))
        self.reported: list[str] = []

    def client(self) -> Client:
        return Client({"type": "http"}, self._receive, self._send)

    @property
    def said(self) -> list[bytes]:
        return [it["body"] for it in self.sent if it["type"] == "http.response.body"]

    async def _receive(self) -> dict[str, Any]:
        raise AssertionError("nothing is read")

    async def _send(self, message: dict[str, Any]) -> None:
        await self.blocked.wait()
        self.sent.append(message)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ([(b"x-gateway-queue-updates", b"1")], True),
        ([(b"a", b"b"), (b"x-gateway-queue-updates", b" 1 ")], True),
        ([(b"x-gateway-queue-updates", b"0")], False),
        ([(b"x-gateway-queue-updates", b"true")], False),
        ([(b"a", b"1")], False),
        ([], False),
    ],
)
def test_updates_are_for_who_asks(headers: list[tuple[bytes, bytes]], wanted: bool) -> None:
    assert wants_updates(a_head(raw_headers=headers)) is wanted


@pytest.mark.parametrize(
    ("position", "seconds", "comment"),
    [
        (2, 3.0, b": queue position=2 wait=3s\n\n"),
        (1, 0.2, b": queue position=1 wait=1s\n\n"),
        (40, None, b": queue position=40\n\n"),
    ],
)
def test_a_comment_says_the_position_and_the_wait_in_whole_seconds(
    position: int, seconds: float | None, comment: bytes
) -> None:
    assert comment_of(position, seconds) == comment


async def test_the_first_news_bring_the_head_and_commit_to_nobody() -> None:
    wire = Connection()
    client = wire.client()
    async with queue_updates(wire.tasks, client, HEADERS) as listener:
        listener(2, 3.0)
        await until(lambda: wire.said)
        listener(1, None)
        await until(lambda: len(wire.said) == 2)
    assert wire.sent[0]["status"] == 200
    assert wire.said == [b": queue position=2 wait=3s\n\n", b": queue position=1\n\n"]
    assert (client.answered, client.committed) == (True, False)
    assert wire.reported == []


async def test_where_there_were_no_news_nothing_was_said() -> None:
    wire = Connection()
    client = wire.client()
    async with queue_updates(wire.tasks, client, HEADERS):
        await settle()
    assert not client.answered


async def test_news_that_came_too_late_are_not_told() -> None:
    wire = Connection()
    client = wire.client()
    async with queue_updates(wire.tasks, client, HEADERS) as listener:
        listener(1, None)
    await settle()
    assert not client.answered


async def test_who_reads_slowly_hears_the_latest_and_nothing_is_half_written() -> None:
    wire = Connection()
    wire.blocked.clear()
    client = wire.client()
    over = asyncio.Event()

    async def wait() -> None:
        async with queue_updates(wire.tasks, client, HEADERS) as listener:
            listener(3, None)
            await settle()
            listener(2, None)
            listener(1, None)
            await settle()
            wire.blocked.set()
            await until(lambda: len(wire.said) == 2)
            wire.blocked.clear()
            listener(1, 5.0)
            await settle()
        over.set()

    waiting = asyncio.create_task(wait())
    await settle(50)
    assert not over.is_set()
    wire.blocked.set()
    await waiting
    assert wire.said == [b": queue position=3\n\n", b": queue position=1\n\n", b": queue position=1 wait=5s\n\n"]


async def test_who_is_cancelled_leaves_no_task_behind() -> None:
    wire = Connection()

    async def wait() -> None:
        async with queue_updates(wire.tasks, wire.client(), HEADERS):
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await settle()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [it.get_name() for it in asyncio.all_tasks()].count("queue updates") == 0

"""What a caller who asked for it hears while the request waits in a queue: its position and the expected wait, as
comments in its stream. Readers of a stream skip comments, so every SDK takes them, and a person or a proxy that would
give up on a silent connection sees that it moves.

The first comment brings the stream's head, so nothing is said before there is something to wait for: a request that is
served or refused at once has its proper status. The waiting room tells its news from within a timer, where nobody may
wait for a slow connection; so they are written by a task, and only the latest ones, if the caller reads slowly.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import ceil
from typing import Final, final

from ai_gateway.domain.traffic import Head
from ai_gateway.gateway.client import Client, Headers
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.waiting_room import Listener

HEADER: Final = b"x-gateway-queue-updates"


def wants_updates(head: Head) -> bool:
    return any(name == HEADER and value.strip() == b"1" for name, value in head.raw_headers)


def comment_of(position: int, wait_seconds: float | None) -> bytes:
    """`position` 1 is next; `wait_seconds` None where nobody can know."""
    wait = "" if wait_seconds is None else f" wait={ceil(wait_seconds)}s"
    return f": queue position={position}{wait}\n\n".encode()


@asynccontextmanager
async def queue_updates(tasks: Tasks, client: Client, headers: Headers) -> AsyncGenerator[Listener, None]:
    """A Listener whose news go to the caller while the block runs. Behind it nothing is half written, and nothing more
    is said; `headers` are the stream's, in case it is the news that begin it."""
    bulletin = _Bulletin(client, headers)
    telling = tasks.spawn("queue updates", bulletin.tell())
    try:
        yield bulletin.note
    finally:
        bulletin.stop()
        await telling


@final
class _Bulletin:
    def __init__(self, client: Client, headers: Headers) -> None:
        self._client = client
        self._headers = headers
        self._latest: bytes = b""
        self._news = asyncio.Event()
        self._over = False

    def note(self, position: int, wait_seconds: float | None) -> None:
        self._latest = comment_of(position, wait_seconds)
        self._news.set()

    def stop(self) -> None:
        self._over = True
        self._news.set()

    async def tell(self) -> None:
        while True:
            await self._news.wait()
            if self._over:
                return
            self._news.clear()
            await self._client.comment(self._headers, self._latest)

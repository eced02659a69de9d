"""Who asks a fleet, all at the same time, and the provider that they pay for. Both are one event loop in a thread, so
that ten thousand callers with a request open each are no more than that many sockets.

The provider always spends all that it was asked for, so what is held is what it costs, and a limit is passed by one
request as soon as anybody holds what somebody else has.
"""

import asyncio
import json
import random
import threading
import time
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from process.fleet import Fleet
from support.gateway import Gateway

TOKENS = 10
COST = 500_000
"""Nano-dollars of a request: 10 tokens at $50 a million."""
PATIENCE_SECONDS = 120.0
AT_THE_DOOR = 1_000
"""So many connect at once: who has connected has little time to send its request's head."""
BROKEN = (OSError, IncompleteReadError, LimitOverrunError, ValueError)
"""A gateway that is killed or goes resets its connections, or leaves half an answer."""


@contextmanager
def a_spending_provider(answer_seconds: float = 0.0) -> Iterator[tuple[str, Counter[str]]]:
    """Its URL, and how often it was asked, by the caller's name for the request."""
    bill = Counter[str]()
    port: list[int] = []
    is_open, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while True:
                _, body = await _message(reader)
                bill[json.loads(body).get("user", "")] += 1
                await asyncio.sleep(answer_seconds)
                writer.write(_REPLY)
                await writer.drain()
        except BROKEN:
            """Whoever asked is gone."""
        finally:
            writer.close()

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=4_096)
        port.append(server.sockets[0].getsockname()[1])
        is_open.set()
        await over.wait()
        server.close()

    serving = threading.Thread(target=asyncio.run, args=(serve(),))
    serving.start()
    is_open.wait()
    try:
        yield f"http://127.0.0.1:{port[0]}/v1", bill
    finally:
        loops[0].call_soon_threadsafe(over.set)
        serving.join()


@dataclass
class Callers:
    """They ask whichever gateway lives, each until it was told that the money is gone or its time is over.

    `answers` counts the codes that they were told, "ok" for an answer; `paid` has the names of those. `most_open` is
    how many requests were open at once at most, `killed_among` how many there were at each kill."""

    fleet: Fleet
    key: str
    answers: Counter[str] = field(default_factory=Counter[str])
    paid: set[str] = field(default_factory=set[str])
    odd: list[str] = field(default_factory=list[str])
    most_seconds: float = 120.0
    most_open: int = 0
    now_open: int = 0
    killed_among: list[int] = field(default_factory=list[int])
    _doorway: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_THE_DOOR))

    def run(self, count: int) -> threading.Thread:
        thread = threading.Thread(target=asyncio.run, args=(self._all(count),))
        thread.start()
        return thread

    async def _all(self, count: int) -> None:
        await asyncio.gather(*(self._spend(number) for number in range(count)))

    async def _spend(self, number: int) -> None:
        rng, began, asked = random.Random(number), time.monotonic(), 0
        while time.monotonic() < began + self.most_seconds:
            living = list(self.fleet.gateways.values())
            if living:
                asked = await self._use(rng.choice(living), f"{number}-", asked)
            if asked < 0:
                return
            await asyncio.sleep(0.05)

    async def _use(self, gateway: Gateway, name: str, asked: int) -> int:
        """On one connection until it breaks or somebody else is to be asked; how many were asked, -1 at the end."""
        try:
            async with self._doorway:
                reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        except OSError:
            self.answers["gone"] += 1
            return asked
        try:
            for _ in range(20):
                asked += 1
                try:
                    status, said = await self._ask(reader, writer, f"{name}{asked}")
                except TimeoutError:
                    self.odd.append(f"no answer for {PATIENCE_SECONDS:.0f} s")
                    return asked
                except BROKEN:
                    self.answers["gone"] += 1
                    return asked
                code = "ok" if status == 200 else said["error"]["code"]
                self.answers[code] += 1
                if code == "ok":
                    self.paid.add(f"{name}{asked}")
                elif code == "budget_exceeded":
                    return -1
                elif code in ("budget_contended", "budget_unavailable"):
                    await asyncio.sleep(0.1)
                else:
                    self.odd.append(f"{status} {said}")
                    return asked
            return asked
        finally:
            writer.close()

    async def _ask(self, reader: StreamReader, writer: StreamWriter, name: str) -> tuple[int, Any]:
        body = json.dumps({"model": "paid/m", "messages": [], "user": name, "max_tokens": TOKENS}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {self.key}\r\n"
        self.now_open += 1
        self.most_open = max(self.most_open, self.now_open)
        try:
            writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            async with asyncio.timeout(PATIENCE_SECONDS):
                first, said = await _message(reader)
        finally:
            self.now_open -= 1
        return int(first.split()[1]), json.loads(said)


async def _message(reader: StreamReader) -> tuple[str, bytes]:
    """The first line and the body of an HTTP message that says how long it is."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    length = next((it.partition(":")[2] for it in lines if it.lower().startswith("content-length:")), "0")
    return first, await reader.readexactly(int(length))


_USAGE = {"prompt_tokens": 1, "completion_tokens": TOKENS, "total_tokens": TOKENS + 1}
_CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
_BODY = json.dumps({"id": "c", "object": "chat.completion", "choices": [_CHOICE], "usage": _USAGE}).encode()
_REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)

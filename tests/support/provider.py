"""A provider on a real loopback socket that writes bytes as a test says, also ones that no HTTP server would write."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

from ai_gateway.domain.config import BaseUrl
from support.turns import until

DEADLINE_SECONDS = 20.0


class Ending(Enum):
    PROPER = "the body ends as it says"
    CUT = "the connection is closed before the body's end"
    SILENT = "nothing more comes, and nothing is closed"


@dataclass(frozen=True)
class Played:
    """`headers` None: nothing at all is answered. `length` False: the body is chunked. `raw` replaces all of it."""

    status: int = 200
    headers: Sequence[tuple[str, str]] | None = ()
    body: Sequence[bytes] = ()
    ending: Ending = Ending.PROPER
    length: bool = False
    raw: bytes | None = None

    @property
    def head(self) -> bytes:
        assert self.headers is not None
        lines = [f"HTTP/1.1 {self.status} Said", *(f"{name}: {value}" for name, value in self.headers)]
        size = sum(map(len, self.body)) + (self.ending is not Ending.PROPER)
        lines.append(f"Content-Length: {size}" if self.length else "Transfer-Encoding: chunked")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass(frozen=True)
class Received:
    """A request as it came: its first line, its header lines in order, its body."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        return {it.lower(): value for it, value in self.headers}.get(name)


@dataclass
class Provider:
    """`asked` is set when a request came, `left` when a client closed a connection."""

    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _plays: deque[Played] = field(default_factory=deque)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> BaseUrl:
        return BaseUrl("http", "127.0.0.1", self.port, "/v1")

    def will_play(self, *plays: Played) -> None:
        self._plays.extend(plays)

    async def client_left(self) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.left.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._exchange(reader, writer, self.connections):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.left.set()
            writer.close()
            self._writers.discard(writer)

    async def close(self) -> None:
        """Whoever is still connected is not any more, and nobody serves him."""
        for writer in self._writers:
            writer.transport.abort()
        await until(lambda: not self._writers)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines if line)]
        length = int({name.lower(): value for name, value in headers}.get("content-length", "0"))
        self.requests.append(Received(first, headers, await reader.readexactly(length), connection))
        self.asked.set()
        play = self._plays.popleft()
        if play.raw is not None:
            writer.write(play.raw)
            await writer.drain()
            return False
        if play.headers is not None:
            await self._answer(writer, play)
            if play.ending is Ending.PROPER:
                return True
            if play.ending is Ending.CUT:
                return False
        await reader.read()  # until the client closes
        return False

    async def _answer(self, writer: asyncio.StreamWriter, play: Played) -> None:
        writer.write(play.head)
        for piece in play.body:
            writer.write(piece if play.length else f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        if not play.length and play.ending is Ending.PROPER:
            writer.write(b"0\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def a_provider(ssl: object = None) -> AsyncIterator[Provider]:
    provider = Provider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=ssl)  # type: ignore[arg-type]
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        server.close()
        await provider.close()


def a_closed_port() -> int:
    """A port that nobody listens on."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])

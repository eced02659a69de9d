"""A real server on a free loopback port, and a client that sends bytes as they are.

HTTP clients repair what they send; what is tested at the edge is just what no client would send.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

DEADLINE_SECONDS = 20.0


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class RawClient:
    """One connection. Every wait has a deadline: a server that says nothing fails the test and not the suite."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    interim: list[int] = field(default_factory=list)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def read_answer(self) -> Answer:
        """The next final answer, whole; interim ones (100) are noted in `interim`."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                status = int(head[0].split(" ")[1])
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                if status >= 200:
                    return Answer(status, headers, await self._read_body(headers))
                self.interim.append(status)

    async def read_to_end(self) -> bytes:
        """Everything until the server closes; a reset counts as an end."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self.reader.readexactly(int(headers.get("content-length", "0")))
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()
        return body

    def abort(self) -> None:
        """Leave as a client does that was killed."""
        self.writer.transport.abort()


@dataclass
class RawServer:
    port: int

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[RawClient]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield RawClient(reader, writer)
        finally:
            writer.close()

    async def exchange(self, data: bytes) -> Answer:
        """Send on a connection of its own; the first answer."""
        async with self.connect() as client:
            await client.send(data)
            return await client.read_answer()


@asynccontextmanager
async def serving(
    app: Callable[..., Any], protocol: type[asyncio.Protocol], *, keep_alive_seconds: float = 5
) -> AsyncIterator[RawServer]:
    """uvicorn with this app and protocol in the loop of the test. The listener is the loop's own, so nothing polls."""
    config = uvicorn.Config(
        app, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False
    )
    config.timeout_keep_alive = keep_alive_seconds  # type: ignore[assignment]
    config.load()
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()

    def accept() -> asyncio.Protocol:
        return config.http_protocol_class(  # type: ignore[call-arg]
            config=config, server_state=server.server_state, app_state={}
        )

    listener = await loop.create_server(accept, "127.0.0.1", 0)
    try:
        yield RawServer(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        tasks = list(server.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

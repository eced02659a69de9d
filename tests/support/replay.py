"""A provider that says what a real one once said: recorded answers over a real socket, streams in random pieces.

Which answer is wanted stands in the request's `model`, or in its path at providers that have the model there (Bedrock,
Google, deployments of Azure's). The pieces come from a generator with a seed, so that a failure
can be repeated; each is written on its own and the loop turns in between, so that readers really meet odd boundaries.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

MOST_PIECES = 24
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "upgrade"}

IN_PATH = re.compile(r"/(?:model|models|deployments)/([^/:?]+)(?:[/:]|$)")


@dataclass(frozen=True)
class Recorded:
    status: int
    headers: Mapping[str, str]
    body: bytes
    is_stream: bool


@dataclass
class Replay:
    """`answers` by name; `asked` is what the requests for each name said."""

    answers: Mapping[str, Recorded]
    rng: Random
    url: str = ""
    asked: dict[str, tuple[str, dict[str, str], bytes]] = field(default_factory=dict)
    open: dict[asyncio.StreamWriter, "asyncio.Task[None] | None"] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        self.open[writer] = asyncio.current_task()
        try:
            while head := await _read_head(reader):
                path, headers = head
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                if not body:  # the gateway looks whether anybody is there
                    writer.write(b"HTTP/1.1 404 Recorded\r\ncontent-length: 0\r\n\r\n")
                    continue
                name = json.loads(body).get("model") or _name_in(path)
                self.asked[name] = (path, headers, body)
                await self._answer(writer, self.answers[name])
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            del self.open[writer]

    async def close(self) -> None:
        tasks = [task for task in self.open.values() if task is not None]
        for writer in self.open:
            writer.transport.abort()
        await asyncio.gather(*tasks)

    async def _answer(self, writer: asyncio.StreamWriter, answer: Recorded) -> None:
        framing = "transfer-encoding: chunked" if answer.is_stream else f"content-length: {len(answer.body)}"
        kept = [f"{name}: {value}" for name, value in answer.headers.items() if name not in HOP_BY_HOP]
        writer.write("\r\n".join([f"HTTP/1.1 {answer.status} Recorded", *kept, framing, "", ""]).encode())
        if not answer.is_stream:
            writer.write(answer.body)
        else:
            for piece in split(answer.body, self.rng):
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
                await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def replaying(answers: Mapping[str, Recorded], rng: Random) -> AsyncIterator[Replay]:
    replay = Replay(answers, rng)
    server = await asyncio.start_server(replay.serve, "127.0.0.1", 0)
    replay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield replay
    finally:
        server.close()
        await replay.close()


def split(body: bytes, rng: Random) -> list[bytes]:
    """The body in one to `MOST_PIECES` pieces at random places; none is empty, together they are the body."""
    places = sorted(rng.sample(range(1, len(body)), min(rng.randrange(MOST_PIECES), len(body) - 1))) if body else []
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True) if start < end]


def _name_in(path: str) -> str:
    found = IN_PATH.search(path)
    assert found is not None, f"no model in {path}"
    return found[1]


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    """Path and headers of the next request, None where the client closes between requests."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    pairs = (line.partition(":") for line in lines[1:] if line)
    return lines[0].split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}

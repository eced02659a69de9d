"""The built-in mock provider on a socket of its own, so that trying the gateway out goes through the whole line: the
upstream side, its timeouts and its cuts included. What it answers is decided in providers/mock; here it is only sent.
"""

import asyncio
from random import Random
from typing import Any, final

from ai_gateway.providers import mock
from ai_gateway.runtime.clock import Clock

Message = dict[str, Any]


class CutOff(Exception):
    """Raised in the middle of an answer: the server closes the connection without the body's end."""

    on_purpose = True


@final
class MockProvider:
    """An ASGI application for loopback."""

    def __init__(self, clock: Clock, rng: Random) -> None:
        self._clock = clock
        self._rng = rng

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while True:
            message: Message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        reply = mock.answer(scope["method"], scope["path"], headers, body, rng=self._rng, now=self._clock.wall())
        await asyncio.sleep(reply.head_pause_seconds)
        sent = [(name.encode(), value.encode()) for name, value in reply.headers]
        if len(reply.chunks) == 1 and not reply.cut:
            sent.append((b"content-length", str(len(reply.chunks[0])).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": sent})
        for place, chunk in enumerate(reply.chunks):
            if place:
                await asyncio.sleep(reply.pause_seconds)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if reply.cut:
            raise CutOff
        await send({"type": "http.response.body", "body": b""})

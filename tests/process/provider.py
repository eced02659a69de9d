"""A provider on a loopback socket that the tests hold in their hands: who connected, what was asked, who hung up.

It is a thread with blocking sockets, so that it works beside whatever loop or process a test waits in.
"""

import json
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import IO, Any

DRIP_SECONDS = 0.02
EVENT = b'data: {"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"drip "}}]}\n\n'

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


@dataclass
class Provider:
    """`asked` has each request's head and body; `hung_up` is set when a caller left before the answer's end."""

    port: int
    accepted: int = 0
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    hung_up: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


Respond = Callable[[Provider, socket.socket], None]


def answering(status: int, body: Any) -> Respond:
    """A whole JSON answer."""
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"

    def respond(provider: Provider, caller: socket.socket) -> None:
        caller.sendall(head.encode() + data)

    return respond


def dripping(provider: Provider, caller: socket.socket) -> None:
    """A stream that never ends by itself."""
    caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    while not select.select([caller], [], [], DRIP_SECONDS)[0]:
        caller.sendall(b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
    provider.hung_up.set()


def silent(provider: Provider, caller: socket.socket) -> None:
    """No answer at all."""
    select.select([caller], [], [])
    provider.hung_up.set()


@contextmanager
def a_provider(respond: Respond) -> Iterator[Provider]:
    listener = socket.create_server(("127.0.0.1", 0))
    provider = Provider(listener.getsockname()[1])
    callers: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            provider.accepted += 1
            callers.append(caller)
            Thread(target=_serve, args=(provider, caller, respond), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield provider
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for caller in callers:
            caller.close()


def _head(lines: IO[bytes]) -> str:
    """Nothing where the caller has left."""
    head = b""
    while (line := lines.readline()) not in (b"", b"\r\n"):
        head += line
    return head.decode("latin-1")


def _serve(provider: Provider, caller: socket.socket, respond: Respond) -> None:
    """One connection, kept alive until somebody leaves."""
    try:
        with caller, caller.makefile("rb") as lines:
            while head := _head(lines):
                sizes = [line.partition(":")[2] for line in head.split("\r\n") if line.lower().startswith("content-le")]
                body = lines.read(int(sizes[0])) if sizes else b""
                provider.asked.append((head, body))
                respond(provider, caller)
    except OSError:
        provider.hung_up.set()

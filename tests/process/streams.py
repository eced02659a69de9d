"""A client's stream, held in the hand: begun, watched, and left when the test says so."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.gateway import DEADLINE_SECONDS, QUESTION, Gateway


class Stream:
    """The bytes after the request, as they come; chunk framing is left in, since events are only looked for."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.seen = b""

    def read_until(self, mark: bytes) -> bytes:
        """Everything so far, once it has the mark. Fails if the stream ends without it."""
        while mark not in self.seen:
            piece = self._connection.recv(65536)
            assert piece, f"the stream ended without {mark!r}: ...{self.seen[-500:]!r}"
            self.seen += piece
        return self.seen

    def leave(self) -> None:
        self._connection.close()

    @property
    def request_id(self) -> str:
        head = self.seen.partition(b"\r\n\r\n")[0].decode("latin-1").lower()
        return next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("x-request-id"))

    @property
    def last_event(self) -> Any:
        datas = [line[6:] for line in self.seen.split(b"\n") if line.startswith(b"data: {")]
        return json.loads(datas[-1])


@contextmanager
def a_stream(gateway: Gateway, model: str, path: str = "/v1/chat/completions", **more: Any) -> Iterator[Stream]:
    """A request whose head and first event have come."""
    stream = Stream(send(gateway, path, {"model": model, "messages": QUESTION, "stream": True, **more}))
    stream.read_until(b"data: ")
    try:
        yield stream
    finally:
        stream.leave()


def send(gateway: Gateway, path: str, body: Any) -> socket.socket:
    """The connection, after the whole request was written to it."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {gateway.key}\r\n"
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE_SECONDS)
    connection.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
    return connection

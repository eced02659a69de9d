"""The mock's replies as values: bytes and how they are to be sent. Whoever owns the socket does the sending."""

import msgspec

from ai_gateway.domain.traffic import Header

JSON_HEADERS: tuple[Header, ...] = (("content-type", "application/json"),)
STREAM_HEADERS: tuple[Header, ...] = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
)


class MockReply(msgspec.Struct, frozen=True):
    """`chunks` are the body, in the pieces to be sent. The pauses come before the head and between chunks; `cut` True
    means that the connection is closed after the last chunk without the body's proper end."""

    status: int
    headers: tuple[Header, ...]
    chunks: tuple[bytes, ...]
    head_pause_seconds: float = 0.0
    pause_seconds: float = 0.0
    cut: bool = False


class Refusal(Exception):
    """The mock refuses a request as a provider would."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param


def json_reply(status: int, body: object, *more: Header) -> MockReply:
    return MockReply(status, JSON_HEADERS + more, (msgspec.json.encode(body),))


def stream_reply(events: list[bytes]) -> MockReply:
    return MockReply(200, STREAM_HEADERS, tuple(events))

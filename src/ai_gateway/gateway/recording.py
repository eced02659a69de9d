"""What was said to a caller, as it may be said again: status, headers that last, and the bytes of the body, within a
bound. A stream is kept as the bytes that it was."""

from typing import Any, Final, final

from ai_gateway.gateway.client import Message

_OF_THE_MOMENT: Final = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "request-id",
        "server",
        "server-timing",
        "transfer-encoding",
        "x-client-request-id",
        "x-gateway-cache",
        "x-gateway-cost-usd",
        "x-gateway-rerun-of",
        "x-request-id",
    }
)
_LIMITS_OF_THE_MOMENT: Final = ("x-ratelimit-", "anthropic-ratelimit-", "x-gateway-budget-")


@final
class Recording:
    """`is_whole` once the last message was heard; `body` None where it is longer than `most_bytes`."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._parts: list[bytes] = []
        self._bytes = 0
        self.status = 0
        self.headers: tuple[tuple[str, str], ...] = ()
        self.is_whole = False

    def hear(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = _lasting(message["headers"])
            return
        part: bytes = message.get("body", b"")
        self._bytes += len(part)
        if self._bytes <= self._most_bytes:
            self._parts.append(part)
        self.is_whole = not message.get("more_body", False)

    @property
    def body(self) -> bytes | None:
        return b"".join(self._parts) if self._bytes <= self._most_bytes else None


def _lasting(headers: Any) -> tuple[tuple[str, str], ...]:
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
    return tuple(
        (name, value)
        for name, value in pairs
        if name not in _OF_THE_MOMENT and not name.startswith(_LIMITS_OF_THE_MOMENT)
    )

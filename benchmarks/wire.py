"""HTTP/1.1 as the two ends of a benchmark need it: requests as bytes made once, answers read in any pieces.

The reader is the generator's largest cost, so it copies a body once and looks at a chunk's size line and nothing else.
It understands what the gateways under test send: a length or chunks, and no answer to HEAD.
"""

import re
from collections.abc import Mapping
from typing import Final, final

import msgspec

STREAMED: Final = re.compile(rb'"stream":\s*true')
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_HEAD_END: Final = b"\r\n\r\n"
_UNTIL_NEXT: Final = -1


class Malformed(Exception):
    """The answer is not HTTP as these ends speak it."""


def body_length(head: bytes) -> int:
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0


def encode_request(method: str, host: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + _HEAD_END + body


def chat_body(model: str, prompt_bytes: int, *, streamed: bool) -> bytes:
    """A chat request whose prompt has about this many bytes, in messages of at most 4 kB as conversations have them."""
    piece = "please answer this question about gateways in one sentence. "
    text = (piece * (prompt_bytes // len(piece) + 1))[:prompt_bytes]
    parts = [text[place : place + 4000] for place in range(0, len(text), 4000)] or [""]
    roles = ("user", "assistant")
    messages = [{"role": roles[(len(parts) - 1 - place) % 2], "content": part} for place, part in enumerate(parts)]
    body: dict[str, object] = {"model": model, "messages": messages, "max_tokens": 64}
    if streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return msgspec.json.encode(body)


@final
class AnswerReader:
    """One answer after the other. `feed` gives the pieces of body that arrived; `done` says that the answer is whole,
    and `reset` makes ready for the next."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.status = 0
        self.done = False
        self._rest = b""
        self._left = 0
        self._chunked = False

    def feed(self, data: bytes) -> list[bytes]:
        """Raises Malformed."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if not self.status:
            end = data.find(_HEAD_END)
            if end < 0:
                self._rest = data
                return []
            self._read_head(data[: end + 2])
            data = data[end + 4 :]
        if self._chunked:
            return self._read_chunks(data)
        if len(data) > self._left:
            raise Malformed("more body than the length says")
        self._left -= len(data)
        self.done = not self._left
        return [data] if data else []

    def _read_head(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 "):
            raise Malformed("no status line")
        self.status = int(head[9:12])
        self._chunked = _CHUNKED.search(head) is not None
        self._left = _UNTIL_NEXT if self._chunked else body_length(head)

    def _read_chunks(self, data: bytes) -> list[bytes]:
        """`_left` is what the open chunk still needs with its line end; _UNTIL_NEXT between chunks."""
        pieces: list[bytes] = []
        place, size = 0, len(data)
        while place < size:
            if self._left == _UNTIL_NEXT:
                end = data.find(b"\r\n", place)
                if end < 0:
                    break
                length = int(data[place:end], 16)
                if not length:
                    if size < end + 4:
                        break
                    self.done = True
                    return pieces
                place = end + 2
                self._left = length + 2
            take = min(self._left, size - place)
            payload = min(take, self._left - 2)
            if payload > 0:
                pieces.append(data[place : place + payload])
            self._left = (self._left - take) or _UNTIL_NEXT
            place += take
        self._rest = data[place:]
        return pieces

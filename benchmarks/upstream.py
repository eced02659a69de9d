"""A provider that costs next to nothing and remembers what it served: the far end of every benchmark.

It replays fixed bytes, so that a difference between two gateways is theirs. How it behaves is set by `POST /knobs`
(Knobs, as JSON) and counted in `GET /ledger` (Ledger): a run whose client, gateway and provider disagree about what
happened is void. Paced streams are driven by one wheel that turns every millisecond, on a schedule that does not
drift: a provider that is late with one frame is not late with the next.

    python -m benchmarks.upstream PORT
"""

import asyncio
import sys
import time
from typing import Any, Final, cast, final

import msgspec
import uvloop

from benchmarks.wire import STREAMED, body_length

PROMPT_TOKENS: Final = 17
CREATED: Final = 1_700_000_000
MODEL: Final = "gpt-4o-mini"
TEXT: Final = "A gateway stands between those who ask and those who answer, and it should cost next to nothing."
WORDS: Final = TEXT.split()
WHEEL_SECONDS: Final = 0.001


class Knobs(msgspec.Struct, frozen=True):
    """`words` in a unary answer, `frames` with content in a stream. `delay_seconds` before a unary answer or a stream's
    first frame, `pace_seconds` between frames (0: all at once). Each `fail_every`-th request gets `fail_status`."""

    words: int = 31
    frames: int = 34
    delay_seconds: float = 0.0
    pace_seconds: float = 0.0
    fail_every: int = 0
    fail_status: int = 500


class Ledger(msgspec.Struct):
    """What the provider would bill: whole answers only."""

    requests: int = 0
    answers: int = 0
    streams: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    frames: int = 0
    bytes_in: int = 0
    open_streams: int = 0


def unary_body(words: int) -> bytes:
    text = " ".join(WORDS[place % len(WORDS)] for place in range(words))
    message = {"role": "assistant", "content": text}
    return msgspec.json.encode(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": CREATED,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": _usage(words),
        }
    )


def stream_frames(frames: int) -> list[bytes]:
    """The `data:` events of a stream: a role, `frames` words, the end, the usage, [DONE]."""
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": " " + WORDS[place % len(WORDS)]} for place in range(frames)]
    events = [_chunk([{"index": 0, "delta": delta, "finish_reason": None}], None) for delta in deltas]
    events.append(_chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}], None))
    events.append(_chunk([], _usage(frames)))
    return [b"data: " + event + b"\n\n" for event in events] + [b"data: [DONE]\n\n"]


def message_frames(frames: int) -> list[bytes]:
    """The same stream as Anthropic's API brings it; what opens it comes in one piece."""
    usage = {"input_tokens": PROMPT_TOKENS, "output_tokens": 1}
    message = {"id": "msg_bench", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": usage}
    block = {"type": "text", "text": ""}
    opening = _event({"type": "message_start", "message": message})
    opening += _event({"type": "content_block_start", "index": 0, "content_block": block})
    deltas = [{"type": "text_delta", "text": " " + WORDS[place % len(WORDS)]} for place in range(frames)]
    events = [_event({"type": "content_block_delta", "index": 0, "delta": delta}) for delta in deltas]
    stopped = {"stop_reason": "end_turn", "stop_sequence": None}
    closing: list[dict[str, Any]] = [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stopped, "usage": {"output_tokens": frames}},
        {"type": "message_stop"},
    ]
    return [opening, *events, *map(_event, closing)]


def _event(said: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (said["type"].encode(), msgspec.json.encode(said))


def _chunk(choices: list[Any], usage: dict[str, int] | None) -> bytes:
    chunk = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": CREATED, "model": MODEL}
    return msgspec.json.encode({**chunk, "choices": choices} | ({} if usage is None else {"usage": usage}))


def _usage(completion: int) -> dict[str, int]:
    total = PROMPT_TOKENS + completion
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": completion, "total_tokens": total}


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _answer(status: int, kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (status, kind, len(body), body)


JSON: Final = b"application/json"
STREAM_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
MODELS: Final = _answer(200, JSON, b'{"object":"list","data":[]}')
LAST_CHUNK: Final = b"0\r\n\r\n"


@final
class Provider:
    """What all connections share: the knobs, the bytes that they stand for, the ledger and the wheel."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ledger = Ledger()
        self._loop = loop
        self._slots: dict[int, list[Stream]] = {}
        self._turned = 0
        self.turn_to(Knobs())

    def turn_to(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.unary = _answer(200, JSON, unary_body(knobs.words))
        self.frames = [_chunked(frame) for frame in stream_frames(knobs.frames)]
        self.message_frames = [_chunked(frame) for frame in message_frames(knobs.frames)]
        self.failure = _answer(knobs.fail_status, JSON, b'{"error":{"message":"asked to fail","type":"bench"}}')

    def start(self) -> None:
        self._turned = self._slot(self._loop.time())
        self._turn()

    def schedule(self, stream: "Stream", at: float) -> None:
        self._slots.setdefault(max(self._slot(at), self._turned + 1), []).append(stream)

    def stall(self, seconds: float) -> None:
        """Stand still, everything at once, as a provider (or a garbage collector) does."""
        time.sleep(seconds)

    def _slot(self, at: float) -> int:
        return int(at / WHEEL_SECONDS)

    def _turn(self) -> None:
        now = self._slot(self._loop.time())
        slots = self._slots
        while self._turned < now and slots:
            self._turned += 1
            for stream in slots.pop(self._turned, ()):
                stream.advance()
        self._turned = now
        self._loop.call_later(WHEEL_SECONDS, self._turn)


@final
class Stream:
    """One answer that is sent frame by frame, each at its place in the schedule."""

    def __init__(self, provider: Provider, connection: "Connection", frames: list[bytes], at: float) -> None:
        self._provider = provider
        self._connection = connection
        self._frames = frames
        self._completion = provider.knobs.frames
        self._pace = provider.knobs.pace_seconds
        self._next = 0
        self._at = at
        provider.ledger.streams += 1
        provider.ledger.open_streams += 1
        provider.schedule(self, at)

    def advance(self) -> None:
        transport = self._connection.transport
        ledger = self._provider.ledger
        if transport is None or transport.is_closing():
            ledger.open_streams -= 1
            return
        frames, place = self._frames, self._next
        ledger.frames += 1
        last = len(frames) - 3  # the end, the usage and [DONE] come together, as providers send them
        if place < last:
            transport.write(frames[place] if place else STREAM_HEAD + frames[0])
            self._next = place + 1
            self._at += self._pace
            self._provider.schedule(self, self._at)
            return
        ledger.frames += 2
        ledger.open_streams -= 1
        transport.write(b"".join(frames[place:]) + LAST_CHUNK)
        self._connection.finish(self._completion)


@final
class Connection(asyncio.Protocol):
    """One request after the other, no pipelining: what gateways do."""

    def __init__(self, provider: Provider, loop: asyncio.AbstractEventLoop) -> None:
        self._provider = provider
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0
        self._wanted = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by descent

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if not self._wanted:
            whole = b"".join(self._pieces)
            self._pieces = [whole]
            end = whole.find(b"\r\n\r\n") + 4
            if end < 4:
                return
            self._wanted = end + body_length(whole[:end])
        if self._size >= self._wanted:
            whole = b"".join(self._pieces)
            self._pieces, self._size, self._wanted = [], 0, 0
            self._serve(whole)

    def _serve(self, request: bytes) -> None:
        provider = self._provider
        if request.startswith(b"GET /v1/models "):  # the gateway looks whether anybody is there
            self._write(MODELS)
            return
        if not request.startswith(b"POST /v1/"):
            self._control(request)
            return
        ledger, knobs = provider.ledger, provider.knobs
        ledger.requests += 1
        ledger.bytes_in += len(request)
        if knobs.fail_every and ledger.requests % knobs.fail_every == 0:
            ledger.failures += 1
            self._write(provider.failure)
        elif STREAMED.search(request):
            self._stream(provider.message_frames if request.startswith(b"POST /v1/messages") else provider.frames)
        elif knobs.delay_seconds:
            self._loop.call_later(knobs.delay_seconds, self._reply)
        else:
            self._reply()

    def _reply(self) -> None:
        self._write(self._provider.unary)
        self.finish(self._provider.knobs.words)

    def _stream(self, frames: list[bytes]) -> None:
        provider = self._provider
        knobs = provider.knobs
        if knobs.pace_seconds:
            Stream(provider, self, frames, self._loop.time() + (knobs.delay_seconds or knobs.pace_seconds))
            return
        provider.ledger.streams += 1
        provider.ledger.frames += len(frames)
        self._write(STREAM_HEAD + b"".join(frames) + LAST_CHUNK)
        self.finish(knobs.frames)

    def finish(self, completion: int) -> None:
        ledger = self._provider.ledger
        ledger.answers += 1
        ledger.prompt_tokens += PROMPT_TOKENS
        ledger.completion_tokens += completion

    def _write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def _control(self, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        line = head.split(b"\r\n", 1)[0]
        if line.startswith(b"POST /knobs "):
            self._provider.turn_to(msgspec.json.decode(body, type=Knobs))
        elif line.startswith(b"POST /stall "):
            self._provider.stall(float(body))
        known = line.startswith((b"GET /ledger ", b"POST /knobs ", b"POST /stall "))
        self._write(_answer(200 if known else 404, JSON, msgspec.json.encode(self._provider.ledger)))
        if self.transport is not None:
            self.transport.close()


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    provider = Provider(loop)
    provider.start()
    server = await loop.create_server(lambda: Connection(provider, loop), "127.0.0.1", port, backlog=8192)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

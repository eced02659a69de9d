"""The load generator: reads a Plan on standard input, prints `started`, then its Result.

It is open-loop where latency is measured. Every request has an instant at which it is meant to be sent, and its
latency counts from there: when the server stalls, the requests that pile up behind the stall are all late, as their
users would find. A closed-loop generator would wait, send nothing, and count the stall once (coordinated omission).

    python -m benchmarks.load < plan.json
"""

import asyncio
import random
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from typing import Final, cast, final

import msgspec
import uvloop

from benchmarks.instant import ExactTimer
from benchmarks.plan import STALL_FACTOR, Closed, Flood, Open, Plan, Result, Streams, spread
from benchmarks.verdict import Judge
from benchmarks.wire import AnswerReader, Malformed, chat_body, encode_request

TENTHS: Final = 10
MOST_COMPLAINTS: Final = 5
IDLE_TOO_LONG: Final = b"HTTP/1.1 408 "
"""What a server may say on a connection before it closes it (RFC 9110, 15.5.9)."""
DIALS_AT_ONCE: Final = 64
now = time.monotonic


class Tally:
    """What happened, as it happens."""

    def __init__(self, judge: Judge, stall_seconds: float) -> None:
        self.latency = array("d")
        self.first = array("d")
        self.gaps = array("d")
        self.late = array("d")
        self.requests = 0
        self.right = 0
        self.stalled = 0
        self.frames_by_tenth: dict[int, int] = {}
        self.complaints: list[str] = []
        self._judge = judge
        self.stall_seconds = stall_seconds

    def end(self, intended: float, status: int, body: bytes) -> None:
        self.latency.append(now() - intended)
        complaint = self._judge.complaint(status, body)
        if complaint is None:
            self.right += 1
        else:
            self.complain(complaint)

    def complain(self, text: str) -> None:
        if len(self.complaints) < MOST_COMPLAINTS and text not in self.complaints:
            self.complaints.append(text)

    @property
    def tokens(self) -> tuple[int, int]:
        _, prompt, completion = self._judge.said
        return self.right * prompt, self.right * completion


@final
class Caller(asyncio.Protocol):
    """One keep-alive connection with at most one request on it. `free` is called when it may take the next."""

    def __init__(self, tally: Tally, request: bytes, free: "Callable[[Caller], None]") -> None:
        self._tally = tally
        self._request = request
        self._free = free
        self._reader = AnswerReader()
        self._body: list[bytes] = []
        self._intended = 0.0
        self._last = 0.0
        self._stalled = False
        self.busy = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by descent

    def ask(self, intended: float) -> None:
        assert self.transport is not None
        self.busy = True
        self._intended = intended
        self._last = 0.0
        self._stalled = False
        self._tally.requests += 1
        self._tally.late.append(now() - intended)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.busy:
            if not data.startswith(IDLE_TOO_LONG):
                self._tally.complain(f"bytes that nobody asked for: {data[:80]!r}")
            return
        try:
            pieces = self._reader.feed(data)
        except (Malformed, ValueError) as error:
            self._tally.complain(f"malformed: {error}")
            self.drop()
            return
        if pieces:
            self._count(len(pieces))
            self._body += pieces
        if self._reader.done:
            status, body = self._reader.status, b"".join(self._body)
            self._reader.reset()
            self._body = []
            self.busy = False
            self._tally.end(self._intended, status, body)
            self._free(self)

    def _count(self, frames: int) -> None:
        tally, instant = self._tally, now()
        if self._last:
            gap = instant - self._last
            tally.gaps.append(gap)
            if gap > tally.stall_seconds and not self._stalled:
                self._stalled = True
                tally.stalled += 1
        else:
            tally.first.append(instant - self._intended)
        self._last = instant
        tenth = int(instant * TENTHS)
        tally.frames_by_tenth[tenth] = tally.frames_by_tenth.get(tenth, 0) + frames

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None  # one that was idle is found so by who wants to use it
        if self.busy:
            self.busy = False
            self._tally.complain(f"the connection was cut: {exc}")
            self._free(self)

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()


@final
class Generator:
    def __init__(self, plan: Plan, loop: asyncio.AbstractEventLoop) -> None:
        target, ask = plan.target, plan.ask
        body = chat_body(target.model, ask.prompt_bytes, streamed=ask.streamed)
        self._plan = plan
        self._loop = loop
        self._request = encode_request("POST", f"{target.host}:{target.port}", target.path, target.headers, body)
        self.tally = Tally(Judge(ask), STALL_FACTOR * ask.pace_seconds if ask.pace_seconds else float("inf"))
        self._idle: list[Caller] = []
        self._waiting: deque[float] = deque()
        self._callers: list[Caller] = []
        self._dialing = 0
        self._ended: asyncio.Future[None] = loop.create_future()
        self._freed: Callable[[Caller], None] = self._idle.append
        self._sent_all = False

    async def run(self, started: Callable[[], None]) -> tuple[float, float]:
        """When the load began and ended. `started` is called once everything that it needs is there."""
        shape = self._plan.shape
        opened = shape.count if isinstance(shape, Streams | Flood) else shape.connections
        for place in range(0, opened, DIALS_AT_ONCE):
            await asyncio.gather(*(self._dial() for _ in range(min(DIALS_AT_ONCE, opened - place))))
        started()
        begin = now() + 0.01
        match shape:
            case Closed():
                lasting = shape.seconds
                self._close_loop(begin + lasting)
            case Open():
                lasting = shape.seconds
                self._follow(begin, _schedule(shape))
            case Streams():
                lasting = shape.ramp_seconds
                self._follow(begin, [place * lasting / shape.count for place in range(shape.count)])
            case Flood():
                lasting = 0.0
                self._follow(begin, [0.0] * shape.count)
        try:
            async with asyncio.timeout(lasting + self._plan.patience_seconds):
                await self._ended
        except TimeoutError:
            self.tally.complain(f"{sum(it.busy for it in self._callers)} requests had no whole answer in time")
        end = now()
        for caller in self._callers:
            caller.busy = False
            caller.drop()
        return begin, end

    def _close_loop(self, deadline: float) -> None:
        def again(caller: Caller) -> None:
            instant = now()
            if instant < deadline and caller.transport is not None:
                caller.ask(instant)
            else:
                self._idle.append(caller)
                if len(self._idle) == len(self._callers):
                    self._finish()

        self._freed = again
        callers = tuple(self._idle)
        self._idle.clear()
        for caller in callers:
            again(caller)

    def _follow(self, begin: float, offsets: list[float]) -> None:
        """Send at begin + each offset. Who finds no idle connection waits for one, and its clock runs."""
        self._freed = self._serve_waiting
        intended = iter([begin + offset for offset in offsets])
        upcoming: list[float] = [next(intended)]

        def fired() -> None:
            instant = now()
            while upcoming and upcoming[0] <= instant:
                self._send(upcoming.pop())
                upcoming.extend(at for at in [next(intended, None)] if at is not None)
            if upcoming:
                timer.set(upcoming[0])
            else:
                timer.close()
                self._sent_all = True
                self._check_end()

        timer = ExactTimer(self._loop, fired)
        timer.set(upcoming[0])

    def _send(self, intended: float) -> None:
        while self._idle:
            caller = self._idle.pop()
            if caller.transport is not None:
                caller.ask(intended)
                return
            self._callers.remove(caller)  # it was told that it was idle for too long
        self._waiting.append(intended)
        shape = self._plan.shape
        if isinstance(shape, Open) and len(self._callers) + self._dialing < shape.most_connections:
            self._loop.create_task(self._dial())

    def _serve_waiting(self, caller: Caller) -> None:
        if caller.transport is None:
            self._callers.remove(caller)
            if not self._callers:
                self.tally.complain("every connection is gone")
                self._finish()
                return
        elif self._waiting:
            caller.ask(self._waiting.popleft())
        else:
            self._idle.append(caller)
        self._check_end()

    def _check_end(self) -> None:
        if self._sent_all and not self._waiting and len(self._idle) == len(self._callers):
            self._finish()

    def _finish(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    async def _dial(self) -> None:
        target = self._plan.target
        self._dialing += 1
        try:
            _, caller = await self._loop.create_connection(
                lambda: Caller(self.tally, self._request, lambda freed: self._freed(freed)), target.host, target.port
            )
        finally:
            self._dialing -= 1
        self._callers.append(caller)
        self._freed(caller)


def _schedule(shape: Open) -> list[float]:
    """Instants from the start, in seconds: the same ones for the same seed, so that both sides of a pair get them."""
    count = int(shape.rate * shape.seconds)
    if shape.schedule == "fixed":
        return [place / shape.rate for place in range(count)]
    rng = random.Random(shape.seed)
    offsets: list[float] = []
    instant = 0.0
    for _ in range(count):
        instant += rng.expovariate(shape.rate)
        offsets.append(instant)
    return offsets


async def generate(plan: Plan, started: Callable[[], None]) -> Result:
    generator = Generator(plan, asyncio.get_running_loop())
    began_cpu = time.process_time()
    begin, end = await generator.run(started)
    tally = generator.tally
    prompt, completion = tally.tokens
    return Result(
        started_at=begin,
        ended_at=end,
        requests=tally.requests,
        right=tally.right,
        complaints=tally.complaints,
        prompt_tokens=prompt,
        completion_tokens=completion,
        latency=spread(tally.latency),
        first=spread(tally.first),
        gaps=spread(tally.gaps),
        late=spread(tally.late),
        stalled_streams=tally.stalled,
        frames=sum(tally.frames_by_tenth.values()),
        frames_by_tenth=tally.frames_by_tenth,
        cpu_seconds=time.process_time() - began_cpu,
    )


def main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)

    def started() -> None:
        sys.stdout.write("started\n")
        sys.stdout.flush()

    result = uvloop.run(generate(plan, started))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()

"""A provider that does what a script says: the small real thing behind `runtime/upstream.py` for everything that is
not about sockets. The contract suite in tests/runtime/test_upstream.py keeps it honest.

A script is a list of steps. Before the head: Pause, Gate, a call, an error. Within the body: bytes as well. Nobody
sleeps: a Pause moves the FakeClock and is a timeout where the caller would not have waited so long, and a Gate stops
the request until the test says `open`, which makes an order of events a dialogue.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import final

import msgspec

from ai_gateway.domain.traffic import Body
from ai_gateway.runtime.upstream import Asker, Broken, Outgoing, Sink, TooSlow, UpstreamError
from support.clock import FakeClock

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}


class Pause(msgspec.Struct, frozen=True):
    """The provider is silent for so long."""

    seconds: float


@final
class Gate:
    """The provider waits at this place until the test has looked around."""

    def __init__(self) -> None:
        self._reached = asyncio.Event()
        self._opened = asyncio.Event()

    async def reached(self) -> None:
        await self._reached.wait()

    def open(self) -> None:
        self._opened.set()

    async def pass_through(self) -> None:
        self._reached.set()
        await self._opened.wait()


Step = bytes | Pause | Gate | UpstreamError | Exception | Callable[[], None]


class Script(msgspec.Struct, frozen=True):
    """One answer: `before` the head, then status and headers, then the body. Without an error the body ends well."""

    status: int = 200
    headers: dict[str, str] = {}
    body: Sequence[Step] = ()
    before: Sequence[Step] = ()


@final
class ScriptedAnswer:
    def __init__(self, script: Script, clock: FakeClock) -> None:
        self.status = script.status
        self.headers = dict(script.headers)
        self.closed = False
        self.ended = False
        self._steps = deque(script.body)
        self._clock = clock

    async def head(self, seconds: float) -> None:
        """It is there."""

    def when_whole(self, most: int, seconds: float, tell: Callable[[], None]) -> None:
        raise AssertionError("nothing is sent at once here")

    def take_whole(self) -> bytes | None:
        raise AssertionError("nothing is sent at once here")

    def unhand(self) -> None:
        raise AssertionError("nothing is sent at once here")

    async def read(self, most: int, seconds: float) -> bytes:
        until = self._clock.now() + seconds
        body = b""
        while part := await self.next(until - self._clock.now()):
            body += part
            if len(body) > most:
                raise Broken("the answer is too large")
        return body

    async def next(self, seconds: float) -> bytes:
        assert not self.closed, "a closed answer is not read"
        until = self._clock.now() + seconds
        while self._steps:
            step = self._steps.popleft()
            if isinstance(step, bytes):
                return step
            await _do(step, self._clock, TooSlow("between bytes"), until)
        self.ended = True
        return b""

    def pour_into(self, sink: Sink, between_seconds: float, total_seconds: float) -> bool:
        return False

    def pause(self) -> None:
        """Nothing is read unless somebody asks."""

    def resume(self) -> None:
        """See `pause`."""

    def leave(self, seconds: float) -> None:
        self.ended = True
        self.close()

    def close(self) -> None:
        self.closed = True


@final
class NoErrand:
    """Nothing is ever sent at once: `send` shows what is to be seen."""

    def ask(self, body: Body, most: int, seconds: float, asker: Asker) -> None:
        """Never."""


Play = Callable[[Outgoing], Script]
"""A provider whose answer depends on what it was asked."""


@final
class ScriptedUpstream:
    """Plays the scripts in order, one a request; a request without a script is a mistake of the test, unless `always`
    is set. `asked` looks on before each."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._scripts: deque[Script | Play] = deque()
        self.always: Play | None = None
        self.asked: Callable[[Outgoing], None] = lambda request: None
        self.sent: list[Outgoing] = []
        self.answers: list[ScriptedAnswer] = []

    def will_play(self, *scripts: Script | Play) -> None:
        self._scripts.extend(scripts)

    def will_answer(self, *body: Step, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.will_play(Script(status, JSON if headers is None else headers, body))

    def will_stream(self, *body: Step, headers: dict[str, str] | None = None) -> None:
        self.will_play(Script(200, EVENTS if headers is None else headers, body))

    def will_fail(self, *before: Step) -> None:
        self.will_play(Script(before=before))

    async def send(self, request: Outgoing) -> ScriptedAnswer:
        self.sent.append(request)
        self.asked(request)
        play = self._scripts.popleft() if self._scripts or self.always is None else self.always
        script = play if isinstance(play, Script) else play(request)
        until = self._clock.now() + request.head_seconds
        for step in script.before:
            assert not isinstance(step, bytes), "bytes belong into the body"
            await _do(step, self._clock, TooSlow("first byte"), until)
        answer = ScriptedAnswer(script, self._clock)
        self.answers.append(answer)
        return answer

    def prepare(self, request: Outgoing) -> NoErrand:
        return NoErrand()

    async def close(self) -> None:
        return None


async def _do(
    step: Pause | Gate | Exception | Callable[[], None], clock: FakeClock, timeout: TooSlow, until: float
) -> None:
    if isinstance(step, Pause):
        if clock.now() + step.seconds > until:
            clock.advance(max(0.0, until - clock.now()))
            raise timeout
        clock.advance(step.seconds)
    elif isinstance(step, Gate):
        await step.pass_through()
    elif isinstance(step, Exception):
        raise step
    else:
        step()
        await asyncio.sleep(0)  # where a cancellation that the call asked for arrives

"""A connection without a socket: the test is the provider, the event loop and the clock. Nothing runs by itself, so an
order of events is a list of calls, and ten thousand answers are a second."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar, cast, final

from ai_gateway.runtime.http1 import Heads, Http1Connection
from ai_gateway.runtime.http1_answer import Http1Answer
from ai_gateway.runtime.upstream import Answer, Asker, UpstreamError

T = TypeVar("T")


@final
class HandLoop:
    """As much of an event loop as a future and an answer ask for. What our own code did wrong fails the test."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.mistakes: list[object] = []
        self._soon: list[Callable[[], object]] = []

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=cast(asyncio.AbstractEventLoop, self))

    def call_soon(self, callback: Callable[..., object], *arguments: object, **_: object) -> None:
        self._soon.append(partial(callback, *arguments))

    def turn(self) -> None:
        """What was to be called soon is called. Nobody who awaits is: who wants to know looks."""
        soon, self._soon = self._soon, []
        for callback in soon:
            callback()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.mistakes.append(context["exception"])


@final
class HandTransport(asyncio.Transport):
    """`unsent` bytes are said to be waiting in the write buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.unsent = 0
        self.paused = False
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.written += [bytes(data) for data in list_of_data]

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


@final
class Line:
    """One connection by hand. `ended` are the news that its pool would have had: True, it may be used again."""

    def __init__(self, heads: Heads | None = None) -> None:
        self.loop = HandLoop()
        self.transport = HandTransport()
        self.ended: list[bool] = []
        self.connection = Http1Connection(cast(asyncio.AbstractEventLoop, self.loop), heads or Heads())
        self.connection.connection_made(self.transport)
        assert self.connection.adopt(lambda _, reusable: self.ended.append(reusable))

    def ask(self) -> Http1Answer:
        return self.connection.ask(b"POST / HTTP/1.1\r\ncontent-length: ", b"")

    def ask_at_once(self, asker: Asker, most: int = 1 << 20, seconds: float = 30.0) -> bool:
        message = b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
        return self.connection.ask_at_once(message, most, seconds, asker, self.loop.now)

    def say(self, *pieces: bytes) -> None:
        """As the event loop does: nothing arrives on a transport that was closed, and nothing empty."""
        for piece in pieces:
            if piece and not self.transport.aborted:
                self.connection.data_received(piece)

    def hang_up(self) -> None:
        if not self.transport.aborted:
            self.connection.eof_received()
        self.connection.connection_lost(None)

    def lose(self, error: Exception) -> None:
        self.connection.connection_lost(error)


@final
class Asked(Generic[T]):
    """Somebody who waits for one thing. `went_on` looks whether it has come; `value` or `error` is what it was."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._future: asyncio.Future[Any] | None = None
        self.value: T | None = None
        self.error: UpstreamError | None = None
        self.over = False
        self._step()

    def went_on(self) -> bool:
        while not self.over and self._future is not None and self._future.done():
            self._step()
        return self.over

    def give_up(self) -> None:
        """As a cancelled task does."""
        try:
            self._coroutine.throw(asyncio.CancelledError())
        except asyncio.CancelledError:
            self.over = True

    def _step(self) -> None:
        try:
            self._future = self._coroutine.send(None)
        except StopIteration as end:
            self.over, self.value = True, end.value
        except UpstreamError as error:
            self.over, self.error = True, error


@final
class Told:
    """Somebody who is told when an answer is whole, and then takes what there is: `body`, or None. `count` is how often
    he was told."""

    def __init__(self, answer: Http1Answer, most: int, seconds: float) -> None:
        self.count = 0
        self.body: bytes | None = None
        self._answer = answer
        answer.when_whole(most, seconds, self._hear)
        assert not self.count, "nobody is told before it is heard that he wants to be"

    def _hear(self) -> None:
        self.count += 1
        self.body = self._answer.take_whole()


def answer_to(coroutine: Coroutine[Any, Any, T]) -> T:
    """What is there at once. Raises what it raises."""
    asked = Asked(coroutine)
    assert asked.went_on(), "this should not have had to wait"
    if asked.error is not None:
        raise asked.error
    return cast(T, asked.value)


@final
class AtOnce:
    """Somebody who asks at once and waits for what does not come as usual: `body` of what came whole, or None. `count`
    is how often an end was heard of, `taken` whether it came as usual. `takes` False: nothing is as usual to him."""

    def __init__(self, most: int = 1 << 20, *, takes: bool = True) -> None:
        self.count = 0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body: bytes | None = None
        self.taken = False
        self.answer: Answer | None = None
        self.seconds = 0.0
        self.tell: Callable[[], object] = lambda: None
        self._most = most
        self._takes = takes

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        if self._takes:
            self.taken = True
            self._hear(200, headers, body)
        return self._takes

    def wait_for(self, answer: Answer, seconds: float) -> None:
        assert self.answer is None, "it is to be waited for once"
        self.answer, self.seconds = answer, seconds
        answer.when_whole(self._most, seconds, self._look)

    def _look(self) -> None:
        assert self.answer is not None
        self._hear(self.answer.status, self.answer.headers, self.answer.take_whole())

    def _hear(self, status: int, headers: dict[str, str], body: bytes | None) -> None:
        self.count += 1
        self.status, self.headers, self.body = status, headers, body
        self.tell()

"""The event loop's `call_later`, in virtual time: what was asked to be called later is a list until a test moves the
clock, and then it is called in its order, each at its own instant."""

from collections.abc import Callable
from typing import final

from support.clock import FakeClock
from support.turns import settle


@final
class Timer:
    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at = at
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


@final
class Timers:
    """`later` is a `call_later`; `advance` moves the clock and calls what is due on its way."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.set: list[Timer] = []
        self.fired = 0

    def later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self.clock.now() + seconds, callback)
        self.set.append(timer)
        return timer

    @property
    def pending(self) -> list[Timer]:
        return [it for it in self.set if it.callback is not None]

    async def advance(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        while due := sorted((it for it in self.pending if it.at <= end), key=lambda it: it.at):
            self.clock.advance(max(0.0, due[0].at - self.clock.now()))
            callback, due[0].callback = due[0].callback, None
            assert callback is not None
            self.fired += 1
            callback()
            await settle()
        self.clock.advance(max(0.0, end - self.clock.now()))

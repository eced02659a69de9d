"""Where a request waits until something that is limited has a place for it: an endpoint, a pool or a tenant.

A promise is a place that was taken already, on behalf of whoever waits, in the same step of the event loop in which it
came up. So nobody overtakes between being called and arriving, and a place can only be lost by a request that was
cancelled in between; then it is put back and the next one is called. The room knows no endpoints: a request brings the
three doors that say whether it can have a place, how long that may take, and how to put one back.

Nothing polls. `place_free()` is called by whoever ends; one timer a room stands on the next instant at which anything
can happen by itself: a deadline, a rate limit that lets one through, a report of the position that is due.

Only the first in line is asked whether it can go. One that needs much waits until there is enough for it and is not
passed by small ones for ever, which is the price of an order that can be explained.

Waiting can come to make no sense: whom one waits for breaks, or is taken out. Then the wait ends at once, in `InVain`:
whoever is told so finds out elsewhere what can still be done.
"""

import asyncio
from collections.abc import Callable
from math import ceil, inf
from typing import Any, Final, Generic, Protocol, TypeVar, final

import msgspec

from ai_gateway.domain.config import QueueLimits
from ai_gateway.domain.faults import RateLimited
from ai_gateway.policy.fair_queue import FairQueue, Refusal, Ticket
from ai_gateway.runtime.clock import Clock

REPORT_SECONDS: Final = 1.0
SHORTEST_SECONDS: Final = 0.005
"""A timer of the event loop is good for a millisecond; what comes up earlier is called together."""

Place = TypeVar("Place")
Listener = Callable[[int, float | None], None]
"""Told the position (1 is next) and the seconds it will take, None where nobody can know. Does not wait or raise."""


class Handle(Protocol):
    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Handle]
"""`call_later` of the event loop."""


class InVain(Exception):
    """There is nothing left to wait for."""


def _always() -> bool:
    return True


class Ask(msgspec.Struct, Generic[Place], frozen=True):
    """What a request wants, as doors that are told the time (monotonic seconds).

    `take` takes a place and says which, or None. `put_back` returns one that was never used; this room calls its next
    itself. `free_in` is how many seconds it takes until `take` may succeed by itself, inf where only `place_free()`
    can tell. `has_hope`, asked when `take` found nothing, is whether a place may come up at all.
    """

    take: Callable[[float], Place | None]
    put_back: Callable[[float, Place], None]
    free_in: Callable[[float], float]
    has_hope: Callable[[], bool] = _always


class Guest(msgspec.Struct, frozen=True):
    """Who waits, and until when at most (monotonic seconds). A smaller `priority` goes first within a tenant."""

    tenant: str
    deadline: float
    weight: int = 1
    priority: int = 0
    listener: Listener | None = None


class RoomStanding(msgspec.Struct, frozen=True):
    """`waiting` and `longest_wait_seconds` now; the rest counts since the room was opened."""

    name: str
    max_waiting: int
    waiting: int
    longest_wait_seconds: float
    expected_wait_seconds: float | None
    served: int
    refused: int
    timed_out: int
    left: int


@final
class WaitingRoom:
    """`name` is for people. `later` is the running loop's `call_later`. `crowded` has every room of a house in which
    somebody waits."""

    def __init__(
        self,
        name: str,
        limits: QueueLimits,
        clock: Clock,
        later: Later,
        crowded: "dict[WaitingRoom, None] | None" = None,
    ) -> None:
        self.name = name
        self.limits = limits
        self._clock = clock
        self._later = later
        self._crowded: dict[WaitingRoom, None] = {} if crowded is None else crowded
        self._queue = FairQueue(limits.max_waiting)
        self._waiters: dict[Ticket, _Waiter] = {}
        self._listening: dict[Ticket, _Waiter] = {}
        self._timer: Handle | None = None
        self._timer_at = inf
        self._served = 0
        self._refused = 0
        self._timed_out = 0
        self._left = 0

    def __len__(self) -> int:
        return len(self._waiters)

    def configure(self, limits: QueueLimits) -> None:
        """Other limits for who comes from now on."""
        self.limits = limits
        self._queue.most = limits.max_waiting

    async def enter(self, guest: Guest, ask: Ask[Place]) -> Place:
        """The place that `ask.take` gave, at once or after a wait. It is the caller's from then on, whatever happens.

        Raises RateLimited: `queue_full` at once (or when a tenant with fewer waiting needs the place in the line),
        `queue_timeout` at the guest's deadline or the queue's own. Raises InVain once there is nothing to wait for and
        nobody before it in line. Cancelled, it leaves at once.
        """
        now = self._clock.now()
        if not self._waiters and (place := ask.take(now)) is not None:
            return place
        ticket, waiter = self._join(guest, ask, now)
        try:
            self._go_on(now)
            return await waiter.called
        except BaseException:
            self._leave(ticket, waiter)
            raise

    def place_free(self) -> None:
        """Something ended, or a limit was lifted: whoever is first may try."""
        if self._waiters:
            self._go_on(self._clock.now())

    def standing(self) -> RoomStanding:
        now = self._clock.now()
        oldest = next(iter(self._waiters), None)
        return RoomStanding(
            name=self.name,
            max_waiting=self.limits.max_waiting,
            waiting=len(self._waiters),
            longest_wait_seconds=0.0 if oldest is None else now - oldest.arrived,
            expected_wait_seconds=self._queue.expected_wait_of(len(self._queue) + 1, now),
            served=self._served,
            refused=self._refused,
            timed_out=self._timed_out,
            left=self._left,
        )

    def _join(self, guest: Guest, ask: Ask[Any], now: float) -> "tuple[Ticket, _Waiter]":
        deadline = min(guest.deadline, now + self.limits.timeout_seconds)
        if deadline <= now:
            self._timed_out += 1
            raise self._too_late(now)
        joined = self._queue.join(guest.tenant, now, deadline, guest.weight, guest.priority)
        if isinstance(joined, Refusal):
            self._refused += 1
            raise self._full(joined.wait_seconds)
        if joined.displaced is not None:
            self._refused += 1
            self._turn_away(joined.displaced, self._full(self._wait_of_a_newcomer(now)))
        waiter = _Waiter(asyncio.get_running_loop().create_future(), ask, guest.listener, now)
        self._waiters[joined.ticket] = waiter
        self._crowded[self] = None
        if guest.listener is not None:
            self._listening[joined.ticket] = waiter
        return joined.ticket, waiter

    def _go_on(self, now: float) -> None:
        """Everything that is due, then the timer for what is next."""
        for ticket in self._queue.expire(now):
            self._timed_out += 1
            self._turn_away(ticket, self._too_late(now))
        free_in = self._call_next(now)
        report_at = self._report(now) if self._listening else inf
        deadline = self._queue.next_deadline()
        self._wake_at(min(now + free_in, report_at, inf if deadline is None else deadline), now)

    def _call_next(self, now: float) -> float:
        """Call as many as there are places for; seconds until there may be another."""
        while (ticket := self._queue.first(now)) is not None:
            waiter = self._waiters[ticket]
            if waiter.called.cancelled():  # its task has not run since
                self._queue.leave(ticket)
                continue
            place = waiter.ask.take(now)
            if place is None:
                if waiter.ask.has_hope():
                    return waiter.ask.free_in(now)
                self._queue.leave(ticket)
                self._left += 1
                self._turn_away(ticket, InVain())
                continue
            self._queue.next(now)
            self._forget(ticket)
            self._served += 1
            waiter.called.set_result(place)
        return inf

    def _report(self, now: float) -> float:
        """Tell those whose second is over; the instant at which the next is."""
        for ticket, waiter in self._listening.items():
            if waiter.listener is not None and waiter.report_at <= now:
                waiter.report_at = now + REPORT_SECONDS
                waiter.listener(self._queue.position(ticket), self._queue.expected_wait(ticket, now))
        return min((waiter.report_at for waiter in self._listening.values()), default=inf)

    def _wake_at(self, at: float, now: float) -> None:
        """A timer that stands earlier is left alone: it finds nothing due and sets the next."""
        at = max(at, now + SHORTEST_SECONDS)
        if at >= self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._later(at - now, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._timer_at = inf
        if self._waiters:
            self._go_on(self._clock.now())

    def _leave(self, ticket: Ticket, waiter: "_Waiter") -> None:
        """It goes without a place: while it waited, after it was called and before it could hear, or turned away."""
        called = waiter.called
        now = self._clock.now()
        if ticket in self._waiters:
            self._left += 1
            self._queue.leave(ticket)
            self._forget(ticket)
        elif not called.cancelled() and called.exception() is None:
            self._served -= 1
            self._left += 1
            waiter.ask.put_back(now, called.result())
        if self._waiters:
            self._go_on(now)

    def _turn_away(self, ticket: Ticket, why: RateLimited | InVain) -> None:
        waiter = self._waiters.get(ticket)
        self._forget(ticket)
        if waiter is not None and not waiter.called.done():
            waiter.called.set_exception(why)

    def _forget(self, ticket: Ticket) -> None:
        self._waiters.pop(ticket, None)
        self._listening.pop(ticket, None)
        if not self._waiters:
            self._crowded.pop(self, None)

    def _wait_of_a_newcomer(self, now: float) -> float | None:
        return self._queue.expected_wait_of(len(self._queue) + 1, now)

    def _full(self, wait_seconds: float | None) -> RateLimited:
        return RateLimited(
            "Too many requests are waiting already.",
            code="queue_full",
            retry_after_seconds=self._pause(wait_seconds),
            detail=f"{self.name}: {len(self._queue)} of {self.limits.max_waiting} wait",
        )

    def _too_late(self, now: float) -> RateLimited:
        return RateLimited(
            "The request has waited for a free place as long as it may.",
            code="queue_timeout",
            retry_after_seconds=self._pause(self._wait_of_a_newcomer(now)),
            detail=f"{self.name}: timeout {self.limits.timeout_seconds} s",
        )

    def _pause(self, wait_seconds: float | None) -> float:
        """Whole seconds: never none at all, never longer than anybody would be let wait."""
        longest = max(1, ceil(self.limits.timeout_seconds))
        return 1 if wait_seconds is None else min(max(1, ceil(wait_seconds)), longest)


@final
class _Waiter:
    __slots__ = ("ask", "called", "listener", "report_at")

    def __init__(self, called: "asyncio.Future[Any]", ask: Ask[Any], listener: Listener | None, now: float) -> None:
        self.called = called
        self.ask = ask
        self.listener = listener
        self.report_at = now


@final
class Rooms:
    """Every queue by its name, opened when it is first needed. A place that comes up may be one that several rooms
    wait for, since an endpoint is in many pools: all in which somebody waits are asked in turn, and whichever got it
    goes to the end. `crowded` are those in which somebody waits."""

    def __init__(self, clock: Clock, later: Later) -> None:
        self._clock = clock
        self._later = later
        self._rooms: dict[str, WaitingRoom] = {}
        self.crowded: dict[WaitingRoom, None] = {}

    def of(self, name: str, limits: QueueLimits) -> WaitingRoom:
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = WaitingRoom(name, limits, self._clock, self._later, self.crowded)
        elif room.limits != limits:
            room.configure(limits)
        return room

    def place_free(self) -> None:
        for room in tuple(self.crowded):
            waited = len(room)
            room.place_free()
            if len(room) < waited and room in self.crowded:
                del self.crowded[room]
                self.crowded[room] = None

    def look_again(self) -> None:
        """The same, once this step of the loop is over: for whoever changes what the rooms wait for in the middle of
        something."""
        if self.crowded:
            self._later(0.0, self.place_free)

    def keep_only(self, names: set[str]) -> None:
        """Close rooms that are no longer configured, except those in which somebody waits."""
        for gone in [name for name, it in self._rooms.items() if name not in names and not len(it)]:
            del self._rooms[gone]

    def standings(self) -> tuple[RoomStanding, ...]:
        return tuple(room.standing() for room in self._rooms.values())

"""Who is next, where many wait for few places: fair between tenants by weight, first come first served within one.

Start-time fair queueing. Each tenant has a start tag; the one with the smallest is served, and its tag moves on by one
stride (a constant divided by its weight). A tenant that comes anew starts at the tag of whoever was served last, so
nobody saves up turns by being away and nobody pays for having been alone. A tenant with twenty times the load has
twenty times as many waiting, and the same number of turns. Tags are integers, so order and position are exact.
(Goyal, Vin and Cheng 1996, "Start-time Fair Queueing"; strides: Waldspurger and Weihl 1995.)

A bounded queue that is full of one tenant is not fair to the next however it is served, so the newcomer takes the
place of the newest ticket of the tenant that waits with the most, unless that is itself (McKenney 1990, "Stochastic
Fairness Queueing": buffer stealing).

A ticket ends exactly once. One whose deadline has come is never given out. What leaves from the middle is marked and
swept when it is met, so joining, leaving and being served are O(log n) amortised; a position is counted when somebody
asks for it, once over the tenants and once over the tenant's own tickets.
"""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from heapq import heapify, heappop, heappush, heapreplace
from math import exp
from typing import Final, final

import msgspec

TURN: Final = 10**9
"""The stride of weight 1."""
PACE_SECONDS: Final = 10.0
SLACK: Final = 64


class TicketState(StrEnum):
    WAITING = "waiting"
    SERVED = "served"
    EXPIRED = "expired"
    LEFT = "left"
    DISPLACED = "displaced"


@final
class Ticket:
    """One that waits. `deadline` and `arrived` are monotonic seconds."""

    __slots__ = ("arrived", "deadline", "flow", "number", "priority", "state")

    def __init__(self, flow: "Flow", number: int, priority: int, arrived: float, deadline: float) -> None:
        self.flow = flow
        self.number = number
        self.priority = priority
        self.arrived = arrived
        self.deadline = deadline
        self.state = TicketState.WAITING

    @property
    def tenant(self) -> str:
        return self.flow.tenant


class Joined(msgspec.Struct, frozen=True):
    """`displaced` is whoever lost its place to it, for somebody to tell."""

    ticket: Ticket
    displaced: Ticket | None = None


class Refusal(msgspec.Struct, frozen=True):
    """`wait_seconds`: how long those take who wait now; None where nothing was served yet to tell from."""

    wait_seconds: float | None


@final
class FairQueue:
    """At most `most` wait. Raise or lower it at any time: those who wait stay."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting = 0
        self._numbers = 0
        self._virtual = 0
        self._flows: dict[str, Flow] = {}
        self._turns: list[tuple[int, int, Flow]] = []
        self._longest: list[tuple[int, int, Flow]] = []
        self._deadlines: list[tuple[float, int, Ticket]] = []
        self._unreported: list[Ticket] = []
        self._pace = _Pace()

    def __len__(self) -> int:
        return self._waiting

    def join(self, tenant: str, now: float, deadline: float, weight: int = 1, priority: int = 0) -> Joined | Refusal:
        """`weight` is at least 1; within a tenant a smaller `priority` goes first."""
        if self._waiting >= self.most:
            self._drop_expired(now)
        stride = max(1, TURN // weight)
        displaced: Ticket | None = None
        if self._waiting == self.most and deadline > now:
            displaced = self._displace_for(tenant, stride)
        if deadline <= now or self._waiting >= self.most:
            return Refusal(self.expected_wait_of(self._waiting, now))
        if not self._waiting:
            self._pace.begin(now)
        flow = self._flow_of(tenant)
        flow.stride = stride
        self._numbers += 1
        ticket = Ticket(flow, self._numbers, priority, now, deadline)
        flow.append(ticket)
        self._waiting += 1
        if not flow.has_turn:
            flow.has_turn = True
            flow.order = ticket.number
            flow.start = max(flow.start, self._virtual)
            self._note_turn(flow)
        self._note_length(flow)
        self._note_deadline(ticket)
        return Joined(ticket, displaced)

    def leave(self, ticket: Ticket) -> None:
        """It waits no more. Leaving after any end changes nothing."""
        if ticket.state is TicketState.WAITING:
            self._end(ticket, TicketState.LEFT)

    def first(self, now: float) -> Ticket | None:
        """Who would be next, without being served."""
        while self._turns:
            start, _, flow = self._turns[0]
            head = flow.first()
            if head is None:
                heappop(self._turns)
                flow.has_turn = False
                flow.start = start
            elif head.deadline <= now:
                self._expire(head)
            else:
                return head
        return None

    def next(self, now: float) -> Ticket | None:
        """Serve one."""
        ticket = self.first(now)
        if ticket is None:
            return None
        flow = ticket.flow
        self._virtual = flow.start
        flow.start += flow.stride
        heapreplace(self._turns, (flow.start, flow.order, flow))
        self._pace.served(now)
        self._end(ticket, TicketState.SERVED)
        return ticket

    def expire(self, now: float) -> list[Ticket]:
        """All whose deadline has come since this was last asked, also those that were met on the way. Each once."""
        self._drop_expired(now)
        expired, self._unreported = self._unreported, []
        return expired

    def next_deadline(self) -> float | None:
        """The instant at which the next of those who wait expires."""
        while self._deadlines and self._deadlines[0][2].state is not TicketState.WAITING:
            heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def position(self, ticket: Ticket) -> int:
        """1 is next: how many are served up to and with it if nobody comes or leaves. 0 for one that waits no more."""
        if ticket.state is not TicketState.WAITING:
            return 0
        own = ticket.flow
        before = own.before(ticket)
        tag = own.start + before * own.stride
        others = (it for _, _, it in self._turns if it is not own and it.waiting)
        return 1 + before + sum(it.turns_before(tag, own.order) for it in others)

    def expected_wait(self, ticket: Ticket, now: float) -> float | None:
        """Seconds, from how fast places came up while somebody waited. None where none did yet."""
        return self.expected_wait_of(self.position(ticket), now)

    def expected_wait_of(self, position: int, now: float) -> float | None:
        seconds = self._pace.seconds(now)
        return None if seconds is None else position * seconds

    def _end(self, ticket: Ticket, state: TicketState) -> None:
        """The one place where a ticket ends."""
        ticket.state = state
        ticket.flow.waiting -= 1
        ticket.flow.sweep()
        self._waiting -= 1
        if not self._waiting:
            self._rest()

    def _rest(self) -> None:
        """Nobody waits: all start equal when somebody does again (the end of a busy period)."""
        for _, _, flow in self._turns:
            flow.has_turn = False
        self._flows.clear()
        self._turns.clear()
        self._longest.clear()
        self._deadlines.clear()
        self._virtual = 0

    def _expire(self, ticket: Ticket) -> None:
        self._end(ticket, TicketState.EXPIRED)
        self._unreported.append(ticket)

    def _drop_expired(self, now: float) -> None:
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            self._expire(self._deadlines[0][2])

    def _flow_of(self, tenant: str) -> "Flow":
        flow = self._flows.get(tenant)
        if flow is None:
            if len(self._flows) > 2 * len(self._turns) + SLACK:
                self._flows = {name: it for name, it in self._flows.items() if it.has_turn or it.start > self._virtual}
            flow = self._flows[tenant] = Flow(tenant)
        return flow

    def _displace_for(self, tenant: str, stride: int) -> Ticket | None:
        """Take the newest ticket of the longest, if that stays at least as long as the newcomer becomes."""
        longest = self._longest_flow()
        flow = self._flows.get(tenant)
        length = stride * (1 + (0 if flow is None else flow.waiting))
        if longest is None or longest is flow or length > (longest.waiting - 1) * longest.stride:
            return None
        ticket = longest.last()
        self._end(ticket, TicketState.DISPLACED)
        return ticket

    def _longest_flow(self) -> "Flow | None":
        """Entries are what a flow's length was when it last grew; one that has shrunk since is put back where it
        belongs, one that was noted anew is dropped."""
        while self._longest:
            noted, order, flow = self._longest[0]
            if noted != flow.noted:
                heappop(self._longest)
            elif noted != (length := -flow.waiting * flow.stride):
                flow.noted = length
                heapreplace(self._longest, (length, order, flow))
            else:
                return flow if flow.waiting else None
        return None

    def _note_turn(self, flow: "Flow") -> None:
        heappush(self._turns, (flow.start, flow.order, flow))
        if len(self._turns) > 2 * self._waiting + SLACK:
            for _, _, it in self._turns:
                it.has_turn = it.waiting > 0
            self._turns = [it for it in self._turns if it[2].has_turn]
            heapify(self._turns)

    def _note_length(self, flow: "Flow") -> None:
        flow.noted = -flow.waiting * flow.stride
        if len(self._longest) > 2 * len(self._turns) + SLACK:
            self._longest = [(it.noted, it.order, it) for _, _, it in self._turns]
            heapify(self._longest)
        else:
            heappush(self._longest, (flow.noted, flow.order, flow))

    def _note_deadline(self, ticket: Ticket) -> None:
        heappush(self._deadlines, (ticket.deadline, ticket.number, ticket))
        if len(self._deadlines) > 2 * self._waiting + SLACK:
            self._deadlines = [it for it in self._deadlines if it[2].state is TicketState.WAITING]
            heapify(self._deadlines)


@final
class Flow:
    """One tenant's tickets: a line for each priority, with those that ended still standing in it until met."""

    __slots__ = ("_lines", "_standing", "has_turn", "noted", "order", "start", "stride", "tenant", "waiting")

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.waiting = 0
        self.start = 0
        self.stride = TURN
        self.order = 0
        self.noted = 0
        self.has_turn = False
        self._lines: dict[int, deque[Ticket]] = {}
        self._standing = 0

    def append(self, ticket: Ticket) -> None:
        line = self._lines.get(ticket.priority)
        if line is None:
            self._lines[ticket.priority] = deque((ticket,))
            self._lines = dict(sorted(self._lines.items()))
        else:
            line.append(ticket)
        self._standing += 1
        self.waiting += 1

    def first(self) -> Ticket | None:
        for line in self._lines.values():
            while line and line[0].state is not TicketState.WAITING:
                line.popleft()
                self._standing -= 1
            if line:
                return line[0]
        return None

    def last(self) -> Ticket:
        """The newest of the least urgent. Somebody waits."""
        for line in reversed(self._lines.values()):
            while line and line[-1].state is not TicketState.WAITING:
                line.pop()
                self._standing -= 1
            if line:
                return line[-1]
        raise LookupError(self.tenant)

    def before(self, ticket: Ticket) -> int:
        """How many of its own go before it."""
        own = (ticket.priority, ticket.number)
        return sum((it.priority, it.number) < own for it in self._all_waiting())

    def turns_before(self, tag: int, order: int) -> int:
        """How many of its tickets have a smaller tag than `tag`, or the same and an older turn."""
        ahead = tag - self.start
        turns = -(-ahead // self.stride) if self.order > order else ahead // self.stride + 1
        return min(max(0, turns), self.waiting)

    def sweep(self) -> None:
        if self._standing > 2 * self.waiting + SLACK:
            waiting = list(self._all_waiting())
            self._lines = {priority: deque[Ticket]() for priority in sorted({it.priority for it in waiting})}
            for ticket in waiting:
                self._lines[ticket.priority].append(ticket)
            self._standing = len(waiting)

    def _all_waiting(self) -> Iterator[Ticket]:
        return (it for line in self._lines.values() for it in line if it.state is TicketState.WAITING)


@final
class _Pace:
    """Seconds a place takes to come up while somebody waits: both sums fade with 10 s of such time."""

    __slots__ = ("_busy", "_served", "_since")

    def __init__(self) -> None:
        self._busy = 0.0
        self._served = 0.0
        self._since = 0.0

    def begin(self, now: float) -> None:
        self._since = now

    def served(self, now: float) -> None:
        took = now - self._since
        kept = exp(-took / PACE_SECONDS)
        self._busy = self._busy * kept + took
        self._served = self._served * kept + 1
        self._since = now

    def seconds(self, now: float) -> float | None:
        """A place that is late already counts as slow before it has come."""
        if not self._served:
            return None
        took = self._busy / self._served
        late = now - self._since
        return took if late <= took else (self._busy + late) / (self._served + 1)

"""A request on a lane: from the caller's bytes to the provider's socket in one call, and back in another.

There is no task, no coroutine and no ASGI here. What costs most of a small request is none of its steps, it is the
values, waits and calls between them; so where all that can be known beforehand is known (gateway/lanes.py) and
everybody is well, the steps stand one behind the other: body, hold, pick, journal, socket; then usage, price, journal,
settlement, answer. They are the same steps in the same order over the same rooms as on the ordinary line.

Whatever is not as usual is not decided here. Before the hold the request is left to the ordinary line as if nothing had
been. Behind it an ordinary request takes the flight's place on its connection (`hand_over`) and goes on from there: an
answer that is an error, broken, late or not what it should be, a caller who left, a gateway that drains.
"""

from typing import TYPE_CHECKING, Final, final

import msgspec

from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Hold, Outcome, Receipt
from ai_gateway.gateway import reading, relay
from ai_gateway.gateway.admission import Admitted, admitted_like
from ai_gateway.gateway.budget_headers import warnings_of
from ai_gateway.gateway.client import Interruption, lines_of
from ai_gateway.gateway.dispatch import Carried, place_free
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.funding import Funded
from ai_gateway.gateway.journey import Journey
from ai_gateway.gateway.lanes import Berth, Lane, Lanes
from ai_gateway.gateway.own_headers import timing_lines
from ai_gateway.gateway.receipts import BYTES_PER_TOKEN, Attempt, Draft
from ai_gateway.gateway.ruling import plain
from ai_gateway.gateway.sent import Sent
from ai_gateway.gateway.small_chat import SmallChat
from ai_gateway.gateway.world import Taken
from ai_gateway.policy.circuit_breaker import Ticket
from ai_gateway.policy.pricing import cost_nano, dollars
from ai_gateway.policy.quotas import amounts_at_worst
from ai_gateway.runtime import ids
from ai_gateway.runtime.telemetry import Ended
from ai_gateway.runtime.upstream import Answer, Asked

if TYPE_CHECKING:
    from ai_gateway.gateway.known_request import KnownRequest, Memory
    from ai_gateway.gateway.protocol import EdgeProtocol

_OK: Final = Outcome.OK  # a member of an enum is a look-up in Python each time
_CHAT: Final = Operation.CHAT
_OK_STATUS: Final = 200
_replace = msgspec.structs.replace


@final
class _NoBell:
    """For a server that rings whoever waits for a message: nobody does."""

    __slots__ = ()

    def set(self) -> None: ...


_NO_BELL: Final = _NoBell()


@final
class Flight:
    """To the protocol it is what a Cycle is: the request that its connection is busy with. Times as Head has them;
    `started` monotonic seconds at which its attempt began."""

    __slots__ = (
        "answer",
        "asked",
        "berth",
        "disconnected",
        "doors",
        "interruption",
        "is_over",
        "keep_alive",
        "known",
        "lane",
        "message_event",
        "nano",
        "orphan",
        "place",
        "protocol",
        "received",
        "request_id",
        "response_complete",
        "response_started",
        "small",
        "started",
        "ticket",
        "tokens",
        "waiting_for_100_continue",
        "wall",
    )

    def __init__(self, doors: Doors, lane: Lane, small: SmallChat, protocol: "EdgeProtocol") -> None:
        self.doors = doors
        self.lane = lane
        self.small = small
        self.protocol = protocol
        self.asked: Asked | None = None
        self.answer: Answer | None = None
        self.interruption: Interruption | None = None
        self.message_event = _NO_BELL
        self.keep_alive = True
        self.disconnected = self.is_over = False
        self.response_complete = self.response_started = self.waiting_for_100_continue = False

    known: "KnownRequest"
    received: float
    wall: float
    request_id: str
    nano: int
    tokens: int
    place: int
    berth: Berth
    started: float
    ticket: Ticket
    orphan: Receipt

    # To the protocol

    def lose(self) -> None:
        """The caller has left."""
        self.disconnected = True
        self.hand_over()

    def part(self) -> None:
        """The answer is complete."""

    def block(self, *, blocked: bool) -> None:
        """A whole answer that a slow caller does not take waits in the transport, as it does on the ordinary line."""

    # To the gateway

    def interrupt(self, why: Interruption) -> None:
        self.interruption = why
        self.hand_over()

    def hand_over(self) -> None:
        """Once: from here on it is an ordinary request's."""
        if not self.is_over:
            self.is_over = True
            if self.asked is not None:
                self.answer = self.asked.unhand()
            elif self.answer is not None:
                self.answer.unhand()
            self.protocol.hand_over(self)

    # To the connection to the provider

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        """The provider has answered as usual."""
        try:
            usage = self.berth.codec.read_chat_usage(body)
        except Exception:  # noqa: BLE001  whatever it is, the ordinary line meets it too, and has an answer to it
            usage = None
        if usage is not None:
            passed = relay.passed_lines(self.berth.member, headers)
            if passed is not None and not self.protocol.flow.write_paused:
                self._deliver(passed, body, usage)
                return True
        return False

    def wait_for(self, answer: Answer, seconds: float) -> None:
        self.asked, self.answer = None, answer
        answer.when_whole(self.doors.limits.answer_bytes, seconds, self.landed)

    def landed(self) -> None:
        """The provider has answered, or will not."""
        answer = self.answer
        if self.is_over or answer is None:
            return
        body = answer.take_whole() if answer.status == _OK_STATUS else None
        if body is None or not self.take(answer.headers, body):
            self.hand_over()

    def _deliver(self, passed: str, body: bytes, usage: Usage) -> None:
        self.is_over = True
        doors, berth, request_id = self.doors, self.berth, self.request_id
        now = doors.clock.now()
        total_ms = round((now - self.started) * 1000, 3)
        price = berth.price
        cost = 0 if price is None else cost_nano(price, usage)
        used = usage.input_tokens + usage.output_tokens
        receipt: Receipt = _replace(
            self.orphan, usage=usage, cost_nano_usd=cost, outcome=_OK, estimated=False, total_ms=total_ms
        )
        doors.journal.append(receipt)
        is_warned = doors.meters.settle_whole(request_id, cost, used)
        member = berth.member
        if member.gate.calm:
            member.end_calmly(self.ticket, self.started, now, total_ms)
        else:
            self._taken().succeed_whole(now, total_ms, used)
        warning = (lines_of(warnings_of(self.lane.way)) or "") if is_warned else ""
        timing = timing_lines(1, (self.started - self.received) * 1000, total_ms)
        head = (
            f"{passed}{berth.lines}{timing}{warning}x-gateway-cost-usd: {dollars(cost)}\r\n"
            f"x-request-id: {request_id}\r\nrequest-id: {request_id}\r\n"
        )
        self.protocol.answer_flight(self, head, body)
        doors.live.discard(self)
        telemetry, seconds = doors.telemetry, now - self.received
        notes = telemetry.notes
        if len(notes) < telemetry.room:
            telemetry.active -= 1
            notes.append((request_id, self.wall, seconds, usage.input_tokens, usage.output_tokens, berth.kind))
        else:
            telemetry.ended(
                Ended(
                    request_id,
                    _CHAT,
                    _OK_STATUS,
                    self.wall,
                    seconds,
                    None,
                    (receipt,),
                    receipt.tenant_id,
                    receipt.key_id,
                    receipt.requested_model,
                )
            )
        if doors.rooms.anyone_waits:
            place_free(doors.rooms)

    # To the ordinary line, which takes over

    def admitted(self) -> Admitted:
        like = self.lane.admitted
        return admitted_like(like, reading.same_head(like.head, self.request_id, self.received, self.wall))

    def journey(self, admitted: Admitted) -> Journey:
        lane = self.lane
        hold = Hold(self.request_id, lane.charge(self.nano, self.tokens, self.wall), self.orphan.day)
        shaped = plain(self.small.call(admitted.head), lane.plan.course)[0]
        deadline = self.received + lane.total_seconds
        return Journey(admitted, shaped, lane.plan, Funded(hold), deadline)

    def sent(self) -> Sent:
        attempt = Attempt(self.orphan.attempt_id, self.berth.member.candidate, self.started, self.wall)
        return Sent(self._taken(), self.place, attempt, Draft(self.orphan, self.berth.price), self.answer)

    def _taken(self) -> Taken:
        return Taken.calmly(self.berth.member, self.ticket, self.started)


def take_off(doors: Doors, lane: Lane, small: SmallChat, protocol: "EdgeProtocol", known: "KnownRequest") -> bool:
    """False: nothing was done."""
    clock, meters = doors.clock, doors.meters
    received, wall = clock.now(), clock.wall()
    cap = small.cap
    plan = lane.plan
    stage = plan.stages[0]
    if not lane.holds(doors, wall) or (cap is None and lane.needs_cap) or not stage.is_all_calm():
        return False
    flight = Flight(doors, lane, small, protocol)
    size = small.body_bytes
    nano, tokens = amounts_at_worst(lane.worst, size, cap, small.choices)
    request_id = doors.ids.request_id(wall)
    second = int(wall * 1000) // 1000
    way = lane.way
    if way.second != second:
        way = lane.way = meters.way_of(lane.charge(nano, tokens, wall))
    if not meters.take_along(request_id, way, second, nano, tokens):
        return False
    place = stage.pick_calmly(doors.rng, received, None)
    berth = None if place is None else lane.berth(doors, place, wall)
    if place is None or berth is None:
        meters.settle(Hold(request_id, lane.charge(nano, tokens, wall), way.number))
        return False
    started = clock.now()
    ticket = berth.member.send_calmly(started)
    usage = Usage(-(-size // BYTES_PER_TOKEN))
    price = berth.price
    orphan: Receipt = _replace(
        berth.like,
        request_id=request_id,
        attempt_id=ids.attempt_id(request_id, 1),
        usage=usage,
        cost_nano_usd=0 if price is None else cost_nano(price, usage),
        started_at=wall,
        day=way.number,
    )
    try:
        doors.journal.hold(orphan, wall, nano, berth.sheet)
    except GatewayFault:  # it is said by the ordinary line, which asks again
        Taken.calmly(berth.member, ticket, started).withdraw(started)
        meters.settle(Hold(request_id, lane.charge(nano, tokens, wall), way.number))
        return False
    plan.budget.deposit(started)
    flight.known = known
    flight.received, flight.wall, flight.started = received, wall, started
    flight.request_id, flight.nano, flight.tokens = request_id, nano, tokens
    flight.place, flight.berth, flight.ticket, flight.orphan = place, berth, ticket, orphan
    doors.live.add(flight)
    doors.telemetry.began()
    protocol.open_flight(flight)
    left = min(berth.total_seconds, lane.total_seconds)
    seconds = left if berth.response_seconds is None or berth.response_seconds > left else berth.response_seconds
    asked = flight.asked = berth.errand.ask(small.body_with(berth.model), doors.limits.answer_bytes, seconds, flight)
    if asked is None:
        flight.hand_over()
    return True


def keep_lane(doors: Doors, memory: "Memory | None", journey: Journey, carried: Carried) -> None:
    """After an answer in the ordinary way: where it was a whole one, the next one with this head may take a lane."""
    if memory is None or journey.shaped.call.stream:
        return
    if carried.fault is None and len(carried.receipts) == 1 and not carried.steps:
        lanes = memory.lanes
        if lanes is None:
            lanes = memory.lanes = Lanes(doors, take_off)
        if lanes.wants(journey):
            lanes.open(journey)

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

from ai_gateway.domain.chat import Operation, Usage, has_parts
from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Hold, Outcome, Receipt
from ai_gateway.gateway import reading
from ai_gateway.gateway.admission import Admitted, admitted_like
from ai_gateway.gateway.budget_headers import warnings_of
from ai_gateway.gateway.client import Interruption, lines_of
from ai_gateway.gateway.dispatch import Carried, place_free
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.funding import Funded
from ai_gateway.gateway.journey import Journey
from ai_gateway.gateway.lanes import Fittings, Lane, Lanes
from ai_gateway.gateway.own_headers import timing_lines
from ai_gateway.gateway.receipts import BYTES_PER_TOKEN, Attempt, Draft
from ai_gateway.gateway.ruling import plain
from ai_gateway.gateway.sent import Sent
from ai_gateway.gateway.small_chat import SmallChat
from ai_gateway.gateway.world import Taken
from ai_gateway.policy.circuit_breaker import Ticket
from ai_gateway.policy.pricing import PICO_PER_NANO, cost_nano, dollars
from ai_gateway.policy.quotas import amounts_at_worst
from ai_gateway.runtime.board import MOST_FRESH
from ai_gateway.runtime.telemetry import Ended
from ai_gateway.runtime.upstream import Answer, Asked

if TYPE_CHECKING:
    from ai_gateway.gateway.known_request import KnownRequest, Memory
    from ai_gateway.gateway.protocol import EdgeProtocol

_OK: Final = Outcome.OK  # a member of an enum is a look-up in Python each time
_CHAT: Final = Operation.CHAT
_OK_STATUS: Final = 200
_CLOSE: Final = "connection: close\r\n"
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
        "attempt_id",
        "day",
        "disconnected",
        "doors",
        "fittings",
        "floor_nano",
        "interruption",
        "is_over",
        "keep_alive",
        "known",
        "lane",
        "message_event",
        "nano",
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

    def __init__(  # noqa: PLR0917  one is made for every request, and names cost twice as much
        self,
        doors: Doors,
        lane: Lane,
        small: SmallChat,
        protocol: "EdgeProtocol",
        known: "KnownRequest",
        request_id: str,
        received: float,
        wall: float,
        nano: int,
        tokens: int,
        day: int,
    ) -> None:
        self.doors = doors
        self.lane = lane
        self.small = small
        self.protocol = protocol
        self.known = known
        self.request_id = request_id
        self.received = received
        self.wall = wall
        self.nano = nano
        self.tokens = tokens
        self.day = day
        self.asked: Asked | None = None
        self.answer: Answer | None = None
        self.interruption: Interruption | None = None
        self.message_event = _NO_BELL
        self.keep_alive = True
        self.disconnected = self.is_over = False
        self.response_complete = self.response_started = self.waiting_for_100_continue = False

    # Once it is known which member is asked.
    attempt_id: str
    fittings: Fittings
    floor_nano: int
    place: int
    started: float
    ticket: Ticket

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
        berth, _, _, _, _, _, _, _, _, _, _, _, _, told, lines = self.fittings
        try:
            usage = berth.codec.read_chat_usage(body)
        except Exception:  # noqa: BLE001  whatever it is, the ordinary line meets it too, and has an answer to it
            usage = None
        if usage is not None and not self.protocol.flow.write_paused:
            if told is not headers:
                lines = berth.lines_of(headers)
                if lines is None:
                    return False
                self.lane.note_lines(self.place, headers, lines)
            self._deliver(lines, body, usage)
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

    def _deliver(self, lines: str, body: bytes, usage: Usage) -> None:
        self.is_over = True
        doors, request_id = self.doors, self.request_id
        berth, _, breaker, standing, fresh, rates, _, _, _, like, endpoint, kind, labels, _, _ = self.fittings
        now, started = doors.clock.now(), self.started
        waited_us = int((now - started) * 1e6 + 0.5)
        total_ms = waited_us / 1000
        asked, answered = usage.input_tokens, usage.output_tokens
        if rates is None or has_parts(usage):
            rates = None
            cost = 0 if berth.price is None else cost_nano(berth.price, usage)
        else:
            cost = -(-(asked * rates[0] + answered * rates[1]) // PICO_PER_NANO)
        receipt: Receipt = _replace(
            like,
            request_id=request_id,
            attempt_id=self.attempt_id,
            endpoint=endpoint,
            usage=usage,
            cost_nano_usd=cost,
            started_at=self.wall,
            total_ms=total_ms,
            day=self.day,
        )
        if rates is None or not doors.journal.desk.settle(berth, receipt, asked, answered):
            doors.journal.append(receipt)
        is_warned = doors.meters.settle_whole(request_id, cost, asked + answered)
        if self.lane.stage.circle.calm or berth.member.gate.calm:  # a thousand gates are not asked one by one
            breaker.on_calm_answer(self.ticket, now, now - started)
            standing.active -= 1
            fresh += (total_ms, now)
            if len(fresh) >= MOST_FRESH:
                standing.take_in()
        else:
            self._taken().succeed_whole(now, total_ms, asked + answered)
        warning = (lines_of(warnings_of(self.lane.way)) or "") if is_warned else ""
        timing = timing_lines(1, int((started - self.received) * 1e6 + 0.5), waited_us)
        protocol = self.protocol
        head = (
            f"{protocol.answer_lines}{'' if self.keep_alive else _CLOSE}{lines}{timing}{warning}"
            f"x-gateway-cost-usd: {dollars(cost)}\r\nx-request-id: {request_id}\r\nrequest-id: {request_id}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        protocol.answer_flight(self, head.encode("latin-1", "replace") + body)
        doors.live.discard(self)
        telemetry, seconds = doors.telemetry, now - self.received
        notes = telemetry.notes
        if len(notes) < telemetry.room:
            telemetry.active -= 1
            notes.append((request_id, self.wall, seconds, asked, answered, kind, labels))
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
        if doors.rooms.crowded:
            place_free(doors.rooms)

    # To the journal

    def orphan(self) -> Receipt:
        return _replace(
            self.fittings[0].like,
            request_id=self.request_id,
            attempt_id=self.attempt_id,
            usage=Usage(-(-self.small.body_bytes // BYTES_PER_TOKEN)),
            cost_nano_usd=self.floor_nano,
            started_at=self.wall,
            day=self.day,
        )

    # To the ordinary line, which takes over

    def admitted(self) -> Admitted:
        like = self.lane.admitted
        return admitted_like(like, reading.same_head(like.head, self.request_id, self.received, self.wall))

    def journey(self, admitted: Admitted) -> Journey:
        lane = self.lane
        hold = Hold(self.request_id, lane.charge(self.nano, self.tokens, self.wall), self.day)
        shaped = plain(self.small.call(admitted.head), lane.plan.course)[0]
        deadline = self.received + lane.total_seconds
        return Journey(admitted, shaped, lane.plan, Funded(hold), deadline)

    def sent(self) -> Sent:
        berth = self.fittings[0]
        attempt = Attempt(self.attempt_id, berth.member.candidate, self.started, self.wall)
        return Sent(self._taken(), self.place, attempt, Draft(self.orphan(), berth.price), self.answer)

    def _taken(self) -> Taken:
        return Taken.calmly(self.fittings[0].member, self.ticket, self.started)


def take_off(doors: Doors, lane: Lane, small: SmallChat, protocol: "EdgeProtocol", known: "KnownRequest") -> bool:
    """False: nothing was done."""
    clock, meters = doors.clock, doors.meters
    received, wall = clock.now(), clock.wall()
    cap = small.cap
    stage = lane.stage
    if not lane.holds(doors, wall) or (cap is None and lane.needs_cap) or not stage.is_all_calm():
        return False
    size = small.body_bytes
    nano, tokens = amounts_at_worst(lane.worst, size, cap, small.choices)
    ids = doors.ids.raw(wall)
    digits = ids.hex()
    request_id = f"req_{digits}"
    second = int(wall * 1000) // 1000
    way = lane.way
    if way.second != second:
        way = lane.way = meters.way_of(lane.charge(nano, tokens, wall))
    if not meters.take_along(request_id, way, second, nano, tokens):
        return False
    place = stage.pick_calmly(doors.rng, received, None)
    fittings = None if place is None else lane.berths[place]
    if place is not None and (fittings is None or wall >= fittings[1]):
        fittings = lane.open_berth(doors, place, wall)
    if place is None or fittings is None:
        meters.settle(Hold(request_id, lane.charge(nano, tokens, wall), way.number))
        return False
    flight = Flight(doors, lane, small, protocol, known, request_id, received, wall, nano, tokens, way.number)
    berth, _, breaker, standing, _, rates, errand, model, seconds, _, _, _, _, _, _ = fittings
    started = flight.started = clock.now()
    standing.active += 1
    ticket = flight.ticket = breaker.on_calm_send(started)
    flight.place = place
    flight.fittings = fittings
    attempt_id = flight.attempt_id = f"att_{digits}_1"
    read = -(-size // BYTES_PER_TOKEN)
    floor = flight.floor_nano = berth.input_nano(read) if rates is None else -(-read * rates[0] // PICO_PER_NANO)
    if not doors.journal.desk.hold(berth, ids, attempt_id, flight, wall, way.number, nano, floor, read):
        try:
            doors.journal.hold(flight.orphan(), wall, nano, berth)
        except GatewayFault:  # it is said by the ordinary line, which asks again
            Taken.calmly(berth.member, ticket, started).withdraw(started)
            meters.settle(Hold(request_id, lane.charge(nano, tokens, wall), way.number))
            return False
    lane.plan.budget.deposit(started)
    doors.live.add(flight)
    doors.telemetry.began()
    protocol.open_flight(flight)
    body = small.body_with(model)
    asked = flight.asked = errand.ask(body, doors.limits.answer_bytes, seconds, flight)
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

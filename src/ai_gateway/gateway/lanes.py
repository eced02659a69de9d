"""Ways that were gone before: what the ordinary line found out for a request that went well, kept for the next one that
is like it. Then all that is left to do for it is what nobody can know beforehand (gateway/flight.py).

A lane decides nothing. It is opened by a request that was admitted, routed, paid for and answered in the ordinary way,
and holds what was found: who the caller is, where the model leads, at which prices, signed how. It is gone as soon as
any of that could be otherwise: another configuration, a price that begins, plans that were forgotten. Whoever needs
more than the plain way (a queue, rates, rules, a cache, a key that expires, a signature over the body) has no lane.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeVar, cast, final

import msgspec

from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.domain.config import Price
from ai_gateway.domain.faults import Fault
from ai_gateway.domain.traffic import Call, Charge, Outcome, Receipt, Shaped
from ai_gateway.gateway.input_bound import SMALL_BYTES
from ai_gateway.gateway.journey import Journey
from ai_gateway.gateway.long_chat import open_long_chat
from ai_gateway.gateway.own_headers import name_lines
from ai_gateway.gateway.pricing_rule import is_money_watched
from ai_gateway.gateway.receipts import Attempt, draft_receipt
from ai_gateway.gateway.relay import passed_lines
from ai_gateway.gateway.ruling import plain
from ai_gateway.gateway.small_chat import Mould, SmallChat, open_small_chat
from ai_gateway.policy.circuit_breaker import CircuitBreaker
from ai_gateway.policy.pricing import cost_nano, plain_rates, price_in_force
from ai_gateway.providers.openai import OpenAICodec
from ai_gateway.runtime.board import Standing
from ai_gateway.runtime.desk import Blank
from ai_gateway.runtime.plans import Plan
from ai_gateway.runtime.stages import Member
from ai_gateway.runtime.telemetry import Kind, Labels
from ai_gateway.runtime.upstream import Errand, Outgoing
from ai_gateway.runtime.ways import Way

if TYPE_CHECKING:
    from ai_gateway.gateway.doors import Doors
    from ai_gateway.gateway.known_request import KnownRequest
    from ai_gateway.gateway.protocol import EdgeProtocol

MOST_LANES: Final = 16
PLACES_AN_ENTRY: Final = 128
"""So many that are empty are a kilobyte, as a berth is."""
MOST_MISSES: Final = 8
"""So many requests one behind the other that had no lane: where nobody uses them, nobody goes on looking."""
_CHAT: Final = Operation.CHAT
_OK: Final = Outcome.OK
_OK_STATUS: Final = 200
T = TypeVar("T")


Fittings = tuple[
    "Berth",
    float,
    CircuitBreaker,
    Standing,
    list[float],
    tuple[int, int] | None,
    Errand,
    bytes,
    float,
    Receipt,
    str,
    Kind,
    Labels,
    Mapping[str, str] | None,
    str,
]
"""A berth and what each flight there needs of it: when its price may be another (Unix seconds), what is fresh of the
standing, plain_rates of the price, the model as JSON has it, the longest that an answer may take (seconds), the receipt
of a request that is answered but for the endpoint, that, and the lines of an answer which the provider sent with those
headers.

Of a thousand members each is flown to so seldom that nothing of it is in the cache any more, and what is only found
through something that is fetched itself is waited for once more. A flight takes all of this at once, so the processor
fetches it together. What is the same for many members is one object for all (`alike`), which is there."""


@final
class Berth(Blank):
    """One member of a lane's tier, and what every request there has in common. `like` is the orphan of one of them."""

    __slots__ = ("codec", "like", "member", "names", "price")

    def __init__(self, member: Member, like: Receipt, names: str, price: Price | None) -> None:
        super().__init__(like)
        codec = member.codec
        assert isinstance(codec, OpenAICodec), "a plain plan has no other"
        self.codec = codec
        self.like = like
        self.member = member
        self.names = names
        self.price = price

    def lines_of(self, headers: Mapping[str, str]) -> str | None:
        """The header lines of an answer that the provider sent with these; None where one would break."""
        passed = passed_lines(self.member, headers)
        return None if passed is None else passed + self.names

    def input_nano(self, tokens: int) -> int:
        """What an attempt costs of which no more is known than its input."""
        return 0 if self.price is None else cost_nano(self.price, Usage(tokens))


@final
class Lane:
    """`admitted` is the request that opened it. Until `until` (Unix seconds) nothing dearer begins. `needs_cap`: where
    the caller names no cap, one has to be written into the body. `berths` are those that were used, by their places;
    the lane and they are so many `entries` of a book of lanes."""

    __slots__ = (
        "_alike",
        "_plans_at",
        "_shaped",
        "admitted",
        "berths",
        "entries",
        "needs_cap",
        "plan",
        "snapshot",
        "stage",
        "total_seconds",
        "until",
        "way",
        "worst",
    )

    def __init__(self, doors: "Doors", journey: Journey) -> None:
        admitted, plan = journey.admitted, journey.plan
        caller, wall = admitted.caller, admitted.head.received_wall
        self.admitted = admitted
        self.snapshot = admitted.snapshot
        self.plan: Plan = plan
        self.stage = plan.stages[0]
        self._shaped: Shaped = plain(Call(admitted.head, journey.shaped.call.model, {}), plan.course)[0]
        self.berths: list[Fittings | None] = []
        self.close_berths()
        self._alike: dict[object, object] = {}
        self.total_seconds = plan.course.total_seconds
        self.worst = plan.worst(caller.tenant.prices, admitted.snapshot.book, wall)
        self.until = self.worst.until
        self.needs_cap = bool(caller.limits) and not plan.is_bounded
        self.way: Way = doors.meters.way_of(self.charge(0, 0, wall))
        self._plans_at = doors.plans.forgotten

    def holds(self, doors: "Doors", wall: float) -> bool:
        """Whether the ordinary way would still find what is kept here."""
        return (
            doors.snapshots.current() is self.snapshot and wall < self.until and doors.plans.forgotten == self._plans_at
        )

    def charge(self, nano: int, tokens: int, at: float) -> Charge:
        """As policy/quotas.py has it."""
        caller = self.admitted.caller
        return Charge(caller.legs, nano, tokens, at, caller.limits, caller.tenant.zone, self.snapshot.revision)

    def alike(self, value: T) -> T:
        """The first of all that are equal to this one, and of its type."""
        return cast(T, self._alike.setdefault((type(value), value), value))

    def close_berths(self) -> None:
        places = len(self.stage.members)
        self.berths = [None] * places
        self.entries = 1 + places // PLACES_AN_ENTRY

    def open_berth(self, doors: "Doors", place: int, wall: float) -> Fittings | None:
        """The member at this place of the first tier, as it is to be asked now; None where it has to be asked in the
        ordinary way."""
        opened = self._open_berth(doors, place, wall)
        if opened is not None:
            if self.berths[place] is None:
                doors.lanes.note_entries(1)
                self.entries += 1
            self.berths[place] = opened
        return opened

    def note_lines(self, place: int, headers: Mapping[str, str], lines: str) -> None:
        """What the member there sends with an answer as a rule, and what becomes of it."""
        fittings = self.berths[place]
        if fittings is not None:
            self.berths[place] = (*fittings[:-2], headers, lines)

    def _open_berth(self, doors: "Doors", place: int, wall: float) -> Fittings | None:
        admitted, course, shaped = self.admitted, self.plan.course, self._shaped
        member = self.stage.members[place]
        candidate = member.candidate
        endpoint = candidate.endpoint
        encoded = member.codec.encode(shaped, candidate.model)
        names = name_lines(course.route or course.pool or course.name, endpoint.name, endpoint.provider)
        try:
            headers = member.signer.sign(encoded.headers, encoded, doors.clock, doors.tokens)
        except Fault:
            return None
        if names is None:
            return None
        attempt = Attempt("", candidate, admitted.head.received, wall)
        like = draft_receipt(admitted, shaped, attempt, self.way.number).orphan
        prices, book = admitted.caller.tenant.prices, self.snapshot.book
        asks = Outgoing("POST", endpoint.base_url, encoded.path, headers, b"", endpoint.reach, 0.0, 0.0)
        price, until = price_in_force(prices, book, endpoint, candidate.model, wall)
        like = msgspec.structs.replace(like, model=self.alike(like.model))
        timeouts = candidate.timeouts or endpoint.timeouts
        of_all = min(timeouts.total, self.total_seconds)
        return (
            Berth(member, like, names, price),
            self.alike(until),
            member.breaker,
            member.standing,
            member.standing.fresh,
            self.alike(plain_rates(price)),
            doors.upstream.prepare(asks),
            self.alike(msgspec.json.encode(candidate.model)),
            self.alike(of_all if timeouts.response is None else min(timeouts.response, of_all)),
            self.alike(_answered(like)),
            like.endpoint,
            kind_of(like),
            self.alike((like.operation, _OK_STATUS, like.provider)),
            None,
            "",
        )


def _answered(like: Receipt) -> Receipt:
    """Of a request that went well, like this one, without what each has of its own and the name of its endpoint."""
    return msgspec.structs.replace(
        like,
        attempt_id="",
        endpoint="",
        usage=Usage(),
        cost_nano_usd=0,
        outcome=_OK,
        estimated=False,
        started_at=0.0,
    )


def kind_of(like: Receipt) -> Kind:
    """Of requests that are answered well by what this is the receipt of."""
    return Kind(
        status=_OK_STATUS,
        tenant_id=like.tenant_id,
        asked=like.requested_model,
        route=like.route,
        endpoint=like.endpoint,
        model=like.model,
        revision=like.revision,
    )


def lane_for(doors: "Doors", journey: Journey) -> Lane | None:
    """For requests like this one, which was answered; None where its way is not a plain one."""
    call = journey.shaped.call
    head = call.head
    name = (journey.admitted.caller.key.id, call.model, head.query, head.forward)
    lane = doors.lanes.find(name)
    if lane is not None and lane.holds(doors, head.received_wall):
        return lane
    if not is_plain(doors, journey):
        doors.lanes.drop(name)
        return None
    lane = Lane(doors, journey)
    doors.lanes.keep(name, lane)
    return lane


@final
class Lanes:
    """Those of one head on one connection, by the model that is asked for."""

    __slots__ = ("_begin", "_doors", "_lanes", "_missed", "_mould")

    def __init__(self, doors: "Doors", begin: "Begin") -> None:
        self._doors = doors
        self._begin = begin
        self._lanes: dict[str, Lane] = {}
        self._missed = 0
        self._mould: Mould | None = None

    def wants(self, journey: Journey) -> bool:
        """Whether a lane for requests like this one would be used."""
        call = journey.shaped.call
        lane = self._lanes.get(call.model)
        return self._missed <= MOST_MISSES and (lane is None or not lane.holds(self._doors, call.head.received_wall))

    def open(self, journey: Journey) -> None:
        """For requests like this one, which was answered."""
        lane = lane_for(self._doors, journey)
        if lane is None:
            self._missed += 1
            return
        if len(self._lanes) >= MOST_LANES:
            self._lanes.clear()
        self._lanes[journey.shaped.call.model] = lane

    def take(self, protocol: "EdgeProtocol", known: "KnownRequest", body: bytes) -> bool:
        """Whether a request with this body is under way. False: nothing was done, and it is the ordinary line's."""
        if self._missed > MOST_MISSES:
            return False
        limits = self._doors.limits.body
        try:
            chat = open_small_chat(body, limits, self._mould)
            if chat is None and len(body) > SMALL_BYTES:
                chat = open_long_chat(body, limits, self._mould)
        except Exception:  # noqa: BLE001  whatever it is, the ordinary line meets it too, and has an answer to it
            chat = None
        if chat is not None:
            self._mould = chat.mould
            lane = None if chat.stream else self._lanes.get(chat.model)
            if lane is not None and self._begin(self._doors, lane, chat, protocol, known):
                self._missed = 0
                return True
        self._missed += 1
        return False


Begin = Callable[["Doors", Lane, SmallChat, "EdgeProtocol", "KnownRequest"], bool]


def is_plain(doors: "Doors", journey: Journey) -> bool:
    """Whether requests like this one may have a lane."""
    admitted, plan = journey.admitted, journey.plan
    head, caller, course = admitted.head, admitted.caller, plan.course
    worst = plan.worst(caller.tenant.prices, admitted.snapshot.book, head.received_wall)
    return (
        head.operation is _CHAT
        and head.client_request_id is None
        and head.traceparent is None
        and head.timeout_seconds is None
        and head.idempotency_key is None
        and caller.key.expires_at is None
        and caller.tenant.queue is None
        and not caller.rates
        and not (worst.unpriced and is_money_watched(caller.limits))
        and journey.tally is None
        and journey.shaped.answer is None
        and course.rules is None
        and course.cache is None
        and not course.hides_providers
        and plan.line is None
        and plan.stages[0].tier.sticky_by is None
        and plan.is_plain
        and not doors.journal.is_strict
    )

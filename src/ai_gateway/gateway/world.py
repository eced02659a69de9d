"""What the attempts of one request may ask of the world, and the place that was taken for the next of them.

A pick is a place that is taken at once: the breaker counts the sending, the rate limit has its tokens, the balancer
sees one more in flight. Nobody can pass in between, which is what keeps a half-open endpoint at one probe. What was
taken and then not used is given back before anything else is asked, and at the latest when the request ends.
"""

from collections.abc import Collection, Iterator
from math import inf
from random import Random
from typing import Final, final

import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import QueueLimits
from ai_gateway.domain.decisions import Step, What
from ai_gateway.domain.faults import CircuitOpen, Fault, RateLimited
from ai_gateway.domain.traffic import Call
from ai_gateway.gateway import envelope
from ai_gateway.gateway.receipts import BYTES_PER_TOKEN
from ai_gateway.policy.attempts import Try
from ai_gateway.policy.circuit_breaker import State, Ticket
from ai_gateway.policy.cooldowns import gentlest
from ai_gateway.providers.capabilities import context_window
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.plans import Plan
from ai_gateway.runtime.stages import NOBODY, Member, Stage

MOST_STEPS: Final = 64
LOOK_AGAIN_SECONDS: Final = 1.0
UNHEALTHY: Final = "It was taken out, by its health checks or by an operator."


@final
class Taken:
    """A place of one attempt at one member. `tokens` were taken of its rate limit, `at` monotonic seconds. It ends in
    exactly one of `succeed`, `fail`, `leave` and `withdraw`."""

    __slots__ = ("_limits", "at", "member", "ticket", "tokens")

    def __init__(self, member: Member, tokens: int, now: float) -> None:
        self.member = member
        self.tokens = tokens
        self.at = now
        if member.gate.calm:
            self.ticket: Ticket = member.send_calmly(now)
        else:
            self.ticket = member.gate.send(now)
            member.standing.start()
        limits = self._limits = member.throttle.limits  # limits that come up meanwhile have nothing of this request
        if limits is not None:
            limits.take(now, tokens)

    @classmethod
    def calmly(cls, member: Member, ticket: Ticket, at: float) -> "Taken":
        """Of what a member had sent calmly, while nothing limited it."""
        taken = cls.__new__(cls)
        taken.member, taken.ticket, taken.at = member, ticket, at
        taken.tokens, taken._limits = 0, None
        return taken

    def answered(self, now: float) -> None:
        """The first event of a stream, or all of a whole answer, is here."""
        self.ticket = self.member.gate.answered(self.ticket, now, now - self.at)

    def succeed(self, now: float, total_ms: float, ttft_ms: float | None, used_tokens: int) -> None:
        self.member.gate.succeed(self.ticket, now)
        self.member.standing.succeed(total_ms, ttft_ms, now)
        self._give_back(now, used_tokens)

    def succeed_whole(self, now: float, total_ms: float, used_tokens: int) -> None:
        """`answered` and `succeed` of an answer that came whole: nearly always at a member that is well and has no
        limits, where few have to hear of it."""
        if self._limits is None and self.member.gate.calm:
            self.member.end_calmly(self.ticket, self.at, now, total_ms)
        else:
            self.answered(now)
            self.succeed(now, total_ms, None, used_tokens)

    def fail(self, fault: Fault, now: float, used_tokens: int, *, blames: bool) -> None:
        """`blames`: it counts as an error of the endpoint where people look."""
        self.member.gate.fail(self.ticket, fault, now)
        if blames:
            self.member.standing.fail()
        else:
            self.member.standing.leave()
        self._give_back(now, used_tokens)

    def leave(self, now: float, used_tokens: int) -> None:
        """It ended through nobody's fault but the caller's, or ours."""
        self.member.gate.leave(self.ticket)
        self.member.standing.leave()
        self._give_back(now, used_tokens)

    def withdraw(self, now: float) -> None:
        """It was never sent."""
        self.member.gate.leave(self.ticket)
        self.member.standing.withdraw()
        if self._limits is not None:
            self._limits.put_back(now, self.tokens)

    def _give_back(self, now: float, used_tokens: int) -> None:
        if self._limits is not None:
            self._limits.give_back(now, self.tokens, used_tokens)


@final
class World:
    """The World of policy/attempts.py over one plan. `line` is the queue of its requests and its name, None where they
    do not wait; `steps` are what is worth telling of the way."""

    def __init__(
        self, plan: Plan, call: Call, clock: Clock, rng: Random, line: tuple[str, QueueLimits] | None = None
    ) -> None:
        self.line = line
        self._plan = plan
        self._call = call
        self._clock = clock
        self._rng = rng
        self._taken: Taken | None = None
        self._promised: tuple[Try, Taken] | None = None
        self._used: tuple[str, ...] = ()
        self._barred: tuple[Collection[int], ...] | None = None
        self.steps: list[Step] = []

    def now(self) -> float:
        return self._clock.now()

    def pick(self, tier: int, tried: Collection[int]) -> int | None:
        if self._promised is not None:
            (first, taken) = self._promised
            if first.tier != tier:
                return None
            self._promised = None
            self._taken = taken
            return first.place
        if self._taken is not None:
            self._put_back()
        stage = self._plan.stages[tier]
        now = self._clock.now()
        return self._take(stage, stage.pick(self._rng, now, self._tokens(stage), tried, self._affinity(stage)), now)

    def pick_crowded(self, tier: int) -> int | None:
        stage = self._plan.stages[tier]
        now = self._clock.now()
        place = stage.pick_crowded(self._rng, now, self._tokens(stage), self._affinity(stage))
        return self._take(stage, place, now)

    def pick_in_panic(self, tier: int) -> int | None:
        stage = self._plan.stages[tier]
        now = self._clock.now()
        place = stage.pick_in_panic(self._rng, now, self._tokens(stage), self._affinity(stage))
        if place is not None:
            name = stage.members[place].candidate.endpoint.name
            self.note(What.PANICKED, "Nobody was left, so an open breaker was ignored.", name)
        return self._take(stage, place, now)

    def takes_longer(self, place: Try, than: Try) -> bool:
        longer, shorter = self._window(place), self._window(than)
        return longer is not None and shorter is not None and longer > shorter

    def may_retry(self) -> bool:
        return self._plan.budget.withdraw(self._clock.now())

    def has_line(self) -> bool:
        return self.line is not None

    def refusal(self) -> Fault:
        now = self._clock.now()
        refusals = [self._refusal_of(stage, member, now) for stage in self._plan.stages for member in stage.members]
        return gentlest(refusals) or CircuitOpen(retry_after_seconds=30)

    def bar(self, barred: tuple[Collection[int], ...]) -> None:
        """Places of each tier that are not to be waited for."""
        self._barred = barred

    def take_any(self, now: float) -> tuple[Try, Taken] | None:
        """The first place that is admitted, in the order of the tiers: what a queue promises."""
        for tier, stage in enumerate(self._plan.stages):
            tokens = self._tokens(stage)
            barred = NOBODY if self._barred is None else self._barred[tier]
            place = stage.pick(self._rng, now, tokens, barred, self._affinity(stage))
            if place is not None:
                return Try(tier, place), Taken(stage.members[place], tokens, now)
        return None

    def free_in(self, now: float) -> float:
        """Seconds until `take_any`, which has just found nothing, may give something by itself."""
        return min((self._free_in(stage, member, now) for stage, member in self._awaited()), default=inf)

    def promise(self, promised: tuple[Try, Taken]) -> None:
        """The first pick of this tier gets it, and no other tier is picked from before that."""
        self._promised = promised

    @property
    def waits_for_a_place(self) -> bool:
        """Whether somebody here is well, and only full or at rest: the next place is a matter of waiting."""
        now = self._clock.now()
        for stage, member in self._awaited():
            gate = member.gate
            if stage.is_out(member) or gate.cooldown.quarantined or gate.breaker.look(now) is State.OPEN:
                continue
            if not stage.has_room(member, now, self._tokens(stage)) or gate.cooldown.refusal(now) is not None:
                return True
        return False

    @property
    def is_admitted(self) -> bool:
        """Whether somebody would take it now: behind a line it has to wait for its turn all the same."""
        now = self._clock.now()
        return any(stage.would_admit(member, now, self._tokens(stage)) for stage, member in self._awaited())

    def use(self) -> Taken:
        """The place that the last pick took; from here on it is the attempt's."""
        taken, self._taken = self._taken, None
        assert taken is not None, "an attempt is made at a place that was picked"
        self.was_at(taken.member)
        return taken

    def was_at(self, member: Member) -> None:
        """It has been asked."""
        self._used = (*self._used, member.candidate.endpoint.name)

    def close(self) -> None:
        """The request is over: what was taken and not used goes back."""
        if self._promised is not None:
            promised, self._promised = self._promised, None
            self._withdraw(promised[1])
        self._put_back()

    def note(self, what: What, reason: str, endpoint: str | None = None, seconds: float | None = None) -> None:
        if len(self.steps) < MOST_STEPS:
            at_ms = round((self._clock.now() - self._call.head.received) * 1000, 3)
            self.steps.append(Step(at_ms, what, reason, endpoint, seconds))

    def note_passed_over(self, used: Try) -> None:
        """Who was not admitted, in the tiers up to the one that is asked now; said once for each. Whoever was asked has
        a receipt instead: that his only probe is under way now is our own doing."""
        now = self._clock.now()
        told = {step.endpoint for step in self.steps}.union(self._used)
        for stage in self._plan.stages[: used.tier + 1]:
            for member in stage.members:
                name = member.candidate.endpoint.name
                if name not in told and not stage.would_admit(member, now, self._tokens(stage)):
                    told.add(name)
                    self.note(What.PASSED_OVER, self._reason(stage, member, now), name)

    def _take(self, stage: Stage, place: int | None, now: float) -> int | None:
        if place is not None:
            self._taken = Taken(stage.members[place], self._tokens(stage), now)
        return place

    def _put_back(self) -> None:
        if self._taken is not None:
            taken, self._taken = self._taken, None
            self._withdraw(taken)

    def _withdraw(self, taken: Taken) -> None:
        taken.withdraw(self._clock.now())

    def _awaited(self) -> Iterator[tuple[Stage, Member]]:
        """All on the course but those that are barred."""
        for tier, stage in enumerate(self._plan.stages):
            barred = NOBODY if self._barred is None else self._barred[tier]
            for place, member in enumerate(stage.members):
                if place not in barred:
                    yield stage, member

    def _tokens(self, stage: Stage) -> int:
        """What the call may use at worst, roughly: only rate limits ask."""
        if not stage.is_limited:
            return 0
        call = self._call
        output = stage.members[0].candidate.endpoint.default_max_output if call.max_output is None else call.max_output
        return -(-call.body_bytes // BYTES_PER_TOKEN) + output * call.choices

    def _affinity(self, stage: Stage) -> str | None:
        sticky_by = stage.tier.sticky_by
        return None if sticky_by is None else affinity_of(self._call, sticky_by)

    def _window(self, place: Try) -> int | None:
        return context_window(self._plan.stages[place.tier].members[place.place].candidate.model)

    def _free_in(self, stage: Stage, member: Member, now: float) -> float:
        """A probe that is under way or a health check tell nobody when they end, so one looks again after a while."""
        limits = member.throttle.limits
        seconds = 0.0 if limits is None else limits.free_in(now, self._tokens(stage))
        breaker, cooldown = member.gate.breaker, member.gate.cooldown
        seconds = max(seconds, 0.0 if cooldown.calm else cooldown.until - now)
        seconds = max(seconds, breaker.until - now if breaker.state is State.OPEN else 0.0)
        return seconds if seconds > 0 else LOOK_AGAIN_SECONDS

    def _refusal_of(self, stage: Stage, member: Member, now: float) -> Fault:
        limits = member.throttle.limits
        tokens = self._tokens(stage)
        if limits is not None and member.gate.admits(now) and not limits.admits(now, tokens):
            seconds = limits.free_in(now, tokens)
            return RateLimited(
                "The rate limit of every endpoint of this model is used up at the moment.",
                code="endpoint_rate_limited",
                retry_after_seconds=max(1.0, min(seconds, 60.0)),
            )
        return member.gate.refusal(now)

    def _reason(self, stage: Stage, member: Member, now: float) -> str:
        return UNHEALTHY if stage.is_out(member) else self._refusal_of(stage, member, now).message


def affinity_of(call: Call, sticky_by: str) -> str | None:
    """What a caller's requests stay together by; None where this one says nothing of it."""
    if sticky_by == "user":
        return _user_of(call)
    name = sticky_by.removeprefix("header:").encode("latin-1")
    value = next((value for header, value in call.head.raw_headers if header == name), None)
    return None if value is None else value.decode("latin-1")


def _user_of(call: Call) -> str | None:
    if call.head.dialect is Dialect.OPENAI:
        raw = call.fields.get("user")
    else:
        metadata = envelope.read_object(call.fields, "metadata")
        raw = None if metadata is None else metadata.get("user_id")
    try:
        user = None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return user if isinstance(user, str) else None

"""One tier of a course, ready to be picked from: who is in it, how each of them is, and the strategy's state.

Three questions are asked of a member, and each asks less of it than the one before: is it admitted, is it only crowded,
and would panic let it be asked. They go through the same picker, so that even in trouble the strategy and the weights
decide. What a strategy may see (`policy/field.py`) is this room itself, told the instant and who was tried already: a
pick is one step of the event loop, so no two requests are in it at once.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random
from typing import Final, final

from ai_gateway.domain.config import Candidate, Tier
from ai_gateway.policy.circuit_breaker import Ticket
from ai_gateway.policy.load_balancer import Picker, picker_for
from ai_gateway.providers import Codec, ProviderKind
from ai_gateway.runtime.board import Standing
from ai_gateway.runtime.credentials import Signer
from ai_gateway.runtime.gates import Circle, Gate
from ai_gateway.runtime.health import Healths
from ai_gateway.runtime.throttles import Listening, Throttle

NOBODY: Final[Collection[int]] = ()


@final
class Member:
    """A candidate and all that is known of its endpoint. `told`: headers of its last answer, and those lines of them
    that callers may see."""

    __slots__ = ("breaker", "candidate", "codec", "gate", "kind", "signer", "standing", "throttle", "told")

    def __init__(
        self,
        candidate: Candidate,
        kind: ProviderKind,
        codec: Codec,
        *,
        gate: Gate,
        standing: Standing,
        throttle: Throttle,
    ) -> None:
        self.candidate = candidate
        self.kind = kind
        self.codec = codec
        self.gate = gate
        self.breaker = gate.breaker
        self.standing = standing
        self.throttle = throttle
        self.signer = Signer(kind, candidate.endpoint)
        self.told: tuple[Mapping[str, str], str | None] | None = None

    def send_calmly(self, now: float) -> Ticket:
        """Something is sent where the gate is calm. What limits there are is not asked here."""
        self.standing.active += 1
        return self.breaker.on_calm_send(now)

    def end_calmly(self, ticket: Ticket, started: float, now: float, total_ms: float) -> None:
        """A whole answer came, the gate is calm, and of what limits there are nothing was taken."""
        self.breaker.on_calm_answer(ticket, now, now - started)
        self.standing.succeed_whole(total_ms, now)


@final
class Stage:
    """Also the Field of its own picks. `is_limited`: a member has rate limits; `circle`: the gates of all. Times are
    monotonic seconds."""

    def __init__(self, tier: Tier, members: Sequence[Member], healths: Healths) -> None:
        self.tier = tier
        self.members = tuple(members)
        self.is_calm = True
        self.now = 0.0
        self._picker = _picker(tier, self.members)
        self.circle = Circle([member.gate for member in members])
        self._healths = healths
        self._out = healths.out
        self.is_limited = any(member.throttle.limits is not None for member in members)
        self._listening = Listening(self._become_limited)
        self._tried: Collection[int] = NOBODY
        self._tokens = 0
        self._ask: Callable[[Member], bool] = self._is_admitted
        for member in members:
            member.throttle.watch(self._listening)

    def pick(
        self, rng: Random, now: float, tokens: int, tried: Collection[int] = NOBODY, affinity: str | None = None
    ) -> int | None:
        """A member that may be sent a request that uses `tokens` at worst, and is not in `tried`."""
        self.now = now
        self.is_calm = not tried and self.circle.calm and not self.is_limited and not self._out
        if not self.is_calm:
            self._tried = tried
            self._tokens = tokens
            self._ask = self._is_admitted
        return self._picker.pick(self, rng, affinity)

    def is_all_calm(self) -> bool:
        """Whether everybody is well and nothing limits anybody."""
        return self.circle.calm and not self.is_limited and not self._out

    def pick_calmly(self, rng: Random, now: float, affinity: str | None) -> int | None:
        """As `pick` for a first attempt, where everybody is well and nothing limits anybody. None: that is not so."""
        if self.is_limited or self._out or not self.circle.calm:
            return None
        self.now = now
        self.is_calm = True
        return self._picker.pick(self, rng, affinity)

    def pick_crowded(self, rng: Random, now: float, tokens: int, affinity: str | None = None) -> int | None:
        """One whose only fault is that too many wait there already."""
        return self._pick_by(self._is_only_crowded, rng, now, tokens, affinity)

    def pick_in_panic(self, rng: Random, now: float, tokens: int, affinity: str | None = None) -> int | None:
        """One whose breaker is open, but not by an operator, whom no operator took out and whose key is not refused."""
        return self._pick_by(self._is_panicking, rng, now, tokens, affinity)

    def _pick_by(
        self, ask: Callable[[Member], bool], rng: Random, now: float, tokens: int, affinity: str | None
    ) -> int | None:
        self.now = now
        self.is_calm = False
        self._tried = NOBODY
        self._tokens = tokens
        self._ask = ask
        return self._picker.pick(self, rng, affinity)

    # What a strategy may see

    def admits(self, place: int) -> bool:
        return place not in self._tried and self._ask(self.members[place])

    def ramp(self, place: int) -> float:
        return self.members[place].gate.ramp(self.now)

    def active(self, place: int) -> int:
        return self.members[place].standing.active

    def first_token_ms(self, place: int) -> float | None:
        standing = self.members[place].standing
        return standing.ttft.usual or standing.latency.usual

    def peak_first_token_ms(self, place: int) -> float | None:
        standing = self.members[place].standing
        return standing.ttft.peak or standing.latency.peak

    def is_out(self, member: Member) -> bool:
        """By its health checks or by an operator."""
        return member.candidate.endpoint.id in self._out

    def has_room(self, member: Member, now: float, tokens: int) -> bool:
        limits = member.throttle.limits
        return limits is None or limits.admits(now, tokens)

    def would_admit(self, member: Member, now: float, tokens: int) -> bool:
        return not self.is_out(member) and member.gate.admits(now) and self.has_room(member, now, tokens)

    def _is_admitted(self, member: Member) -> bool:
        return self.would_admit(member, self.now, self._tokens)

    def _is_only_crowded(self, member: Member) -> bool:
        return (
            not self.is_out(member)
            and member.gate.admits_crowded(self.now)
            and self.has_room(member, self.now, self._tokens)
        )

    def _is_panicking(self, member: Member) -> bool:
        return (
            member.candidate.endpoint.id not in self._healths.withdrawn
            and member.gate.admits_in_panic(self.now)
            and self.has_room(member, self.now, self._tokens)
        )

    def _become_limited(self) -> None:
        self.is_limited = True


def _picker(tier: Tier, members: Sequence[Member]) -> Picker:
    candidates = [member.candidate for member in members]
    names = [f"{it.endpoint.name}/{it.model}" for it in candidates]
    return picker_for(
        tier.strategy,
        [it.weight for it in candidates],
        priorities=[it.priority for it in candidates],
        sticky_names=None if tier.sticky_by is None else names,
    )

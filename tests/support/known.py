"""What is known of endpoints, as a process has it, around a clock that stands still: for tests of whatever picks."""

from random import Random
from typing import final

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import Candidate, Course, Endpoint
from ai_gateway.domain.faults import Fault, Origin, ProviderFailed, ProviderKeyRefused, RateLimited
from ai_gateway.policy.health import Override
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.board import Board
from ai_gateway.runtime.breakers import Breakers
from ai_gateway.runtime.gates import Gate
from ai_gateway.runtime.health import Healths
from ai_gateway.runtime.plans import Plan, PlanDoors, Plans
from ai_gateway.runtime.stages import Stage
from ai_gateway.runtime.throttles import Throttles
from support.builders import a_course, a_tier
from support.clock import FakeClock

TOO_MANY = RateLimited("Slower, please.", origin=Origin.PROVIDER, retry_after_seconds=5.0)


@final
class Known:
    """Breakers have the default settings: five failures open one, for 30 to 33 seconds."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.board = Board()
        self.healths = Healths()
        self.throttles = Throttles()
        self.breakers = Breakers(self.clock, Random(2), lambda text: text)
        doors = PlanDoors(KINDS, self.clock, self.breakers, self.healths, self.board, self.throttles)
        self.plans = Plans(doors)
        self.few_plans = Plans(doors, most=10)

    def plan(self, course: Course, dialect: Dialect = Dialect.OPENAI, operation: Operation = Operation.CHAT) -> Plan:
        return self.plans.of("t1", course, dialect, operation)

    def stage(self, *candidates: Candidate, **changes: object) -> Stage:
        """`changes` are fields of the tier."""
        return self.plan(a_course("fast", tiers=(a_tier(*candidates, pool="fast", **changes),))).stages[0]

    def gate(self, candidate: Candidate) -> Gate:
        return self.breakers.of(candidate.endpoint)

    def fail(self, candidate: Candidate, fault: Fault | None = None, times: int = 1) -> None:
        """Other requests failed there."""
        gate, now = self.gate(candidate), self.clock.now()
        for _ in range(times):
            gate.fail(gate.send(now), fault or ProviderFailed("It broke."), now)

    def open(self, candidate: Candidate) -> None:
        self.fail(candidate, times=5)

    def cool(self, candidate: Candidate) -> None:
        """A 429: for five seconds."""
        self.fail(candidate, TOO_MANY)

    def quarantine(self, candidate: Candidate) -> None:
        self.fail(candidate, ProviderKeyRefused("Not your key."))

    def crowd(self, candidate: Candidate) -> None:
        """A hundred requests, a tenth of a second apart, none of which was answered."""
        for _ in range(100):
            self.clock.advance(0.1)
            self.gate(candidate).send(self.clock.now())

    def take_out(self, endpoint: Endpoint) -> None:
        """As an operator does."""
        self.healths.override(endpoint.id, Override(healthy=False), self.clock.wall())

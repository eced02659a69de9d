"""Processes over one limit, in any order of events: whoever is killed, with its journal or without, what is settled and
what is leased are never more than the limit, and what was truly spent is never more than that."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from ai_gateway.domain.leases import LeaseState, Pot, Surrender, Verdict, Want
from ai_gateway.store.leases import Patience
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from store.rows_for_tests import an_audit_row

T = TypeVar("T")

LIMIT = 1_000
POT = Pot("t", "key", "key_1", "D:2026-11-26", "usd")
LOST_SECONDS = 60.0


def now_or_never(work: Coroutine[Any, Any, T]) -> T:
    """The twin never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the twin waited")


@dataclass
class Process:
    """The reference model of one process: what its memory and its journal say."""

    name: str
    granted: int = 0
    spent: int = 0
    holds: list[int] = field(default_factory=list)
    undrained: list[int] = field(default_factory=list)

    @property
    def held(self) -> int:
        return sum(self.holds)

    def want(self, asked: int, least: int = 0) -> Want:
        return Want(POT, LIMIT, spent=self.spent, held=self.held, asked=asked, least=least)


class Desk(RuleBasedStateMachine):
    processes = Bundle[Process]("processes")
    lost = Bundle[Process]("lost")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.desk = MemoryLeaseDesk(lambda: self.now, Patience(lost_seconds=LOST_SECONDS))
        self.alive: list[Process] = []
        self.gone: list[Process] = []
        self.born = 0

    @rule(target=processes)
    def begin(self) -> Process:
        self.born += 1
        process = Process(f"prc_{self.born}")
        now_or_never(self.desk.open(process.name, "here"))
        self.alive.append(process)
        return process

    @rule(process=processes, amount=st.integers(1, 400))
    def ask(self, process: Process, amount: int) -> None:
        [grant] = now_or_never(self.desk.grant(process.name, [process.want(amount)]))
        process.granted = grant.granted
        free = process.granted - process.spent - process.held
        if grant.verdict is Verdict.ENOUGH:
            assert free >= amount
            process.holds.append(amount)
        elif grant.verdict is Verdict.EXHAUSTED:
            lost = sum(self.unknown(it) for it in self.gone)
            assert self.truly_spent + lost + amount > LIMIT, "402 only where nothing that comes back would help"

    @rule(process=processes)
    def take_a_slice_ahead(self, process: Process) -> None:
        [grant] = now_or_never(self.desk.grant(process.name, [process.want(0)]))
        process.granted = grant.granted

    @rule(process=processes, part=st.integers(0, 100))
    def settle(self, process: Process, part: int) -> None:
        if process.holds:
            cost = process.holds.pop(0) * part // 100
            process.spent += cost
            process.undrained.append(cost)

    @rule(process=processes)
    def drain(self, process: Process) -> None:
        self.desk.book(process.name, [(POT, sum(process.undrained))])
        process.undrained.clear()

    @rule(process=processes)
    def look_for_the_wanted(self, process: Process) -> None:
        if POT in now_or_never(self.desk.wanted(process.name)):
            self.give_back(process)

    @rule(process=processes)
    def give_back(self, process: Process) -> None:
        process.granted = (
            process.spent + process.held if process.granted > process.spent + process.held else process.granted
        )
        now_or_never(self.desk.give_back(process.name, [Surrender(POT, process.granted)]))

    @rule(process=consumes(processes))
    def end_in_order(self, process: Process) -> None:
        while process.holds:
            self.settle(process, 100)
        self.drain(process)
        self.close(process)

    @rule(process=consumes(processes), part=st.integers(0, 100))
    def die_and_be_replayed(self, process: Process, part: int) -> None:
        """Whoever gets the journal books what was open at its floor, writes everything down, and closes."""
        process.undrained += [hold * part // 100 for hold in process.holds]
        process.holds.clear()
        self.drain(process)
        self.close(process)

    @rule(target=lost, process=consumes(processes))
    def die_with_the_disk(self, process: Process) -> Process:
        self.alive.remove(process)
        self.gone.append(process)
        self.pass_time()
        return process

    @rule(process=consumes(lost), part=st.integers(0, 100))
    def resolve(self, process: Process, part: int) -> None:
        for lease in now_or_never(self.desk.page("t")):
            if lease.process_id == process.name:
                assert lease.state is LeaseState.SUSPENSE
                spent = lease.charged * part // 100
                resolved = now_or_never(self.desk.resolve(lease.id, spent, an_audit_row()))
                assert resolved.charged == spent

    @invariant()
    def settled_and_leased_stay_within_the_limit(self) -> None:
        assert self.desk.settled(POT) + self.desk.leased(POT) <= LIMIT

    @invariant()
    def nobody_believes_to_have_more_than_the_books_say(self) -> None:
        leases = {it.process_id: it for it in now_or_never(self.desk.page(None))}
        for process in self.alive:
            granted = leases[process.name].granted if process.name in leases else 0
            assert process.spent + process.held <= process.granted <= granted

    @invariant()
    def what_was_truly_spent_stays_within_the_limit(self) -> None:
        assert self.truly_spent + sum(process.held for process in self.alive) <= LIMIT

    @property
    def truly_spent(self) -> int:
        return self.desk.settled(POT) + sum(sum(process.undrained) for process in self.alive)

    def unknown(self, process: Process) -> int:
        return sum(it.charged for it in now_or_never(self.desk.page(None)) if it.process_id == process.name)

    def close(self, process: Process) -> None:
        now_or_never(self.desk.close(process.name))
        self.alive.remove(process)

    def pass_time(self) -> None:
        """Until who is silent counts as lost; the living are heard."""
        self.now += LOST_SECONDS + 1
        for process in self.alive:
            now_or_never(self.desk.beat(process.name))


TestTheDesk = Desk.TestCase
TestTheDesk.settings = settings(max_examples=60, stateful_step_count=40)

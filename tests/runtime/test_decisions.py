import gc
from random import Random
from typing import Any

import pytest

from ai_gateway.domain.decisions import Attempted, Chosen, Decision, Ending, Step, What, Why
from ai_gateway.domain.faults import CircuitOpen, ProviderFailed, RateLimited
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.runtime.decisions import MOST_KEPT_A_SECOND, Decisions
from ai_gateway.runtime.telemetry import Ended, Kind, Note
from support.builders import a_receipt
from support.clock import NOON

BROKEN = {"outcome": Outcome.PROVIDER_ERROR}
DETOUR = Step(at_ms=0.2, what=What.PASSED_OVER, reason="its breaker is open", endpoint="up-2")


class World:
    def __init__(self, sample: float = 0.0, most: int = 10_000) -> None:
        self.kept: list[Decision] = []
        self.decisions = Decisions(self.kept.append, Random(5), sample, most)

    def end(self, request_id: str = "req_1", *receipts: Receipt, **changes: Any) -> None:
        fields: dict[str, Any] = {
            "request_id": request_id,
            "operation": "chat",
            "status": 200,
            "started_wall": NOON,
            "seconds": 0.5,
            "fault": None,
            "receipts": receipts or (a_receipt(started_at=NOON + 0.001, route="bot"),),
            "tenant_id": "t1",
            "model": "fast",
        }
        self.decisions.note(Ended(**fields | changes))

    def found(self, request_id: str = "req_1", tenant_id: str = "t1") -> Decision:
        decision = self.decisions.find(tenant_id, request_id)
        assert decision is not None
        return decision


def test_of_a_request_that_went_straight_through_the_choice_is_remembered_and_nothing_is_kept() -> None:
    world = World()
    world.end()
    assert world.found() == Decision(
        request_id="req_1",
        tenant_id="t1",
        at=NOON,
        seconds=0.5,
        status=200,
        why=None,
        model="fast",
        route="bot",
        revision=7,
        chosen=Chosen("up-1", "gpt-4o-mini"),
    )
    assert world.kept == []


def test_a_request_that_failed_is_kept_with_its_attempts_and_its_fault() -> None:
    world = World()
    first = a_receipt("att_1", started_at=NOON + 0.001, total_ms=20.0, **BROKEN)
    second = a_receipt("att_2", endpoint="up-2", started_at=NOON + 0.3, total_ms=5.0, ttft_ms=2.0, **BROKEN)
    world.end("req_1", first, second, status=502, fault=ProviderFailed("It broke.", detail="10.0.0.7 said no"))
    (decision,) = world.kept
    assert decision.why is Why.ERROR
    assert decision.attempts == (
        Attempted("att_1", "up-1", "openai", "gpt-4o-mini", "provider_error", 1.0, 20.0),
        Attempted("att_2", "up-2", "openai", "gpt-4o-mini", "provider_error", 300.0, 5.0, 2.0),
    )
    assert decision.fault == Ending("provider_error", "provider_error", "It broke.", "provider")
    assert world.found() is decision


def test_what_only_logs_may_see_is_not_in_a_record() -> None:
    world = World()
    world.end(status=502, fault=ProviderFailed(detail="10.0.0.7 said no"))
    assert "10.0.0.7" not in repr(world.kept)


@pytest.mark.parametrize(
    ("receipts", "changes", "why"),
    [
        ((a_receipt(), a_receipt("att_2")), {}, Why.RETRY),
        ((a_receipt(), a_receipt("att_2", endpoint="up-2")), {}, Why.FALLBACK),
        ((a_receipt(), a_receipt("att_2", model="gpt-4o")), {}, Why.FALLBACK),
        ((a_receipt(),), {"steps": (DETOUR,)}, Why.DETOUR),
        ((a_receipt(),), {"status": 499}, Why.ERROR),
        ((a_receipt(), a_receipt("att_2")), {"status": 502, "fault": ProviderFailed()}, Why.ERROR),
    ],
)
def test_why_a_record_is_kept(receipts: tuple[Receipt, ...], changes: dict[str, Any], why: Why) -> None:
    world = World()
    world.end("req_1", *receipts, **changes)
    assert [it.why for it in world.kept] == [why]


def test_steps_are_kept_in_their_order() -> None:
    world = World()
    waited = Step(at_ms=3.0, what=What.WAITED, reason="before the second attempt", seconds=0.2)
    world.end(steps=(DETOUR, waited))
    assert world.kept[0].steps == (DETOUR, waited)


def test_a_request_that_was_refused_before_any_attempt_has_its_fault_alone() -> None:
    world = World()
    world.decisions.note(
        Ended("req_1", "chat", 503, NOON, 0.001, CircuitOpen(), receipts=(), tenant_id="t1", model=None)
    )
    decision = world.found()
    assert (decision.why, decision.chosen, decision.attempts, decision.revision) == (Why.ERROR, None, (), None)


def test_a_refusal_that_waited_or_panicked_first_keeps_how() -> None:
    world = World()
    queued = Step(at_ms=0.1, what=What.QUEUED, reason="in the queue", seconds=30.0)
    end = Ended("req_1", "chat", 429, NOON, 30.0, RateLimited(), receipts=(), tenant_id="t1", steps=(queued,))
    world.decisions.note(end)
    assert (world.found().why, world.found().steps) == (Why.ERROR, (queued,))


def test_a_detour_that_a_failed_attempt_took_is_told_with_the_reason_that_weighs_more() -> None:
    world = World()
    world.end("req_1", a_receipt("att_1", **BROKEN), a_receipt("att_2", endpoint="up-3"), steps=(DETOUR,))
    assert (world.kept[0].why, world.kept[0].steps) == (Why.FALLBACK, (DETOUR,))


def test_a_request_that_asks_no_provider_is_no_decision_and_a_strangers_is_nobodys() -> None:
    world = World(sample=1.0)
    world.decisions.note(Ended("req_1", "models", 200, NOON, 0.001, None, receipts=(), tenant_id="t1"))
    world.end("req_2", tenant_id=None, status=401)
    assert world.kept == []
    assert world.decisions.recent("t1", 9) == []


def test_one_of_a_hundred_is_drawn_by_chance() -> None:
    """20,000 requests at 1 %: 200 on average, standard deviation sqrt(20000 * 0.01 * 0.99) = 14."""
    world = World(sample=0.01)
    for number in range(20_000):
        world.end(f"req_{number}", started_wall=NOON + number)
    assert 144 <= len(world.kept) <= 256
    assert {it.why for it in world.kept} == {Why.SAMPLED}
    gaps = {int(it.request_id[4:]) % 100 for it in world.kept}
    assert len(gaps) > 50


@pytest.mark.parametrize(("sample", "kept"), [(0.0, 0), (1.0, 50)])
def test_none_or_all_can_be_drawn(sample: float, kept: int) -> None:
    world = World(sample)
    for number in range(50):
        world.end(f"req_{number}")
    assert len(world.kept) == kept


def test_a_tenant_finds_its_own_requests_newest_first() -> None:
    world = World()
    for number in range(3):
        world.end(f"req_{number}")
        world.end(f"req_failed_{number}", status=500)
        world.end(f"req_foreign_{number}", tenant_id="t2")
    names = [it.request_id for it in world.decisions.recent("t1", 4)]
    assert names == ["req_failed_2", "req_2", "req_failed_1", "req_1"]
    assert world.decisions.find("t2", "req_1") is None


def test_only_the_last_are_remembered() -> None:
    world = World(most=3)
    for number in range(5):
        world.end(f"req_{number}")
    assert [it.request_id for it in world.decisions.recent("t1", 9)] == ["req_4", "req_3", "req_2"]


def test_an_outage_is_kept_by_its_first_records_of_each_second() -> None:
    world = World()
    for second in range(2):
        for number in range(MOST_KEPT_A_SECOND + 30):
            world.end(f"req_{second}_{number}", status=502, started_wall=NOON + second)
    assert len(world.kept) == 2 * MOST_KEPT_A_SECOND
    assert world.decisions.not_kept == 60
    assert world.found(f"req_1_{MOST_KEPT_A_SECOND + 29}").why is Why.ERROR


def test_a_brief_record_is_nothing_to_the_garbage_collector() -> None:
    world = World(most=100)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(100):
        world.end(f"req_{number}")
    gc.collect()
    assert len(gc.get_objects()) - before < 20


def a_note(request_id: str, tenant_id: str = "t1") -> Note:
    kind = Kind(200, tenant_id, "fast", "bot", "up-1", "gpt-4o-mini", 7)
    return (request_id, NOON, 0.5, 12, 3, kind, ("chat", 200, "openai"))


def test_what_was_noted_is_found_like_what_was_told_in_full() -> None:
    told, noted = World(), World()
    told.end()
    noted.decisions.take([a_note("req_0", "t2"), a_note("req_1")])
    assert noted.found() == told.found()
    assert noted.decisions.recent("t1", 9) == told.decisions.recent("t1", 9)
    assert noted.decisions.find("t1", "req_0") is None
    assert noted.kept == []


def test_before_anybody_reads_those_who_have_notes_are_asked_for_them() -> None:
    world = World()
    notes = [a_note("req_1")]

    def look() -> None:
        world.decisions.take(notes)
        notes.clear()

    world.decisions.ask_before_reading(look)
    assert world.found().request_id == "req_1"
    assert [it.request_id for it in world.decisions.recent("t1", 9)] == ["req_1"]


def test_the_sample_is_the_same_whether_requests_are_noted_or_told_in_full() -> None:
    told, noted = World(sample=0.05), World(sample=0.05)
    waiting: list[Note] = []
    for number in range(2_000):
        told.end(f"req_{number}")
        if len(waiting) < noted.decisions.most:
            waiting.append(a_note(f"req_{number}"))
        else:
            noted.decisions.take(waiting)
            waiting = []
            noted.end(f"req_{number}")
    assert [it.request_id for it in noted.kept] == [it.request_id for it in told.kept]
    assert len(noted.kept) > 50


def test_where_nothing_is_sampled_notes_are_never_told_in_full() -> None:
    world = World(sample=0.0)
    world.decisions.take([a_note(f"req_{number}") for number in range(9)])
    assert world.decisions.most > 1_000


def test_the_garbage_collector_does_not_look_at_notes() -> None:
    note = a_note("req_1")
    gc.collect()
    assert not gc.is_tracked(note)

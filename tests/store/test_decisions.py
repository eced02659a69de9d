from typing import Any

import msgspec
import pytest

from ai_gateway.domain.decisions import Attempted, Chosen, Decision, Ending, Step, What, Why
from ai_gateway.store.decisions import Decisions, MemoryDecisions, SqlDecisions, decision_of, row_of
from ai_gateway.store.observations import DecisionRow
from ai_gateway.store.records import Store
from ai_gateway.store.sql import SqlStore


@pytest.fixture
def decisions(store: Store) -> Decisions:
    return SqlDecisions(store) if isinstance(store, SqlStore) else MemoryDecisions()


def a_record(request_id: str, at: float = 1.0, **changes: Any) -> DecisionRow:
    fields: dict[str, Any] = {
        "tenant_id": "t1",
        "why": "retry",
        "status": 200,
        "model": "gpt-4",
        "record": {"steps": [{"n": 1.5}]},
    }
    fields |= {"request_id": request_id, "at": at}
    return DecisionRow(**fields | changes)


async def test_a_record_comes_back_as_it_went_in_to_its_tenant_alone(decisions: Decisions) -> None:
    await decisions.append([a_record("req_1", model=None)])
    found = await decisions.of("t1", "req_1")
    assert found is not None
    assert msgspec.structs.replace(found, id=0) == a_record("req_1", model=None)
    assert await decisions.of("t2", "req_1") is None
    assert await decisions.of("t1", "req_2") is None


async def test_a_batch_that_is_written_again_changes_nothing(decisions: Decisions) -> None:
    await decisions.append([a_record("req_1"), a_record("req_2")])
    await decisions.append([a_record("req_2", status=502), a_record("req_3")])
    await decisions.append([])
    assert [row.request_id for row in await decisions.page("t1")] == ["req_3", "req_2", "req_1"]
    found = await decisions.of("t1", "req_2")
    assert found is not None
    assert found.status == 200


async def test_records_are_read_newest_first_page_by_page(decisions: Decisions) -> None:
    await decisions.append([a_record(f"req_{number}") for number in range(5)])
    await decisions.append([a_record("req_other", tenant_id="t2")])
    first = await decisions.page("t1", limit=2)
    rest = await decisions.page("t1", before=first[-1].id)
    assert [row.request_id for row in [*first, *rest]] == ["req_4", "req_3", "req_2", "req_1", "req_0"]


async def test_what_is_older_than_the_retention_is_cut(decisions: Decisions) -> None:
    await decisions.append([a_record(f"req_{at}", float(at)) for at in range(4)])
    assert await decisions.cut(before=2.0) == 2
    assert [row.at for row in await decisions.page("t1")] == [3, 2]


WHOLE = Decision(
    request_id="req_1",
    tenant_id="t1",
    at=1.5,
    seconds=0.25,
    status=502,
    why=Why.ERROR,
    model="gpt-4",
    route="bot",
    revision=7,
    chosen=Chosen("up-1", "gpt-4o"),
    attempts=(Attempted("att_1", "up-1", "openai", "gpt-4o", "timeout", 1.0, 250.0),),
    steps=(Step(at_ms=0.5, what=What.PASSED_OVER, reason="its breaker is open", endpoint="up-2"),),
    fault=Ending("timeout", "provider_timeout", "It was too slow.", "provider"),
)


async def test_a_whole_decision_survives_the_database(decisions: Decisions) -> None:
    await decisions.append([row_of(WHOLE)])
    found = await decisions.of("t1", "req_1")
    assert found is not None
    assert (found.why, found.status, found.model, found.at) == ("error", 502, "gpt-4", 1.5)
    assert decision_of(found) == WHOLE


def test_a_brief_record_is_not_kept() -> None:
    with pytest.raises(ValueError, match="brief"):
        row_of(msgspec.structs.replace(WHOLE, why=None))

from typing import Any

import pytest

from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.store.rows import LedgerRow


def _row(attempt: int, **more: Any) -> LedgerRow:
    fields: dict[str, Any] = {
        "request_id": f"req_{attempt}",
        "attempt_id": f"att_{attempt}",
        "kind": "charge",
        "tenant_id": OWN,
        "key_id": "key_1",
        "requested_model": "fast",
        "model": "gpt-4o-mini",
        "endpoint": "up-1",
        "provider": "openai",
        "operation": "chat",
        "input_tokens": 10,
        "cost_nano_usd": 1_500,
        "priced": True,
        "credential": "tenant",
        "outcome": "ok",
        "estimated": False,
        "started_at": NOW,
        "total_ms": 12.5,
    }
    return LedgerRow(**{**fields, **more})


async def test_rows_are_answered_as_the_records_name_them_newest_first(world: World) -> None:
    await world.store.append_ledger([_row(1), _row(2, cost_nano_usd=-1_500, kind="adjust")])
    newest, oldest = (await world.call("GET", "/ledger?limit=200", role="viewer")).json()["data"]
    assert (newest["request_id"], newest["kind"], newest["cost_usd"]) == ("req_2", "adjust", "-0.0000015")
    assert oldest["cost_nano_usd"] == 1_500
    assert set(LedgerRow.__struct_fields__) <= set(oldest)
    assert oldest["started_at"] == "2027-01-15T08:00:00Z"


async def test_pages_walk_back_in_time_and_stay_in_the_tenant(world: World) -> None:
    await world.store.append_ledger([_row(number) for number in range(5)])
    await world.store.append_ledger([_row(99, tenant_id=FOREIGN)])
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await world.call("GET", f"/ledger?limit=2{cursor}")).json()
        seen += [row["request_id"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["req_4", "req_3", "req_2", "req_1", "req_0"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("request_id", "req_2"), ("key_id", "key_2"), ("model", "m2"), ("endpoint", "up-2"), ("outcome", "timeout")],
)
async def test_rows_are_filtered(world: World, field: str, value: str) -> None:
    await world.store.append_ledger([_row(1), _row(2, **{field: value})])
    rows = (await world.call("GET", f"/ledger?{field}={value}")).json()["data"]
    assert [row["attempt_id"] for row in rows] == ["att_2"]


@pytest.mark.parametrize("cursor", ["!!", "dGVhbV8x", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk"])
async def test_a_cursor_of_another_list_is_a_400(world: World, cursor: str) -> None:
    assert (await world.call("GET", f"/ledger?cursor={cursor}")).status_code == 400

from typing import Any

import msgspec

from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.domain.chat import Usage
from ai_gateway.runtime.ids import attempt_id, request_id
from ai_gateway.store.receipts import row_of
from ai_gateway.store.rows import AuditRow
from support.builders import a_receipt

_PRICE: dict[str, Any] = {"model": "gpt-4o-mini", "input_per_million_usd": "0.15", "output_per_million_usd": "0.60"}


async def spend(world: World, *, tenant: str = OWN, at: float = NOW - 3_600, **changes: Any) -> str:
    """An attempt of 1,000 tokens in and 100 out that cost $0.00021, as the price above has it."""
    request = request_id(at)
    receipt = a_receipt(
        attempt_id(request, 1),
        request_id=request,
        tenant_id=tenant,
        started_at=at,
        usage=Usage(1_000, 100),
        cost_nano_usd=210_000,
    )
    await world.store.append_ledger([row_of(msgspec.structs.replace(receipt, **changes))])
    return request


async def rerate(world: World, *, role: str = "tenant_admin", **changes: Any) -> dict[str, Any]:
    body = {"model": "gpt-4o-mini", "from": NOW - 86_400, "until": NOW, **changes}
    answer = await world.call("POST", "/prices/rerate", body, role=role)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def dearer(world: World, **changes: Any) -> dict[str, Any]:
    body = {**_PRICE, "input_per_million_usd": "0.30", "output_per_million_usd": "1.20", "effective_from": 1} | changes
    return await world.made("/prices", body)


async def test_a_dry_run_says_what_would_be_written_and_writes_nothing(world: World) -> None:
    request = await spend(world)
    price = await dearer(world)
    found = await rerate(world)
    assert (found["dry_run"], found["examined"], found["changed"], found["written"]) == (True, 1, 1, 0)
    assert (found["delta_nano_usd"], found["delta_usd"]) == (210_000, "0.00021")
    (row,) = found["data"]
    assert (row["request_id"], row["booked_nano_usd"], row["price_version"]) == (request, 210_000, price["id"])
    assert len(await world.store.page_ledger(OWN)) == 1
    assert world.corrected == []


async def test_applying_twice_writes_nothing_twice(world: World) -> None:
    request = await spend(world)
    await dearer(world)
    assert (await rerate(world, dry_run=False))["written"] == 1
    assert (await rerate(world, dry_run=False))["changed"] == 0
    adjusted, charged = await world.store.page_ledger(OWN, request_id=request)
    assert (adjusted.kind, adjusted.cost_nano_usd, adjusted.input_tokens) == ("adjust", 210_000, 0)
    assert (charged.kind, charged.cost_nano_usd) == ("charge", 210_000)  # a row is never changed
    assert [it.attempt_id for it in world.corrected] == [adjusted.attempt_id]
    (audited,) = [row for row in await world.rows(AuditRow) if row.action == "rerate"]
    assert audited.detail["written"] == 1


async def test_a_second_correction_corrects_the_first(world: World) -> None:
    request = await spend(world)
    await dearer(world)
    await rerate(world, dry_run=False)
    world.now += 1
    await dearer(world, input_per_million_usd="0.10", output_per_million_usd="0", effective_from=2)
    assert (await rerate(world, dry_run=False))["delta_nano_usd"] == 100_000 - 420_000
    rows = await world.store.page_ledger(OWN, request_id=request)
    assert sum(row.cost_nano_usd for row in rows) == 100_000  # 1,000 tokens at $0.10 per million


async def test_only_what_was_asked_for_is_looked_at(world: World) -> None:
    await spend(world)
    await spend(world, at=NOW - 90_000)
    await spend(world, model="gpt-4o")
    await dearer(world)
    assert (await rerate(world))["examined"] == 1
    assert (await rerate(world, provider="anthropic"))["examined"] == 0


async def test_a_tenant_moves_its_own_rows_and_the_platform_everybodys(world: World) -> None:
    await spend(world)
    await spend(world, tenant=FOREIGN)
    body = {**_PRICE, "input_per_million_usd": "0.30", "effective_from": 1}
    await world.made("/prices", body, role="platform")
    assert (await rerate(world))["changed"] == 1
    assert (await rerate(world, role="platform", dry_run=False))["written"] == 2


async def test_a_long_history_is_walked_in_bounded_calls(world: World) -> None:
    for place in range(5):
        await spend(world, at=NOW - 3_600 + place)
    await dearer(world)
    seen, cursor = 0, None
    for _ in range(3):
        page = await rerate(world, limit=2, dry_run=False, **({} if cursor is None else {"cursor": cursor}))
        seen, cursor = seen + page["written"], page["next_cursor"]
    assert (seen, cursor, page["has_more"]) == (5, None, False)


async def test_a_span_that_ends_before_it_begins_is_refused(world: World) -> None:
    body = {"model": "m", "from": 2, "until": 1}
    answer = await world.call("POST", "/prices/rerate", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "until")

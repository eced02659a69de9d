from typing import Any

import msgspec

from admin.test_usage import _row
from admin.world import FOREIGN, OWN, World
from ai_gateway.admin.doors import Counted
from ai_gateway.store.usage import DIMENSIONS, MemoryUsage, UsageGroup, UsageQuery


async def audit(world: World, **options: Any) -> dict[str, Any]:
    answer = await world.call("GET", "/usage/audit", **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def named(found: dict[str, Any]) -> dict[str, Any]:
    return {it["compared"]: it for it in found["checks"]}


METRIC = "ai_gateway_cost_nano_usd_total of this process"


async def test_everything_agrees_to_the_nano_dollar(world: World) -> None:
    await world.store.append_ledger([_row(1), _row(2, model="m2", cost_nano_usd=7), _row(3, tenant_id=FOREIGN)])
    world.counted = Counted(booked_nano=3_107, waiting_nano=100)
    found = await audit(world, role="platform")
    assert (found["agrees"], found["watermark"], found["cost_nano_usd"]) == (True, 3, 3_007)
    checks = named(found)
    assert {f"usage by {name}" for name in DIMENSIONS} < set(checks)
    assert all(it["agrees"] for it in checks.values())
    assert checks[METRIC]["found_nano_usd"] == 3_007
    assert (checks[METRIC]["waiting_nano_usd"], checks[METRIC]["metric_nano_usd"]) == (100, 3_107)


async def test_where_several_write_a_process_compares_what_was_added_in_its_name(world: World) -> None:
    await world.store.append_ledger([_row(1), _row(2)], "prc_1")
    await world.store.append_ledger([_row(3, cost_nano_usd=9)], "prc_2")
    world.app.state.doors = msgspec.structs.replace(
        world.doors, audit=msgspec.structs.replace(world.doors.audit, process_id="prc_2")
    )
    world.counted = Counted(booked_nano=9, waiting_nano=0)
    assert named(await audit(world, role="platform"))[METRIC]["agrees"] is True
    world.counted = Counted(booked_nano=10, waiting_nano=0)
    found = named(await audit(world, role="platform"))[METRIC]
    assert (found["agrees"], found["expected_nano_usd"]) == (False, 9)


async def test_a_tenants_people_compare_their_own_and_see_nothing_of_the_process(world: World) -> None:
    await world.store.append_ledger([_row(1), _row(3, tenant_id=FOREIGN)])
    world.counted = Counted(9, 0)
    for options in ({"role": "viewer"}, {"role": "platform", "tenant": OWN}):
        found = await audit(world, **options)
        assert (found["agrees"], found["cost_nano_usd"]) == (True, 1_500)
        assert METRIC not in named(found)


async def test_a_metric_that_is_off_by_a_nano_dollar_is_a_difference(world: World) -> None:
    await world.store.append_ledger([_row(1)])
    world.counted = Counted(1_501, 0)
    found = await audit(world, role="platform")
    assert found["agrees"] is False
    assert named(found)[METRIC]["difference_nano_usd"] == 1


async def test_sums_that_are_off_are_differences_of_the_api_and_of_the_csv(world: World) -> None:
    await world.store.append_ledger([_row(1)])
    honest = MemoryUsage(world.store)

    class Dishonest:
        watermark = honest.watermark

        async def page(self, query: UsageQuery, *, offset: int = 0, limit: int) -> list[UsageGroup]:
            groups = await honest.page(query, offset=offset, limit=limit)
            return [UsageGroup(it.values, {**it.sums, "cost_nano_usd": 1_499}) for it in groups]

    world.app.state.doors = msgspec.structs.replace(world.doors, usage=Dishonest())
    found = await audit(world)
    assert found["agrees"] is False
    assert {it["difference_nano_usd"] for name, it in named(found).items() if "windows" not in name} == {-1}

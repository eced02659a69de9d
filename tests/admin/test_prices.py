from typing import Any

import pytest

from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.admin.doors import Mode
from ai_gateway.store.rows import PriceRow

_WRITTEN: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "provider": None,
    "input_per_million_usd": "0.15",
    "output_per_million_usd": "0.60",
    "effective_from": None,
}


async def test_the_price_line_works_as_written(world: World) -> None:
    made = await world.made("/prices", _WRITTEN)
    assert (made["input_per_million_usd"], made["output_per_million_usd"]) == ("0.15", "0.60")
    assert (made["effective_from"], made["source"]) == ("2027-01-15T08:00:00Z", "tenant")
    tenant = next(tenant for tenant in world.snapshot.tenants.values() if tenant.id == OWN)
    (price,) = tenant.prices["gpt-4o-mini"]
    assert (price.input_pico, price.output_pico) == (150_000, 600_000)  # $0.15 / 10^6 tokens = 150,000 p$


@pytest.mark.parametrize(("mode", "role"), [(Mode.SERVE, "platform"), (Mode.DEVELOPMENT, None)])
async def test_without_a_tenant_a_platform_admin_sets_the_books(mode: Mode, role: str | None) -> None:
    world = await World(mode).populate()
    made = await world.made("/prices", _WRITTEN, role=role)
    assert made["source"] == "book"
    assert world.snapshot.book["gpt-4o-mini"][0].version == made["id"]
    assert [row["id"] for row in (await world.call("GET", "/prices", role=role)).json()["data"]] == [made["id"]]


async def test_a_tenant_sees_the_book_and_does_not_write_it(world: World) -> None:
    made = await world.made("/prices", _WRITTEN, role="platform")
    assert (await world.call("GET", "/prices")).json()["data"] == []
    assert (await world.call("GET", "/prices?source=book", role="viewer")).json()["data"] == [made]
    assert (await world.call("GET", f"/prices/{made['id']}")).status_code == 404
    assert (await world.call("DELETE", f"/prices/{made['id']}")).status_code == 404


async def test_a_named_tenant_gets_a_price_of_its_own(world: World) -> None:
    await world.made("/prices", _WRITTEN, role="platform", tenant=FOREIGN)
    assert [row.tenant_id for row in await world.rows(PriceRow, FOREIGN)] == [FOREIGN]


async def test_cache_lanes_and_numbers_are_taken(world: World) -> None:
    body = {
        "model": "m",
        "input_per_million_usd": 3,
        "output_per_million_usd": 15.5,
        "cache_read_per_million_usd": 0.3,
        "cache_write_per_million_usd": "0.000001",
    }
    made = await world.made("/prices", body)
    assert made["output_per_million_usd"] == "15.50"
    (row,) = await world.rows(PriceRow)
    assert (row.input_pico, row.output_pico, row.cache_read_pico, row.cache_write_pico) == (
        3_000_000,
        15_500_000,
        300_000,
        1,
    )


async def test_only_a_price_that_has_not_begun_is_taken_back(world: World) -> None:
    now = await world.made("/prices", _WRITTEN)
    later = await world.made("/prices", {**_WRITTEN, "effective_from": NOW + 60})
    assert (await world.call("DELETE", f"/prices/{now['id']}")).status_code == 409
    assert (await world.call("DELETE", f"/prices/{later['id']}")).status_code == 200
    assert (await world.call("GET", f"/prices/{now['id']}")).status_code == 200
    world.now += 60
    assert len((await world.call("GET", "/prices")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", ""),
        ("provider", "azure"),
        ("input_per_million_usd", -1),
        ("input_per_million_usd", "0.0000001"),
        ("input_per_million_usd", None),
        ("output_per_million_usd", "free"),
        ("cache_read_per_million_usd", 1e9),
        ("effective_from", "later"),
    ],
)
async def test_a_price_with_a_wrong_field_is_refused(world: World, field: str, value: Any) -> None:
    answer = await world.call("POST", "/prices", {**_WRITTEN, field: value})
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, field)

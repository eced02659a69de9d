from typing import Any

import pytest

from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.admin.doors import Mode
from ai_gateway.domain.chat import ServiceTier
from ai_gateway.domain.config import TenantId
from ai_gateway.store.rows import PriceRow

_WRITTEN: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "provider": None,
    "input_per_million_usd": "0.15",
    "output_per_million_usd": "0.60",
    "effective_from": None,
}
_LANES: dict[str, Any] = {"input_per_million_usd": "1", "output_per_million_usd": "2"}


async def test_the_price_line_works_as_written(world: World) -> None:
    made = await world.made("/prices", _WRITTEN)
    assert (made["input_per_million_usd"], made["output_per_million_usd"]) == ("0.15", "0.60")
    assert (made["effective_from"], made["source"]) == ("2027-01-15T08:00:00Z", "tenant")
    tenant = next(tenant for tenant in world.snapshot.tenants.values() if tenant.id == OWN)
    (price,) = tenant.prices["gpt-4o-mini"]
    rates = price.standard.rates
    assert (rates.input, rates.output) == (150_000, 600_000)  # $0.15 / 10^6 tokens = 150,000 p$


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
        ("provider", "nobody"),
        ("tiers", [{**_LANES, "above_input_tokens": 9}, {**_LANES, "above_input_tokens": 9}]),
        ("service_tiers", {"gold": _LANES}),
        ("per_request_usd", "0.0000000000001"),
        ("hours", {"from": "24:00", "until": "01:00"}),
        ("match", {"sounds_like": "gpt"}),
        ("match", {"regex": "^gpt"}),
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
    assert (answer.status_code, answer.json()["error"]["param"].split(".")[0]) == (422, field)


_WHOLE: dict[str, Any] = {
    "model": "long-1",
    "provider": "groq",
    "input_per_million_usd": "3.00",
    "output_per_million_usd": "15.00",
    "cache_read_per_million_usd": "0.30",
    "cache_write_per_million_usd": "3.75",
    "cache_write_1h_per_million_usd": "6.00",
    "reasoning_per_million_usd": "16.00",
    "audio_input_per_million_usd": "40.00",
    "audio_output_per_million_usd": "80.00",
    "image_input_per_million_usd": "5.00",
    "per_request_usd": "0.000000000001",
    "tiers": [{"above_input_tokens": 200_000, "input_per_million_usd": "6.00", "output_per_million_usd": "22.50"}],
    "service_tiers": {
        "batch": {
            "input_per_million_usd": "1.50",
            "output_per_million_usd": "7.50",
            "tiers": [
                {"above_input_tokens": 200_000, "input_per_million_usd": "3.00", "output_per_million_usd": "11.25"}
            ],
        }
    },
    "hours": {"from": "22:30", "until": "06:00"},
    "match": {"or": [{"starts_with": "long-1-"}, {"equals": "long-latest"}]},
    "effective_from": "2027-01-01T00:00:00Z",
}


async def test_everything_that_a_price_may_say_comes_back_as_it_was_said(world: World) -> None:
    made = await world.made("/prices", _WHOLE)
    assert {name: made[name] for name in _WHOLE} == _WHOLE
    (price,) = world.snapshot.tenants[TenantId(OWN)].prices.prices
    assert price.standard.rates_for(200_001).input == 6_000_000
    assert price.services[ServiceTier.BATCH].rates_for(1).output == 7_500_000
    assert price.standard.rates.request == 1  # a pico-dollar
    assert price.hours is not None
    assert (price.hours.start, price.hours.until) == (81_000, 21_600)


async def test_the_price_of_a_model_at_an_instant_says_where_it_comes_from(world: World) -> None:
    body = {**_WRITTEN, "provider": "openai", "match": {"starts_with": "gpt-4o-mini"}, "effective_from": 1}
    book = await world.made("/prices", body, role="platform")
    own = await world.made("/prices", {**_WRITTEN, "model": "gpt-4o-mini-2024-07-18", "effective_from": NOW - 60})
    path = "/prices/find?model=gpt-4o-mini-2024-07-18&provider=openai"
    found = (await world.call("GET", path)).json()
    assert [(row["id"], row["source"]) for row in found["data"]] == [(own["id"], "tenant"), (book["id"], "book")]
    before = (await world.call("GET", f"{path}&at={int(NOW) - 61}")).json()
    assert [row["id"] for row in before["data"]] == [book["id"]]
    assert (await world.call("GET", "/prices/find?model=gpt-4o-mini&provider=nobody")).status_code == 422
    assert (await world.call("GET", f"{path}&at=yesterday")).status_code == 422


@pytest.mark.parametrize("path", ["/tenants", "/providers"])
async def test_a_ceiling_is_declared_and_taken_back(world: World, path: str) -> None:
    body = {"name": "careful", "ceiling_price": _LANES} | ({"provider": "mock"} if path == "/providers" else {})
    role = "platform" if path == "/tenants" else "tenant_admin"
    made = await world.made(path, body, role=role)
    assert made["ceiling_price"] == {"input_per_million_usd": "1.00", "output_per_million_usd": "2.00"}
    patched = await world.call("PATCH", f"{path}/{made['id']}", {"enabled": True}, role=role)
    assert patched.json()["ceiling_price"] == made["ceiling_price"]
    ceilings = [it.prices.ceiling for it in world.snapshot.tenants.values()]
    ceilings += [it.ceiling for tenant in world.snapshot.tenants.values() for it in tenant.endpoints.values()]
    assert [it.standard.rates.output for it in ceilings if it is not None] == [2_000_000]
    gone = await world.call("PATCH", f"{path}/{made['id']}", {"ceiling_price": None}, role=role)
    assert gone.json()["ceiling_price"] is None

from typing import Any

from admin.world import NOW, World
from ai_gateway.store.rows import AuditRow, PriceRow

_OLD: dict[str, Any] = {
    "model": "gpt-x",
    "provider": "openai",
    "input_per_million_usd": "1.000000",
    "output_per_million_usd": "2.00",
    "effective_from": 0,
}


async def take(world: World, *prices: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
    body = {"edition": "a book 2", "prices": list(prices), "dry_run": dry_run}
    answer = await world.call("POST", "/prices/book", body, role="platform")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_new_edition_adds_what_differs_from_now_on(world: World) -> None:
    assert (await take(world, _OLD))["changed"] == 1
    assert (await take(world, _OLD))["changed"] == 0  # twice is once
    world.now += 60
    dearer = {**_OLD, "input_per_million_usd": "1.50"}
    preview = await take(world, dearer, dry_run=True)
    assert preview["data"] == [
        {
            "model": "gpt-x",
            "provider": "openai",
            "effective_from": "2027-01-15T08:01:00Z",
            "was": {"input_per_million_usd": "1.00"},
            "is": {"input_per_million_usd": "1.50"},
        }
    ]
    assert len(await world.rows(PriceRow, None)) == 1
    assert (await take(world, dearer))["changed"] == 1
    (chain,) = world.snapshot.book.chains("gpt-x", ("openai",))
    assert [price.effective_from for price in chain] == [NOW + 60, NOW]


async def test_a_price_that_is_to_come_is_taken_with_its_date(world: World) -> None:
    later = {**_OLD, "input_per_million_usd": "9", "effective_from": NOW + 1_000}
    assert (await take(world, _OLD, later))["changed"] == 2
    assert (await take(world, _OLD, later))["changed"] == 0
    (chain,) = world.snapshot.book.chains("gpt-x", ("openai",))
    assert [price.effective_from for price in chain] == [NOW + 1_000, NOW]


async def test_what_somebody_set_here_is_neither_compared_nor_hidden(world: World) -> None:
    here = await world.made("/prices", {**_OLD, "input_per_million_usd": "7"}, role="platform")
    assert (await take(world, _OLD))["data"][0]["was"] is None
    chains = world.snapshot.book.chains("gpt-x", ("openai",))
    assert [chain[0].version == here["id"] for chain in chains] == [True, False]


async def test_an_edition_is_one_line_of_the_audit_log(world: World) -> None:
    await take(world, _OLD, {**_OLD, "model": "gpt-y"})
    (row,) = [row for row in await world.rows(AuditRow, None) if row.action == "edition"]
    assert (row.detail["name"], row.detail["prices"]) == ("a book 2", 2)

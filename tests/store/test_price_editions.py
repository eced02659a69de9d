import re
from collections.abc import Callable
from pathlib import Path

from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.price_editions import row_of, seed_book, shipped_edition
from ai_gateway.store.price_rows import price_of
from ai_gateway.store.rows import PriceRow
from ai_gateway.store.snapshots import SnapshotCompiler
from store.rows_for_tests import a_price

ROOT = Path(__file__).parents[2]


def a_store() -> MemoryStore:
    refuse: Callable[..., object] = lambda *_: None  # noqa: E731  nothing is sealed here
    return MemoryStore(SnapshotCompiler(unseal=refuse))  # type: ignore[arg-type]


async def test_an_empty_book_gets_the_shipped_edition_once() -> None:
    store, edition = a_store(), shipped_edition()
    assert await seed_book(store, 9.0) == len(edition.prices)
    assert await seed_book(store, 10.0) == 0
    book = (await store.load_snapshot()).book
    (chain,) = book.chains("gpt-4o-2024-08-06", ("openai",))
    assert (chain[0].standard.rates.input, chain[0].edition) == (2_500_000, edition.name)


async def test_a_book_that_somebody_began_is_left_alone() -> None:
    store = a_store()
    async with store.begin() as unit:
        await unit.insert(a_price())
    assert await seed_book(store, 9.0) == 0


def test_every_shipped_price_can_be_compiled_and_has_an_id_of_its_own() -> None:
    edition = shipped_edition()
    rows = [row_of(price, edition.name, 1.0) for price in edition.prices]
    assert len({row.id for row in rows}) == len(rows) > 2_000
    assert all(price_of(row).version == row.id and row.id.startswith(f"{PriceRow.prefix}_") for row in rows)


def test_the_shipped_edition_is_the_one_that_is_pinned() -> None:
    pin = re.search(r"^genai-prices==(\S+)", (ROOT / "requirements" / "dev.lock").read_text(), re.M)
    assert pin is not None
    assert shipped_edition().name == f"genai-prices {pin[1]}"

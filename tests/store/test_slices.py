import asyncio

from ai_gateway.store.slices import SLICE, in_slices


async def test_all_come_in_their_order() -> None:
    items = list(range(2 * SLICE + 1))
    assert [item async for part in in_slices(items) for item in part] == items
    assert [part async for part in in_slices(iter(()))] == []


async def test_others_have_their_turn_after_a_slice_and_a_few_items_give_none_away() -> None:
    heard: list[object] = []

    async def walk(count: int) -> None:
        async for part in in_slices(range(count)):
            heard.append(len(part))

    async def other() -> None:
        heard.append("other")

    await asyncio.gather(walk(SLICE + 1), other())
    assert heard == [SLICE, "other", 1]
    heard.clear()
    await asyncio.gather(walk(SLICE - 1), other())
    assert heard == [SLICE - 1, "other"]

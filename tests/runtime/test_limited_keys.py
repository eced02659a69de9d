import asyncio

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.key_ring import KeyRing
from ai_gateway.runtime.limited_keys import LimitedKeys
from support.builders import a_key, a_snapshot

LIMIT = Limit(("key", "key_2"), Window.DAILY, Unit.USD, 5)
PLAIN, LIMITED, FOREIGN = a_key(), a_key("key_2", limits=(LIMIT,)), a_key("key_3", "t2", limits=(LIMIT,))


async def turns_taken(limited: LimitedKeys, keys: KeyRing) -> int:
    """How often others had the event loop while it looked."""
    looking = asyncio.ensure_future(limited.of(keys, "t1"))
    turns = 0
    while not looking.done():
        await asyncio.sleep(0)
        turns += 1
    return turns


async def test_those_with_limits_are_found_by_tenant() -> None:
    keys = a_snapshot(keys={"a": PLAIN, "b": LIMITED, "c": FOREIGN}).keys
    limited = LimitedKeys()
    assert await limited.of(keys, "t1") == [LIMITED]
    assert await limited.of(keys, "t2") == [FOREIGN]
    assert await limited.of(keys, "t3") == []


async def test_keys_that_changed_are_seen_anew() -> None:
    limited = LimitedKeys()
    before = a_snapshot(keys={"a": PLAIN, "b": LIMITED}).keys
    assert await limited.of(before, "t1") == [LIMITED]
    draft = before.draft()
    draft.drop("key_2")
    assert await limited.of(draft.done(), "t1") == []
    assert await limited.of(before, "t1") == [LIMITED]


async def test_only_parts_that_a_change_touched_are_looked_through_again_and_none_holds_up_the_loop() -> None:
    limited = LimitedKeys()
    before = a_snapshot(keys={"a": PLAIN, "b": LIMITED}).keys
    assert await turns_taken(limited, before) > len(before.parts)
    draft = before.draft()
    draft.drop("key_2")
    assert await turns_taken(limited, draft.done()) < 4

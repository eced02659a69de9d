import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.instance_keys import KEY_DIGESTS, TOKEN_DIGESTS, load_or_create_instance_key
from ai_gateway.store.session import open_engine
from ai_gateway.store.vault import CannotUnseal, KeyVault

VAULT = KeyVault(bytes(range(32)))


async def test_a_key_is_made_once_and_then_found_again(engine: AsyncEngine) -> None:
    first = await load_or_create_instance_key(engine, VAULT, KEY_DIGESTS)
    assert len(first) == 32
    assert await load_or_create_instance_key(engine, VAULT, KEY_DIGESTS) == first
    assert await load_or_create_instance_key(engine, VAULT, TOKEN_DIGESTS) != first


async def test_processes_that_start_together_agree(engine: AsyncEngine) -> None:
    engines = [open_engine(engine.url) for _ in range(4)]  # each has its own connections, as a process has
    keys = await asyncio.gather(*(load_or_create_instance_key(one, VAULT, KEY_DIGESTS) for one in engines))
    assert len(set(keys)) == 1
    for one in engines:
        await one.dispose()


async def test_another_master_does_not_make_a_second_key(engine: AsyncEngine) -> None:
    """That would silently make every gateway key unknown."""
    await load_or_create_instance_key(engine, VAULT, KEY_DIGESTS)
    with pytest.raises(CannotUnseal):
        await load_or_create_instance_key(engine, KeyVault(bytes(range(1, 33))), KEY_DIGESTS)

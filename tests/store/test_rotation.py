import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.domain.secret import Secret
from ai_gateway.domain.stored_responses import StoredResponse
from ai_gateway.store.instance_keys import KEY_DIGESTS, load_or_create_instance_key
from ai_gateway.store.records import ANY_TENANT
from ai_gateway.store.responses import SqlResponses
from ai_gateway.store.rotation import rotate_master
from ai_gateway.store.rows import SecretRow
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.vault import CannotUnseal, KeyVault
from store.rows_for_tests import a_secret

OLD, NEW, THIRD = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))


async def seal(store: SqlStore, vault: KeyVault, *names: str) -> None:
    async with store.begin() as unit:
        for name in names:
            sealed = vault.seal("t1", name, Secret(f"value of {name}"))
            await unit.insert(a_secret(f"sec_{name}", name=name, ciphertext=sealed))


async def opened(store: SqlStore, vault: KeyVault) -> dict[str, str]:
    async with store.begin() as unit:
        secrets = await unit.find(SecretRow, ANY_TENANT)
    return {one.name: vault.unseal("t1", one.name, one.ciphertext).reveal() for one in secrets}


async def test_after_a_rotation_the_new_master_opens_everything(engine: AsyncEngine, sql_store: SqlStore) -> None:
    await seal(sql_store, KeyVault(OLD), "a", "b")
    pepper = await load_or_create_instance_key(engine, KeyVault(OLD), KEY_DIGESTS)
    assert await rotate_master(engine, OLD, NEW) == 3
    assert await opened(sql_store, KeyVault(NEW)) == {"a": "value of a", "b": "value of b"}
    assert await load_or_create_instance_key(engine, KeyVault(NEW), KEY_DIGESTS) == pepper
    with pytest.raises(CannotUnseal):
        await opened(sql_store, KeyVault(OLD))


async def test_a_rotation_that_is_started_again_has_nothing_to_do(engine: AsyncEngine, sql_store: SqlStore) -> None:
    await seal(sql_store, KeyVault(OLD), "a")
    assert await rotate_master(engine, OLD, NEW) == 1
    assert await rotate_master(engine, OLD, NEW) == 0
    await seal(sql_store, KeyVault(NEW, previous=OLD), "b")
    assert await rotate_master(engine, OLD, NEW) == 0
    assert set(await opened(sql_store, KeyVault(NEW))) == {"a", "b"}


async def test_one_secret_that_does_not_open_stops_it_and_nothing_has_changed(
    engine: AsyncEngine, sql_store: SqlStore
) -> None:
    await seal(sql_store, KeyVault(OLD), "a")
    await seal(sql_store, KeyVault(THIRD), "z")
    with pytest.raises(CannotUnseal):
        await rotate_master(engine, OLD, NEW)
    async with sql_store.begin() as unit:
        (a,) = await unit.find(SecretRow, "t1", name="a")
    assert KeyVault(OLD).unseal("t1", "a", a.ciphertext).reveal() == "value of a"


async def test_stored_responses_are_sealed_anew_and_lost_ones_stop_nothing(
    engine: AsyncEngine, sql_store: SqlStore
) -> None:
    kept = [StoredResponse(f"resp_{number}", b"{}", b"[]") for number in range(2)]
    await SqlResponses(sql_store, KeyVault(OLD)).keep("t1", kept[:1], 9.0)
    await SqlResponses(sql_store, KeyVault(THIRD)).keep("t1", kept[1:], 9.0)
    assert await rotate_master(engine, OLD, NEW) == 1
    after = SqlResponses(sql_store, KeyVault(NEW))
    assert [await after.find("t1", it.id, 5.0) for it in kept] == [kept[0], None]

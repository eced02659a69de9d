"""One suite over the twin in memory, SQLite and PostgreSQL."""

import pytest

from ai_gateway.domain.stored_responses import StoredResponse
from ai_gateway.runtime.ports import Responses
from ai_gateway.store.records import Store
from ai_gateway.store.responses import MemoryResponses, SqlResponses
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import STORED_RESPONSES
from ai_gateway.store.vault import KeyVault

MASTER, OTHER = bytes(range(100, 132)), bytes(range(200, 232))
NOW = 1_000.0
ONE = StoredResponse("resp_1", b'{"id":"resp_1","a secret":1}', b"[1]")
TWO = StoredResponse("resp_2", b'{"id":"resp_2"}', b"[]")


@pytest.fixture
def responses(store: Store) -> Responses:
    return SqlResponses(store, KeyVault(MASTER)) if isinstance(store, SqlStore) else MemoryResponses()


async def test_what_was_kept_is_found_until_it_expires(responses: Responses) -> None:
    await responses.keep("t1", [ONE, TWO], NOW)
    assert [await responses.find("t1", it.id, NOW) for it in (ONE, TWO)] == [ONE, TWO]
    assert await responses.find("t1", "resp_1", NOW + 1) is None


async def test_it_may_be_kept_again(responses: Responses) -> None:
    await responses.keep("t1", [ONE], NOW)
    again = StoredResponse("resp_1", b"{}", b"[2]")
    await responses.keep("t1", [again], NOW + 5)
    assert await responses.find("t1", "resp_1", NOW + 5) == again


async def test_no_other_tenant_finds_or_forgets_it(responses: Responses) -> None:
    await responses.keep("t1", [ONE], NOW)
    assert await responses.find("t2", "resp_1", NOW) is None
    assert not await responses.forget("t2", "resp_1")
    assert await responses.find("t1", "resp_1", NOW) == ONE


async def test_what_was_forgotten_is_gone(responses: Responses) -> None:
    await responses.keep("t1", [ONE, TWO], NOW)
    assert await responses.forget("t1", "resp_1")
    assert not await responses.forget("t1", "resp_1")
    assert [await responses.find("t1", it.id, NOW) for it in (ONE, TWO)] == [None, TWO]


async def test_what_has_expired_is_cut(responses: Responses) -> None:
    await responses.keep("t1", [ONE], NOW)
    await responses.keep("t1", [TWO], NOW + 10)
    assert await responses.cut(NOW + 1) == 1
    assert await responses.cut(NOW + 1) == 0
    assert await responses.find("t1", "resp_2", NOW) == TWO


async def test_it_lies_sealed_for_its_place(sql_store: SqlStore) -> None:
    vault = KeyVault(MASTER)
    await SqlResponses(sql_store, vault).keep("t1", [ONE], NOW)
    async with sql_store.reading() as connection:
        body = (await connection.execute(STORED_RESPONSES.select())).one().body
    assert b"secret" not in body
    assert vault.unseal_response("t1", "resp_1", body)
    assert await SqlResponses(sql_store, KeyVault(OTHER)).find("t1", "resp_1", NOW) is None

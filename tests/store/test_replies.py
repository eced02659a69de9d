"""One suite over the twin in memory, SQLite and PostgreSQL."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.repeats import Claim, Kept, Place
from ai_gateway.runtime.ports import Replies
from ai_gateway.store.records import Store
from ai_gateway.store.replies import RENEWED_AT_ONCE, UNFINISHED_SECONDS, MemoryReplies, SqlReplies
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import REPLIES
from ai_gateway.store.vault import KeyVault

MASTER, OTHER = bytes(range(100, 132)), bytes(range(200, 232))
NOW = 1_000.0
PLACE = Place("t1", "digest")
REPLY = Kept("req_1", 200, (("content-type", "application/json"),), b'{"a secret": "\x00\xff"}')


@pytest.fixture
def replies(store: Store) -> SqlReplies | MemoryReplies:
    return SqlReplies(store, KeyVault(MASTER)) if isinstance(store, SqlStore) else MemoryReplies()


def a_claim(request_id: str = "req_1", owner: str = "one", **changes: Any) -> Claim:
    return msgspec.structs.replace(Claim(PLACE, "print", request_id, owner, NOW + 30), **changes)


async def is_given(replies: Replies, claim: Claim, now: float = NOW) -> bool:
    standing = await replies.claim(claim, now)
    is_mine = (standing.request_id, standing.owner, standing.finished) == (claim.request_id, claim.owner, False)
    return is_mine and standing.rerun_of is None


async def test_the_first_one_runs_and_the_others_see_it_running(replies: Replies) -> None:
    assert await is_given(replies, a_claim())
    standing = await replies.claim(a_claim("req_2", "two", print="another body"), NOW)
    assert (standing.request_id, standing.owner, standing.print) == ("req_1", "one", "print")
    assert (standing.finished, standing.reply, standing.rerun_of) == (False, None, None)


async def test_a_finished_reply_comes_back_to_anybody_who_asks_at_its_place(replies: Replies) -> None:
    await replies.claim(a_claim(), NOW)
    assert await replies.keep(a_claim(), REPLY, NOW + 100)
    for owner in ("one", "two"):
        standing = await replies.claim(a_claim("req_2", owner), NOW + 99)
        assert (standing.finished, standing.reply, standing.request_id) == (True, REPLY, "req_1")


@pytest.mark.parametrize("elsewhere", [Place("t2", "digest"), Place("t1", "other")])
async def test_no_other_tenant_and_no_other_key_is_touched(replies: Replies, elsewhere: Place) -> None:
    await replies.claim(a_claim(), NOW)
    await replies.keep(a_claim(), REPLY, NOW + 100)
    assert await is_given(replies, a_claim("req_2", place=elsewhere))


async def test_an_expired_reply_is_as_if_it_had_never_been(replies: Replies) -> None:
    await replies.claim(a_claim(), NOW)
    await replies.keep(a_claim(), REPLY, NOW + 100)
    standing = await replies.claim(a_claim("req_2", until=NOW + 200), NOW + 101)
    assert (standing.request_id, standing.reply, standing.rerun_of) == ("req_2", None, None)


async def test_a_reply_that_is_too_large_leaves_its_key_taken(replies: Replies) -> None:
    await replies.claim(a_claim(), NOW)
    assert await replies.keep(a_claim(), None, NOW + 100)
    standing = await replies.claim(a_claim("req_2"), NOW)
    assert (standing.finished, standing.reply) == (True, None)


async def test_a_freed_key_is_anybodys_and_only_its_owner_frees_it(replies: Replies) -> None:
    await replies.claim(a_claim(), NOW)
    await replies.free(a_claim("req_2", "two"))
    assert not await is_given(replies, a_claim("req_2", "two"))
    await replies.free(a_claim())
    standing = await replies.claim(a_claim("req_2", "two"), NOW)
    assert (standing.owner, standing.rerun_of) == ("two", None)
    await replies.keep(a_claim("req_2", "two"), REPLY, NOW + 100)
    await replies.free(a_claim("req_2", "two"))
    assert (await replies.claim(a_claim("req_3"), NOW)).reply == REPLY, "a reply is not freed"


async def test_a_claim_lives_while_it_is_renewed_and_then_goes_to_the_next_who_is_told(replies: Replies) -> None:
    await replies.claim(a_claim(), NOW)
    await replies.renew("one", ["req_1"], NOW + 60)
    await replies.renew("two", ["req_1"], NOW + 900)
    await replies.renew("one", ["req_2"], NOW + 900)
    assert not await is_given(replies, a_claim("req_2", "two"), NOW + 59)
    standing = await replies.claim(a_claim("req_2", "two", until=NOW + 91), NOW + 61)
    assert (standing.owner, standing.rerun_of) == ("two", "req_1")
    assert not await replies.keep(a_claim(), REPLY, NOW + 100), "who was thought dead keeps nothing any more"
    assert await replies.keep(a_claim("req_2", "two"), REPLY, NOW + 100)


async def test_as_many_claims_as_there_are_may_be_renewed_at_once(replies: Replies) -> None:
    await replies.claim(a_claim(), NOW)
    await replies.renew("one", [f"req_{number}" for number in range(2 * RENEWED_AT_ONCE, 0, -1)], NOW + 60)
    assert not await is_given(replies, a_claim("req_2", "two"), NOW + 59)


async def test_a_claim_of_ones_own_that_was_given_up_is_given_again(replies: Replies) -> None:
    await replies.claim(a_claim(), NOW)
    standing = await replies.claim(a_claim("req_2"), NOW + 1)
    assert (standing.request_id, standing.rerun_of) == ("req_2", "req_1")


async def test_a_process_that_is_alone_ends_all_claims_of_before(replies: SqlReplies | MemoryReplies) -> None:
    await replies.claim(a_claim(), NOW)
    await replies.end_all()
    assert (await replies.claim(a_claim("req_2", "two"), NOW)).rerun_of == "req_1"


async def test_of_many_who_claim_at_once_one_runs(replies: Replies) -> None:
    claims = [a_claim(f"req_{number}", f"process {number}") for number in range(20)]
    standings = await asyncio.gather(*(replies.claim(claim, NOW) for claim in claims))
    assert len({it.request_id for it in standings}) == 1


async def test_what_is_over_is_cut_and_what_is_too_much_keeps_its_key(replies: Replies) -> None:
    names = ("old", "large-1", "large-2", "large-3")
    places = {name: Place("t1", name) for name in names}
    body = msgspec.structs.replace(REPLY, body=b"x" * 1_000)
    for number, place in enumerate(places.values()):
        await replies.claim(a_claim(place=place), NOW)
        await replies.keep(a_claim(place=place), body, NOW + (10 * number))
    await replies.claim(a_claim(place=Place("t1", "lost")), NOW)
    assert await replies.cut(NOW + 5, 2_500) == 2  # the old one, and the oldest of three large ones
    at = {name: (await replies.claim(a_claim("req_2", "two", place=place), NOW + 5)) for name, place in places.items()}
    assert at["old"].request_id == "req_2"
    assert (at["large-1"].finished, at["large-1"].reply) == (True, None)
    assert at["large-2"].reply == at["large-3"].reply == body
    assert await replies.cut(NOW + 31 + UNFINISHED_SECONDS, 2_500) == 5
    assert (await replies.claim(a_claim("req_3", place=Place("t1", "lost")), NOW)).rerun_of is None


async def test_on_disk_a_reply_is_sealed_for_its_place(
    sql_store: SqlStore, vault_of: Callable[[bytes], SqlReplies]
) -> None:
    replies = vault_of(MASTER)
    await replies.claim(a_claim(), NOW)
    await replies.keep(a_claim(), REPLY, NOW + 100)
    async with sql_store.reading() as connection:
        (row,) = await connection.execute(REPLIES.select())
    assert b"secret" not in row.body
    assert (await vault_of(OTHER).claim(a_claim("req_2"), NOW)).finished, "the key stands"
    assert (await vault_of(OTHER).claim(a_claim("req_2"), NOW)).reply is None


@pytest.fixture
def vault_of(sql_store: SqlStore) -> Callable[[bytes], SqlReplies]:
    return lambda master: SqlReplies(sql_store, KeyVault(master))

"""Who has a lane and who has none: only requests of which everything is known beforehand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.config import CacheSettings, Course, LegRates, QueueLimits, RateLimits, Tenant
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.lanes import MOST_LANES, MOST_MISSES, PLACES_AN_ENTRY
from ai_gateway.jobs.tend import keep_tending
from ai_gateway.runtime.journal import Durability
from gateway.budgets import KEY, TENANT, a_limit, limited_tenant
from gateway.flying import GOOD, STREAMED, Field, a_field, request
from support.builders import MODEL, a_book, a_candidate, a_course, a_key, a_price, a_tenant, a_tier, an_endpoint
from support.clock import NOON
from support.journal import a_journal
from support.wire import CHAT_BODY, CHAT_STREAM_BODY

QUEUE = QueueLimits(max_waiting=1, timeout_seconds=1.0)
A_MINUTE = RateLimits(requests_per_minute=100)


async def flies(field: Field, body: bytes = CHAT_BODY, more: str = "") -> bool:
    """Whether a request takes a lane."""
    field.provider.asked.clear()
    field.provider.will_play(STREAMED if b'"stream"' in body else GOOD)
    await field.caller.send(request(body, more=more))
    await field.provider.asked.wait()
    (live,) = field.line.doors.live
    assert (await field.caller.read_answer()).status == 200
    await field.rest()
    return not isinstance(live, Client)


def led(tier: dict[str, Any] | None = None, **changes: Any) -> Callable[..., Tenant]:
    """A tenant whose model leads this way."""

    def tenant(*own: Any) -> Tenant:
        course: Course = a_course(MODEL, tiers=(a_tier(*map(a_candidate, own), **(tier or {})),))
        return a_tenant("t1", *own, courses=(msgspec.structs.replace(course, **changes),))

    return tenant


async def test_a_plain_request_flies_once_its_like_was_answered() -> None:
    async with a_field() as field:
        assert [await flies(field) for _ in range(4)] == [False, False, True, True]


async def test_a_lane_of_many_members_counts_for_the_room_that_it_takes() -> None:
    def wide(*own: Any) -> Tenant:
        members = [a_candidate(msgspec.structs.replace(own[0], name=f"copy-{place}")) for place in range(300)]
        return a_tenant("t1", *own, courses=(a_course(MODEL, *members),))

    async with a_field(tenant=wide) as field:
        assert [await flies(field) for _ in range(5)] == [False, False, True, True, True]
        assert len(field.line.doors.lanes) == (1 + 300 // PLACES_AN_ENTRY) + 3


ORDINARY: dict[str, dict[str, Any]] = {
    "a key that expires": {"key": a_key(expires_at=NOON + 3600)},
    "a key with rates": {"key": a_key(rates=LegRates(KEY, A_MINUTE))},
    "answers that are kept": {"tenant": led(cache=CacheSettings(ttl_seconds=0.0))},
    "providers that are hidden": {"tenant": led(hides_providers=True)},
    "a queue": {"tenant": led({"queue": QUEUE})},
    "a tenant's queue": {"tenant": lambda *own: a_tenant("t1", *own, queue=QUEUE)},
    "callers that stay together": {"tenant": led({"sticky_by": "user"})},
}


@pytest.mark.parametrize("changes", ORDINARY.values(), ids=ORDINARY)
async def test_who_needs_more_than_the_plain_way_has_no_lane(changes: dict[str, Any]) -> None:
    async with a_field(**changes) as field:
        assert [await flies(field) for _ in range(4)] == [False] * 4


async def test_where_every_record_waits_for_the_disk_nothing_flies() -> None:
    journal = a_journal(durability=Durability.ALWAYS)
    async with a_field(journal=journal) as field:
        tasks = field.line.doors.tasks
        tasks.spawn("tend", keep_tending(journal, lambda _: None, 0.0))
        assert [await flies(field) for _ in range(4)] == [False] * 4
        await tasks.stop()


HEADS = {
    "an id of the client's": "X-Client-Request-Id: mine\r\n",
    "a trace": "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
    "a time of its own": "X-Gateway-Timeout-Seconds: 30\r\n",
}


@pytest.mark.parametrize("more", HEADS.values(), ids=HEADS)
async def test_a_head_that_asks_for_more_has_no_lane(more: str) -> None:
    async with a_field() as field:
        assert [await flies(field, more=more) for _ in range(4)] == [False] * 4


async def test_where_nobody_knows_how_long_an_answer_may_be_the_body_needs_a_cap() -> None:
    """The ordinary line writes one into it."""

    def tenant(*own: Any) -> Tenant:
        unknown = [msgspec.structs.replace(it, models=("a-model-of-ours",)) for it in own]
        prices = a_book(a_price("a-model-of-ours"))
        return limited_tenant(a_limit(TENANT, 10**12), endpoints=unknown, prices=prices)

    async with a_field(tenant=tenant) as field:
        body = CHAT_BODY.replace(MODEL.encode(), b"a-model-of-ours")
        capped = body[:-1] + b',"max_tokens":5}'
        assert [await flies(field, body) for _ in range(3)] == [False] * 3
        assert [await flies(field, it) for it in (capped, body, capped)] == [True, False, True]


async def test_streams_take_the_ordinary_line_and_after_some_of_them_nobody_looks_for_lanes() -> None:
    async with a_field() as field:
        await field.learn()
        assert not any([await flies(field, CHAT_STREAM_BODY) for _ in range(MOST_MISSES)])
        assert await flies(field)
        assert not any([await flies(field, CHAT_STREAM_BODY) for _ in range(MOST_MISSES + 1)])
        assert not await flies(field)


async def test_a_price_that_begins_ends_the_lane_and_the_next_one_has_it() -> None:
    def tenant(*own: Any) -> Tenant:
        later = a_price(version="later", effective_from=NOON + 7_200, output_pico=1_200_000)
        return a_tenant("t1", *own, prices=a_book(a_price(), later))

    async with a_field(tenant=tenant) as field:
        await field.learn()
        assert await flies(field)
        field.line.clock.advance(7_200)
        assert [await flies(field) for _ in range(2)] == [False, True]
        versions = [it.price_version for it in field.line.receipts]
        assert versions == [f"price_{MODEL}"] * 4 + ["later"] * 2


async def test_a_head_has_a_few_lanes_however_many_models_are_asked_for() -> None:
    models = tuple(f"model-{place}" for place in range(MOST_LANES + 1))

    def tenant(*own: Any) -> Tenant:
        return a_tenant("t1", *(msgspec.structs.replace(it, models=models) for it in own))

    async with a_field(tenant=tenant) as field:
        assert not await flies(field, CHAT_BODY.replace(MODEL.encode(), b"model-0"))
        bodies = [CHAT_BODY.replace(MODEL.encode(), name.encode()) for name in models]
        for body in bodies[:MOST_MISSES]:
            assert [await flies(field, body) for _ in range(2)] == [False, True]
        for body in bodies[MOST_MISSES:]:
            assert [await flies(field, body) for _ in range(2)] == [False, True]
        assert not await flies(field, bodies[0])


async def test_connections_of_a_key_share_what_is_known_and_only_members_that_were_used_are() -> None:
    endpoints = [an_endpoint(f"up-{place}") for place in range(5)]
    async with a_field(*endpoints, tenant=led()) as field:
        await field.learn()  # the third of these flies: to the third
        assert [await flies(field) for _ in range(2)] == [True, True]
        book = field.line.doors.lanes
        assert len(book) == 1 + 3
        async with field.server.connect() as other:
            elsewhere = replace(field, caller=other)
            assert [await flies(elsewhere) for _ in range(3)] == [False, False, True]  # to the first, second and third
        assert len(book) == 1 + 3

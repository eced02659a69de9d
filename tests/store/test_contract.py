"""The contract of store/records.py, on every store that claims to keep it."""

import asyncio
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.budgets import Window
from ai_gateway.domain.config import EMPTY_SNAPSHOT, QueueLimits
from ai_gateway.store.records import ANY_TENANT, Conflict, Scope, Store
from ai_gateway.store.rows import ApiKeyRow, AuditRow, PoolRow, PriceRow, Row, TeamRow, TenantRow
from store.rows_for_tests import (
    ONE_OF_EACH,
    a_config,
    a_key,
    a_ledger_row,
    a_pool,
    a_price,
    a_secret,
    a_team,
    a_tenant,
    a_token,
    an_audit_row,
)

replace = msgspec.structs.replace


async def put(store: Store, *rows: Row) -> None:
    async with store.begin() as unit:
        for row in rows:
            await unit.insert(row)


async def fetch(store: Store, kind: type[Row], scope: Scope, row_id: str) -> Row | None:
    async with store.begin() as unit:
        return await unit.fetch(kind, scope, row_id)


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.noun)
async def test_every_noun_comes_back_as_it_went_in(store: Store, row: Row) -> None:
    await put(store, row)
    assert await fetch(store, type(row), row.tenant_id, row.id) == row


@pytest.mark.parametrize("scope", ["t2", None], ids=["foreign", "nobody"])
async def test_a_foreign_row_is_as_good_as_missing(store: Store, scope: Scope) -> None:
    await put(store, a_team())
    async with store.begin() as unit:
        assert await unit.fetch(TeamRow, scope, "team_1") is None
        assert await unit.find(TeamRow, scope) == []
        assert await unit.page(TeamRow, scope) == []
        assert await unit.delete(TeamRow, scope, "team_1") is False
        assert await unit.replace(a_team(tenant_id=scope, name="stolen")) is False
    assert await fetch(store, TeamRow, "t1", "team_1") == a_team()


async def test_any_tenant_sees_every_row(store: Store) -> None:
    await put(store, a_team("team_1", "t1"), a_team("team_2", "t2"), a_price("price_1", None), a_price("price_2", "t2"))
    async with store.begin() as unit:
        assert [row.id for row in await unit.find(TeamRow, ANY_TENANT)] == ["team_1", "team_2"]
        assert [row.id for row in await unit.page(PriceRow, ANY_TENANT)] == ["price_1", "price_2"]
        assert [row.id for row in await unit.find(PriceRow, None)] == ["price_1"]
        assert await unit.fetch(PriceRow, None, "price_2") is None
        assert await unit.fetch(TeamRow, ANY_TENANT, "team_2") == a_team("team_2", "t2")


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        (a_team("team_1"), a_team("team_1", name="other"), "id"),
        (a_team("team_1", name="same"), a_team("team_2", name="same"), "name"),
        (a_pool("pool_1", group_name="fast"), a_pool("pool_2", group_name="fast"), "group_name"),
        (a_config("pc_1", name="same"), a_config("pc_2", name="same"), "name"),
        (a_secret("sec_1", None, name="same"), a_secret("sec_2", None, name="same"), "name"),
        (a_tenant("t1", name="same"), a_tenant("t2", name="same"), "name"),
        (a_key("key_1", "t1", digest=b"d"), a_key("key_2", "t2", digest=b"d"), "digest"),
        (a_token("adm_1", None, digest=b"d"), a_token("adm_2", "t1", digest=b"d"), "digest"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.noun,
)
async def test_a_name_that_is_taken_is_a_conflict(store: Store, first: Row, second: Row, field: str) -> None:
    await put(store, first)
    with pytest.raises(Conflict) as refused:
        await put(store, second)
    assert (refused.value.noun, refused.value.field) == (first.noun, field)


async def test_two_tenants_may_use_one_name(store: Store) -> None:
    await put(store, a_team("team_1", "t1", name="same"), a_team("team_2", "t2", name="same"))
    async with store.begin() as unit:
        assert len(await unit.find(TeamRow, ANY_TENANT, name="same")) == 2


async def test_a_unit_goes_on_after_a_conflict(store: Store) -> None:
    async with store.begin() as unit:
        await unit.insert(a_team("team_1", name="same"))
        with pytest.raises(Conflict):
            await unit.insert(a_team("team_2", name="same"))
        await unit.insert(a_team("team_3", name="other"))
    async with store.begin() as unit:
        assert [row.id for row in await unit.find(TeamRow, "t1")] == ["team_1", "team_3"]


async def test_a_block_that_raises_leaves_nothing_behind(store: Store) -> None:
    await put(store, a_team("team_1"))

    async def fail_at_the_end() -> None:
        async with store.begin() as unit:
            await unit.insert(a_team("team_2"))
            await unit.replace(a_team("team_1", name="changed"))
            await unit.insert(an_audit_row())
            await unit.bump("t1", "teams", "team_2")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_at_the_end()
    async with store.begin() as unit:
        assert await unit.find(TeamRow, "t1") == [a_team("team_1")]
        assert await unit.find(AuditRow, "t1") == []
    assert await store.changes_since(0) == []


async def test_errors_of_the_caller_pass_through_unchanged(store: Store) -> None:
    with pytest.raises(TimeoutError):
        async with store.begin():
            raise TimeoutError


async def test_a_unit_reads_its_own_writes(store: Store) -> None:
    async with store.begin() as unit:
        await unit.insert(a_team("team_1"))
        assert await unit.fetch(TeamRow, "t1", "team_1") == a_team("team_1")
        assert await unit.delete(TeamRow, "t1", "team_1") is True
        assert await unit.fetch(TeamRow, "t1", "team_1") is None


async def test_find_filters_by_columns_in_the_order_of_ids(store: Store) -> None:
    keys = [
        a_key("key_3", team_id="x"),
        a_key("key_1", team_id="x"),
        a_key("key_2", team_id=None),
        a_key("key_4", "t2"),
    ]
    await put(store, *keys)
    async with store.begin() as unit:
        assert [key.id for key in await unit.find(ApiKeyRow, "t1")] == ["key_1", "key_2", "key_3"]
        assert [key.id for key in await unit.find(ApiKeyRow, "t1", team_id="x")] == ["key_1", "key_3"]
        assert [key.id for key in await unit.find(ApiKeyRow, "t1", team_id=None)] == ["key_2"]
        assert [key.id for key in await unit.find(ApiKeyRow, ANY_TENANT, digest=b"digest of key_4")] == ["key_4"]
        assert [key.id for key in await unit.find(ApiKeyRow, "t1", enabled=True, name="key_2")] == ["key_2"]


async def test_ids_sort_byte_by_byte(store: Store) -> None:
    """A locale would sort 'a' before 'B' and ignore '_': then a page could lose rows between two databases."""
    ids = ["B", "_", "a", "a1", "a_", "b", "é"]
    await put(store, *(a_team(one) for one in reversed(ids)))
    async with store.begin() as unit:
        assert [row.id for row in await unit.find(TeamRow, "t1")] == ids
        assert [row.id for row in await unit.page(TeamRow, "t1", after="a1", limit=2)] == ["a_", "b"]


async def test_pages_lose_and_repeat_nothing(store: Store) -> None:
    await put(store, *(a_team(f"team_{number:02}") for number in range(25)), a_team("team_99", "t2"))
    seen: list[str] = []
    async with store.begin() as unit:
        while page := await unit.page(TeamRow, "t1", after=seen[-1] if seen else None, limit=10):
            assert len(page) <= 10
            seen += [row.id for row in page]
    assert seen == [f"team_{number:02}" for number in range(25)]


async def test_audit_rows_page_newest_first(store: Store) -> None:
    await put(store, *(an_audit_row(f"aud_{number}", action=f"a{number % 2}") for number in range(5)))
    async with store.begin() as unit:
        assert [row.id for row in await unit.page(AuditRow, "t1", limit=2)] == ["aud_4", "aud_3"]
        assert [row.id for row in await unit.page(AuditRow, "t1", after="aud_3", limit=2)] == ["aud_2", "aud_1"]
        assert [row.id for row in await unit.page(AuditRow, "t1", action="a1")] == ["aud_3", "aud_1"]


async def test_a_filter_by_what_is_no_column_is_a_mistake(store: Store) -> None:
    await put(store, a_team())
    with pytest.raises((ValueError, AttributeError)):
        async with store.begin() as unit:
            await unit.find(TeamRow, "t1", nme="typo")


async def test_replace_overwrites_the_row(store: Store) -> None:
    await put(store, a_pool())
    changed = a_pool(members=(), strategy="random", options={"x": 1})
    async with store.begin() as unit:
        assert await unit.replace(changed) is True
        assert await unit.replace(a_pool("pool_9")) is False
    assert await fetch(store, PoolRow, "t1", "pool_1") == changed


async def test_replace_cannot_take_anothers_name_but_frees_its_own(store: Store) -> None:
    await put(store, a_team("team_1", name="a"), a_team("team_2", name="b"))
    async with store.begin() as unit:
        with pytest.raises(Conflict) as refused:
            await unit.replace(a_team("team_2", name="a"))
        assert (refused.value.noun, refused.value.field) == ("teams", "name")
        assert await unit.replace(a_team("team_1", name="c")) is True
        assert await unit.replace(a_team("team_2", name="a")) is True
    assert await fetch(store, TeamRow, "t1", "team_2") == a_team("team_2", name="a")


async def test_a_deleted_name_is_free_again(store: Store) -> None:
    await put(store, a_team("team_1", name="a"))
    async with store.begin() as unit:
        assert await unit.delete(TeamRow, "t1", "team_1") is True
        assert await unit.delete(TeamRow, "t1", "team_1") is False
        await unit.insert(a_team("team_2", name="a"))
    assert await fetch(store, TeamRow, "t1", "team_2") == a_team("team_2", name="a")


async def test_revisions_rise_and_are_told_in_order(store: Store) -> None:
    async with store.begin() as unit:
        first = await unit.bump("t1", "teams", "team_1")
        second = await unit.bump(None, "prices", "price_1")
    async with store.begin() as unit:
        third = await unit.bump("t2", "api_keys", "key_1")
    assert first.revision < second.revision < third.revision
    assert (second.tenant_id, second.noun, second.noun_id) == (None, "prices", "price_1")
    assert await store.changes_since(0) == [first, second, third]
    assert await store.changes_since(second.revision) == [third]
    assert await store.changes_since(third.revision) == []
    assert (await store.load_snapshot()).revision == third.revision


async def test_units_at_the_same_time_all_commit(store: Store) -> None:
    async def add(number: int) -> None:
        async with store.begin() as unit:
            await unit.insert(a_team(f"team_{number}"))
            await unit.bump("t1", "teams", f"team_{number}")

    await asyncio.gather(*(add(number) for number in range(12)))
    changes = await store.changes_since(0)
    assert sorted(change.noun_id for change in changes) == sorted(f"team_{number}" for number in range(12))
    assert [change.revision for change in changes] == sorted({change.revision for change in changes})


async def test_an_empty_store_gives_the_empty_snapshot(store: Store) -> None:
    assert await store.load_snapshot() == EMPTY_SNAPSHOT
    assert await store.apply_changes(EMPTY_SNAPSHOT, []) == EMPTY_SNAPSHOT


async def test_a_snapshot_has_what_the_rows_say(store: Store) -> None:
    await put(
        store,
        a_tenant("t1"),
        a_config("pc_1", models=("m1", "m2")),
        a_pool("fast", members=({"name": "pc_1", "weight": 3, "model": "m2"},)),
        a_key("key_1", allowed_models=("m1",), team_id="team_1", expires_at=9.5),
        a_key("key_2", revoked_at=2.0),
        a_key("key_3", "gone"),
        a_team(department_id="dep_1"),
        a_price("price_1", None),
        a_price("price_2", "t1"),
    )
    snapshot = await store.load_snapshot()
    tenant = snapshot.tenants["t1"]
    assert [(one.model, one.weight) for one in tenant.courses["fast"].tiers[0].candidates] == [("m2", 3)]
    assert set(tenant.models) == {"m1", "m2"}
    assert tenant.team_departments == {"team_1": "dep_1"}
    assert [price.version for price in snapshot.book["m1"]] == ["price_1"]
    assert [price.version for price in tenant.prices["m1"]] == ["price_2"]
    assert list(snapshot.keys) == [b"digest of key_1"]
    key = snapshot.keys[b"digest of key_1"]
    assert (key.id, key.tenant_id, key.allowed_models, key.team_id, key.expires_at) == (
        "key_1", "t1", ("m1",), "team_1", 9.5
    )  # fmt: skip


async def test_a_change_of_a_key_touches_that_key_alone(store: Store) -> None:
    await put(store, a_tenant("t1"), a_key("key_1"), a_key("key_2"))
    before = await store.load_snapshot()
    async with store.begin() as unit:
        await unit.replace(a_key("key_1", digest=b"rotated"))
        change = await unit.bump("t1", "api_keys", "key_1")
    after = await store.apply_changes(before, [change])
    assert set(after.keys) == {b"rotated", b"digest of key_2"}
    assert after.tenants["t1"] is before.tenants["t1"]
    assert after.keys[b"digest of key_2"] is before.keys[b"digest of key_2"]
    assert set(before.keys) == {b"digest of key_1", b"digest of key_2"}, "a pinned snapshot never changes"
    assert after == await store.load_snapshot()


async def test_a_change_of_a_tenant_leaves_the_others_alone(store: Store) -> None:
    await put(store, a_tenant("t1"), a_tenant("t2"), a_key("key_1"))
    before = await store.load_snapshot()
    async with store.begin() as unit:
        await unit.insert(a_config("pc_1", "t1"))
        change = await unit.bump("t1", "provider_configs_v2", "pc_1")
    after = await store.apply_changes(before, [change])
    assert after.tenants["t2"] is before.tenants["t2"]
    assert after.keys is before.keys
    assert list(after.tenants["t1"].endpoints) == ["pc_1"]
    assert after == await store.load_snapshot()


async def test_a_change_of_fallbacks_compiles_that_tenants_courses_anew_and_no_others(store: Store) -> None:
    spare = a_pool("pool_2", group_name="spare", members=({"name": "pc_1", "model": "m2"},))
    await put(store, a_tenant("t1"), a_tenant("t2"), a_config("pc_1"), a_pool(group_name="fast"), spare)
    before = await store.load_snapshot()
    async with store.begin() as unit:
        await unit.replace(a_tenant("t1", default_fallbacks=("spare",), queue={"max_waiting": 2}))
        change = await unit.bump("t1", "tenants", "t1")
    after = await store.apply_changes(before, [change])
    tenant = after.tenants["t1"]
    assert [tier.pool for tier in before.tenants["t1"].courses["fast"].tiers] == ["fast"]
    assert [tier.pool for tier in tenant.courses["fast"].tiers] == ["fast", "spare"]
    assert [tier.pool for tier in tenant.models["m1"].tiers] == [None, "spare"]
    assert tenant.queue == QueueLimits(max_waiting=2)
    assert after.tenants["t2"] is before.tenants["t2"]
    assert after == await store.load_snapshot()


async def test_what_a_change_leaves_as_it_was_is_the_same_object(store: Store) -> None:
    configs = (a_config("pc_1", name="one"), a_config("pc_2", name="two"))
    await put(store, a_tenant("t1"), *configs, a_price("price_1", "t1", model="m1"))
    snapshot = await store.load_snapshot()
    async with store.begin() as unit:
        await unit.replace(a_config("pc_2", name="two", weight=7))
        change = await unit.bump("t1", "provider_configs_v2", "pc_2")
    before, after = snapshot.tenants["t1"], (await store.apply_changes(snapshot, [change])).tenants["t1"]
    assert (before.endpoints["two"].weight, after.endpoints["two"].weight) == (1, 7)
    assert after.endpoints["one"] is before.endpoints["one"]
    assert after.prices is before.prices


async def test_a_tenant_takes_its_keys_along(store: Store) -> None:
    await put(store, a_tenant("t1"), a_key("key_1", "t1"), a_key("key_2", "t2"))
    before = await store.load_snapshot()
    async with store.begin() as unit:
        await unit.delete(TenantRow, "t1", "t1")
        await unit.insert(a_tenant("t2"))
        changes = [await unit.bump("t1", "tenants", "t1"), await unit.bump("t2", "tenants", "t2")]
    after = await store.apply_changes(before, changes)
    assert [key.id for key in after.keys.values()] == ["key_2"]
    assert after == await store.load_snapshot()


async def test_a_price_of_the_book_is_everybodys(store: Store) -> None:
    await put(store, a_tenant("t1"))
    before = await store.load_snapshot()
    async with store.begin() as unit:
        await unit.insert(a_price("price_1", None))
        change = await unit.bump(None, "prices", "price_1")
    after = await store.apply_changes(before, [change])
    assert list(after.book) == ["m1"]
    assert after.tenants is before.tenants
    assert after == await store.load_snapshot()


async def test_the_ledger_takes_a_row_once(store: Store) -> None:
    charge, adjust = a_ledger_row("att_1"), a_ledger_row("att_1", kind="adjust", cost_nano_usd=-5)
    assert await store.append_ledger([]) == 0
    assert await store.append_ledger([charge, charge, adjust]) == 2
    assert await store.append_ledger([charge, adjust, a_ledger_row("att_2")]) == 1
    rows = await store.page_ledger("t1")
    assert sum(row.cost_nano_usd for row in rows) == 3_600 - 5 + 3_600


@pytest.mark.parametrize(
    "row",
    [
        a_ledger_row(),
        a_ledger_row(
            department_id="dep_1",
            team_id="team_1",
            user_id="usr_1",
            route="support",
            cost_nano_usd=2**62,
            price_version="price_1",
            estimated=True,
            priced=False,
            ttft_ms=0.5,
            revision=7,
            client_request_id="\"quoted\", 'single', {brace}, \\, ü, \u2028",
        ),
    ],
    ids=["short", "full"],
)
async def test_a_ledger_row_comes_back_as_it_went_in(store: Store, row: Any) -> None:
    await store.append_ledger([row])
    (back,) = await store.page_ledger("t1")
    assert replace(back, id=0) == row
    assert back.id >= 1


async def test_the_ledger_pages_newest_first_and_by_column(store: Store) -> None:
    rows = [
        a_ledger_row(f"att_{number}", request_id=f"req_{number % 3}", model=f"m{number % 2}") for number in range(9)
    ]
    assert await store.append_ledger([*rows, a_ledger_row("att_x", tenant_id="t2")]) == 10
    first = await store.page_ledger("t1", limit=4)
    rest = await store.page_ledger("t1", before=first[-1].id)
    assert [row.attempt_id for row in first + rest] == [f"att_{number}" for number in range(8, -1, -1)]
    assert [row.attempt_id for row in await store.page_ledger("t1", request_id="req_2", model="m1")] == ["att_5"]
    assert [row.attempt_id for row in await store.page_ledger("t2", request_id="req_2")] == []
    assert len(await store.page_ledger(ANY_TENANT)) == 10


async def test_a_store_that_is_there_answers_a_ping(store: Store) -> None:
    assert await store.ping() is None


async def test_what_legs_have_spent_is_told_by_window(store: Store) -> None:
    """Days 0 and 1 are in January 1970, day 40 in February."""
    spent = {0: 1, 1: 20, 40: 300}
    rows = [a_ledger_row(f"att_{day}_1", day=day, cost_nano_usd=cost) for day, cost in spent.items()]
    adjust = a_ledger_row("att_1_1", day=1, cost_nano_usd=-7, kind="adjust")
    other = a_ledger_row("att_x_1", day=1, tenant_id="t2", key_id="key_2", cost_nano_usd=50_000)
    ids = ["D:1970-01-02", "M:1970-01", "T:total"]
    assert await store.spent_in(ids) == []
    await store.append_ledger([*rows, adjust, other])
    assert await store.append_ledger([*rows, adjust]) == 0

    found = {(it.leg, it.window): it.amounts for it in await store.spent_in(ids)}

    tenant = ("tenant", "t1")
    assert found[tenant, Window.DAILY] == (20 - 7, 15, 1)
    assert found[tenant, Window.MONTHLY] == (1 + 20 - 7, 30, 2)
    assert found[tenant, Window.TOTAL] == (1 + 20 + 300 - 7, 45, 3)
    assert found[("key", "key_2"), Window.TOTAL] == found[("tenant", "t2"), Window.DAILY] == (50_000, 15, 1)
    assert {level for (level, _), _ in found} == {"key", "tenant"}

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import Strategy, TenantId
from ai_gateway.providers import codec_for
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.mock.prices import PRICES
from ai_gateway.store.demo import KEY, TENANT_ID, seed_demo
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.rows import PoolRow, TenantRow
from store.rows_for_tests import a_compiler
from support.builders import digest_key
from support.clock import NOON


async def seeded() -> MemoryStore:
    store = MemoryStore(a_compiler())
    assert await seed_demo(store, digest_key, PRICES, NOON)
    return store


async def test_the_demo_has_a_key_pools_and_prices_that_the_data_plane_can_use() -> None:
    snapshot = await (await seeded()).load_snapshot()

    tenant = snapshot.tenants[TenantId(TENANT_ID)]
    assert snapshot.keys[digest_key(KEY.encode())].tenant_id == TENANT_ID
    assert set(tenant.courses) == {"gpt-4", "demo-fallback"}
    own, behind = tenant.courses["gpt-4"].tiers
    assert [it.endpoint.name for it in own.candidates] == ["openai-1", "openai-2"]
    assert [(it.endpoint.name, it.priority) for it in behind.candidates] == [("anthropic-1", 0), ("backup-1", 1)]
    assert (behind.pool, behind.strategy) == ("demo-fallback", Strategy.PRIORITY)
    assert set(PRICES) <= {*snapshot.book, *tenant.prices}
    assert {"gpt-4o-mini", "claude-haiku-4-5", "mock-cut-3"} <= set(tenant.models)


async def test_a_bare_model_has_the_fallback_behind_it_and_never_the_backup_before() -> None:
    tenant = (await (await seeded()).load_snapshot()).tenants[TenantId(TENANT_ID)]
    for model in set(tenant.models) - set(tenant.courses):
        own, *behind = tenant.models[model].tiers
        assert "backup-1" not in {it.endpoint.name for it in own.candidates}
        assert [tier.pool for tier in behind] == ["demo-fallback"]


async def test_the_backup_speaks_to_callers_of_either_dialect_and_has_a_price() -> None:
    snapshot = await (await seeded()).load_snapshot()
    backup = snapshot.tenants[TenantId(TENANT_ID)].courses["demo-fallback"].tiers[0].candidates[1]
    kind = KINDS[backup.endpoint.provider]
    assert codec_for(kind, Dialect.OPENAI, Operation.CHAT)
    assert codec_for(kind, Dialect.ANTHROPIC, Operation.MESSAGES)
    assert backup.model in snapshot.book


async def test_it_is_made_once_and_what_was_changed_stays_changed() -> None:
    store = await seeded()
    async with store.begin() as unit:
        (pool,) = await unit.find(PoolRow, TENANT_ID, group_name="demo-fallback")
        await unit.delete(PoolRow, TENANT_ID, pool.id)

    assert not await seed_demo(store, digest_key, PRICES, NOON + 1)

    async with store.begin() as unit:
        assert await unit.find(PoolRow, TENANT_ID, group_name="demo-fallback") == []
        assert len(await unit.find(TenantRow, TENANT_ID)) == 1


async def test_other_processes_hear_of_it() -> None:
    changes = await (await seeded()).changes_since(0)
    assert {it.noun for it in changes} >= {"tenants", "api_keys"}

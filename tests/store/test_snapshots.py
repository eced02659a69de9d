import sys

from ai_gateway.domain.config import Ownership, QueueLimits
from ai_gateway.domain.key_ring import ring_of
from ai_gateway.store.snapshots import KeyRecord, TenantParts, by_digest, compile_prices
from store.rows_for_tests import a_compiler, a_config, a_pool, a_price, a_team, a_tenant, a_user
from store.test_refresh import SYSTEM


def a_record(key_id: str, **changes: object) -> KeyRecord:
    fields: dict[str, object] = dict.fromkeys(KeyRecord.__struct_fields__)
    fields |= {"id": key_id, "tenant_id": "t1", "name": key_id, "digest": key_id.encode(), "enabled": True}
    return KeyRecord(**(fields | changes))  # pyright: ignore[reportArgumentType]


def test_disabled_configs_are_left_out() -> None:
    parts = TenantParts(tenant=a_tenant(), configs=(a_config("pc_1"), a_config("pc_2", enabled=False)))
    tenant = a_compiler().compile_tenant(parts)
    assert list(tenant.endpoints) == ["pc_1"]
    assert len(tenant.models["m1"].tiers[0].candidates) == 1


def test_a_disabled_tenant_stays_so_that_its_callers_hear_why() -> None:
    assert a_compiler().compile_tenant(TenantParts(tenant=a_tenant(enabled=False))).enabled is False


def test_a_system_endpoint_is_lent_only_where_it_was_granted() -> None:
    compiler = a_compiler(system_endpoints=(SYSTEM,))
    without = compiler.compile_tenant(TenantParts(tenant=a_tenant("t1")))
    granted = compiler.compile_tenant(TenantParts(tenant=a_tenant("t2", system_grants=("openai", "anthropic"))))
    assert without.endpoints == {}
    lent = granted.endpoints["openai"]
    assert (lent.tenant_id, lent.ownership, lent.base_url) == ("t2", Ownership.SYSTEM, SYSTEM.base_url)


def test_two_tenants_never_share_a_lent_endpoints_id() -> None:
    """Breakers and numbers go by endpoint id: a shared one would let tenants see and move each other's."""
    compiler = a_compiler(system_endpoints=(SYSTEM,))
    ids = {
        compiler.compile_tenant(TenantParts(tenant=a_tenant(one, system_grants=("openai",)))).endpoints["openai"].id
        for one in ("t1", "t2")
    }
    assert len(ids) == 2


def test_a_config_of_ones_own_hides_the_lent_one_of_its_name_even_when_disabled() -> None:
    compiler = a_compiler(system_endpoints=(SYSTEM,))
    tenant = a_tenant(system_grants=("openai",))
    own = compiler.compile_tenant(TenantParts(tenant=tenant, configs=(a_config(name="openai"),)))
    disabled = compiler.compile_tenant(TenantParts(tenant=tenant, configs=(a_config(name="openai", enabled=False),)))
    assert own.endpoints["openai"].ownership is Ownership.TENANT
    assert disabled.endpoints == {}


def test_a_pool_may_name_a_lent_endpoint() -> None:
    parts = TenantParts(
        tenant=a_tenant(system_grants=("openai",)), pools=(a_pool(group_name="fast", members=({"name": "openai"},)),)
    )
    course = a_compiler(system_endpoints=(SYSTEM,)).compile_tenant(parts).courses["fast"]
    assert [one.endpoint.ownership for one in course.tiers[0].candidates] == [Ownership.SYSTEM]


def test_the_hierarchy_is_indexed() -> None:
    parts = TenantParts(
        tenant=a_tenant(),
        teams=(a_team("team_1", department_id="dep_1"), a_team("team_2")),
        users=(a_user(team_id="team_2"),),
    )
    tenant = a_compiler().compile_tenant(parts)
    assert tenant.team_departments == {"team_1": "dep_1", "team_2": None}
    assert tenant.user_teams == {"usr_1": "team_2"}


def test_prices_come_newest_first_and_the_later_written_wins_a_tie() -> None:
    rows = [
        a_price("price_1", effective_from=1.0),
        a_price("price_4", effective_from=2.0),
        a_price("price_3", effective_from=2.0),
        a_price("price_2", effective_from=3.0, model="m2"),
    ]
    book = compile_prices(rows)
    assert [price.version for price in book["m1"]] == ["price_4", "price_3", "price_1"]
    assert [price.version for price in book["m2"]] == ["price_2"]


def test_disabled_and_expired_keys_stay_in_the_index() -> None:
    index = by_digest([a_record("key_1", enabled=False), a_record("key_2", expires_at=1.0)])
    assert [(digest, key.enabled) for digest, key in index] == [(b"key_1", False), (b"key_2", True)]


def test_what_is_the_same_for_many_keys_is_held_once() -> None:
    records = [a_record(f"key_{one}", tenant_id="".join(["t", "1"]), team_id="".join("xy")) for one in range(3)]
    keys = [key for _, key in by_digest(records)]
    assert len({id(key.tenant_id) for key in keys}) == 1
    assert len({id(key.team_id) for key in keys}) == 1


def test_a_key_costs_less_than_a_kilobyte() -> None:
    """100,000 keys are then under 100 MB. Counted: the dictionaries' share, the digest, the Struct, its own strings.
    Of the ids there is a dictionary too, of the same size."""
    ids = [f"key_{one:012x}{one:016x}" for one in range(10_000)]
    ring = ring_of(by_digest(a_record(one, name=f"name of {one}", digest=one.encode()[:32].ljust(32)) for one in ids))
    total = 2 * sum(sys.getsizeof(part) for part in ring.parts)
    for digest, key in ring.items():
        total += sys.getsizeof(digest) + sys.getsizeof(key) + sys.getsizeof(key.id) + sys.getsizeof(key.name)
    assert total / len(ring) < 1_000


def test_a_tenants_default_fallbacks_stand_behind_its_pools_and_its_bare_models() -> None:
    parts = TenantParts(
        tenant=a_tenant(default_fallbacks=("spare", "gone"), queue={"max_waiting": 2}),
        configs=(a_config("pc_1", models=("m1",)), a_config("pc_2", models=("m2",), queue={"timeout_seconds": 1.0})),
        pools=(
            a_pool("p1", group_name="fast", members=({"name": "pc_1"},)),
            a_pool("p2", group_name="spare", members=({"name": "pc_2"},)),
        ),
    )
    tenant = a_compiler().compile_tenant(parts)
    assert [tier.pool for tier in tenant.courses["fast"].tiers] == ["fast", "spare"]
    assert [tier.pool for tier in tenant.models["m1"].tiers] == [None, "spare"]
    assert tenant.models["m1"].tiers[1] is tenant.courses["spare"].tiers[0]
    assert (tenant.default_fallbacks, tenant.queue) == (("spare", "gone"), QueueLimits(max_waiting=2))
    assert tenant.endpoints["pc_2"].queue == QueueLimits(timeout_seconds=1.0)
    assert tenant.endpoints["pc_1"].queue is None

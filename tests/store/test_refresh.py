"""The law of refresh.py, on random histories: what changes built equals what is loaded from nothing."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_gateway.domain.config import (
    EMPTY_SNAPSHOT,
    BaseUrl,
    Endpoint,
    EndpointId,
    Key,
    Ownership,
    ProviderType,
    Snapshot,
    TenantId,
)
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.records import ANY_TENANT, Conflict, Store, Unit
from ai_gateway.store.rows import Row
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.sql import SqlStore
from store.rows_for_tests import (
    a_compiler,
    a_config,
    a_key,
    a_pool,
    a_price,
    a_route,
    a_secret,
    a_team,
    a_tenant,
    a_token,
    a_user,
)

SYSTEM = Endpoint(
    id=EndpointId("system-openai"),
    tenant_id=TenantId(""),
    name="openai",
    provider=ProviderType.OPENAI,
    base_url=BaseUrl(scheme="https", host="api.openai.com", port=443, path="/v1"),
    models=("m1",),
    ownership=Ownership.SYSTEM,
)

tenant_ids = st.sampled_from(["t1", "t2", "t3"])
models = st.lists(st.sampled_from(["m1", "m2", "fast"]), unique=True, max_size=2).map(tuple)
members = st.lists(st.sampled_from(["a", "b", "openai", "gone"]), max_size=3).map(
    lambda names: tuple({"name": name, "weight": len(name)} for name in names)
)
groups = st.lists(st.sampled_from(["a", "b", "gone"]), unique=True, max_size=2)
options = st.fixed_dictionaries({}, optional={"fallbacks": groups, "timeouts": st.just({"total": 9.0})})

CAP = {"on": "request", "do": "cap", "field": "temperature", "max": 0.8, "when": "request.stream"}
HOOK = {"on": "both", "do": "guardrail", "url": "https://guard.example", "secret_name": "a"}
rules = st.lists(st.sampled_from([CAP, HOOK, {"on": "request", "do": "dance"}]), max_size=2).map(tuple)


def rows(tenant_id: str, slot: str) -> st.SearchStrategy[Row]:
    """Any row of this tenant, in one of two places a noun: histories insert, replace and delete the same rows."""
    one = f"{tenant_id}_{slot}"

    def built(make: Any, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Row]:
        return st.fixed_dictionaries(parts).map(lambda fields: make(one, tenant_id, **fields))

    return st.one_of(
        st.builds(
            lambda grants, enabled, groups, rules: a_tenant(
                tenant_id, system_grants=grants, enabled=enabled, default_fallbacks=tuple(groups), rules=rules
            ),
            st.sampled_from([(), ("openai",)]),
            st.booleans(),
            groups,
            rules,
        ),
        built(
            a_config,
            name=st.just(slot),
            models=models,
            enabled=st.booleans(),
            priority=st.integers(0, 2),
            endpoint_url=st.sampled_from(["mock://x", None, "https://llm.example/v1"]),
            api_key_secret_name=st.sampled_from([None, "a", "b"]),
        ),
        built(a_secret, name=st.just(slot), ciphertext=st.sampled_from([b"one", b"two", b"broken"])),
        built(a_pool, group_name=st.just(slot), members=members, options=options),
        built(
            a_route,
            name=st.just(f"route-{slot}"),
            pool=st.sampled_from(["a", "b"]),
            rules=rules,
            options=st.sampled_from([{}, {"inherit_rules": False}]),
        ),
        built(a_price, model=st.sampled_from(["m1", "m2"]), effective_from=st.floats(0, 9)),
        built(a_team, department_id=st.sampled_from([None, "d"])),
        built(a_user, team_id=st.sampled_from([None, "x"])),
        built(
            a_key,
            digest=st.sampled_from([one.encode(), b"rotated " + one.encode()]),
            enabled=st.booleans(),
            revoked_at=st.sampled_from([None, 5.0]),
            team_id=st.sampled_from([None, "x"]),
        ),
    )


steps = st.one_of(
    st.tuples(tenant_ids, st.sampled_from(["a", "b"])).flatmap(lambda place: rows(*place)),
    # prices are only ever added or taken back: one id never says two things
    st.integers(0, 9).map(lambda at: a_price(f"price_{at}", None, model="m1", effective_from=float(at))),
    st.just(a_token("adm_1", None)),
)
histories = st.lists(st.lists(st.tuples(st.sampled_from(["put", "put", "delete"]), steps), max_size=4), max_size=6)


async def take(unit: Unit, verb: str, row: Row) -> list[ConfigurationChanged]:
    there = await unit.fetch(type(row), ANY_TENANT, row.id)
    if verb == "delete":
        changed = await unit.delete(type(row), row.tenant_id, row.id)
    elif there is not None:
        changed = await unit.replace(row)
    else:
        try:
            await unit.insert(row)
            changed = True
        except Conflict:
            changed = False
    return [await unit.bump(row.tenant_id, row.noun, row.id)] if changed else []


def by_id(snapshot: Snapshot) -> dict[str, Key | None]:
    """Every key that there may be."""
    ids = [f"t{tenant}_{slot}" for tenant in (1, 2, 3) for slot in ("a", "b")]
    return {key_id: snapshot.keys.find(key_id) for key_id in ids}


async def live_through(store: Store, history: list[list[tuple[str, Row]]]) -> None:
    snapshot = EMPTY_SNAPSHOT
    for batch in history:
        async with store.begin() as unit:
            told = [change for verb, row in batch for change in await take(unit, verb, row)]
        assert await store.changes_since(snapshot.revision) == told
        snapshot = await store.apply_changes(snapshot, told)
        anew = await store.load_snapshot()
        assert snapshot == anew
        assert by_id(snapshot) == by_id(anew)


@given(histories)
@settings(max_examples=150, deadline=None)
def test_applying_changes_equals_loading_everything_in_memory(history: list[list[tuple[str, Row]]]) -> None:
    asyncio.run(live_through(MemoryStore(a_compiler(system_endpoints=(SYSTEM,))), history))


@given(history=histories)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_applying_changes_equals_loading_everything_in_sql(
    tmp_path_factory: Any, migrated_file: Path, history: list[list[tuple[str, Row]]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("history")
    shutil.copyfile(migrated_file, folder / "gateway.db")

    async def run() -> None:
        engine = open_engine(database_url(None, folder))
        store = SqlStore(engine, a_compiler(system_endpoints=(SYSTEM,)), lambda: 0.0)
        await live_through(store, history)
        await store.close()

    asyncio.run(run())

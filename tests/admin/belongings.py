"""One row of every noun for each of the two tenants, with ids that say whose they are: `teams_own`, `teams_foreign`."""

from typing import Any

from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.domain.leases import Lease, LeaseState, Pot
from ai_gateway.store.rows import (
    AdminTokenRow,
    ApiKeyRow,
    BudgetRow,
    DepartmentRow,
    EnhancedProviderConfig,
    LedgerRow,
    PoolRow,
    PriceRow,
    RouteRow,
    Row,
    SecretRow,
    TeamRow,
    UserRow,
)


def belongings(tenant: str, tag: str) -> list[Row]:
    common: dict[str, Any] = {"tenant_id": tenant, "created_at": NOW}
    return [
        DepartmentRow(id=f"departments_{tag}", name=f"department-{tag}", **common),
        TeamRow(id=f"teams_{tag}", name=f"team-{tag}", **common),
        UserRow(id=f"users_{tag}", name=f"user-{tag}", **common),
        ApiKeyRow(id=f"api-keys_{tag}", name=f"key-{tag}", digest=tag.encode(), display="", **common),
        AdminTokenRow(id=f"tokens_{tag}", name=tag, role="viewer", digest=tag.encode(), display="", **common),
        SecretRow(id=f"secrets_{tag}", name=f"secret-{tag}", ciphertext=b"", last4="", **common),
        EnhancedProviderConfig(id=f"providers_{tag}", name=f"provider-{tag}", provider="mock", **common),
        PoolRow(
            id=f"pools_{tag}",
            group_name=f"pool-{tag}",
            strategy="random",
            members=({"name": f"provider-{tag}", "weight": 1, "model": "m"},),
            **common,
        ),
        RouteRow(id=f"routes_{tag}", name=f"route-{tag}", pool=f"pool-{tag}", **common),
        BudgetRow(
            id=f"budgets_{tag}", scope="team", scope_id=f"teams_{tag}", window="daily", limit_nano=10**9, **common
        ),
        PriceRow(id=f"prices_{tag}", model="m", input_pico=1, output_pico=1, effective_from=NOW + 9, **common),
    ]


def a_row_of_the_ledger(tenant: str, tag: str) -> LedgerRow:
    names: dict[str, Any] = {"tenant_id": tenant, "key_id": f"api-keys_{tag}", "endpoint": f"provider-{tag}"}
    return LedgerRow(
        request_id=f"requests_{tag}",
        attempt_id=f"attempts_{tag}",
        kind="charge",
        requested_model="m",
        model="m",
        provider="mock",
        operation="chat",
        cost_nano_usd=1,
        priced=True,
        credential="tenant",
        outcome="ok",
        estimated=False,
        started_at=NOW,
        total_ms=1.0,
        **names,
    )


def a_lost_lease(tenant: str, tag: str) -> Lease:
    """Nobody has seen its process."""
    pot = Pot(tenant, "key", f"api-keys_{tag}", "T:total", "usd")
    return Lease(f"leases_{tag}", f"prc_{tag}", pot, 1_000, 0, LeaseState.LIVE, NOW, 0.0)


async def crowded_world() -> World:
    world = await World().populate()
    await world.store.append_ledger([a_row_of_the_ledger(OWN, "own"), a_row_of_the_ledger(FOREIGN, "foreign")])
    await world.insert(*belongings(OWN, "own"), *belongings(FOREIGN, "foreign"))
    world.leases.know(a_lost_lease(OWN, "own"))
    world.leases.know(a_lost_lease(FOREIGN, "foreign"))
    async with world.store.begin() as unit:  # the own pool has no route on it, so that it may be deleted
        route = await unit.fetch(RouteRow, OWN, "routes_own")
        assert route is not None
        await unit.insert(PoolRow(id="pools_kept", group_name="kept", strategy="random", tenant_id=OWN, created_at=NOW))
        await unit.replace(RouteRow(id=route.id, tenant_id=OWN, created_at=NOW, name=route.name, pool="kept"))
    return world


def address(path: str, target: str | None) -> str:
    if target is None:
        return path
    noun = path.split("/{", maxsplit=1)[0].rsplit("/", 1)[-1]
    row_id = f"ten_{target}" if noun == "tenants" else f"{noun}_{target}"
    path = path.replace("{row_id}", row_id).replace("{group}", row_id)
    return path.replace("{provider}", f"providers_{target}")

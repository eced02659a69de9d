"""A limit that was changed, or is gone, while somebody waits for what others hold of it.

Meters hear of a new limit with the first request that carries it, which is early enough for everybody but those who
wait: they carry the old one. So whenever the configuration has changed, the limits of the cells that are waited for are
looked up in it. Where nobody is left who could have a limit (the tenant or the key is gone), nothing is said.
"""

from collections.abc import Sequence

from ai_gateway.domain.budgets import Limit, Scope
from ai_gateway.domain.config import Snapshot, TenantId
from ai_gateway.policy.quotas import limits_of_caller
from ai_gateway.runtime.cells import Cell
from ai_gateway.runtime.meters import Meters


def hear_of_raises(meters: Meters, snapshot: Snapshot) -> None:
    """Costs nothing where nobody waits."""
    for cell in tuple(meters.awaited):
        limits = _limits_of(cell.limit, snapshot)
        if limits is not None:
            was = cell.limit
            there = [it for it in limits if (it.window, it.unit) == (was.window, was.unit)]
            for limit in there:
                meters.change(cell, limit, snapshot.revision)
            if not there and snapshot.revision > cell.revision:
                _lift(meters, cell, snapshot.revision)


def _lift(meters: Meters, cell: Cell, revision: int) -> None:
    cell.revision = revision
    cell.is_lifted = True
    meters.freed(cell)


def _limits_of(was: Limit, snapshot: Snapshot) -> Sequence[Limit] | None:
    """Those in force at its level now; None where that is gone itself."""
    scope, owner = was.leg
    tenant = snapshot.tenants.get(TenantId(was.tenant_id))
    if tenant is None:
        return None
    if scope != Scope.KEY.value:
        return tenant.limits.get(was.leg, ())
    key = snapshot.keys.find(owner)
    return None if key is None else limits_of_caller(tenant, key, (was.leg,))

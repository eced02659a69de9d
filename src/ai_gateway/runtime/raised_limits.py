"""A limit that was changed while somebody waits for what others hold of it.

Meters hear of a new limit with the first request that carries it, which is early enough for everybody but those who
wait: they carry the old one. So whenever the configuration has changed, the limits of the cells that are waited for are
looked up in it.
"""

from collections.abc import Iterator

from ai_gateway.domain.budgets import Limit, Scope
from ai_gateway.domain.config import Snapshot, TenantId
from ai_gateway.policy.quotas import limits_of_caller
from ai_gateway.runtime.cells import Cell
from ai_gateway.runtime.meters import Meters


def hear_of_raises(meters: Meters, snapshot: Snapshot) -> None:
    """Costs nothing where nobody waits."""
    for cell in tuple(meters.awaited):
        for limit in _limits_at(cell, snapshot):
            meters.change(cell, limit, snapshot.revision)


def _limits_at(cell: Cell, snapshot: Snapshot) -> Iterator[Limit]:
    """The one in force in this cell's place, if there is any."""
    was = cell.limit
    scope, owner = was.leg
    tenant = snapshot.tenants.get(TenantId(was.tenant_id))
    if tenant is None:
        return
    limits = tenant.limits.get(was.leg, ())
    if scope == Scope.KEY.value:
        key = snapshot.keys.find(owner)
        limits = () if key is None else limits_of_caller(tenant, key, (was.leg,))
    for limit in limits:
        if (limit.window, limit.unit) == (was.window, was.unit):
            yield limit

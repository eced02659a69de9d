"""What is checked whenever the fallbacks of a tenant may have changed: by a pool, by its default ones, by a document.

The whole tenant is looked at, after the change was written and before it is committed, because a ring needs several
groups and any of them may be the one that closes it. A group that does not exist is only warned of, as a member
without a config is: things may be made in any order.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from ai_gateway.admin.refusals import conflict
from ai_gateway.policy.fallbacks import Groups, find_ring
from ai_gateway.store.courses import fallback_groups
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import PoolRow, TenantRow

_MOST_NAMES: Final = 10


async def check_fallbacks(unit: Unit, tenant_id: str, named: Iterable[str], *, param: str) -> list[str]:
    """Warnings about those of the `named` groups that do not exist. Raises InvalidRequest (409) for a ring."""
    groups = fallback_groups(await unit.find(PoolRow, tenant_id))
    default = await _default(unit, tenant_id)
    ring = find_ring(groups, default)
    if ring is not None:
        raise conflict(_describe_ring(ring, groups), param=param)
    missing = dict.fromkeys(name for name in named if name not in groups)
    return [f"The fallback '{name}' names no pool; it is skipped until there is one." for name in missing]


async def still_falling_back_on(unit: Unit, tenant_id: str, group: str) -> list[str]:
    """Warnings about what names a group that is gone."""
    pools = await unit.find(PoolRow, tenant_id)
    naming = [f"The pool '{pool.group_name}'" for pool in pools if group in (pool.options.get("fallbacks") or ())]
    if group in await _default(unit, tenant_id):
        naming.append("The tenant's default_fallbacks")
    return [f"{who} still names it as a fallback; it is skipped." for who in naming]


async def _default(unit: Unit, tenant_id: str) -> Sequence[str]:
    tenant = await unit.fetch(TenantRow, tenant_id, tenant_id)
    return () if tenant is None else tenant.default_fallbacks


def _describe_ring(ring: list[str], groups: Groups) -> str:
    shown = ring if len(ring) <= _MOST_NAMES else [*ring[: _MOST_NAMES - 2], "...", ring[-1]]
    text = f"These fallbacks go round in a circle: {' -> '.join(shown)}."
    silent = next((group for group in ring if groups[group] is None), None)
    if silent is None:
        return text
    return f"{text} '{silent}' has none of its own and takes the tenant's default_fallbacks; [] ends there."

"""Changes become the next Snapshot: only what they touch is read and rebuilt.

Both stores read through one small door (`ConfigurationReader`) and share this logic, so that what is incremental and
what is rebuilt from nothing cannot drift apart between them. The law, which the contract suite checks on random
histories: applying the changes equals loading everything anew.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from ai_gateway.domain.config import Endpoint, PriceBook, Snapshot, Tenant, TenantId
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.key_ring import KeyRing, ring_of
from ai_gateway.store.price_rows import compile_prices
from ai_gateway.store.rows import AdminTokenRow, ApiKeyRow, AuditRow, PriceRow
from ai_gateway.store.rule_sets import NO_RULES
from ai_gateway.store.slices import in_slices
from ai_gateway.store.snapshots import KeyRecord, SnapshotCompiler, TenantParts, by_digest

T = TypeVar("T")

_NEW: Final = Tenant(TenantId(""), "")
_UNSEEN: Final = frozenset({AdminTokenRow.noun, AuditRow.noun})  # nouns that the data plane never looks at


class ConfigurationReader(Protocol):
    """One consistent view of the rows. Keys that were revoked are never read: to the data plane they are unknown."""

    async def revision(self) -> int: ...

    async def book_prices(self) -> list[PriceRow]: ...

    async def tenant_parts(self, tenant_ids: Collection[str] | None) -> list[TenantParts]:
        """Of these tenants, or of all."""
        ...

    async def all_keys(self) -> list[KeyRecord]: ...

    async def keys_by_id(self, key_ids: Collection[str]) -> list[KeyRecord]: ...

    async def keys_of_tenants(self, tenant_ids: Collection[str]) -> list[KeyRecord]: ...


async def load(reader: ConfigurationReader, compiler: SnapshotCompiler) -> Snapshot:
    """Everything, from nothing. Keys whose tenant is gone are left out."""
    revision = await reader.revision()
    tenants = await _compile(compiler, await reader.tenant_parts(None), {})
    keys = [record for record in await reader.all_keys() if record.tenant_id in tenants]
    book = compile_prices(await reader.book_prices())
    return Snapshot(revision=revision, tenants=tenants, keys=ring_of(by_digest(keys)), book=book)


async def apply(
    reader: ConfigurationReader,
    compiler: SnapshotCompiler,
    snapshot: Snapshot,
    changes: Sequence[ConfigurationChanged],
) -> Snapshot:
    """The Snapshot after these changes, which are those since `snapshot.revision`, in order."""
    if not changes:
        return snapshot
    tenants = await _tenants_after(reader, compiler, snapshot.tenants, changes)
    return Snapshot(
        revision=max(snapshot.revision, changes[-1].revision),
        tenants=tenants,
        keys=await _keys_after(reader, snapshot, tenants, changes),
        book=await _book_after(reader, snapshot.book, changes),
    )


async def _tenants_after(
    reader: ConfigurationReader,
    compiler: SnapshotCompiler,
    before: Mapping[TenantId, Tenant],
    changes: Sequence[ConfigurationChanged],
) -> Mapping[TenantId, Tenant]:
    if any(change.tenant_id is None and change.noun not in _UNSEEN | {PriceRow.noun} for change in changes):
        return await _compile(compiler, await reader.tenant_parts(None), before)
    skipped = _UNSEEN | {ApiKeyRow.noun}
    touched = {change.tenant_id for change in changes if change.tenant_id is not None and change.noun not in skipped}
    if not touched:
        return before
    untouched = {tenant_id: tenant for tenant_id, tenant in before.items() if tenant_id not in touched}
    return untouched | await _compile(compiler, await reader.tenant_parts(touched), before)


async def _keys_after(
    reader: ConfigurationReader,
    snapshot: Snapshot,
    tenants: Mapping[TenantId, Tenant],
    changes: Sequence[ConfigurationChanged],
) -> KeyRing:
    """Keys that changed go under the digest that they had, and come with the one that they have. Nobody's stream waits
    for a tenant that brings or takes a hundred thousand."""
    arrived = tenants.keys() - snapshot.tenants.keys()
    gone = snapshot.tenants.keys() - tenants.keys()
    changed = {change.noun_id for change in changes if change.noun == ApiKeyRow.noun}
    if not (arrived or gone or changed):
        return snapshot.keys
    fresh = await reader.keys_by_id(changed) if changed else []
    if arrived:
        fresh += await reader.keys_of_tenants(arrived)
    if gone:
        changed |= await _keys_of(snapshot.keys, gone)
    draft = snapshot.keys.draft()
    async for ids in in_slices(changed):
        for key_id in ids:
            draft.drop(key_id)
    async for entries in in_slices(by_digest(record for record in fresh if record.tenant_id in tenants)):
        for digest, key in entries:
            draft.put(digest, key)
    return draft.done()


async def _keys_of(keys: KeyRing, tenant_ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    for part in keys.parts:
        found.update(key.id for key in part.values() if key.tenant_id in tenant_ids)
        await asyncio.sleep(0)
    return found


async def _book_after(
    reader: ConfigurationReader, before: PriceBook, changes: Sequence[ConfigurationChanged]
) -> PriceBook:
    if any(change.tenant_id is None and change.noun == PriceRow.noun for change in changes):
        return compile_prices(await reader.book_prices(), before=before.prices)
    return before


async def _compile(
    compiler: SnapshotCompiler, parts: Sequence[TenantParts], before: Mapping[TenantId, Tenant]
) -> dict[TenantId, Tenant]:
    """Rules take long to compile, the first ones longest, and endpoints are many; nobody's stream waits for them. What
    comes out as it was is what it was: plans and prices that were worked out with it hold on."""
    ruled = [one for one in parts if one.tenant.rules or any(route.rules for route in one.routes)]
    compiled = await asyncio.to_thread(lambda: [compiler.compile_rules(one) for one in ruled]) if ruled else []
    rules = {one.tenant.id: its for one, its in zip(ruled, compiled, strict=True)}
    tenants: dict[TenantId, Tenant] = {}
    for one in parts:
        known = before.get(TenantId(one.tenant.id), _NEW)
        endpoints: dict[str, Endpoint] = {}
        async for some in in_slices(compiler.compile_endpoints(one)):
            endpoints |= {name: _kept(known.endpoints.get(name), it) for name, it in some}
        tenant = compiler.compile_tenant(one, rules.get(one.tenant.id, NO_RULES), endpoints)
        tenants[tenant.id] = msgspec.structs.replace(tenant, prices=_kept(known.prices, tenant.prices))
        await asyncio.sleep(0)
    return tenants


def _kept(before: T | None, now: T) -> T:
    return before if before is not None and before == now else now

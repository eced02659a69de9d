"""Changes become the next Snapshot: only what they touch is read and rebuilt.

Both stores read through one small door (`ConfigurationReader`) and share this logic, so that what is incremental and
what is rebuilt from nothing cannot drift apart between them. The law, which the contract suite checks on random
histories: applying the changes equals loading everything anew.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

from ai_gateway.domain.config import Key, KeyDigest, PriceBook, Snapshot, Tenant, TenantId
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.store.price_rows import compile_prices
from ai_gateway.store.rows import AdminTokenRow, ApiKeyRow, AuditRow, PriceRow
from ai_gateway.store.rule_sets import NO_RULES
from ai_gateway.store.snapshots import KeyRecord, SnapshotCompiler, TenantParts, index_keys

SLICE: Final = 10_000
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
    tenants = await _compile(compiler, await reader.tenant_parts(None))
    keys = [record for record in await reader.all_keys() if record.tenant_id in tenants]
    book = compile_prices(await reader.book_prices())
    return Snapshot(revision=revision, tenants=tenants, keys=index_keys(keys), book=book)


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
        return await _compile(compiler, await reader.tenant_parts(None))
    skipped = _UNSEEN | {ApiKeyRow.noun}
    touched = {change.tenant_id for change in changes if change.tenant_id is not None and change.noun not in skipped}
    if not touched:
        return before
    untouched = {tenant_id: tenant for tenant_id, tenant in before.items() if tenant_id not in touched}
    return untouched | await _compile(compiler, await reader.tenant_parts(touched))


async def _keys_after(
    reader: ConfigurationReader,
    snapshot: Snapshot,
    tenants: Mapping[TenantId, Tenant],
    changes: Sequence[ConfigurationChanged],
) -> Mapping[KeyDigest, Key]:
    """The index is copied once, however many keys changed; it is searched by key id because a rotated key's old
    digest is known to nobody but the index."""
    arrived = tenants.keys() - snapshot.tenants.keys()
    gone = snapshot.tenants.keys() - tenants.keys()
    changed = {change.noun_id for change in changes if change.noun == ApiKeyRow.noun}
    if not (arrived or gone or changed):
        return snapshot.keys
    fresh = await reader.keys_by_id(changed) if changed else []
    if arrived:
        fresh += await reader.keys_of_tenants(arrived)
    keys = dict(snapshot.keys)
    for digest in await _digests_of(snapshot.keys, changed, gone):
        del keys[digest]
    keys.update(index_keys(record for record in fresh if record.tenant_id in tenants))
    return keys


async def _digests_of(
    keys: Mapping[KeyDigest, Key], key_ids: Collection[str], tenant_ids: Collection[str]
) -> list[KeyDigest]:
    """Looked for in slices, with the event loop's turn in between: nobody's stream waits for a hundred thousand keys.
    The index is a Snapshot's and does not change meanwhile."""
    found: list[KeyDigest] = []
    rest = iter(keys.items())
    while part := list(islice(rest, SLICE)):
        found += [digest for digest, key in part if key.id in key_ids or key.tenant_id in tenant_ids]
        await asyncio.sleep(0)
    return found


async def _book_after(
    reader: ConfigurationReader, before: PriceBook, changes: Sequence[ConfigurationChanged]
) -> PriceBook:
    if any(change.tenant_id is None and change.noun == PriceRow.noun for change in changes):
        return compile_prices(await reader.book_prices(), before=before.prices)
    return before


async def _compile(compiler: SnapshotCompiler, parts: Sequence[TenantParts]) -> dict[TenantId, Tenant]:
    """Rules take long to compile, the first ones longest; nobody's stream waits for them."""
    ruled = [one for one in parts if one.tenant.rules or any(route.rules for route in one.routes)]
    compiled = await asyncio.to_thread(lambda: [compiler.compile_rules(one) for one in ruled]) if ruled else []
    rules = {one.tenant.id: its for one, its in zip(ruled, compiled, strict=True)}
    return {TenantId(one.tenant.id): compiler.compile_tenant(one, rules.get(one.tenant.id, NO_RULES)) for one in parts}

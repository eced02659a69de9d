"""Provider configs: a tenant's accounts at providers, and the gateway's own where they were granted.

`{row_id}` is a config's id or its name. The granted ones come from the environment: listed, tested, never changed.
"""

from typing import Final

import msgspec

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer, flag_unenforced
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.fields import merged
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import deleted, find_named
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.price_fields import show_ceiling
from ai_gateway.admin.provider_fields import (
    ProviderBody,
    ProviderPatch,
    body_of,
    check_address,
    check_options,
    check_reference,
    columns_of,
    destination,
    is_environment,
)
from ai_gateway.admin.refusals import conflict, forbidden, invalid, missing
from ai_gateway.admin.routing import Route
from ai_gateway.admin.secrets import keep, users_by_secret
from ai_gateway.domain.config import Endpoint, Ownership
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import EnhancedProviderConfig, PoolRow, SecretRow, new_id

_KEY_FIELDS: Final = frozenset({"api_key", "api_key_secret_name"})


async def list_providers(desk: TenantDesk, page: Paged) -> Answer:
    """The tenant's configs, oldest first; granted system configs stand at the end of the last page."""
    async with desk.reading() as unit:
        answer = await list_rows(unit, EnhancedProviderConfig, desk.tenant_id, page, describe)
    if not answer["has_more"]:
        answer["data"] += [describe_system(endpoint) for endpoint in _system_endpoints(desk)]
    return answer


async def create_provider(desk: TenantDesk, body: ProviderBody) -> Answer:
    """A new config. An existing name is refused (409); PUT replaces."""
    async with desk.changing() as change:
        if await change.unit.find(EnhancedProviderConfig, desk.tenant_id, name=body.name):
            raise conflict("There is a provider config with this name already; PUT replaces it.", param="name")
        row = await place(change, desk, body, None)
    return describe(row)


async def read_provider(desk: TenantDesk, row_id: str) -> Answer:
    """One config, by id or name."""
    async with desk.reading() as unit:
        row = await find_named(unit, EnhancedProviderConfig, desk.tenant_id, "name", row_id)
    if row is not None:
        return describe(row)
    return describe_system(_system_endpoint(desk, row_id))


async def replace_provider(desk: TenantDesk, row_id: str, body: ProviderBody) -> Answer:
    """The config as the body says. Its key stays where none is given and the host is the same."""
    async with desk.changing() as change:
        row = await place(change, desk, body, await _fetch_own(change.unit, desk, row_id))
    return describe(row)


async def update_provider(desk: TenantDesk, row_id: str, body: ProviderPatch) -> Answer:
    """Only the fields that the body has."""
    async with desk.changing() as change:
        old = await _fetch_own(change.unit, desk, row_id)
        row = await place(change, desk, merged(body_of(old), body), old)
    return describe(row)


async def delete_provider(desk: TenantDesk, row_id: str) -> Answer:
    """The config goes; pools that name it list the member as unconfigured, and the answer warns of them."""
    async with desk.changing() as change:
        row = await _fetch_own(change.unit, desk, row_id)
        await remove(change, desk, row)
        pools = [pool.group_name for pool in await pools_naming(change.unit, desk.tenant_id, row.name)]
    if not pools:
        return deleted(row)
    warnings = [f"The pool '{pool}' still names it; that member is skipped." for pool in pools]
    return {**deleted(row), "warnings": warnings}


async def test_provider(desk: TenantDesk, row_id: str) -> Answer:
    """Call the provider's free check with the config's key, and say what came of it."""
    async with desk.reading() as unit:
        row = await find_named(unit, EnhancedProviderConfig, desk.tenant_id, "name", row_id)
    name = row.name if row is not None else _system_endpoint(desk, row_id).name
    if row is not None and not row.enabled:
        raise conflict("This config is disabled; enable it, then test it.")
    result = await desk.doors.probe(desk.tenant_id, name)
    return {
        "ok": result.ok,
        "status": result.status,
        "latency_ms": result.latency_ms,
        "category": result.category,
        "message": result.message,
    }


async def place(
    change: Change, desk: Desk, body: ProviderBody, old: EnhancedProviderConfig | None
) -> EnhancedProviderConfig:
    """Insert or overwrite a config, with its key. Raises InvalidRequest (422), Forbidden, Conflict."""
    check_address(desk, body.provider, body.endpoint_url, body.region)
    check_options(body.provider, body.options)
    _refuse_moved_key(body, old)
    row = EnhancedProviderConfig(
        id=new_id(EnhancedProviderConfig.prefix, change.now) if old is None else old.id,
        tenant_id=desk.tenant_id,
        created_at=change.now if old is None else old.created_at,
        api_key_secret_name=await _secret_name(change, desk, body, old),
        **columns_of(body),
    )
    if old is None:
        await change.insert(row)
    elif row != old:
        await change.replace(row)
    return row


def _refuse_moved_key(body: ProviderBody, old: EnhancedProviderConfig | None) -> None:
    if old is None or old.api_key_secret_name is None or body.api_key is not None:
        return
    keeps = "api_key_secret_name" not in body.model_fields_set or body.api_key_secret_name == old.api_key_secret_name
    if keeps and destination(body.provider, body.endpoint_url) != _destination_of(old):
        raise invalid("api_key", "is needed again, because the address it would be sent to changes.")


def _destination_of(row: EnhancedProviderConfig) -> str | None:
    try:
        return destination(row.provider, row.endpoint_url)
    except ValueError:  # an address that an older version let in: whatever comes now is another one
        return None


async def _secret_name(
    change: Change, desk: Desk, body: ProviderBody, old: EnhancedProviderConfig | None
) -> str | None:
    if body.api_key is not None and body.api_key_secret_name is not None:
        raise invalid("api_key", "was given beside api_key_secret_name; give one of the two.")
    if body.api_key is not None:
        return (await keep(change, desk, f"provider:{body.name}", body.api_key)).name
    name = body.api_key_secret_name
    if "api_key_secret_name" not in body.model_fields_set:
        kept = old.api_key_secret_name if old is not None else None
        if is_environment(kept) and _touches_more_than_traffic(body, old):
            check_reference(desk, kept or "")
        return kept
    if name is None:
        return None
    check_reference(desk, name)
    if not is_environment(name) and not await change.unit.find(SecretRow, desk.tenant_id, name=name):
        raise invalid("api_key_secret_name", "there is no such secret.")
    return name


def _touches_more_than_traffic(body: ProviderBody, old: EnhancedProviderConfig | None) -> bool:
    """A tenant may weigh and pause a config on the gateway's key, but not move the key to another path or type."""
    return old is None or (body.provider, body.endpoint_url) != (old.provider, old.endpoint_url)


async def _fetch_own(unit: Unit, desk: Desk, row_id: str) -> EnhancedProviderConfig:
    row = await find_named(unit, EnhancedProviderConfig, desk.tenant_id, "name", row_id)
    if row is not None:
        return row
    endpoint = _system_endpoint(desk, row_id)
    raise forbidden(
        f"'{endpoint.name}' is the gateway's own config and is not changed here.",
        "Make a config of your own; it comes before the gateway's.",
    )


def _system_endpoints(desk: Desk) -> list[Endpoint]:
    snapshot = desk.doors.snapshot()
    tenant = next((tenant for name, tenant in snapshot.tenants.items() if name == desk.tenant_id), None)
    if tenant is None:
        return []
    return [endpoint for endpoint in tenant.endpoints.values() if endpoint.ownership is Ownership.SYSTEM]


def _system_endpoint(desk: Desk, row_id: str) -> Endpoint:
    for endpoint in _system_endpoints(desk):
        if row_id in (endpoint.id, endpoint.name):
            return endpoint
    raise missing("provider config")


async def remove(change: Change, desk: Desk, row: EnhancedProviderConfig) -> None:
    await change.delete(row)
    await _drop_own_secret(change, desk, row)


async def pools_naming(unit: Unit, tenant_id: str, name: str) -> list[PoolRow]:
    pools = await unit.find(PoolRow, tenant_id)
    return [pool for pool in pools if any(member["name"] == name for member in pool.members)]


async def _drop_own_secret(change: Change, desk: Desk, row: EnhancedProviderConfig) -> None:
    """The secret that the config's own `api_key` made goes with it, unless another config names it."""
    own = f"provider:{row.name}"
    if row.api_key_secret_name != own or own in await users_by_secret(change.unit, desk.tenant_id):
        return
    for secret in await change.unit.find(SecretRow, desk.tenant_id, name=own):
        await change.delete(secret)


def describe(row: EnhancedProviderConfig) -> Answer:
    answer = {
        "id": row.id,
        "name": row.name,
        "provider": row.provider,
        "endpoint_url": row.endpoint_url,
        "api_key_secret_name": row.api_key_secret_name,
        "models": list(row.models),
        "rate_limits": row.rate_limits,
        "timeouts": row.timeouts,
        "region": row.region,
        "priority": row.priority,
        "weight": row.weight,
        "enabled": row.enabled,
        "default_max_output": row.default_max_output,
        "queue": row.queue,
        "paid_check_model": row.paid_check_model,
        "ceiling_price": show_ceiling(row.ceiling_price),
        "options": row.options,
        "system": False,
        "created_at": show_instant(row.created_at),
    }
    return flag_unenforced(answer, ["region"] if row.region else [])


def describe_system(endpoint: Endpoint) -> Answer:
    limits = msgspec.to_builtins(endpoint.rate_limits)
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "provider": str(endpoint.provider),
        "endpoint_url": endpoint.base_url.text,
        "api_key_secret_name": None,
        "models": list(endpoint.models),
        "rate_limits": {name: limit for name, limit in limits.items() if limit is not None},
        "timeouts": {},
        "region": endpoint.region,
        "priority": endpoint.priority,
        "weight": endpoint.weight,
        "enabled": True,
        "default_max_output": endpoint.default_max_output,
        "queue": None,
        "paid_check_model": None,
        "ceiling_price": None,
        "options": dict(endpoint.options),
        "system": True,
        "created_at": None,
    }


ROUTES: Final = (
    Route("GET", "/providers", list_providers, Permission.READ),
    Route("POST", "/providers", create_provider, Permission.CHANGE, status=201),
    Route("GET", "/providers/{row_id}", read_provider, Permission.READ),
    Route("PUT", "/providers/{row_id}", replace_provider, Permission.CHANGE),
    Route("PATCH", "/providers/{row_id}", update_provider, Permission.CHANGE),
    Route("DELETE", "/providers/{row_id}", delete_provider, Permission.CHANGE),
    Route("POST", "/providers/{row_id}/test", test_provider, Permission.CHANGE),
)

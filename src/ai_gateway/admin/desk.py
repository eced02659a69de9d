"""Where a handler stands: the doors, who asks, and whose rows it may touch.

Two kinds, because the platform's own nouns have a scope that a tenant's nouns must never get by accident. A
TenantDesk always stands in exactly one tenant. A WideDesk stands in one tenant for that tenant's people, and anywhere
for a platform admin who names none.
"""

from contextlib import AbstractAsyncContextManager
from typing import Annotated, cast

import msgspec
from fastapi import Depends, Request

from ai_gateway.admin.access import Principal
from ai_gateway.admin.changes import Change, changing
from ai_gateway.admin.doors import AdminDoors, Mode
from ai_gateway.admin.refusals import forbidden, missing
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.store.records import ANY_TENANT, Scope, Unit
from ai_gateway.store.rows import TenantRow

HEADER = "x-tenant-id"


class Desk(msgspec.Struct, frozen=True):
    """A handler's place in one tenant."""

    doors: AdminDoors
    principal: Principal
    tenant_id: str

    def reading(self) -> AbstractAsyncContextManager[Unit]:
        return self.doors.store.begin()

    def changing(self) -> AbstractAsyncContextManager[Change]:
        return changing(self.doors, self.principal)


class Wide(msgspec.Struct, frozen=True):
    """`tenant_id` None: a platform admin who named no tenant."""

    doors: AdminDoors
    principal: Principal
    tenant_id: str | None

    @property
    def scope(self) -> Scope:
        return ANY_TENANT if self.tenant_id is None else self.tenant_id

    def reading(self) -> AbstractAsyncContextManager[Unit]:
        return self.doors.store.begin()

    def changing(self) -> AbstractAsyncContextManager[Change]:
        return changing(self.doors, self.principal)


async def named_tenant(doors: AdminDoors, principal: Principal, named: list[str]) -> str | None:
    """The tenant that a request is about, or None where a platform admin named none.

    Raises Forbidden (a tenant's token that names another), NotFound (no such tenant), InvalidRequest (named twice).
    """
    if len(named) > 1:
        raise InvalidRequest("X-Tenant-Id was sent more than once.", code="invalid_tenant", param="X-Tenant-Id")
    if principal.tenant_id is not None:
        if named and named[0] != principal.tenant_id:
            raise forbidden(
                "This token belongs to one tenant and cannot act for another.", "Leave the X-Tenant-Id header out."
            )
        return principal.tenant_id
    if not named:
        return None
    async with doors.store.begin() as unit:
        if await unit.fetch(TenantRow, named[0], named[0]) is None:
            raise missing("tenant")
    return named[0]


async def _stand_anywhere(request: Request) -> Wide:
    doors, principal = at_the_door(request)
    tenant_id = await named_tenant(doors, principal, request.headers.getlist(HEADER))
    return Wide(doors=doors, principal=principal, tenant_id=tenant_id)


async def _stand_in_a_tenant(request: Request) -> Desk:
    wide = await _stand_anywhere(request)
    fallback = wide.doors.default_tenant_id if wide.doors.mode is Mode.DEVELOPMENT else None
    tenant_id = wide.tenant_id or fallback
    if tenant_id is None:
        raise InvalidRequest(
            "This belongs to a tenant, and the request does not say which.",
            code="tenant_required",
            param="X-Tenant-Id",
            action="Send the header 'X-Tenant-Id: <id>'; GET /api/v1/admin/tenants lists the ids.",
        )
    return Desk(doors=wide.doors, principal=wide.principal, tenant_id=tenant_id)


def at_the_door(request: Request) -> tuple[AdminDoors, Principal]:
    """The doors that build() hung up, and who was admitted by the route."""
    return cast(AdminDoors, request.app.state.doors), cast(Principal, request.state.principal)


TenantDesk = Annotated[Desk, Depends(_stand_in_a_tenant)]
WideDesk = Annotated[Wide, Depends(_stand_anywhere)]

"""The one door of the control plane: who asks, may they, and only then what they sent.

A body is read after its sender was admitted, so that a stranger cannot make the gateway parse 32 MiB. Tokens are
found by their keyed digest, whole; the operator's own token is compared in constant time.
"""

import hmac

from starlette.requests import Request

from ai_gateway.admin.access import Permission, Principal, Role, may
from ai_gateway.admin.doors import AdminDoors, Mode
from ai_gateway.admin.refusals import forbidden, unauthenticated
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.store.records import ANY_TENANT
from ai_gateway.store.rows import AdminTokenRow

_DEVELOPER = Principal(role=Role.PLATFORM_ADMIN, actor="development", tenant_id=None)
_BOOTSTRAP = Principal(role=Role.PLATFORM_ADMIN, actor="bootstrap token", tenant_id=None)


async def admit(doors: AdminDoors, headers: list[str], permission: Permission) -> Principal:
    """`headers` are the values of Authorization. Raises Unauthenticated, Forbidden."""
    principal = await _identify(doors, headers)
    if not may(principal, permission):
        raise forbidden(
            f"The role {principal.role} may not do this.", f"It takes a token whose role has '{permission}'."
        )
    return principal


async def _identify(doors: AdminDoors, headers: list[str]) -> Principal:
    if not headers and doors.mode is Mode.DEVELOPMENT:
        return _DEVELOPER
    token = _bearer(headers)
    digest = doors.digest_token(token)
    bootstrap = doors.bootstrap_token
    if bootstrap and hmac.compare_digest(digest, doors.digest_token(bootstrap.reveal().encode())):
        return _BOOTSTRAP
    async with doors.store.begin() as unit:
        rows = await unit.find(AdminTokenRow, ANY_TENANT, digest=digest)
    row = next((row for row in rows if row.revoked_at is None), None)
    if row is None:
        raise unauthenticated()
    return Principal(role=Role(row.role), actor=f"{row.name} ({row.id})", tenant_id=row.tenant_id)


def _bearer(headers: list[str]) -> bytes:
    if len(headers) != 1:
        raise unauthenticated()
    scheme, _, token = headers[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthenticated()
    return token.strip().encode("latin-1")


async def read_body(request: Request, limit: int) -> bytes:
    """At most `limit` bytes; raises InvalidRequest (413) as soon as it is known that there are more."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) < 20 and int(declared) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> InvalidRequest:
    return InvalidRequest(
        f"The body is larger than {limit // 1024} KiB.",
        status=413,
        code="body_too_large",
        action="Send less in one request.",
    )

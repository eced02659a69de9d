"""Who may do what, as a table of three roles and three permissions, because a rule that fits in a table gets read.

Every route names one permission. Whose data a route touches is no permission but a scope (`desk.py`): a tenant's
people cannot leave their tenant, so a foreign id is a missing one to them and no permission ever has to say so.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec


class Role(StrEnum):
    PLATFORM_ADMIN = "platform_admin"
    TENANT_ADMIN = "tenant_admin"
    VIEWER = "viewer"


class Permission(StrEnum):
    """READ looks, CHANGE alters what belongs to a tenant, OPERATE alters what belongs to the platform."""

    READ = "read"
    CHANGE = "change"
    OPERATE = "operate"


GRANTS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.PLATFORM_ADMIN: frozenset(Permission),
        Role.TENANT_ADMIN: frozenset({Permission.READ, Permission.CHANGE}),
        Role.VIEWER: frozenset({Permission.READ}),
    }
)


class Principal(msgspec.Struct, frozen=True):
    """Who asks. `tenant_id` is None exactly for platform admins; `actor` is what the audit log says."""

    role: Role
    actor: str
    tenant_id: str | None


def may(principal: Principal, permission: Permission) -> bool:
    return permission in GRANTS[principal.role]

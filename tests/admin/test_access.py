import pytest

from ai_gateway.admin.access import Permission, Principal, Role, may


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.PLATFORM_ADMIN, {Permission.READ, Permission.CHANGE, Permission.OPERATE}),
        (Role.TENANT_ADMIN, {Permission.READ, Permission.CHANGE}),
        (Role.VIEWER, {Permission.READ}),
    ],
)
def test_a_role_may_exactly_what_its_row_says(role: Role, allowed: set[Permission]) -> None:
    principal = Principal(role=role, actor="somebody", tenant_id=None)
    assert {permission for permission in Permission if may(principal, permission)} == allowed

"""Every route x every role x {own, foreign, missing}: nothing is sampled, and a new route fails until it is listed.

What a request would need to succeed is always sent (a right body, a tenant for the platform's admin), so a refusal can
only come from who asked and for what.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from admin.belongings import address, belongings, crowded_world
from admin.world import FOREIGN, OWN, PREFIX, World, without_id
from ai_gateway.admin.access import Permission
from ai_gateway.admin.app import NOUNS
from ai_gateway.admin.routing import Route

_ROLES = {
    "platform": {Permission.READ, Permission.CHANGE, Permission.OPERATE},
    "tenant_admin": {Permission.READ, Permission.CHANGE},
    "viewer": {Permission.READ},
}
_MEMBERS = [{"name": "ghost", "weight": 1}]
_PRICE = {"model": "m", "input_per_million_usd": 1, "output_per_million_usd": 2}

_BUDGET = {"scope": "team", "scope_id": "teams_own", "window": "daily", "limit_usd": 1}

_BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/tenants"): {"name": "new"},
    ("PUT", "/tenants/{row_id}"): {"name": "renamed"},
    ("PATCH", "/tenants/{row_id}"): {"name": "renamed"},
    ("POST", "/departments"): {"name": "new"},
    ("PUT", "/departments/{row_id}"): {"name": "renamed"},
    ("PATCH", "/departments/{row_id}"): {"name": "renamed"},
    ("POST", "/teams"): {"name": "new"},
    ("PUT", "/teams/{row_id}"): {"name": "renamed"},
    ("PATCH", "/teams/{row_id}"): {"name": "renamed"},
    ("POST", "/users"): {"name": "new"},
    ("PUT", "/users/{row_id}"): {"name": "renamed"},
    ("PATCH", "/users/{row_id}"): {"name": "renamed"},
    ("POST", "/api-keys"): {"name": "new"},
    ("PUT", "/api-keys/{row_id}"): {"name": "renamed"},
    ("PATCH", "/api-keys/{row_id}"): {"name": "renamed"},
    ("POST", "/tokens"): {"role": "viewer", "name": "new"},
    ("POST", "/secrets"): {"name": "new", "value": "sk-0123456789abcd"},
    ("PUT", "/secrets/{row_id}"): {"value": "sk-0123456789abcd"},
    ("POST", "/secrets/{row_id}/rotate"): {"value": "sk-0123456789abcd"},
    ("POST", "/providers"): {"name": "new", "provider": "mock"},
    ("PUT", "/providers/{row_id}"): {"name": "renamed", "provider": "mock"},
    ("PATCH", "/providers/{row_id}"): {"weight": 5},
    ("POST", "/router/load-balancer/pools"): {"group_name": "new", "providers": _MEMBERS},
    ("PUT", "/router/load-balancer/pools/{group}"): {"providers": _MEMBERS},
    ("POST", "/router/circuit-breakers/{provider}/force-open"): {"for_seconds": 30, "reason": "a test"},
    ("PUT", "/router/load-balancer/pools/{group}/health/{provider}"): {"healthy": False},
    ("POST", "/routes"): {"name": "new", "pool": "pool-own"},
    ("POST", "/routes/{row_id}/explain"): {"dialect": "openai"},
    ("POST", "/routes/{row_id}/preview"): {"request": {"messages": []}},
    ("PUT", "/routes/{row_id}"): {"name": "renamed", "pool": "pool-own"},
    ("PATCH", "/routes/{row_id}"): {"name": "renamed"},
    ("POST", "/prices"): _PRICE,
    ("POST", "/leases/{row_id}/resolve"): {"outcome": "released"},
    ("POST", "/budgets"): {**_BUDGET, "window": "monthly"},
    ("PUT", "/budgets/{row_id}"): {**_BUDGET, "limit_usd": 2},
    ("POST", "/prices/book"): {"edition": "e", "prices": []},
    ("POST", "/prices/rerate"): {"model": "m", "from": 1, "until": 2},
    ("POST", "/config/validate"): {"version": 1},
    ("POST", "/config/diff"): {"version": 1},
    ("POST", "/config/apply"): {"version": 1},
    ("POST", "/config/import"): {"version": 1},
}
_QUERIES = {("GET", "/prices/find"): "?model=m"}
_BODILESS = ("/rotate", "/revoke", "/test", "/reset")
_UPSERTS = {("PUT", "/router/load-balancer/pools/{group}")}  # a name that is not there is made there, in one's own
_IN_USE = {("DELETE", "/tenants/{row_id}")}  # the own tenant has things in it: 409


class Cell(NamedTuple):
    route: Route
    role: str | None
    target: str | None

    def __str__(self) -> str:
        return f"{self.route.method} {self.route.path} {self.role} {self.target}"


def _routes() -> list[Route]:
    return [route for _, routes in NOUNS for route in routes]


def _cells() -> Iterator[Cell]:
    for route, role in itertools.product(_routes(), [*_ROLES, None, "gwa-unknown"]):
        for target in ("own", "foreign", "missing") if "{" in route.path else (None,):
            yield Cell(route, role, target)


async def _ask(world: World, cell: Cell, target: str | None) -> Any:
    route = cell.route
    body = _BODIES.get((route.method, route.path))
    tenant = OWN if cell.role == "platform" else None
    path = address(route.path, target) + _QUERIES.get((route.method, route.path), "")
    return await world.call(route.method, path, body, role=cell.role, tenant=tenant)


def _expected(cell: Cell) -> int:
    line = (cell.route.method, cell.route.path)
    if cell.role not in _ROLES:
        return 401
    if cell.route.permission not in _ROLES[cell.role]:
        return 403
    if cell.target in ("foreign", "missing"):
        return 201 if line in _UPSERTS else 404
    return 409 if line in _IN_USE else cell.route.status


@pytest.mark.parametrize("cell", list(_cells()), ids=str)
async def test_a_cell_of_the_matrix_answers_as_the_rule_says(cell: Cell) -> None:
    world = await crowded_world()
    stored = await world.everything()
    theirs = [await world.rows(type(row), FOREIGN) for row in belongings(FOREIGN, "foreign")]
    answer = await _ask(world, cell, cell.target)
    assert answer.status_code == _expected(cell), answer.text
    assert [await world.rows(type(row), FOREIGN) for row in belongings(FOREIGN, "foreign")] == theirs
    if answer.status_code >= 400:
        assert await world.everything() == stored
    if cell.target == "foreign" and answer.status_code == 404:
        assert without_id(answer) == without_id(await _ask(world, cell, "missing"))


@pytest.mark.parametrize("path", ["/providers", "/secrets", "/routes", "/router/load-balancer/pools"])
async def test_a_foreign_name_is_a_missing_one_too(path: str) -> None:
    world = await crowded_world()
    noun = path.rsplit("/", 1)[-1].rstrip("s")
    foreign = await world.call("GET", f"{path}/{noun}-foreign")
    missing = await world.call("GET", f"{path}/{noun}-missing")
    assert (await world.call("GET", f"{path}/{noun}-own")).status_code == 200
    assert foreign.status_code == 404
    assert without_id(foreign) == without_id(missing)


@pytest.mark.parametrize("role", list(_ROLES))
async def test_a_list_has_only_what_is_ones_own(role: str) -> None:
    world = await crowded_world()
    lists = [route for route in _routes() if route.method == "GET" and "{" not in route.path]
    for route in lists:
        answer = await world.call("GET", route.path, role=role, tenant=OWN if role == "platform" else None)
        assert "-foreign" not in answer.text
        assert "_foreign" not in answer.text, route.path


def test_every_route_that_takes_a_body_is_listed_and_no_other() -> None:
    writes = {
        (route.method, route.path)
        for route in _routes()
        if route.method in ("POST", "PUT", "PATCH") and not route.path.endswith(_BODILESS)
    }
    assert writes | {("POST", "/secrets/{row_id}/rotate")} == set(_BODIES)


def test_the_matrix_is_whole() -> None:
    targets = sum(3 if "{" in route.path else 1 for route in _routes())
    assert len(list(_cells())) == 5 * targets
    named = {"{row_id}", "{group}", "{provider}"}
    assert all(set(re.findall(r"\{\w+\}", PREFIX + route.path)) <= named for route in _routes())

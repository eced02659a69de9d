import errno

import pytest

from ai_gateway.domain.faults import GatewayFault, Unauthenticated
from ai_gateway.gateway.admission import Admitted, admit
from ai_gateway.gateway.http import ROUTES, ROUTES_BELOW
from support.builders import TOKEN, a_caller, a_head, a_key, a_receipt, a_snapshot
from support.clock import NOON
from support.journal import MemoryFolder, a_journal
from support.line import a_line, ask

EVERY_ROUTE = [
    *((route.method, path) for path, route in ROUTES.items()),
    *((route.method, f"{prefix}some-id") for prefix, route in ROUTES_BELOW.items()),
]
REFUSED = {
    "nothing": ({}, "missing_api_key"),
    "an unknown key": ({"authorization": "Bearer sk-gw-nobody"}, "invalid_api_key"),
    "an unknown key in the other header": ({"x-api-key": "sk-gw-nobody"}, "invalid_api_key"),
    "no bearer": ({"authorization": f"Basic {TOKEN}"}, "missing_api_key"),
    "an empty bearer": ({"authorization": "Bearer "}, "missing_api_key"),
    "a disabled key": ({"authorization": "Bearer sk-off"}, "api_key_disabled"),
    "an expired key": ({"authorization": "Bearer sk-over"}, "api_key_expired"),
}


def test_only_the_gate_makes_an_admitted() -> None:
    for gate in (None, object(), "gate"):
        with pytest.raises(TypeError):
            Admitted(gate, a_head(), a_snapshot(), a_caller())


@pytest.mark.parametrize("offered", REFUSED)
@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
async def test_no_route_is_open_without_a_key(method: str, path: str, offered: str) -> None:
    keys = {TOKEN: a_key(), "sk-off": a_key("off", enabled=False), "sk-over": a_key("over", expires_at=NOON)}
    line = await a_line(a_snapshot(keys=keys))
    headers, code = REFUSED[offered]

    answered = await ask(line.app, method, path, headers, b"{}")

    assert (answered.status, answered.error["gateway"]["category"]) == (401, "authentication")
    assert answered.headers["x-gateway-error"] == code
    assert (line.upstream.sent, line.receipts) == ([], [])
    line.assert_at_rest()


@pytest.mark.parametrize(
    "headers", [{"authorization": f"Bearer {TOKEN}"}, {"authorization": f"bearer  {TOKEN} "}, {"x-api-key": TOKEN}]
)
@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
async def test_both_key_headers_open_every_route(method: str, path: str, headers: dict[str, str]) -> None:
    line = await a_line()

    answered = await ask(line.app, method, path, headers, b"{}")

    assert answered.status in (200, 400, 404)


async def test_a_wrong_bearer_beside_a_good_x_api_key_is_let_in() -> None:
    line = await a_line()
    headers = {"authorization": "Bearer sk-something-else", "x-api-key": TOKEN}
    assert (await ask(line.app, "GET", "/v1/models", headers)).status == 200


async def test_an_admitted_is_pinned_to_the_snapshot_of_its_moment() -> None:
    line = await a_line()
    admitted = admit(line.doors, a_head(credentials=(TOKEN.encode(),)))
    assert admitted.snapshot is line.doors.snapshots.current()
    assert admitted.caller.key.id == "key_1"


async def test_nobody_is_admitted_while_nothing_can_be_booked_but_a_stranger_learns_nothing_of_it() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    folder.failing_writes = errno.ENOSPC
    journal.append(a_receipt())
    line = await a_line(journal=journal)

    with pytest.raises(GatewayFault):
        admit(line.doors, a_head(credentials=(TOKEN.encode(),)))
    with pytest.raises(Unauthenticated):
        admit(line.doors, a_head())

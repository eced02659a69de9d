import logging

import pytest

from admin.world import PREFIX, World
from ai_gateway.admin.doors import Mode
from ai_gateway.admin.edge import AdminEdge
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import TeamRow

_TEAM = b'{"name":"t1"}'


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"forwarded": "for=1.2.3.4"},
        {"x-forwarded-for": "1.2.3.4"},
        {"x-forwarded-anything": "1"},
        {"via": "1.1 proxy"},
    ],
)
async def test_development_refuses_what_a_foreign_page_or_a_proxy_sends(
    development: World, headers: dict[str, str]
) -> None:
    before = await development.everything()
    answer = await development.raw("POST", f"{PREFIX}/teams", content=_TEAM, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["gateway"]["category"] == "permission"
    assert await development.rows(TeamRow) == []
    assert await development.everything() == before


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8000"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"content-type": "application/x-www-form-urlencoded"},
    ],
)
async def test_development_needs_no_token_from_our_own_pages_and_from_curl(
    development: World, headers: dict[str, str]
) -> None:
    answer = await development.raw("POST", f"{PREFIX}/teams", content=_TEAM, headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}])
async def test_a_foreign_page_may_be_answered_a_get_that_it_cannot_read(
    development: World, headers: dict[str, str]
) -> None:
    assert (await development.raw("GET", f"{PREFIX}/teams", headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", [{"forwarded": "for=1.2.3.4"}, {"x-forwarded-host": "x"}, {"via": "1.1 p"}])
async def test_a_proxied_get_is_refused_too(development: World, headers: dict[str, str]) -> None:
    assert (await development.raw("GET", f"{PREFIX}/teams", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("[::1]", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.", 403),
        ("127.0.0.1:80:80", 403),
        ("", 403),
    ],
)
async def test_development_answers_to_loopback_names_only(development: World, host: str, status: int) -> None:
    answer = await development.raw("GET", f"{PREFIX}/teams", headers={"host": host})
    assert answer.status_code == status


async def test_serve_mode_leaves_hosts_and_proxies_to_the_token(world: World) -> None:
    headers = {"host": "gateway.example", "x-forwarded-for": "1.2.3.4", "authorization": "Bearer gwa-own-admin"}
    assert (await world.raw("GET", f"{PREFIX}/teams", headers=headers)).status_code == 200


async def test_every_answer_has_our_own_request_id(world: World) -> None:
    for path in ("/teams", "/nowhere"):
        answer = await world.raw("GET", PREFIX + path, headers={"x-request-id": "theirs"})
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.json()["error"]["gateway"]["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/teams/%00", "/teams?cursor=%00"])
async def test_a_nul_in_the_address_is_refused_before_it_reaches_a_database(world: World, path: str) -> None:
    assert (await world.call("GET", path)).status_code == 400


async def test_what_nobody_expected_is_a_500_without_a_detail_and_a_log_line_without_the_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("sk-internal-detail")

    world = World(Mode.SERVE)
    log = logging.getLogger("tests.admin.edge")
    with caplog.at_level(logging.ERROR, logger=log.name):
        sent = await _drive(AdminEdge(broken, world.doors, log))
    assert sent[0]["status"] == 500
    assert b"gateway_fault" in sent[1]["body"]
    assert b"sk-internal-detail" not in sent[1]["body"]
    assert "RuntimeError" in caplog.text
    assert "sk-internal-detail" not in caplog.text


async def test_a_database_that_is_away_is_a_503() -> None:
    async def away(scope: object, receive: object, send: object) -> None:
        raise StoreUnavailable

    sent = await _drive(AdminEdge(away, World().doors, logging.getLogger("tests.admin.edge")))
    assert sent[0]["status"] == 503
    assert b"store_unavailable" in sent[1]["body"]


async def _drive(app: AdminEdge) -> list[dict[str, object]]:
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": [(b"host", b"h")]}
    await app(scope, receive, send)
    return sent


async def test_two_hosts_are_refused() -> None:
    async def unreachable(scope: object, receive: object, send: object) -> None:
        raise AssertionError

    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    edge = AdminEdge(unreachable, World().doors, logging.getLogger("tests.admin.edge"))
    hosts = [(b"host", b"a"), (b"host", b"b")]
    await edge({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": hosts}, None, send)
    assert sent[0]["status"] == 400

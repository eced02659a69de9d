"""The table of routes and the one place where a request ends. Whole journeys are in test_line.py, the gate in
test_admission.py."""

import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.gateway.http import DELETES_BELOW, ROUTES, ROUTES_BELOW
from support.builders import TOKEN
from support.line import BEARER, a_line, ask

EVERY_PATH = [*ROUTES, *(f"{prefix}id" for prefix in ROUTES_BELOW)]


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v2/models", "/v1/models/", "/v1/requests/", "/v1/chat", "/v1/chat/completions/x", "/x"]
)
async def test_what_leads_nowhere_is_404_in_an_sdks_shape(path: str) -> None:
    line = await a_line()
    answered = await ask(line.app, "POST", path, BEARER, b"{}")
    assert (answered.status, answered.error["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("path", ["/v1/messages/nope", "/v1/messages"])
async def test_below_messages_errors_are_anthropics(path: str) -> None:
    line = await a_line()
    answered = await ask(line.app, "POST", path, {}, b"{}")
    assert answered.json()["type"] == "error"
    assert answered.json()["request_id"] == answered.headers["request-id"]


@pytest.mark.parametrize("path", EVERY_PATH)
async def test_another_method_is_405_and_says_which_one_is_right(path: str) -> None:
    line = await a_line()
    right = {(ROUTES.get(path) or ROUTES_BELOW[path.removesuffix("id")]).method}
    right |= {"DELETE"} if path.removesuffix("id") in DELETES_BELOW else set()
    for wrong in {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"} - right:
        answered = await ask(line.app, wrong, path, BEARER)
        assert (answered.status, answered.headers["x-gateway-error"]) == (405, "method_not_allowed")
        assert any(method in answered.error["message"] for method in right)


@pytest.mark.parametrize(
    "path", ["/v1//models", "/v1/../v1/models", "/v1/%2e%2e/models", "/v1/models%2Fx", "/v1/mod\\els"]
)
async def test_odd_paths_are_refused_before_anybody_looks_at_a_key(path: str) -> None:
    line = await a_line()
    answered = await ask(line.app, "GET", path)
    assert (answered.status, answered.error["code"]) == (400, "invalid_path")


async def test_an_escaped_path_is_its_plain_self() -> None:
    line = await a_line()
    assert (await ask(line.app, "GET", "/v1/%6dodels", BEARER)).status == 200


async def test_every_answer_has_our_id_twice_and_the_callers_own_apart() -> None:
    line = await a_line()
    for path, status in (("/v1/models", 200), ("/v1/models/nope", 404), ("/v1/nope", 404)):
        answered = await ask(line.app, "GET", path, {**BEARER, "x-request-id": "mine"})
        assert answered.status == status
        assert answered.headers["x-request-id"] == answered.headers["request-id"]
        assert answered.headers["x-request-id"].startswith("req_")
        assert "mine" not in answered.headers["x-request-id"]
        if path != "/v1/nope":
            assert answered.headers["x-client-request-id"] == "mine"


async def test_the_list_of_models_speaks_the_dialect_of_who_asks() -> None:
    line = await a_line()
    refused = await ask(line.app, "GET", "/v1/models", {"anthropic-version": "2023-06-01"})
    assert refused.json()["type"] == "error"
    assert "type" not in (await ask(line.app, "GET", "/v1/models")).json()


async def test_every_request_is_noted_once_at_its_end() -> None:
    line = await a_line()
    await ask(line.app, "GET", "/v1/models", BEARER)
    await ask(line.app, "GET", "/v1/models")
    await ask(line.app, "GET", "/nowhere")

    assert [(it.status, it.fault and it.fault.code) for it in line.ended] == [
        (200, None),
        (401, "missing_api_key"),
        (404, "unknown_url"),
    ]
    assert [(it.tenant_id, it.key_id) for it in line.ended] == [("t1", "key_1"), (None, None), (None, None)]
    line.assert_at_rest()


async def test_a_key_is_in_nothing_that_is_noted() -> None:
    line = await a_line()
    await ask(line.app, "POST", "/v1/chat/completions", BEARER, b'{"model":"nope"}')
    assert TOKEN not in str(line.ended)


def test_paths_below_anthropics_speak_anthropic() -> None:
    assert {path for path, route in ROUTES.items() if route.dialect is Dialect.ANTHROPIC} == {
        "/v1/messages",
        "/v1/messages/count_tokens",
    }

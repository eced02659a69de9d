"""Development mode has no password on its admin API: what a web page or a proxy could send is refused, and changes
nothing. Each request here is one that would have worked without the header that is tested."""

import pytest

from support.gateway import Gateway

MAKE_TEAM = ("POST", "/teams", {"name": "intruders"})


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-forwarded-for": "203.0.113.9"},
        {"forwarded": "for=203.0.113.9"},
        {"via": "1.1 proxy"},
        {"host": "evil.example"},
        {"host": "localhost.evil.example:8000"},
    ],
    ids=str,
)
def test_a_change_that_may_come_from_elsewhere_is_refused(shared: Gateway, headers: dict[str, str]) -> None:
    reply = shared.admin(*MAKE_TEAM, headers)
    assert (reply.status, reply.json["error"]["gateway"]["category"]) == (403, "permission")
    assert shared.admin("GET", "/teams").json["data"] == []


@pytest.mark.parametrize("headers", [{"x-forwarded-host": "a"}, {"via": "1.1 p"}, {"host": "evil.example"}], ids=str)
def test_nothing_is_even_read_through_a_proxy_or_by_another_name(shared: Gateway, headers: dict[str, str]) -> None:
    assert shared.admin("GET", "/providers", None, headers).status == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_every_changing_method_is_fenced(shared: Gateway, method: str) -> None:
    reply = shared.admin(method, "/providers/openai-1", {"weight": 9}, {"origin": "https://evil.example"})
    assert reply.status == 403
    assert shared.admin("GET", "/providers/openai-1").json["weight"] == 1


def test_the_gateways_own_pages_and_command_lines_may_change_things(fresh: Gateway) -> None:
    own = {"origin": f"http://127.0.0.1:{fresh.port}", "sec-fetch-site": "same-origin"}
    assert fresh.admin(*MAKE_TEAM, own).status == 201
    assert fresh.admin("POST", "/teams", {"name": "typed"}, {"sec-fetch-site": "none"}).status == 201
    form = {"content-type": "application/x-www-form-urlencoded"}  # what `curl -d` sends
    assert fresh.admin("POST", "/teams", {"name": "form"}, form).status == 201


def test_the_data_plane_asks_for_its_key_whoever_asks(shared: Gateway) -> None:
    assert shared.request("POST", "/v1/chat/completions", {"model": "gpt-4", "messages": []}).status == 401

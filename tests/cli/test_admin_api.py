import socket
from decimal import Decimal

import pytest

from ai_gateway.cli.admin_api import AdminApi, Refused, Unreachable
from ai_gateway.domain.secret import Secret
from support.admin_server import AdminServer


def test_the_token_and_the_tenant_are_sent(gateway: AdminServer) -> None:
    gateway.answers["GET /api/v1/admin/api-keys/key_1"] = (200, {"id": "key_1"})
    assert AdminApi(gateway.url, Secret("the-token"), "ten_1").get("api-keys", "key_1") == {"id": "key_1"}
    assert gateway.seen[0].headers["authorization"] == "Bearer the-token"
    assert gateway.seen[0].headers["x-tenant-id"] == "ten_1"


def test_what_was_not_given_is_not_sent(gateway: AdminServer) -> None:
    gateway.answers["GET /api/v1/admin/tenants"] = (200, {})
    AdminApi(gateway.url + "/", None, None).get("tenants")
    assert not {"authorization", "x-tenant-id"} & gateway.seen[0].headers.keys()


def test_a_name_cannot_leave_its_place_in_the_path(gateway: AdminServer) -> None:
    with pytest.raises(Refused):
        AdminApi(gateway.url, None, None).get("api-keys", "../tenants?x=1")
    assert gateway.seen[0].path == "/api/v1/admin/api-keys/..%2Ftenants%3Fx%3D1"


def test_all_pages_of_a_list_are_read(gateway: AdminServer) -> None:
    first = {"data": [{"id": "a"}, {"id": "b"}], "has_more": True, "next_cursor": "b="}
    last = {"data": [{"id": "c"}], "has_more": False, "next_cursor": None}
    gateway.answers["GET /api/v1/admin/teams?limit=200"] = (200, first)
    gateway.answers["GET /api/v1/admin/teams?limit=200&cursor=b%3D"] = (200, last)
    assert [row["id"] for row in AdminApi(gateway.url, None, None).list_all("teams")] == ["a", "b", "c"]


def test_decimals_travel_digit_by_digit_in_both_directions(gateway: AdminServer) -> None:
    gateway.answers["POST /api/v1/admin/prices"] = (201, b'{"usd": 0.100000000000000000001}')
    answer = AdminApi(gateway.url, None, None).post("prices", body={"usd": Decimal("0.10")})
    assert answer == {"usd": Decimal("0.100000000000000000001")}
    assert gateway.seen[0].body == {"usd": "0.10"}


def test_a_refusal_carries_the_gateways_own_words_and_advice(gateway: AdminServer) -> None:
    error = {"message": "weight: is negative.", "param": "weight", "gateway": {"suggested_action": "Use 0 or more."}}
    gateway.answers["POST /api/v1/admin/providers"] = (422, {"error": error})
    with pytest.raises(Refused, match=r"weight: is negative. \(weight\) Use 0 or more.") as refused:
        AdminApi(gateway.url, None, None).post("providers", body={})
    assert refused.value.is_about_the_document


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b'{"error": {}}'])
def test_a_refusal_in_no_shape_of_ours_is_told_by_its_status(gateway: AdminServer, body: bytes) -> None:
    gateway.answers["GET /api/v1/admin/tenants"] = (502, body)
    with pytest.raises(Refused, match="502 Bad Gateway") as refused:
        AdminApi(gateway.url, None, None).get("tenants")
    assert not refused.value.is_about_the_document


def test_a_redirect_is_not_followed_with_the_token(gateway: AdminServer) -> None:
    gateway.answers["GET /api/v1/admin/tenants"] = (302, b"")
    gateway.headers["location"] = f"{gateway.url}/elsewhere"
    with pytest.raises(Refused, match="302"):
        AdminApi(gateway.url, Secret("the-token"), None).get("tenants")
    assert [seen.path for seen in gateway.seen] == ["/api/v1/admin/tenants"]


def test_somebody_elses_page_is_not_taken_for_a_gateway(gateway: AdminServer) -> None:
    gateway.answers["GET /api/v1/admin/tenants"] = (200, b"<html>")
    with pytest.raises(Unreachable, match="not an AI Gateway"):
        AdminApi(gateway.url, None, None).get("tenants")


def test_nobody_there_is_unreachable_and_says_what_to_do() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unreachable, match="Start one with `make run`"):
            AdminApi(url, None, None).get("tenants")


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://127.0.0.1", "file:///etc/passwd"])
def test_an_address_that_is_none_is_said_before_anything_is_sent(url: str) -> None:
    with pytest.raises(Unreachable, match="AI_GATEWAY_URL"):
        AdminApi(url, None, None)


def test_readiness_tells_status_and_text_whatever_the_status(gateway: AdminServer) -> None:
    gateway.answers["GET /readyz"] = (503, {"ready": False})
    assert AdminApi(gateway.url, None, None).readiness() == (503, '{"ready": false}')
    gateway.answers["GET /readyz"] = (200, {"ready": True})
    assert AdminApi(gateway.url, None, None).readiness() == (200, '{"ready": true}')

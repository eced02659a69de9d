import json

from ai_gateway.admin.answers import error_body, error_response, flag_unenforced
from ai_gateway.domain.faults import ALL_FAULTS, GatewayFault, RateLimited, Unauthenticated


def test_every_fault_has_the_whole_shape() -> None:
    for kind in ALL_FAULTS:
        body = error_body(kind(detail="sk-internal"), "req_1")["error"]
        assert set(body) == {"message", "type", "param", "code", "gateway"}
        assert set(body["gateway"]) == {
            "category",
            "origin",
            "message",
            "suggested_action",
            "retryable",
            "retry_after_seconds",
            "request_id",
            "docs",
        }
        assert "sk-internal" not in json.dumps(body)


def test_a_missing_token_says_how_to_authenticate() -> None:
    assert error_response(Unauthenticated(), "r").headers["www-authenticate"] == "Bearer"


def test_a_pause_is_a_header_too() -> None:
    assert error_response(RateLimited(retry_after_seconds=0.2), "r").headers["retry-after"] == "1"
    assert "retry-after" not in error_response(GatewayFault(), "r").headers


def test_what_is_not_enforced_is_said_and_nothing_else_is() -> None:
    assert flag_unenforced({"id": "x"}, []) == {"id": "x"}
    assert flag_unenforced({"id": "x"}, ["a"]) == {"id": "x", "enforced": False, "not_enforced": ["a"]}

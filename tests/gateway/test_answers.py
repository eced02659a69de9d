from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation, ProviderError
from ai_gateway.domain.faults import (
    ALL_FAULTS,
    BudgetExceeded,
    CircuitOpen,
    Fault,
    InvalidRequest,
    ProviderFailed,
    ProviderOverloaded,
    RateLimited,
)
from ai_gateway.gateway import answers

CANARY = "canary: only for the log"


def body(fault: Fault, dialect: Dialect = Dialect.OPENAI) -> Any:
    return msgspec.json.decode(answers.body_of(fault, dialect, "req_1"))


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("kind", ALL_FAULTS)
def test_every_fault_is_said_in_the_callers_dialect_and_the_same_within(kind: type[Fault], dialect: Dialect) -> None:
    fault = kind(detail=CANARY)

    said = body(fault, dialect)

    assert isinstance(said["error"]["type"], str)
    assert said["error"]["message"] == fault.message
    assert said["error"]["gateway"] == {
        "category": fault.category.value,
        "origin": fault.origin.value,
        "message": fault.message,
        "suggested_action": fault.action,
        "retryable": fault.retryable,
        "retry_after_seconds": None,
        "request_id": "req_1",
        "docs": f"docs/ERROR_HANDLING.md#{fault.category.value}",
    }
    assert CANARY not in str(said)


@pytest.mark.parametrize("kind", ALL_FAULTS)
def test_openai_errors_have_the_four_members_that_its_sdk_reads(kind: type[Fault]) -> None:
    error = body(kind(param="model"))["error"]
    assert set(error) == {"message", "type", "param", "code", "gateway"}
    assert (error["param"], error["code"]) == ("model", kind.default_code)


@pytest.mark.parametrize("kind", ALL_FAULTS)
def test_anthropic_errors_say_error_twice_and_name_the_request(kind: type[Fault]) -> None:
    said = body(kind(), Dialect.ANTHROPIC)
    assert (said["type"], said["request_id"]) == ("error", "req_1")


def test_openai_keeps_the_providers_type_code_and_param_but_says_it_in_our_words() -> None:
    fault = ProviderFailed(provider_error=ProviderError(500, "their words", "their_type", "their_code", "their_param"))
    error = body(fault)["error"]
    assert (error["type"], error["code"], error["param"]) == ("their_type", "their_code", "their_param")
    assert error["message"] == fault.message


def test_anthropic_keeps_the_providers_words_because_its_tools_match_them() -> None:
    fault = InvalidRequest(provider_error=ProviderError(400, "prompt is too long", "invalid_request_error"))
    error = body(fault, Dialect.ANTHROPIC)["error"]
    assert (error["type"], error["message"]) == ("invalid_request_error", "prompt is too long")
    assert error["gateway"]["message"] == fault.message


def test_overloaded_is_529_where_anthropic_is_spoken() -> None:
    assert answers.status_of(ProviderOverloaded(), Dialect.ANTHROPIC) == 529
    assert answers.status_of(ProviderOverloaded(), Dialect.OPENAI) == 503
    assert body(ProviderOverloaded(), Dialect.ANTHROPIC)["error"]["type"] == "overloaded_error"
    assert answers.status_of(CircuitOpen(), Dialect.ANTHROPIC) == 503


def test_a_size_has_anthropics_own_type() -> None:
    assert body(InvalidRequest(status=413), Dialect.ANTHROPIC)["error"]["type"] == "request_too_large"


def test_a_wait_is_said_in_whole_seconds_up_and_in_milliseconds() -> None:
    headers = dict(answers.headers_of(RateLimited(retry_after_seconds=1.2)))
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("2", "1200")
    assert dict(answers.headers_of(RateLimited(retry_after_seconds=0.0)))["retry-after"] == "1"
    assert "retry-after" not in dict(answers.headers_of(RateLimited()))


def test_a_budget_has_no_wait_that_an_sdk_would_keep() -> None:
    headers = dict(answers.headers_of(BudgetExceeded(retry_after_seconds=60)))
    assert headers["x-should-retry"] == "false"
    assert "retry-after" not in headers


def test_what_is_not_worth_a_retry_says_so() -> None:
    refused = {it.category.value for it in ALL_FAULTS if ("x-should-retry", "false") in answers.headers_of(it())}
    assert refused == {"budget", "quota", "payment", "provider_authentication"}


def test_every_refusal_names_its_code_in_a_header() -> None:
    assert dict(answers.headers_of(InvalidRequest(code="duplicate_key")))["x-gateway-error"] == "duplicate_key"


def test_the_last_event_of_a_response_has_the_members_of_its_reference_and_the_error_object_that_sdks_raise() -> None:
    event = answers.event_of(ProviderFailed(), Dialect.OPENAI, "req_1", Operation.RESPONSES)
    said = msgspec.json.decode(event.removeprefix(b"event: error\ndata: "))
    error = body(ProviderFailed())["error"]
    assert (said["type"], said["error"], said["message"]) == ("error", error, error["message"])
    assert (said["code"], said["sequence_number"], event.count(b"\n\n")) == (error["code"], 0, 1)


def test_the_last_event_of_a_stream_is_one_event_of_the_dialect() -> None:
    openai = answers.event_of(ProviderFailed(), Dialect.OPENAI, "req_1")
    anthropic = answers.event_of(ProviderFailed(), Dialect.ANTHROPIC, "req_1")
    assert msgspec.json.decode(openai.removeprefix(b"data: ")) == body(ProviderFailed())
    assert msgspec.json.decode(anthropic.removeprefix(b"event: error\ndata: ")) == body(
        ProviderFailed(), Dialect.ANTHROPIC
    )
    for event in (openai, anthropic):
        assert event.endswith(b"\n\n")
        assert event.count(b"\n\n") == 1

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Call, Head
from ai_gateway.gateway.envelope import BodyLimits
from ai_gateway.gateway.reading import read_call, read_head
from support.builders import a_head

SPAN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def head(*headers: tuple[bytes, bytes], dialect: Dialect = Dialect.OPENAI, query: bytes = b"") -> Head:
    """Header names as ASGI has them: lower case."""
    scope = {"headers": [(name.lower(), value) for name, value in headers], "query_string": query}
    return read_head(scope, Operation.CHAT, dialect, None, request_id="req_1", now=5.0, wall=6.0)


def call(operation: Operation = Operation.CHAT, **members: Any) -> Call:
    body = msgspec.json.encode({"model": "m", **members})
    return read_call(a_head(operation=operation), body, BodyLimits())


def test_both_kinds_of_key_are_read_and_the_bearer_is_tried_first() -> None:
    assert head((b"x-api-key", b" two "), (b"authorization", b"Bearer one")).credentials == (b"one", b"two")
    assert head((b"Authorization", b"bearer  one ")).credentials == (b"one",)
    assert head((b"authorization", b"Basic one")).credentials == ()
    assert head().credentials == ()


@pytest.mark.parametrize(
    ("dialect", "through"),
    [
        (Dialect.OPENAI, (("openai-beta", "b"),)),
        (Dialect.ANTHROPIC, (("anthropic-version", "v"), ("anthropic-beta", "b"))),
    ],
)
def test_a_provider_sees_the_headers_of_its_dialect_and_no_others(
    dialect: Dialect, through: tuple[tuple[str, str], ...]
) -> None:
    offered = head(
        (b"OpenAI-Beta", b"b"),
        (b"Anthropic-Version", b"v"),
        (b"anthropic-beta", b"b"),
        (b"cookie", b"c"),
        (b"user-agent", b"u"),
        (b"x-forwarded-for", b"1.2.3.4"),
        (b"openai-organization", b"org-mine"),
        (b"host", b"h"),
        dialect=dialect,
    )
    assert offered.forward == through


@pytest.mark.parametrize(
    ("value", "kept"),
    [(b"a" * 128, "a" * 128), (b"a" * 129, None), (b"", None), (b"with space", None), (b"\xff", None), (b"~!", "~!")],
)
def test_a_callers_own_id_is_kept_where_it_is_short_and_visible(value: bytes, kept: str | None) -> None:
    assert head((b"x-request-id", value)).client_request_id == kept
    assert head((b"X-Client-Request-Id", value)).client_request_id == kept


@pytest.mark.parametrize(
    ("value", "kept"), [(SPAN, SPAN), (SPAN.upper(), None), (SPAN[:-1], None), ("", None), (f"{SPAN}-x", None)]
)
def test_a_trace_parent_is_taken_where_it_is_one(value: str, kept: str | None) -> None:
    assert head((b"traceparent", value.encode())).traceparent == kept


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"30", 30.0), (b"0.5", 0.5), (b"0.000001", 1e-6), (b"999999999", 999_999_999.0), (b"007", 7.0)],
)
def test_how_long_a_caller_will_wait_is_a_number_of_seconds(value: bytes, seconds: float) -> None:
    assert head((b"X-Gateway-Timeout-Seconds", value)).timeout_seconds == seconds
    assert head().timeout_seconds is None


@pytest.mark.parametrize(
    "value",
    [b"", b"0", b"0.00", b"-1", b"+1", b"1e3", b"inf", b"nan", b" 5", b"5s", b".5", b"5.", b"1_0", b"1,5", b"5\n"],
)
def test_a_wait_that_is_none_is_refused_and_not_ignored(value: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        head((b"x-gateway-timeout-seconds", value))
    assert (refused.value.status, refused.value.code) == (400, "invalid_header")
    assert refused.value.param == "x-gateway-timeout-seconds"


@pytest.mark.parametrize("value", [b"1" * 10, b"0.0000001", "\u0663".encode()])
def test_a_wait_of_too_many_or_other_digits_is_refused_too(value: bytes) -> None:
    with pytest.raises(InvalidRequest):
        head((b"x-gateway-timeout-seconds", value))


def test_all_headers_are_kept_for_who_looks_for_one_and_none_of_the_gateways_own_goes_on() -> None:
    offered = ((b"x-session-id", b"s1"), (b"x-gateway-timeout-seconds", b"5"), (b"cookie", b"c"))
    said = head(*offered)
    assert tuple(said.raw_headers) == offered
    assert said.forward == ()


def test_a_head_has_what_it_was_told() -> None:
    said = head(query=b"beta=true")
    assert (said.request_id, said.received, said.received_wall, said.query) == ("req_1", 5.0, 6.0, "beta=true")


def test_fields_stay_the_bytes_that_came() -> None:
    body = b'{"model":"m","messages":[ {"role" : "user"} ],"new":{"x":1.50}}'
    read = read_call(a_head(), body, BodyLimits())
    assert {name: bytes(raw) for name, raw in read.fields.items()} == {
        "model": b'"m"',
        "messages": b'[ {"role" : "user"} ]',
        "new": b'{"x":1.50}',
    }
    assert read.body_bytes == len(body)


@pytest.mark.parametrize(
    ("operation", "members", "cap"),
    [
        (Operation.CHAT, {}, None),
        (Operation.CHAT, {"max_tokens": 5}, 5),
        (Operation.CHAT, {"max_completion_tokens": 7, "max_tokens": 5}, 7),
        (Operation.CHAT, {"max_completion_tokens": None, "max_tokens": 5}, 5),
        (Operation.MESSAGES, {"max_tokens": 0}, 0),
        (Operation.MESSAGES, {"max_completion_tokens": 5}, None),
        (Operation.EMBEDDINGS, {"max_tokens": 5}, None),
        (Operation.COMPLETIONS, {"max_tokens": 5}, 5),
        (Operation.COMPLETIONS, {"max_completion_tokens": 5}, 16),
        (Operation.IMAGES, {"size": "1024x1024", "quality": "low"}, 512),
    ],
)
def test_the_output_cap_is_read_where_the_operation_has_it(
    operation: Operation, members: dict[str, Any], cap: int | None
) -> None:
    assert call(operation, **members).max_output == cap


@pytest.mark.parametrize(
    ("members", "wants"),
    [
        ({"stream": True}, False),
        ({"stream": True, "stream_options": None}, False),
        ({"stream": True, "stream_options": {}}, False),
        ({"stream": True, "stream_options": {"include_usage": False}}, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True),
    ],
)
def test_who_asks_for_usage_is_known(members: dict[str, Any], wants: bool) -> None:
    read = call(**members)
    assert (read.stream, read.wants_usage) == (True, wants)


@pytest.mark.parametrize(
    ("operation", "members", "choices"),
    [
        (Operation.CHAT, {"n": 3}, 3),
        (Operation.COMPLETIONS, {"n": 2, "prompt": ["a", "b"]}, 4),
        (Operation.IMAGES, {"n": 4}, 4),
        (Operation.EMBEDDINGS, {"n": 4}, 1),
    ],
)
def test_how_many_answers_are_asked_for(operation: Operation, members: dict[str, Any], choices: int) -> None:
    assert call(operation, **members).choices == choices


def test_a_streamed_text_may_ask_for_its_usage() -> None:
    read = call(Operation.COMPLETIONS, stream=True, stream_options={"include_usage": True})
    assert (read.stream, read.wants_usage) == (True, True)


@pytest.mark.parametrize("operation", [Operation.EMBEDDINGS, Operation.IMAGES, Operation.COUNT_TOKENS])
def test_what_has_no_stream_refuses_one(operation: Operation) -> None:
    assert not call(operation, stream=False).stream
    with pytest.raises(InvalidRequest) as refused:
        call(operation, stream=True)
    assert refused.value.param == "stream"


@pytest.mark.parametrize("model", ["gpt-4o", "config/org/model:free", "模型", "a b", "m" * 256])
def test_a_model_name_is_text_that_can_be_printed(model: str) -> None:
    assert call(model=model).model == model


@pytest.mark.parametrize("model", ["", "a\0b", "a\r\nb", "a\tb", "a\u2028b", "m" * 257, None])
def test_a_model_name_that_no_header_or_row_could_hold_is_refused(model: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        call(model=model)
    assert refused.value.param == "model"

import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Head
from ai_gateway.gateway.calls import read_any_call
from ai_gateway.gateway.envelope import BodyLimits
from ai_gateway.gateway.reading import read_call, read_head
from support.builders import a_head

SPAN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def head(*headers: tuple[bytes, bytes], dialect: Dialect = Dialect.OPENAI, query: bytes = b"") -> Head:
    """Header names as ASGI has them: lower case."""
    scope = {"headers": [(name.lower(), value) for name, value in headers], "query_string": query}
    return read_head(scope, Operation.CHAT, dialect, None, request_id="req_1", now=5.0, wall=6.0)


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


@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.MESSAGES])
@pytest.mark.parametrize("more", [b"", b',"stream":true', b',"max_tokens":5', b',"max_tokens":null'])
def test_a_small_chat_is_the_call_that_any_body_makes(operation: Operation, more: bytes) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}]' + more + b"}"
    asked = a_head(operation=operation)
    assert read_call(asked, body, BodyLimits()) == read_any_call(asked, body, BodyLimits())

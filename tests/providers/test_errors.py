"""The shapes in which providers refuse; most are facts of the recorded traffic."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError
from ai_gateway.providers.errors import LONGEST_TEXT, describe_error, read_error


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"error":{"message":"m","type":"tokens","param":"p","code":"rate_limit_exceeded"}}',
            ProviderError(400, "m", "tokens", "rate_limit_exceeded", "p"),
        ),
        (b'{"type":"error","error":{"type":"t","message":"m"},"request_id":"r"}', ProviderError(400, "m", "t")),
        (b'{"detail":"Invalid API Key"}\n', ProviderError(400, "Invalid API Key")),
        (b'{"detail":[{"loc":["body","n"],"msg":"bad"}]}', ProviderError(400, "body.n: bad")),
        (b'{"code":"Client specified x","error":"Model y"}', ProviderError(400, "Model y", code="Client specified x")),
        (b'{"id":"1","message":"m"}', ProviderError(400, "m")),
        (b'{"object":"error","message":"m","type":"t","code":40303}', ProviderError(400, "m", "t", "40303")),
        (
            b'{"error":{"message":"m","type":"invalid_api_key","code":401}}',
            ProviderError(400, "m", "invalid_api_key", "401"),
        ),
        (
            b'[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]',
            ProviderError(400, "m", "RESOURCE_EXHAUSTED", "429"),
        ),
        (
            b'{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}',
            ProviderError(400, "m", "INVALID_ARGUMENT", "API_KEY_INVALID"),
        ),
        (
            b'{"error":{"message":"m","code":429,"details":[{"retryDelay":"32.5s"}]}}',
            ProviderError(400, "m", code="429", retry_after_seconds=32.5),
        ),
        (
            b'{"error":{"message":"m","type":null,"code":null,"status":400,"innererror":{"code":"Policy"}}}',
            ProviderError(400, "m", code="Policy"),
        ),
        (b'{"error":{"message":"m","code":"c","status_code":400}}', ProviderError(400, "m", code="c")),
        (
            b'{"error":{"message":"Provider returned error","code":403,"metadata":{"raw":"{\\"error\\":\\"why\\"}"}}}',
            ProviderError(400, "Provider returned error: why", code="403"),
        ),
        (
            b'{"error":{"message":"Provider returned error","metadata":{"raw":"plainly so"}}}',
            ProviderError(400, "Provider returned error: plainly so"),
        ),
        (b'{"errors":[{"message":"m","code":3043}],"success":false}', ProviderError(400, "m", code="3043")),
        (b'"just words"', ProviderError(400, "just words")),
        (b"upstream  connect\nerror", ProviderError(400, "upstream connect error")),
        (
            b"<html><head><title>502 Bad &amp; Gone</title><style>p{}</style></head><body><h1>nginx</h1></body></html>",
            ProviderError(400, "502 Bad & Gone nginx"),
        ),
        (b"", ProviderError(400)),
        (b"{}", ProviderError(400)),
        (b"[]", ProviderError(400)),
        (b"[1]", ProviderError(400)),
        (b'{"choices":[{"message":"half', ProviderError(400, "The provider's answer is not valid JSON.")),
        (b'{"error":{}}', ProviderError(400)),
        (b'{"error":null,"message":"m"}', ProviderError(400, "m")),
    ],
)
def test_every_shape_of_an_error_is_understood(body: bytes, expected: ProviderError) -> None:
    assert read_error(400, {}, body) == expected


def test_bedrock_says_its_type_in_a_header() -> None:
    headers = {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/coral/"}
    assert read_error(429, headers, b'{"message":"m"}') == ProviderError(429, "m", "ThrottlingException")


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "7"}, "", 7.0),
        ({"retry-after": "1.5"}, "", 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, "", 1.5),
        ({"retry-after": "0"}, "Please try again in 20s.", 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "", None),
        ({"retry-after": "-5"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "999999999"}, "", 86_400.0),
        ({}, "Please try again in 174ms. Visit https://", 0.174),
        ({}, "Please try again in 18.642s. Visit", 18.642),
        ({}, "Please try again in 6m0s.", 360.0),
        ({}, "Please try again in 1h2m3.5s.", 3723.5),
        ({}, "Please retry in 32.5s.", 32.5),
        ({}, "Please try again in 20 seconds", 20.0),
        ({}, "Please retry after 1 minute", 60.0),
        ({}, "Please try again later", None),
        ({}, "Try again in 99999999h", 86_400.0),
    ],
)
def test_a_wait_that_was_named(headers: dict[str, str], message: str, seconds: float | None) -> None:
    body = f'{{"error":{{"message":"{message}"}}}}'.encode()
    assert read_error(429, headers, body).retry_after_seconds == seconds


def test_a_key_that_a_provider_echoes_is_not_kept() -> None:
    body = b'{"error":{"message":"Incorrect API key provided: sk-proj-abc123def456.","code":"sk-proj-abc123def456"}}'
    error = read_error(401, {}, body)
    assert "abc123" not in repr(error)
    assert error.message.startswith("Incorrect API key provided: ")


def test_text_that_is_no_json_is_capped() -> None:
    assert len(read_error(502, {}, b"word " * 10_000).message) == LONGEST_TEXT


@pytest.mark.parametrize(
    "body",
    [b"<script" * 100_000, b"<" * 500_000, b'{"error":{"message":"' + b"sk_" * 100_000 + b'"}}', b"1ms" * 100_000],
)
def test_hostile_text_is_read_in_bounded_time(body: bytes) -> None:
    """Bounded by construction; the generous bar only catches a pattern that backtracks without end."""
    begun = time.process_time()
    read_error(500, {}, body)
    assert time.process_time() - begun < 5


@given(st.binary(max_size=60))
def test_any_bytes_are_an_error_and_none_raises(body: bytes) -> None:
    assert read_error(500, {}, body).status == 500


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["error", "errors", "message", "code", "details", "metadata", "raw", "detail", "status"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_described_and_none_raises(said: object) -> None:
    error = describe_error(said)
    assert error is None or isinstance(error.message, str)

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.redaction import REDACTED, redact, without


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghijkl",
        "sk-proj-Ab12Cd34Ef56Gh78",
        "sk-ant-api03-abcDEF123_-xyz",
        "sk-gw-0123456789abcdef",
        "sk-abc***************wxyz",
        "gsk_0123456789abcdefABCDEF",
        "xai-0123456789abcdefABCDEF",
        "pplx-0123456789abcdef",
        "hf_abcdefghij0123456789",
        "AIzaSyA0123456789abcdefghijklmnopqrstuv",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "org-0123456789abcdefghijklmn",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "Incorrect API key provided: {}. See docs", '{{"key":"{}"}}', "x {} y"])
def test_key_shaped_text_is_taken_out(secret: str, frame: str) -> None:
    redacted = redact(frame.format(secret))
    assert secret not in redacted
    assert REDACTED in redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: Bearer 0123456789abcdef", "Authorization: [redacted]"),
        ("got Bearer 0123456789abcdef here", "got Bearer [redacted] here"),
        ("api_key=0123456789abcdef&x=1", "api_key=[redacted]&x=1"),
        ("https://user:pass@host/path", "https://[redacted]@host/path"),
        ("x-api-key: 0123456789abcdef", "x-api-key: [redacted]"),
    ],
)
def test_what_a_label_or_a_place_gives_away(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "This model's maximum context length is 16385 tokens. However, your messages resulted in 16468 tokens.",
        "The model `gpt-4o-mini-2024-07-18` does not exist or you do not have access to it.",
        "Invalid API key provided. Ensure your API key is correct and active.",
        "See https://platform.openai.com/account/rate-limits to learn more.",
        "max_tokens: 4096 > 1024, which is the maximum allowed",
        "model: claude-sonnet-4-5-20250929",
        "The token limit was reached; key_name must be a string; a task-based risk-free desk",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=80))
def test_redaction_is_done_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "10.1.2.3:8000",
        "192.168.0.17:443",
        "172.16.9.9",
        "172.31.255.1",
        "127.0.0.1:11434",
        "169.254.169.254",
        "gpu-7.models.internal:8000",
        "vllm.prod.svc.cluster.local",
        "box.lan",
        "fd12:3456::1",
        "fe80::1",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "connect to http://{}/v1 failed", "('{}', 443)", "upstream {}, refused"])
def test_an_internal_address_is_taken_out(address: str, frame: str) -> None:
    assert address not in redact(frame.format(address))


@pytest.mark.parametrize(
    "text", ["version 10.1.2", "172.32.1.1 and 11.1.2.3", "v1.internalise", "ratio 10:1:2", "1.10.1.2.3"]
)
def test_what_is_no_internal_address_stays(text: str) -> None:
    assert redact(text) == text


SECRET = "canary/Provider+Key=of:no~known.shape"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"u:" + SECRET.encode()).decode(),
        base64.b64encode(b"x" + SECRET.encode() + b"y").decode(),
        base64.b64encode(b"user:" + SECRET.encode()).decode().rstrip("="),
        SECRET.encode().hex(),
        SECRET[5:25],
        f"{SECRET}{SECRET}",
    ],
)
def test_a_secret_that_looks_like_none_is_taken_out_in_every_form(form: str) -> None:
    cleaned = without(f"before {form} behind", [SECRET])
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" behind")
    assert REDACTED in cleaned
    left = cleaned.removeprefix("before ").removesuffix(" behind").replace(REDACTED, "")
    assert len(left) <= 12, "what is left is what stood around it"


def test_a_text_without_the_secret_is_the_same() -> None:
    text = "The model does not exist; canary/Prov is no part that tells anything."
    assert without(text, [SECRET, "short"]) is text


@given(st.text(min_size=12, max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_no_piece_of_a_secret_stays(secret: str, before: str, behind: str) -> None:
    cleaned = without(before + secret + behind, [secret])
    assert secret not in cleaned or secret in before or secret in behind

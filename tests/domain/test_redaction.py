import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.redaction import REDACTED, redact


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

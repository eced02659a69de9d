import secrets

import pytest

from ai_gateway.policy.secret_strength import is_regular, weakness_of_token


@pytest.mark.parametrize(
    ("token", "weakness"),
    [
        ("hW3k-9QvT2xLrB8sYpNd", None),
        ("two words and a few", "has characters that cannot travel in a header."),
        ("kürzer-als-gedacht-1", "has characters that cannot travel in a header."),
        ("short", "is shorter than 16 characters."),
        ("abababababababababab", "is too regular to protect anything."),
        ("abcdefghijklmnopqrst", "is too regular to protect anything."),
        ("change-me-please-now", "looks like a placeholder."),
    ],
)
def test_what_was_typed_in_a_hurry_is_no_token(token: str, weakness: str | None) -> None:
    assert weakness_of_token(token) == weakness


def test_random_secrets_pass() -> None:
    assert not any(is_regular(secrets.token_bytes(32)) for _ in range(100))
    assert [weakness_of_token(secrets.token_hex(24)) for _ in range(100)] == [None] * 100

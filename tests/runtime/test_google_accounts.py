"""What is asked with a Google account's file, and that its library costs nobody else anything."""

import json
import subprocess
import sys
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from ai_gateway.domain.secret import Secret
from ai_gateway.runtime.google_accounts import SCOPE, question_of, read_account
from tests.runtime.google_keys import TOKEN_URI, a_login, a_service_account, public_key

NOW = 1_767_268_800.5


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_service_account_signs_who_it_is() -> None:
    form = parse_qs(question_of(read_account(a_service_account()), NOW).decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claims, signature = form["assertion"][0].split(".")
    assert json.loads(decoded(head)) == {"typ": "JWT", "alg": "RS256", "kid": "k1"}
    assert json.loads(decoded(claims)) == {
        "iss": "gateway@p-1.iam.example",
        "sub": "gateway@p-1.iam.example",
        "scope": SCOPE,
        "aud": TOKEN_URI,
        "iat": 1_767_268_800,
        "exp": 1_767_272_400,  # an hour later
    }
    public_key().verify(decoded(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())


def test_a_users_login_shows_its_refresh_token() -> None:
    form = parse_qs(question_of(read_account(a_login()), NOW).decode())
    assert form == {
        "grant_type": ["refresh_token"],
        "client_id": ["id-1"],
        "client_secret": ["s-1"],
        "refresh_token": ["r-1"],
    }


@pytest.mark.parametrize(
    "key",
    [
        Secret("{"),
        Secret("{}"),
        Secret("AIza-canary"),
        Secret('{"type":"external_account","canary":1}'),
        a_service_account(client_email=""),
        a_login(refresh_token=""),
    ],
)
def test_what_is_no_account_is_refused_without_a_quote(key: Secret) -> None:
    with pytest.raises(ValueError, match="JSON file") as refused:
        read_account(key)
    assert "canary" not in str(refused.value)


def test_a_private_key_that_cannot_sign_is_refused_without_a_quote() -> None:
    with pytest.raises(ValueError, match="private key") as refused:
        question_of(read_account(a_service_account(private_key="canary")), NOW)
    assert "canary" not in str(refused.value)


def test_an_account_shows_nothing_of_itself() -> None:
    assert repr(read_account(a_service_account())) == "Account(service_account, ***)"


def test_the_library_is_not_imported_before_it_is_needed() -> None:
    """A process of its own: this one may have signed already."""
    script = "import sys, ai_gateway.main, ai_gateway.runtime.google_tokens; print('google.auth' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"

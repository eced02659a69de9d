"""What a Google account's file of JSON says, and the question that is asked with it for a token.

A service account proves itself with a signature that only its private key can make (RFC 7523); a user's own file, as
`gcloud auth application-default login` writes it, has a refresh token to show. google-auth makes the signature. It is
imported when the first one is made and not before: it costs 25 ms and 2 MB, and few have such a config. Its own HTTP
clients are not used: what is asked of the internet goes through the gateway's upstream, and so obeys the rules of
egress.
"""

from typing import Final
from urllib.parse import urlencode

import msgspec

from ai_gateway.domain.secret import Secret

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105  an address
LIFETIME_SECONDS: Final = 3600


class Account(msgspec.Struct, frozen=True):
    """The members that are read. `type` is service_account or authorized_user."""

    type: str
    token_uri: str = TOKEN_URI
    client_email: str = ""
    private_key: str = ""
    private_key_id: str | None = None
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"Account({self.type}, ***)"


def read_account(key: Secret) -> Account:
    """Raises ValueError, with a text that quotes nothing of it, for what is no such file."""
    try:
        account = msgspec.json.decode(key.reveal(), type=Account)
    except (msgspec.MsgspecError, ValueError):
        raise ValueError("the secret is not the JSON file of a Google account") from None
    if account.type == "service_account" and account.client_email and account.private_key:
        return account
    if account.type == "authorized_user" and account.client_id and account.refresh_token:
        return account
    raise ValueError("the secret is not the JSON file of a service account (type service_account) or of a user's login")


def question_of(account: Account, at: float) -> bytes:
    """The form that is sent to `token_uri` at Unix second `at`. Takes milliseconds of CPU, the first time tens
    of them. Raises ValueError for a private key that cannot sign."""
    if account.type == "authorized_user":
        return _form(
            grant_type="refresh_token",
            client_id=account.client_id,
            client_secret=account.client_secret,
            refresh_token=account.refresh_token,
        )
    return _form(grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=_assertion(account, int(at)))


def _assertion(account: Account, at: int) -> str:
    from google.auth import crypt, jwt

    try:
        signer = crypt.RSASigner.from_string(  # pyright: ignore[reportUnknownMemberType]
            account.private_key, account.private_key_id
        )
    except ValueError:
        raise ValueError("the private key of the service account cannot be read") from None
    claims = {
        "iss": account.client_email,
        "sub": account.client_email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": at,
        "exp": at + LIFETIME_SECONDS,
    }
    return jwt.encode(signer, claims).decode()  # pyright: ignore[reportUnknownMemberType]


def _form(**fields: str) -> bytes:
    return urlencode(fields).encode()

"""Files of Google accounts, with a key that was made for the tests of one process."""

import json
from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ai_gateway.domain.secret import Secret

TOKEN_URI = "https://oauth2.googleapis.com/token"


@cache
def _pair() -> tuple[str, RSAPublicKey]:
    private = generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return pem, private.public_key()


def public_key() -> RSAPublicKey:
    return _pair()[1]


def a_service_account(**changes: object) -> Secret:
    said = {
        "type": "service_account",
        "project_id": "p-1",
        "private_key_id": "k1",
        "private_key": _pair()[0],
        "client_email": "gateway@p-1.iam.example",
        "token_uri": TOKEN_URI,
    }
    return Secret(json.dumps(said | changes))


def a_login(**changes: object) -> Secret:
    said = {"type": "authorized_user", "client_id": "id-1", "client_secret": "s-1", "refresh_token": "r-1"}
    return Secret(json.dumps(said | changes))

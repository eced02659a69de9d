"""AWS Signature Version 4 for requests to Bedrock, by botocore's own signer.

The date is the gateway's clock, handed in, and not botocore's: AWS refuses what is five minutes off, and one process
has one time. Only the headers that AWS asks for are signed (host, content type, date, session token), so that what else
travels along is nobody's concern here. Importing this module imports botocore: whoever needs no AWS key does not.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, cast

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from ai_gateway.domain.config import BaseUrl
from ai_gateway.domain.secret import Secret
from ai_gateway.domain.traffic import Header
from ai_gateway.providers import UpstreamRequest

SERVICE: Final = "bedrock"

_REGION_IN_HOST: Final = re.compile(r"(?:^|\.)bedrock(?:-runtime)?(?:-fips)?\.([a-z]{2,}(?:-[a-z]+)+-\d+)\.")
_REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d+")
_SIGNED: Final = frozenset({"content-type"})


class AwsKey(msgspec.Struct, frozen=True):
    """An access key as it stands in a secret. The names of its members are those that botocore's signer reads."""

    access_key: str = msgspec.field(name="access_key_id")
    secret_key: str = msgspec.field(name="secret_access_key")
    token: str | None = msgspec.field(name="session_token", default=None)

    def __repr__(self) -> str:
        return "***"


class Scope(msgspec.Struct, frozen=True):
    """What a signature is good for."""

    key: AwsKey
    region: str
    service: str = SERVICE


class UnusableKey(ValueError):
    """`str` says what is wrong with a secret and nothing of what is in it."""


@lru_cache(maxsize=256)
def read_key(secret: Secret) -> AwsKey:
    """Raises UnusableKey."""
    try:
        key = msgspec.json.decode(secret.reveal(), type=AwsKey)
    except (ValueError, RecursionError):
        raise UnusableKey(
            'An AWS key is a JSON object: {"access_key_id": ..., "secret_access_key": ..., "session_token": ...}, the '
            "last if it is a temporary one."
        ) from None
    if not key.access_key or not key.secret_key:
        raise UnusableKey("The AWS key's access_key_id or secret_access_key is empty.")
    return key


def region_of(host: str, configured: str | None) -> str:
    """The region that a request is signed for: the one in the endpoint's name, else the configured one. Raises
    UnusableKey."""
    found = _REGION_IN_HOST.search(host)
    if found is not None:
        return found[1]
    if configured is not None and _REGION.fullmatch(configured):
        return configured
    raise UnusableKey("The AWS region is neither in the endpoint_url nor the provider config's region.")


def signed(
    headers: tuple[Header, ...], request: UpstreamRequest, *, url: BaseUrl, scope: Scope, wall: float
) -> tuple[Header, ...]:
    """`headers` with those of the signature. `wall`: Unix seconds."""
    body = request.body if isinstance(request.body, bytes) else b"".join(request.body)
    to_sign = {name: value for name, value in headers if name in _SIGNED}
    asked = cast("Any", AWSRequest(request.method, f"{url.text}{request.path}", headers=to_sign, data=body))
    asked.context["timestamp"] = datetime.fromtimestamp(wall, UTC).strftime("%Y%m%dT%H%M%SZ")
    signer = _signer_of(scope)
    signer._modify_request_before_signing(asked)
    canonical = signer.canonical_request(asked)
    signature = signer.signature(signer.string_to_sign(asked, canonical), asked)
    signer._inject_signature_to_request(asked, signature)
    added = ("x-amz-date", "x-amz-security-token", "authorization")
    return (*headers, *((name, value) for name in added if (value := asked.headers.get(name)) is not None))


@lru_cache(maxsize=256)
def _signer_of(scope: Scope) -> Any:
    return SigV4Auth(scope.key, scope.service, scope.region)

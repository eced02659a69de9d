"""Puts a provider's key onto an unsigned request: the last step before the socket, and the only place on the line
where a secret is revealed.

Most keys are put on as they are. For a service account's, a token is: whoever has tokens (runtime/google_tokens.py)
hands them in, and sees to it beforehand that there is one.
"""

from typing import Final, Protocol, final

from ai_gateway.domain.config import Endpoint
from ai_gateway.domain.faults import ProviderKeyRefused
from ai_gateway.domain.secret import Secret
from ai_gateway.domain.traffic import Header
from ai_gateway.providers import Auth, ProviderKind


class Tokens(Protocol):
    """What stands for a key that is not sent itself."""

    def token_for(self, key: Secret) -> Secret | None:
        """One that is valid now; None: there is none. Waits for nothing."""
        ...

    async def ready(self, key: Secret, seconds: float) -> None:
        """Waits, for so long at most, where there is none. Raises a Fault of the provider's where none can be had."""
        ...


@final
class NoTokens:
    def token_for(self, key: Secret) -> Secret | None:
        return None

    async def ready(self, key: Secret, seconds: float) -> None:
        return


NO_TOKENS: Final = NoTokens()

_GOOGLE_CLOUD: Final = Auth.GOOGLE_CLOUD  # a member of an enum is a look-up in Python each time


def sign(
    headers: tuple[Header, ...], kind: ProviderKind, endpoint: Endpoint, tokens: Tokens = NO_TOKENS
) -> tuple[Header, ...]:
    """Raises ProviderKeyRefused where the endpoint's key cannot be used; why is the tenant's own business, so it is
    for the log. An endpoint without a key and without a problem needs none."""
    if endpoint.credential_problem is not None:
        raise key_unavailable(endpoint.credential_problem)
    if endpoint.api_key is None:
        return headers
    key = endpoint.api_key.reveal()
    if kind.auth is Auth.BEARER:
        return (*headers, ("authorization", f"Bearer {key}"))
    if kind.auth is Auth.X_API_KEY:
        return (*headers, ("x-api-key", key))
    if kind.auth is Auth.X_GOOG_API_KEY:
        return (*headers, ("x-goog-api-key", key))
    if kind.auth is Auth.GOOGLE_CLOUD:
        return (*headers, _google_cloud(endpoint.api_key, tokens))
    return headers


def needs_token(kind: ProviderKind, key: Secret) -> bool:
    """Whether the key is a file of JSON that is never sent itself."""
    return kind.auth is _GOOGLE_CLOUD and is_account(key)


def is_account(key: Secret) -> bool:
    return key.reveal().startswith("{")


def key_unavailable(detail: str) -> ProviderKeyRefused:
    return ProviderKeyRefused(
        "The key that is configured for this AI provider is missing or cannot be used.",
        code="provider_key_unavailable",
        detail=detail,
    )


def _google_cloud(key: Secret, tokens: Tokens) -> Header:
    if not is_account(key):
        return ("x-goog-api-key", key.reveal())
    token = tokens.token_for(key)
    if token is None:
        raise key_unavailable("there is no token for the service account at the moment")
    return ("authorization", f"Bearer {token.reveal()}")

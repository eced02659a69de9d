"""Puts a provider's key onto an unsigned request: the last step before the socket, and the only place on the line
where a secret is revealed."""

from ai_gateway.domain.config import Endpoint
from ai_gateway.domain.faults import ProviderKeyRefused
from ai_gateway.domain.traffic import Header
from ai_gateway.providers import Auth, ProviderKind


def sign(headers: tuple[Header, ...], kind: ProviderKind, endpoint: Endpoint) -> tuple[Header, ...]:
    """Raises ProviderKeyRefused where the endpoint's key cannot be used; why is the tenant's own business, so it is
    for the log. An endpoint without a key and without a problem needs none."""
    if endpoint.credential_problem is not None:
        raise ProviderKeyRefused(
            "The key that is configured for this AI provider is missing or cannot be used.",
            code="provider_key_unavailable",
            detail=endpoint.credential_problem,
        )
    if endpoint.api_key is None:
        return headers
    key = endpoint.api_key.reveal()
    if kind.auth is Auth.BEARER:
        return (*headers, ("authorization", f"Bearer {key}"))
    if kind.auth is Auth.X_API_KEY or kind.auth is Auth.API_KEY:
        return (*headers, (kind.auth.value, key))
    return headers

"""Puts a provider's key onto an unsigned request: the last step before the socket, and the only place on the line
where a secret is revealed."""

from ai_gateway.domain.config import Endpoint, ProviderType
from ai_gateway.domain.faults import ProviderKeyRefused
from ai_gateway.domain.traffic import Header
from ai_gateway.providers import Auth, ProviderKind, UpstreamRequest
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.clock import Clock


def prepare(provider: ProviderType) -> None:
    """Loads what signing for this type needs, and what its streams are read with: a tenth of a second that no request
    should wait for."""
    if KINDS[provider].auth is Auth.AWS:
        from ai_gateway.providers.translation.aws_frames import FrameSplitter
        from ai_gateway.runtime import sigv4

        assert sigv4.SERVICE
        FrameSplitter()


def sign(
    headers: tuple[Header, ...], kind: ProviderKind, endpoint: Endpoint, request: UpstreamRequest, clock: Clock
) -> tuple[Header, ...]:
    """`headers` are all that `request` goes out with. Raises ProviderKeyRefused where the endpoint's key cannot be
    used; why is the tenant's own business, so it is for the log. An endpoint without a key and without a problem needs
    none."""
    if endpoint.credential_problem is not None:
        raise _unusable(endpoint.credential_problem)
    if endpoint.api_key is None:
        return headers
    key = endpoint.api_key.reveal()
    if kind.auth is Auth.BEARER:
        return (*headers, ("authorization", f"Bearer {key}"))
    if kind.auth is Auth.X_API_KEY or kind.auth is Auth.API_KEY:
        return (*headers, (kind.auth.value, key))
    if kind.auth is Auth.AWS:
        return _for_aws(headers, endpoint, request, clock)
    return headers


def _for_aws(
    headers: tuple[Header, ...], endpoint: Endpoint, request: UpstreamRequest, clock: Clock
) -> tuple[Header, ...]:
    """With an access key, which is a JSON object, the request is signed; an API key of Bedrock goes along as it is."""
    assert endpoint.api_key is not None
    if not endpoint.api_key.reveal().lstrip().startswith("{"):
        return (*headers, ("authorization", f"Bearer {endpoint.api_key.reveal().strip()}"))
    from ai_gateway.runtime import sigv4

    try:
        region = sigv4.region_of(endpoint.base_url.host, endpoint.region)
        scope = sigv4.Scope(sigv4.read_key(endpoint.api_key), region)
    except sigv4.UnusableKey as why:
        raise _unusable(str(why)) from None
    return sigv4.signed(headers, request, url=endpoint.base_url, scope=scope, wall=clock.wall())


def _unusable(why: str) -> ProviderKeyRefused:
    return ProviderKeyRefused(
        "The key that is configured for this AI provider is missing or cannot be used.",
        code="provider_key_unavailable",
        detail=why,
    )

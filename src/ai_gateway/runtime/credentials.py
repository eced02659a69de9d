"""Puts a provider's key onto an unsigned request: the last step before the socket, and the only place on the line
where a secret is revealed.

Most keys are put on as they are. For a service account's, a token is: whoever has tokens (runtime/google_tokens.py)
hands them in, and sees to it beforehand that there is one.
"""

from typing import Final, Protocol, final

from ai_gateway.domain.config import Endpoint, ProviderType
from ai_gateway.domain.faults import ProviderKeyRefused
from ai_gateway.domain.secret import Secret
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
    headers: tuple[Header, ...],
    kind: ProviderKind,
    endpoint: Endpoint,
    request: UpstreamRequest,
    clock: Clock,
    *,
    tokens: Tokens = NO_TOKENS,
) -> tuple[Header, ...]:
    """`headers` are all that `request` goes out with. Raises ProviderKeyRefused where the endpoint's key cannot be
    used; why is the tenant's own business, so it is for the log. An endpoint without a key and without a problem needs
    none."""
    if endpoint.credential_problem is not None:
        raise key_unavailable(endpoint.credential_problem)
    if endpoint.api_key is None:
        return headers
    key = endpoint.api_key.reveal()
    if kind.auth is Auth.BEARER:
        return (*headers, ("authorization", f"Bearer {key}"))
    if kind.auth in _BY_NAME:
        return (*headers, (kind.auth.value, key))
    if kind.auth is Auth.AWS:
        return _for_aws(headers, endpoint, request, clock)
    if kind.auth is Auth.GOOGLE_CLOUD:
        return (*headers, _google_cloud(endpoint.api_key, tokens))
    return headers


@final
class Signer:
    """Signs for one endpoint. Where its key is put on as it is, the same headers are signed once. `awaited` is the key
    whose token has to be there before; `is_plain`: what is signed depends on nothing but the key."""

    __slots__ = ("_endpoint", "_kind", "_signed", "_unsigned", "awaited", "is_plain")

    def __init__(self, kind: ProviderKind, endpoint: Endpoint) -> None:
        key = endpoint.api_key
        self.awaited = key if key is not None and needs_token(kind, key) else None
        self._kind = kind
        self._endpoint = endpoint
        self.is_plain = kind.auth is not Auth.AWS and kind.auth is not _GOOGLE_CLOUD
        self._unsigned: tuple[Header, ...] | None = None
        self._signed: tuple[Header, ...] = ()

    def sign(
        self, headers: tuple[Header, ...], request: UpstreamRequest, clock: Clock, tokens: Tokens
    ) -> tuple[Header, ...]:
        """As `sign`."""
        if headers is self._unsigned or headers == self._unsigned:
            return self._signed
        signed = sign(headers, self._kind, self._endpoint, request, clock, tokens=tokens)
        if self.is_plain:
            self._unsigned, self._signed = headers, signed
        return signed


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
        raise key_unavailable(str(why)) from None
    return sigv4.signed(headers, request, url=endpoint.base_url, scope=scope, wall=clock.wall())


def _google_cloud(key: Secret, tokens: Tokens) -> Header:
    if not is_account(key):
        return ("x-goog-api-key", key.reveal())
    token = tokens.token_for(key)
    if token is None:
        raise key_unavailable("there is no token for the service account at the moment")
    return ("authorization", f"Bearer {token.reveal()}")


_BY_NAME: Final = frozenset({Auth.X_API_KEY, Auth.API_KEY, Auth.X_GOOG_API_KEY})
"""Keys that go into the header that they are named after."""

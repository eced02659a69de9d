"""Provider configs become endpoints: an address, a key, and where either is missing a sentence that says so.

A config that cannot be called is kept with its problem on it. Leaving it out would answer "unknown model" to somebody
whose secret was deleted; refusing the whole snapshot would let one tenant's mistake stop every tenant.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import (
    BaseUrl,
    Endpoint,
    EndpointId,
    ProviderType,
    RateLimits,
    Reach,
    TenantId,
    Timeouts,
)
from ai_gateway.domain.secret import Secret
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.policy.google_addresses import google_address
from ai_gateway.providers import Options
from ai_gateway.providers.azure import address_of
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.vendors import payees_of
from ai_gateway.store.options import queue_of, settings_of
from ai_gateway.store.price_rows import ceiling_of
from ai_gateway.store.rows import EnhancedProviderConfig, SecretRow
from ai_gateway.store.vault import CannotUnseal

Unseal = Callable[[str, str, bytes], Secret]
"""(tenant id, secret name, ciphertext) -> the secret; raises CannotUnseal."""

ENVIRONMENT_PREFIX: Final = "env:"
MOCK_SCHEME: Final = "mock://"
AWS_REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d+")

_VERSIONED: Final = frozenset({ProviderType.ANTHROPIC, ProviderType.COHERE})
_NOWHERE: Final = BaseUrl(scheme="http", host="unconfigured.invalid", port=80, path="")  # never resolves: RFC 6761
_WITHOUT_A_VERSION: Final = frozenset({ProviderType.MOCK, ProviderType.AZURE_OPENAI})
_UNDER_A_VERSION: Final = frozenset(it for it in KINDS if Dialect.OPENAI in KINDS[it].codecs) - _WITHOUT_A_VERSION
"""Whose base URL carries `/v1`."""
_TYPES: Final = {str(member): member for member in ProviderType}


def no_preparation(provider: ProviderType) -> None:
    """For who configures nothing that has to be loaded."""


class _Address(msgspec.Struct, frozen=True):
    url: BaseUrl
    reach: Reach = Reach.CHECKED
    problem: str | None = None
    options: Options = msgspec.field(default_factory=dict[str, str])


class _Credential(msgspec.Struct, frozen=True):
    key: Secret | None = None
    problem: str | None = None


class EndpointCompiler(msgspec.Struct, frozen=True):
    """`mock_url` is the built-in mock's address without a path (None: it is off). `environment` is what `env:NAME`
    secrets may read; admin/ lets only platform admins name one. `prepare` is told each type that is configured, so that
    what only some need is loaded then, and not during a request."""

    unseal: Unseal
    mock_url: BaseUrl | None = None
    environment: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    prepare: Callable[[ProviderType], None] = no_preparation

    def compile(self, row: EnhancedProviderConfig, secrets: Mapping[str, SecretRow]) -> Endpoint | None:
        """None for a type that this version does not know (the row is a newer version's)."""
        provider = _TYPES.get(row.provider)
        if provider is None or row.tenant_id is None:
            return None
        self.prepare(provider)
        address = _with_options(self._address(row, provider), row, provider)
        credential = self._credential(row, provider, address.reach, secrets)
        return Endpoint(
            id=EndpointId(row.id),
            tenant_id=TenantId(row.tenant_id),
            name=row.name,
            provider=provider,
            base_url=address.url,
            models=row.models,
            api_key=credential.key if address.problem is None else None,
            credential_problem=address.problem or credential.problem,
            reach=address.reach,
            region=row.region,
            priority=row.priority,
            weight=row.weight,
            rate_limits=settings_of(RateLimits, row.rate_limits),
            timeouts=settings_of(Timeouts, row.timeouts),
            default_max_output=row.default_max_output,
            queue=queue_of(row.queue),
            paid_check_model=row.paid_check_model,
            payees=payees_of(provider, address.url),
            ceiling=ceiling_of(row.ceiling_price, f"ceiling of {row.name}"),
            options=address.options,
        )

    def _address(self, row: EnhancedProviderConfig, provider: ProviderType) -> _Address:
        if provider is ProviderType.MOCK or (row.endpoint_url or "").startswith(MOCK_SCHEME):
            return self._mock_address(provider)
        if row.endpoint_url is None:
            default = _bedrock_of(row.region) if provider is ProviderType.BEDROCK else KINDS[provider].default_url
            if default is None:
                return _Address(_NOWHERE, problem=f"The provider config '{row.name}' has no endpoint_url.")
            return _Address(default)
        try:
            url = parse_base_url(row.endpoint_url)
        except ValueError as error:
            return _Address(_NOWHERE, problem=f"The endpoint_url of the provider config '{row.name}': {error}")
        return _Address(_without_version(url) if provider in _VERSIONED else google_address(provider, url))

    def _mock_address(self, provider: ProviderType) -> _Address:
        if self.mock_url is None:
            problem = "The built-in mock provider is not switched on."
            return _Address(_NOWHERE, reach=Reach.BUILT_IN, problem=problem)
        if provider in _UNDER_A_VERSION:
            return _Address(msgspec.structs.replace(self.mock_url, path=self.mock_url.path + "/v1"), Reach.BUILT_IN)
        return _Address(self.mock_url, Reach.BUILT_IN)

    def _credential(
        self, row: EnhancedProviderConfig, provider: ProviderType, reach: Reach, secrets: Mapping[str, SecretRow]
    ) -> _Credential:
        name = row.api_key_secret_name
        if reach is Reach.BUILT_IN:  # a real key has no business with a mock
            return _Credential()
        if name is None:
            if not KINDS[provider].needs_key:  # vLLM and Ollama on one's own machines
                return _Credential()
            return _Credential(problem=f"The provider config '{row.name}' has no API key.")
        if name.startswith(ENVIRONMENT_PREFIX):
            return self._from_environment(name)
        secret = secrets.get(name)
        if secret is None:
            return _Credential(problem=f"The secret '{name}' of the provider config '{row.name}' does not exist.")
        try:
            return _Credential(key=self.unseal(row.tenant_id or "", name, secret.ciphertext))
        except CannotUnseal:
            return _Credential(problem=f"The secret '{name}' cannot be decrypted; store its value again.")

    def _from_environment(self, name: str) -> _Credential:
        text = self.environment.get(name.removeprefix(ENVIRONMENT_PREFIX), "").strip()
        if not text:
            return _Credential(problem=f"The environment of the gateway has no value for the secret '{name}'.")
        return _Credential(key=Secret(text))


def _with_options(address: _Address, row: EnhancedProviderConfig, provider: ProviderType) -> _Address:
    """What the row says beside an address; where it is not what its type takes, the endpoint cannot be called."""
    options: Options = row.options
    url = address.url
    if provider is ProviderType.AZURE_OPENAI:
        url, options = address_of(url, options)
    try:
        KINDS[provider].with_options(options)
    except ValueError as error:
        problem = f"The options of the provider config '{row.name}': {error}"
        return msgspec.structs.replace(address, problem=address.problem or problem)
    return msgspec.structs.replace(address, url=url, options=options)


def _without_version(url: BaseUrl) -> BaseUrl:
    """Anthropic's and Cohere's SDKs append the version themselves; an address that has it already is accepted."""
    return msgspec.structs.replace(url, path=url.path.removesuffix("/v1").removesuffix("/v2"))


def _bedrock_of(region: str | None) -> BaseUrl | None:
    """Bedrock has an address for each region and none for all."""
    if region is None or not AWS_REGION.fullmatch(region):
        return None
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return BaseUrl(scheme="https", host=f"bedrock-runtime.{region}.{domain}", port=443, path="")

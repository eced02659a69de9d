"""The gateway-level keys of the environment, as configs that a platform admin can lend to tenants: they are in no
table, so nobody can read or change them through the admin API."""

from collections.abc import Mapping
from typing import Final

from ai_gateway.domain.config import BaseUrl, Endpoint, EndpointId, Ownership, ProviderType, TenantId
from ai_gateway.domain.secret import Secret
from ai_gateway.providers.kinds import KINDS

SYSTEM_MODELS: Final = {
    ProviderType.OPENAI: ("gpt-5", "gpt-5-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini"),
    ProviderType.ANTHROPIC: ("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"),
}
"""Names that lead to a system config when sent bare; any other model is reached as `openai/MODEL`."""


def system_endpoints(keys: Mapping[ProviderType, Secret | None]) -> tuple[Endpoint, ...]:
    """One for each key that is there."""
    return tuple(
        Endpoint(
            id=EndpointId(f"system_{provider.value}"),
            tenant_id=TenantId(""),
            name=provider.value,
            provider=provider,
            base_url=KINDS[provider].default_url or BaseUrl("https", "unconfigured.invalid", 443, ""),
            models=SYSTEM_MODELS[provider],
            api_key=key,
            ownership=Ownership.SYSTEM,
            payees=(provider.value,),
        )
        for provider, key in keys.items()
        if key is not None
    )

"""Who is paid for a call: by the type of the provider where that says it, else by the address.

Dozens of vendors speak OpenAI's dialect, so `openai_compatible` says nothing of a price. Their addresses are known, and
price books name them by these ids. An address that is not in this table is somebody's own server or a vendor that no
book knows: only prices for any provider, or of the type, hold there.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ai_gateway.domain.config import BaseUrl, ProviderType

BY_HOST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "api.openai.com": "openai",
        "api.anthropic.com": "anthropic",
        "api.arcee.ai": "arcee",
        "api.avian.io": "avian",
        "inference.baseten.co": "baseten",
        "api.cerebras.ai": "cerebras",
        "api.cloudflare.com": "cloudflare",
        "api.cohere.ai": "cohere",
        "api.cohere.com": "cohere",
        "api.deepseek.com": "deepseek",
        "api.doubleword.ai": "doubleword",
        "api.fireworks.ai": "fireworks",
        "generativelanguage.googleapis.com": "google",
        "api.githubcopilot.com": "github-copilot",
        "api.groq.com": "groq",
        "api.meta.ai": "meta",
        "api.minimax.io": "minimax",
        "api.minimaxi.com": "minimax",
        "api.mistral.ai": "mistral",
        "api.moonshot.ai": "moonshotai",
        "api.moonshot.cn": "moonshotai",
        "api.novita.ai": "novita",
        "openrouter.ai": "openrouter",
        "api.openrouter.ai": "openrouter",
        "oai.endpoints.kepler.ai.cloud.ovh.net": "ovhcloud",
        "api.perplexity.ai": "perplexity",
        "api.quicksilverpro.io": "quicksilverpro",
        "api.together.xyz": "together",
        "api.typesafe.ai": "typesafe",
        "api.voyageai.com": "voyageai",
        "api.x.ai": "x-ai",
        "api.z.ai": "zai",
        "open.bigmodel.cn": "zhipuai",
    }
)

BY_SUFFIX: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".openai.azure.com": "azure",
        ".services.ai.azure.com": "azure",
        ".cognitiveservices.azure.com": "azure",
        ".azure-api.net": "azure",
        ".googleapis.com": "google",
        ".modal.run": "modal",
        ".modal.direct": "modal",
        ".cloud.databricks.com": "databricks",
        ".azuredatabricks.net": "databricks",
    }
)

WITHOUT_ADDRESS: Final = frozenset(
    {
        "aws",
        "cursor",
        "elevenlabs",
        "openai-decisions",
        *(
            f"huggingface_{name}"
            for name in (
                "cerebras",
                "fireworks-ai",
                "groq",
                "hyperbolic",
                "nebius",
                "novita",
                "nscale",
                "ovhcloud",
                "publicai",
                "sambanova",
                "together",
            )
        ),
    }
)
"""Vendors of published books whose address says more than a host, or that speak another dialect."""

BY_TYPE: Final[Mapping[ProviderType, str]] = MappingProxyType(
    {
        ProviderType.AZURE_OPENAI: "azure",
        ProviderType.XAI: "x-ai",
    }
)
"""Types that price books know by another name."""

PAYEES: Final = frozenset({*ProviderType, *BY_HOST.values(), *BY_SUFFIX.values(), *WITHOUT_ADDRESS})
"""Everybody whom a price may name."""

STAND_IN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"azure": ("openai", "anthropic", "deepseek", "x-ai", "moonshotai"), "google": ("anthropic",)}
)
"""Whose prices hold where a vendor that resells has none of its own."""

_BEDROCKS: Final = "aws"
_HUGGING_FACE: Final = "router.huggingface.co"
_TOLD_BY_ADDRESS: Final = frozenset({ProviderType.OPENAI_COMPATIBLE, ProviderType.HUGGINGFACE})


def payees_of(provider: ProviderType, url: BaseUrl) -> tuple[str, ...]:
    """The most particular name first, the provider's type last. A type that is a vendor is one at any address: a
    regional or a private one has the same prices. Hugging Face's router says in its path whom it asks. Books name
    Google once, whichever of its APIs it is; Claude on Vertex costs what it costs at Anthropic's."""
    if provider is ProviderType.BEDROCK:
        return (_BEDROCKS, provider.value)
    if provider is ProviderType.GEMINI:
        return ("google", provider.value)
    if provider is ProviderType.VERTEX:
        return ("google", *STAND_IN["google"], provider.value)
    vendor = BY_TYPE.get(provider)
    if provider in _TOLD_BY_ADDRESS:
        vendor = _vendor_at(url)
    return (provider.value,) if vendor is None else (vendor, *STAND_IN.get(vendor, ()), provider.value)


def _vendor_at(url: BaseUrl) -> str | None:
    host = url.host.lower().rstrip(".")
    if host == _HUGGING_FACE:
        behind = url.path.split("/")[1] if url.path else ""
        return f"huggingface_{behind}" if behind not in ("", "v1") else None  # /v1 picks one for each model
    return BY_HOST.get(host) or next((name for suffix, name in BY_SUFFIX.items() if host.endswith(suffix)), None)

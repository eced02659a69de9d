"""The tables of refusals, one for each type of provider: what it says in a way of its own.

A type that says nothing in a way of its own has an empty table: the common one is for it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ai_gateway.domain.config import ProviderType
from ai_gateway.policy.errors.anthropic import ANTHROPIC
from ai_gateway.policy.errors.bedrock import BEDROCK
from ai_gateway.policy.errors.cohere import COHERE
from ai_gateway.policy.errors.compatible import COMPATIBLE
from ai_gateway.policy.errors.google import GOOGLE
from ai_gateway.policy.errors.openai import AZURE, OPENAI
from ai_gateway.policy.errors.rows import Rows

TABLES: Final[Mapping[ProviderType, Rows]] = MappingProxyType(
    {
        ProviderType.OPENAI: OPENAI,
        ProviderType.AZURE_OPENAI: AZURE,
        ProviderType.ANTHROPIC: ANTHROPIC,
        ProviderType.GEMINI: GOOGLE,
        ProviderType.VERTEX: GOOGLE,
        ProviderType.BEDROCK: BEDROCK,
        ProviderType.COHERE: COHERE,
        ProviderType.OPENAI_COMPATIBLE: (),
        ProviderType.MOCK: (),
        **COMPATIBLE,
    }
)

"""The table of kinds: everything that a rule can do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ai_gateway.policy.rules import guardrails, members, metadata, numbers, prompts, texts, tools
from ai_gateway.policy.rules.written import Kind

_EVERY: Final[tuple[Kind[Any], ...]] = (
    *prompts.KINDS,
    *numbers.KINDS,
    *members.KINDS,
    *metadata.KINDS,
    *tools.KINDS,
    *texts.KINDS,
    *guardrails.KINDS,
)
KINDS: Final[Mapping[str, Kind[Any]]] = MappingProxyType({kind.name: kind for kind in _EVERY})

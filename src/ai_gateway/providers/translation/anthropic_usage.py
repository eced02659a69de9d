"""Usage as Anthropic's callers read it: input that is fresh, read from a cache and written to one stand side by side,
and add up to what we call input. Counts of a provider that do not fit into its own total are cut to it."""

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.domain.conversation import Json

NONE_YET = Usage()
COUNTED = frozenset(
    {
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cache_creation",
        "output_tokens_details",
        "service_tier",
        "speed",
    }
)
"""The members of the dialect's usage that have a place of ours."""


TIERS = frozenset({"standard", "priority", "batch"})
"""The services that clients of the dialect know; another provider's word stands beside the usage."""


def write_usage(usage: Usage | None, service_tier: str | None = None) -> dict[str, Json]:
    """`service_tier`: the provider's own word."""
    it = usage or NONE_YET
    read = min(it.cache_read_tokens, it.input_tokens)
    hour = min(it.cache_write_1h_tokens, it.input_tokens - read)
    five = min(it.cache_write_5m_tokens, it.input_tokens - read - hour)
    said: dict[str, Json] = {
        "input_tokens": it.input_tokens - read - hour - five,
        "cache_creation_input_tokens": five + hour,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        "output_tokens": it.output_tokens,
    }
    if it.reasoning_tokens:
        said["output_tokens_details"] = {"thinking_tokens": it.reasoning_tokens}
    if it.service_tier is ServiceTier.FAST:
        said["speed"] = "fast"
    if service_tier in TIERS or it.service_tier is ServiceTier.BATCH:
        said["service_tier"] = service_tier if service_tier in TIERS else "batch"
    return said


def foreign_tier(service_tier: str | None) -> dict[str, Json]:
    """A member of the message (or of its last change) for a word that the dialect's usage has not."""
    return {} if service_tier is None or service_tier in TIERS else {"service_tier": service_tier}

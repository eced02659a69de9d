"""Lanes that callers add up, and that are read back to the same counts."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.providers.translation.anthropic_usage import foreign_tier, write_usage
from ai_gateway.providers.usage import anthropic_usage

COUNTS = st.integers(0, 10**6)


def total(said: dict[str, Any]) -> int:
    """What a caller of Anthropic's SDK takes for all input."""
    return said["input_tokens"] + said["cache_read_input_tokens"] + said["cache_creation_input_tokens"]


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_lanes_of_the_input_are_all_of_it(given_input: int, read: int, five: int, hour: int, output: int) -> None:
    """Even where a provider's parts are more than its total."""
    said = write_usage(Usage(given_input, output, read, five, hour))
    assert total(said) == given_input
    assert said["cache_creation_input_tokens"] == sum(said["cache_creation"].values())
    assert min(said["input_tokens"], *said["cache_creation"].values()) >= 0


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.sampled_from(list(ServiceTier)))
def test_what_is_written_is_read_to_the_same_counts(
    fresh: int, read: int, five: int, hour: int, output: int, thought: int, tier: ServiceTier
) -> None:
    usage = Usage(fresh + read + five + hour, output + thought, read, five, hour, thought, service_tier=tier)
    known = tier if tier in (ServiceTier.FAST, ServiceTier.BATCH) else ServiceTier.STANDARD
    again = anthropic_usage(write_usage(usage))
    assert again == Usage(usage.input_tokens, usage.output_tokens, read, five, hour, thought, service_tier=known)


def test_the_providers_own_word_for_its_service_is_passed_on() -> None:
    assert write_usage(Usage(1, 2), "priority")["service_tier"] == "priority"
    assert "service_tier" not in write_usage(None)


def test_a_word_that_clients_do_not_know_stands_beside_the_usage() -> None:
    assert "service_tier" not in write_usage(Usage(1, 2), "flex")
    assert foreign_tier("flex") == {"service_tier": "flex"}
    assert foreign_tier("standard") == foreign_tier(None) == {}

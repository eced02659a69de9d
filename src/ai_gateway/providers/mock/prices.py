"""The models that the mock lists, with prices to seed the price book of a demo: enough to see money move.

Pico-dollars a token: $1 per million tokens is 1,000,000. The prices are those that the vendors listed for the models
of these names; a real price book replaces them.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class MockPrice(msgspec.Struct, frozen=True):
    """Pico-dollars for each token; `cache_read_pico` None costs what input costs."""

    input_pico: int
    output_pico: int
    cache_read_pico: int | None = None


PRICES: Mapping[str, MockPrice] = MappingProxyType(
    {
        "gpt-4": MockPrice(30_000_000, 60_000_000),
        "gpt-4o": MockPrice(2_500_000, 10_000_000, 1_250_000),
        "gpt-4o-mini": MockPrice(150_000, 600_000, 75_000),
        "gpt-3.5-turbo-instruct": MockPrice(1_500_000, 2_000_000),
        "gpt-image-1": MockPrice(5_000_000, 40_000_000, 1_250_000),
        "text-embedding-3-small": MockPrice(20_000, 0),
        "claude-opus-4-5": MockPrice(5_000_000, 25_000_000, 500_000),
        "claude-sonnet-4-5": MockPrice(3_000_000, 15_000_000, 300_000),
        "claude-haiku-4-5": MockPrice(1_000_000, 5_000_000, 100_000),
        "mock-status-503": MockPrice(1_000_000, 2_000_000),
        "mock-status-429": MockPrice(1_000_000, 2_000_000),
        "mock-slow-2000": MockPrice(1_000_000, 2_000_000),
        "mock-cut-3": MockPrice(1_000_000, 2_000_000),
        "mock-error-in-stream": MockPrice(1_000_000, 2_000_000),
        "mock-empty": MockPrice(1_000_000, 2_000_000),
        "mock-html": MockPrice(1_000_000, 2_000_000),
    }
)

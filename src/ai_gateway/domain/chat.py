"""What callers ask and what providers answer, as far as the gateway has to understand it.

A chat request is mostly somebody else's text. Only the fields that a decision needs are read; everything else stays
the raw bytes it came as (`msgspec.Raw`), which is why nothing a provider adds tomorrow can be lost here.
"""

from enum import StrEnum
from typing import Final

import msgspec


class Dialect(StrEnum):
    """The API that a caller speaks; errors are answered in it."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


class Operation(StrEnum):
    """What a caller may ask of the data plane."""

    CHAT = "chat"
    MESSAGES = "messages"
    COUNT_TOKENS = "count_tokens"
    EMBEDDINGS = "embeddings"
    COMPLETIONS = "completions"
    IMAGES = "images"
    RESPONSES = "responses"
    STORED_RESPONSES = "stored_responses"
    MODELS = "models"
    REQUESTS = "requests"


class ServiceTier(StrEnum):
    """The service that a provider says it gave, as far as one costs something else than another."""

    STANDARD = "standard"
    FLEX = "flex"
    PRIORITY = "priority"
    FAST = "fast"
    BATCH = "batch"


_STANDARD: Final = ServiceTier.STANDARD  # a member of an enum is a look-up in Python each time


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one attempt. `input_tokens` and `output_tokens` are totals; the other lanes are parts of them.

    `input_tokens` includes cache reads and writes (as OpenAI's `prompt_tokens`); `output_tokens` includes reasoning.
    Which service they were of decides what they cost, so it stands beside them.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    service_tier: ServiceTier = ServiceTier.STANDARD

    @property
    def fresh_input_tokens(self) -> int:
        """Input that was neither read from a cache nor written to one."""
        cached = self.cache_read_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens
        return max(0, self.input_tokens - cached)


def has_parts(usage: Usage) -> bool:
    """Whether there is more to know of it than its two totals: tokens of a lane of its own, or another service than the
    standard one."""
    return bool(
        usage.cache_read_tokens
        or usage.cache_write_5m_tokens
        or usage.cache_write_1h_tokens
        or usage.reasoning_tokens
        or usage.audio_input_tokens
        or usage.audio_output_tokens
        or usage.image_input_tokens
        or usage.service_tier is not _STANDARD
    )


class ProviderError(msgspec.Struct, frozen=True, gc=False):
    """What a provider said when it refused: its own words, for classification and for the tenant's admins.

    `status` is the HTTP status, or None for an error inside a stream that had begun with 200.
    """

    status: int | None
    message: str = ""
    type: str | None = None
    code: str | None = None
    param: str | None = None
    retry_after_seconds: float | None = None

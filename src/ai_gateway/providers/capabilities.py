"""What models are known to do beyond their dialect: knowledge that no API tells, so it is a table.

One thing is whether a model continues an assistant message that ends the conversation (prefill). What is not known to
do so is taken not to. A model that takes such a message for a finished turn answers as if asked again, and no
reader could tell that answer from a continuation; so compatible servers, of which each does it in its own way
(`prefix`, `continue_final_message`, or not at all), are not asked. OpenAI's chat models do not do it.

Anthropic's do up to 4.5. From 4.6 on they refuse it with 400, as all do while they think or have to fill a form.

The other is how long a conversation may be. The numbers are the vendors' own of what a request may hold, the smallest
one where a longer window has to be asked for; a name that nobody knows has none. And the last is how much a model
writes at most in one answer, whoever asks: where that is known, nobody has to be told a cap to know the worst case.
"""

import re
from typing import Final

from ai_gateway.domain.config import ProviderType

_CONTINUES: Final = re.compile(r"claude-(?:(?:[23]|instant)[-.\w]*|(?:opus|sonnet|haiku)-4(?:-[015])?(?:-20\d{6})?)")


def continues_prefill(provider: ProviderType, model: str) -> bool:
    """Whether the model's answer goes on where a last message of the assistant stops."""
    if provider in (ProviderType.ANTHROPIC, ProviderType.MOCK):
        return _CONTINUES.fullmatch(model) is not None
    return False


_WINDOWS: Final = (
    ("gpt-5", 272_000),
    ("gpt-4.1", 1_047_576),
    ("gpt-4o", 128_000),
    ("gpt-4.5", 128_000),
    ("gpt-4-turbo", 128_000),
    ("gpt-4-1106", 128_000),
    ("gpt-4-0125", 128_000),
    ("gpt-4-32k", 32_768),
    ("gpt-4", 8_192),
    ("gpt-3.5-turbo-instruct", 4_096),
    ("gpt-3.5-turbo", 16_385),
    ("o1-mini", 128_000),
    ("o1-preview", 128_000),
    ("o1", 200_000),
    ("o3", 200_000),
    ("o4-mini", 200_000),
    ("claude-2.0", 100_000),
    ("claude-instant", 100_000),
    ("claude-", 200_000),
)
"""By the beginning of the name, the longer beginnings first."""


def context_window(model: str) -> int | None:
    """Tokens of a conversation that the model is known to take; None for an unknown one."""
    return next((tokens for prefix, tokens in _WINDOWS if model.startswith(prefix)), None)


_OUTPUTS: Final = (
    ("gpt-5", 128_000),
    ("gpt-4.1", 32_768),
    ("gpt-4o", 16_384),
    ("gpt-4.5", 16_384),
    ("gpt-4-turbo", 4_096),
    ("gpt-4-1106", 4_096),
    ("gpt-4-0125", 4_096),
    ("gpt-4-32k", 32_768),
    ("gpt-4", 8_192),
    ("gpt-3.5-turbo", 4_096),
    ("o1-mini", 65_536),
    ("o1-preview", 32_768),
    ("o1", 100_000),
    ("o3", 100_000),
    ("o4-mini", 100_000),
    ("claude-2", 4_096),
    ("claude-instant", 4_096),
    ("claude-3-7", 64_000),
    ("claude-3-5", 8_192),
    ("claude-3", 4_096),
    ("claude-opus-4-5", 64_000),
    ("claude-opus-4-1", 32_000),
    ("claude-opus-4-2", 32_000),
    ("claude-opus-4-0", 32_000),
    ("claude-haiku-4", 64_000),
    ("claude-sonnet-4-5", 64_000),
    ("claude-sonnet-4-2", 64_000),
    ("claude-sonnet-4-0", 64_000),
    ("claude-opus-", 128_000),
    ("claude-sonnet-", 128_000),
    ("claude-haiku-", 128_000),
    ("claude-fable-", 128_000),
    ("claude-mythos-", 128_000),
)
"""By the beginning of the name, the longer beginnings first. Anthropic's callers always say a cap; of other callers,
those who did not are given all of it. `claude-opus-4-2...` and the like are the first of their generation, by date."""


def longest_output(model: str) -> int | None:
    """Tokens that one answer of the model is known to have at most; None for an unknown one."""
    return next((tokens for prefix, tokens in _OUTPUTS if model.startswith(prefix)), None)

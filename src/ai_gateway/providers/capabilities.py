"""What models are known to do beyond their dialect: knowledge that no API tells, so it is a table.

A family is known by the beginning of its models' names (`model_families.py` has the rows), whoever serves it and
whatever stands before the name there: `anthropic/claude-sonnet-4.5` and `us.anthropic.claude-sonnet-4-5-20250929-v1:0`
are the same model. Of a name that nobody knows nothing is said, so a feature is asked for in one of two ways: `has`,
for who wants to use it, and `lacks`, for who would refuse or drop what needs it. A row lacks only what its vendor says
that it lacks: a provider's own refusal is worth more than a wrong one of ours.

One thing is whether a model continues an assistant message that ends the conversation (prefill). What is not known to
do so is taken not to. A model that takes such a message for a finished turn answers as if asked again, and no
reader could tell that answer from a continuation; so compatible servers, of which each does it in its own way
(`prefix`, `continue_final_message`, or not at all), are not asked. OpenAI's chat models do not do it.

Anthropic's do up to 4.5. From 4.6 on they refuse it with 400, as all do while they think or have to fill a form.

The other is how long a conversation may be. The numbers are the vendors' own of what a request may hold, the smallest
one where a longer window has to be asked for; a name that nobody knows has none. And the last is how much a model
writes at most in one answer, whoever asks: where that is known, nobody has to be told a cap to know the worst case.
Open weights have no such number: it is that of the server that runs them.
"""

import re
from functools import lru_cache
from typing import Final

from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.model_families import FAMILIES, UNKNOWN, Family, Feature

__all__ = ["Family", "Feature", "context_window", "continues_prefill", "longest_output", "of"]

_CONTINUES: Final = re.compile(r"claude-(?:(?:[23]|instant)[-.\w]*|(?:opus|sonnet|haiku)-4(?:-[015])?(?:-20\d{6})?)")


_BEFORE_THE_NAME: Final = re.compile(
    r"(?:.*/)?(?:(?:us|us-gov|eu|apac|jp|au|ca|global|regional)\.)?"
    r"(?:(?:ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen"
    r"|writer|zai)\.)?"
)


_LONGEST_FIRST: Final = tuple(sorted(FAMILIES, key=lambda family: -len(family.name)))


@lru_cache(4096)
def of(model: str) -> Family:
    """The family of a model, by whatever name a provider has for it; UNKNOWN where nobody knows it."""
    name = _BEFORE_THE_NAME.sub("", model.lower(), count=1)
    if name.startswith("claude"):
        name = name.replace(".", "-")
    return next((family for family in _LONGEST_FIRST if name.startswith(family.name)), UNKNOWN)


def continues_prefill(provider: ProviderType, model: str) -> bool:
    """Whether the model's answer goes on where a last message of the assistant stops."""
    if provider in (ProviderType.ANTHROPIC, ProviderType.MOCK):
        return _CONTINUES.fullmatch(model) is not None
    return False


def context_window(model: str) -> int | None:
    """Tokens of a conversation that the model is known to take; None for an unknown one."""
    return of(model).context


def longest_output(model: str) -> int | None:
    """Tokens that one answer of the model is known to have at most; None for an unknown one. Anthropic's callers always
    say a cap; of other callers, those who did not are given all of it."""
    return of(model).output

"""What models are known to do beyond their dialect: knowledge that no API tells, so it is a table.

Only one thing so far: whether a model continues an assistant message that ends the conversation (prefill). What is not
known to do so is taken not to. A model that takes such a message for a finished turn answers as if asked again, and no
reader could tell that answer from a continuation; so compatible servers, of which each does it in its own way
(`prefix`, `continue_final_message`, or not at all), are not asked. OpenAI's chat models do not do it.

Anthropic's do up to 4.5. From 4.6 on they refuse it with 400, as all do while they think or have to fill a form.
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

"""Every client dialect of conversations in front of every provider: the fronts, and the codecs that a back gets.

A row of providers/kinds.py names its back once; what callers may speak to it is decided here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.providers import Codec
from ai_gateway.providers.translation import Back, Front
from ai_gateway.providers.translation.anthropic_front import AnthropicFront
from ai_gateway.providers.translation.chat_front import ChatFront
from ai_gateway.providers.translation.codec import TranslatingCodec
from ai_gateway.providers.translation.responses_front import ResponsesFront


class Speech(msgspec.Struct, frozen=True):
    """What callers of an operation speak."""

    dialect: Dialect
    front: Front


FRONTS: Final[Mapping[Operation, Speech]] = MappingProxyType(
    {
        Operation.CHAT: Speech(Dialect.OPENAI, ChatFront()),
        Operation.RESPONSES: Speech(Dialect.OPENAI, ResponsesFront()),
        Operation.MESSAGES: Speech(Dialect.ANTHROPIC, AnthropicFront()),
    }
)


def translations(back: Back, target: str) -> Mapping[Operation, Codec]:
    """A codec for each operation that this back can serve. `target` names its API to callers ("Anthropic's API")."""
    return MappingProxyType(
        {
            operation: TranslatingCodec(speech.dialect, operation, speech.front, back, target)
            for operation, speech in FRONTS.items()
        }
    )

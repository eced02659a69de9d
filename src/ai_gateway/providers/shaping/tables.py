"""Who shapes the answers of which operation: whole ones and streams."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping import EventShaper

ShapeReply = Callable[[bytes, AnswerRules], bytes]
"""A whole answer's body in the caller's dialect -> the body under the rules. Raises Fault, RuleError."""

_REPLIES: Final[Mapping[Operation, ShapeReply]] = MappingProxyType({})
_EVENTS: Final[Mapping[Operation, Callable[[AnswerRules], EventShaper]]] = MappingProxyType({})


def shape_reply(operation: Operation) -> ShapeReply | None:
    """None: no rule has anything to say of such an answer."""
    return _REPLIES.get(operation)


def event_shaper(operation: Operation, answer: AnswerRules) -> EventShaper | None:
    make = _EVENTS.get(operation)
    return None if make is None else make(answer)

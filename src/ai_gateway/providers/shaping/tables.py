"""Who shapes the answers of which operation, whole ones and streams, and who says which words are in them.

Every operation is here, also one whose answers have no words or never come as a stream: bytes of an answer leave only
through a shaper.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping import EventShaper
from ai_gateway.providers.shaping.anthropic_events import MessageShaper
from ai_gateway.providers.shaping.anthropic_reply import shape_message
from ai_gateway.providers.shaping.chains import recorded
from ai_gateway.providers.shaping.chat_events import ChatShaper
from ai_gateway.providers.shaping.chat_reply import shape_chat
from ai_gateway.providers.shaping.completions_events import CompletionShaper
from ai_gateway.providers.shaping.completions_reply import shape_completion
from ai_gateway.providers.shaping.plain_reply import shape_count, shape_embeddings, shape_images
from ai_gateway.providers.shaping.responses_events import ResponseShaper
from ai_gateway.providers.shaping.responses_reply import shape_response

ShapeReply = Callable[[bytes, AnswerRules], bytes]
"""A whole answer's body in the caller's dialect -> the body under the rules. Raises Blocked, RuleFailed."""

_REPLIES: Final[Mapping[Operation, ShapeReply]] = MappingProxyType(
    {
        Operation.CHAT: shape_chat,
        Operation.MESSAGES: shape_message,
        Operation.RESPONSES: shape_response,
        Operation.COMPLETIONS: shape_completion,
        Operation.EMBEDDINGS: shape_embeddings,
        Operation.IMAGES: shape_images,
        Operation.COUNT_TOKENS: shape_count,
    }
)
_EVENTS: Final[Mapping[Operation, Callable[[AnswerRules], EventShaper]]] = MappingProxyType(
    {
        Operation.CHAT: ChatShaper,
        Operation.MESSAGES: MessageShaper,
        Operation.RESPONSES: ResponseShaper,
        Operation.COMPLETIONS: CompletionShaper,
    }
)


def shape_reply(operation: Operation) -> ShapeReply:
    """What does not go to a provider is a completion without choices: names and members only."""
    return _REPLIES.get(operation, shape_completion)


def event_shaper(operation: Operation, answer: AnswerRules) -> EventShaper:
    return _EVENTS.get(operation, CompletionShaper)(answer)


def texts_of_reply(operation: Operation, body: bytes) -> tuple[str, ...]:
    """The words of a whole answer: what the assistant says and shows of its thoughts, and what it tells tools."""
    return recorded(lambda answer: shape_reply(operation)(body, answer))


def texts_of_events(operation: Operation, events: bytes) -> tuple[str, ...]:
    """The same of whole events of a stream: the pieces of each text, joined."""

    def see(answer: AnswerRules) -> None:
        shaper = event_shaper(operation, answer)
        shaper.feed(events)
        shaper.end()

    return recorded(see)

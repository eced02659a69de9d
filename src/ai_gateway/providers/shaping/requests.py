"""Which form a request's body has: one for each way to ask."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import RequestForm
from ai_gateway.providers.shaping.anthropic_request import CountRequest, MessagesRequest
from ai_gateway.providers.shaping.chat_request import ChatRequest
from ai_gateway.providers.shaping.plain_request import CompletionsRequest, EmbeddingsRequest, ImagesRequest
from ai_gateway.providers.shaping.responses_request import ResponsesRequest

FORMS: Final[Mapping[Operation, Callable[[dict[str, msgspec.Raw]], RequestForm]]] = {
    Operation.CHAT: ChatRequest,
    Operation.MESSAGES: MessagesRequest,
    Operation.COUNT_TOKENS: CountRequest,
    Operation.RESPONSES: ResponsesRequest,
    Operation.EMBEDDINGS: EmbeddingsRequest,
    Operation.COMPLETIONS: CompletionsRequest,
    Operation.IMAGES: ImagesRequest,
}
"""Every operation that a model answers."""


def form_of(operation: Operation, fields: dict[str, msgspec.Raw]) -> RequestForm:
    """`fields` are not changed themselves. Raises KeyError for an operation that asks no model."""
    return FORMS[operation](fields)

"""Cohere's own chat API (`/v2/chat`) as a back of translations. Its older ones (`/v1/chat`, `/v1/generate`) are not
spoken."""

from typing import final

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.reply import Reply
from ai_gateway.providers.translation import Draft, EventDecoder
from ai_gateway.providers.translation.cohere_errors import read_cohere_error
from ai_gateway.providers.translation.cohere_reply import read_reply
from ai_gateway.providers.translation.cohere_request import write_request
from ai_gateway.providers.translation.cohere_stream import CohereReader
from ai_gateway.providers.translation.cohere_turns import NAME
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.sse_decoder import SseDecoder


@final
class CohereBack:
    @property
    def name(self) -> str:
        return NAME

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        return write_request(asked, model, losses)

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        return read_reply(body)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_cohere_error(status, headers, body)

    def decoder(self) -> EventDecoder:
        return SseDecoder(CohereReader())

"""OpenAI's chat completions, or a server that is compatible with them, as the API of a provider."""

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.reply import Reply
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation import Draft, EventDecoder
from ai_gateway.providers.translation.chat_decoder import ChatReader, read_reply
from ai_gateway.providers.translation.chat_parts import CHAT
from ai_gateway.providers.translation.chat_sent_request import write_body
from ai_gateway.providers.translation.chat_ways import OPENAI, ChatWays
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.sse_decoder import SseDecoder


class ChatBack:
    """`ways`: how this provider differs from OpenAI."""

    def __init__(self, ways: ChatWays = OPENAI) -> None:
        self._ways = ways

    @property
    def name(self) -> str:
        return CHAT

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        return Draft(self._ways.path, write_body(asked, model, self._ways, losses))

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        return read_reply(body, self._ways.maker)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def decoder(self) -> EventDecoder:
        return SseDecoder(ChatReader(self._ways.maker))

"""OpenAI's chat completions as the API that a caller speaks."""

from typing import final

import msgspec

from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.reply import Reply
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.translation import EventEncoder
from ai_gateway.providers.translation.chat_encoder import ChatEncoder
from ai_gateway.providers.translation.chat_parts import CHAT
from ai_gateway.providers.translation.chat_reply import write_reply
from ai_gateway.providers.translation.chat_request import read_request


@final
class ChatFront:
    @property
    def name(self) -> str:
        return CHAT

    def read_request(self, fields: dict[str, msgspec.Raw]) -> Conversation:
        return read_request(fields)

    def write_reply(self, reply: Reply) -> bytes:
        return write_reply(reply)

    def encoder(self, shaped: Shaped) -> EventEncoder:
        call = shaped.call
        return ChatEncoder(int(call.head.received_wall), wants_usage=call.wants_usage)

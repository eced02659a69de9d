"""A provider that is reached by the Responses API. `maker`: whose models it serves, whose thoughts it can read."""

from typing import final

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Conversation, Maker
from ai_gateway.domain.reply import Reply
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation import Draft, EventDecoder
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.responses_decoder import ResponsesReader
from ai_gateway.providers.translation.responses_input import InputWriter
from ai_gateway.providers.translation.responses_reply import read_reply
from ai_gateway.providers.translation.responses_request import write_members
from ai_gateway.providers.translation.responses_wire import NAME
from ai_gateway.providers.translation.sse_decoder import SseDecoder


@final
class ResponsesBack:
    def __init__(self, maker: Maker = Maker.OPENAI) -> None:
        self._maker = maker

    @property
    def name(self) -> str:
        return NAME

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        body = write_members(asked, model, losses)
        writer = InputWriter(
            self._maker,
            losses,
            breakpoints="prompt_cache_options" in asked.hints,
        )
        turns = asked.turns
        instructions = writer.instructions(turns)
        if instructions is not None:
            body["instructions"] = instructions
            turns = turns[1:]
        body["input"] = list(writer.items(turns))
        return Draft("/responses", body)

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        return read_reply(body, self._maker)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def decoder(self) -> EventDecoder:
        return SseDecoder(ResponsesReader(self._maker))

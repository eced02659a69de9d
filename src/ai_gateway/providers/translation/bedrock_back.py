"""Amazon Bedrock's Converse, one API in front of many makers' models, as a back of translations.

Requests go to `/model/{id}/converse` or `/converse-stream`; what signs them is runtime/sigv4.py. InvokeModel, which has
another body for each maker, is only used for embeddings (bedrock_embeddings.py).
"""

from typing import final

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.reply import Reply
from ai_gateway.providers.translation import Draft, EventDecoder
from ai_gateway.providers.translation.bedrock_errors import read_aws_error
from ai_gateway.providers.translation.bedrock_reply import read_reply
from ai_gateway.providers.translation.bedrock_request import write_request
from ai_gateway.providers.translation.bedrock_stream import BedrockDecoder
from ai_gateway.providers.translation.bedrock_turns import NAME
from ai_gateway.providers.translation.losses import Losses


@final
class BedrockBack:
    @property
    def name(self) -> str:
        return NAME

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        return write_request(asked, model, losses)

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        return read_reply(body)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_aws_error(status, headers, body)

    def decoder(self) -> EventDecoder:
        return BedrockDecoder()

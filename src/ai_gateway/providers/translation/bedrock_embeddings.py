"""Embeddings through Bedrock's InvokeModel, whose body is each maker's own: Amazon's Titan takes one text a request,
Cohere's models take what Cohere's API takes.

The answer does not say whose it is, but its form does. Cohere's on Bedrock counts no tokens in the body.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.decoding import NO_RAW, decode, says_something
from ai_gateway.providers.translation import Draft
from ai_gateway.providers.translation.bedrock_errors import read_aws_error
from ai_gateway.providers.translation.bedrock_models import path_of
from ai_gateway.providers.translation.cohere_embeddings import embed_body, read_vectors
from ai_gateway.providers.translation.embeddings import Vectors, Wanted, refuse_others
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.usage import MOST_TOKENS

_TITAN: Final = "amazon.titan-embed-text-v2"
_FIRST_TITANS: Final = ("amazon.titan-embed-text-v1", "amazon.titan-embed-g1-text")
_COHERE: Final = "cohere.embed"


@final
class BedrockEmbeddings:
    def write(self, wanted: Wanted, model: str, losses: Losses) -> Draft:
        """Raises InvalidRequest for a model whose body nobody knows: an ARN of a profile hides whose it is."""
        return Draft(path_of(model, "invoke"), _body(wanted, model, losses))

    def read(self, body: bytes) -> Vectors | ProviderError:
        titan = decode(body, _Titan)
        if titan is None or not says_something(titan.embedding):
            return read_vectors(body)
        count = titan.input_text_token_count
        is_count = isinstance(count, int) and not isinstance(count, bool) and count >= 0
        usage = Usage(input_tokens=min(count, MOST_TOKENS)) if isinstance(count, int) and is_count else None
        return Vectors((titan.embedding,), usage)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_aws_error(status, headers, body)


def _body(wanted: Wanted, model: str, losses: Losses) -> dict[str, object]:
    if _COHERE in model:
        return embed_body(wanted, losses)
    if _TITAN not in model and not any(name in model for name in _FIRST_TITANS):
        raise InvalidRequest(
            "This model's embeddings are not known on Bedrock: Amazon's titan-embed-text and Cohere's embed are.",
            param="model",
        )
    if len(wanted.texts) != 1:
        raise InvalidRequest("'input' must be one text: Amazon Titan embeds one a request.", param="input")
    (text,) = wanted.texts
    body: dict[str, object] = {"inputText": text}
    if wanted.dimensions is not None and _TITAN in model:
        body["dimensions"] = wanted.dimensions
    elif wanted.dimensions is not None:
        losses.unsupported("dimensions")
    return body | refuse_others(wanted, frozenset({"normalize"} if _TITAN in model else ()), losses)


class _Titan(msgspec.Struct, frozen=True, rename="camel"):
    embedding: msgspec.Raw = NO_RAW
    input_text_token_count: object = None

"""Cohere's `/v2/embed`.

Its models embed a text differently for what it is meant for (`input_type`), which OpenAI's dialect cannot say: it is
taken from the request where it stands beside OpenAI's members, and is `search_document` otherwise.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.providers.decoding import NO_RAW, as_object, decode, decode_any
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation import Draft
from ai_gateway.providers.translation.cohere_errors import read_cohere_error
from ai_gateway.providers.translation.cohere_reply import count_of
from ai_gateway.providers.translation.embeddings import Vectors, Wanted, refuse_others
from ai_gateway.providers.translation.losses import Losses

PATH: Final = "/v2/embed"
USUAL_INPUT: Final = "search_document"
KNOWN: Final = frozenset({"input_type", "truncate", "max_tokens", "priority"})


@final
class CohereEmbeddings:
    def write(self, wanted: Wanted, model: str, losses: Losses) -> Draft:
        return Draft(PATH, {"model": model, **embed_body(wanted, losses)})

    def read(self, body: bytes) -> Vectors | ProviderError:
        return read_vectors(body)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_cohere_error(status, headers, body)


def embed_body(wanted: Wanted, losses: Losses) -> dict[str, object]:
    """A request's members but for the model."""
    body: dict[str, object] = {"texts": list(wanted.texts), "input_type": USUAL_INPUT, "embedding_types": ["float"]}
    if wanted.dimensions is not None:
        body["output_dimension"] = wanted.dimensions
    return body | refuse_others(wanted, KNOWN, losses)


def read_vectors(body: bytes) -> Vectors | ProviderError:
    """Vectors by their type, or (v1, and Bedrock where no type was asked for) as a bare list."""
    said = decode(body, _Reply)
    vectors = None
    if said is not None:
        by_type = decode(said.embeddings, _ByType)
        vectors = decode(said.embeddings, list[msgspec.Raw]) if by_type is None else by_type.float
    if said is None or not vectors:
        error = read_error(None, {}, body)
        is_told = bool(error.message or error.type or error.code)
        return error if is_told else ProviderError(status=None, message="The provider's answer has no embeddings.")
    billed = as_object(as_object(decode_any(said.meta)).get("billed_units"))
    tokens = count_of(billed.get("input_tokens"))
    return Vectors(tuple(vectors), None if tokens is None else Usage(input_tokens=tokens))


class _ByType(msgspec.Struct, frozen=True):
    float: list[msgspec.Raw] | None = None


class _Reply(msgspec.Struct, frozen=True):
    embeddings: msgspec.Raw = NO_RAW
    meta: msgspec.Raw = NO_RAW

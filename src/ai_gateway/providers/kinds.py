"""The table of provider types. A new provider is one codec file and one row here; one that serves OpenAI's dialect is a
row of servers.py and nothing else."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import BaseUrl, ProviderType
from ai_gateway.providers import Auth, Codec, ProviderKind
from ai_gateway.providers.anthropic import AnthropicCodec
from ai_gateway.providers.azure import AZURE
from ai_gateway.providers.differences import UNKNOWN_SERVER
from ai_gateway.providers.openai import OpenAICodec
from ai_gateway.providers.servers import SERVERS
from ai_gateway.providers.translation import Back
from ai_gateway.providers.translation.anthropic_back import AnthropicBack
from ai_gateway.providers.translation.bedrock_back import BedrockBack
from ai_gateway.providers.translation.bedrock_embeddings import BedrockEmbeddings
from ai_gateway.providers.translation.chat_back import ChatBack
from ai_gateway.providers.translation.chat_ways import ChatWays
from ai_gateway.providers.translation.cohere_back import CohereBack
from ai_gateway.providers.translation.cohere_embeddings import CohereEmbeddings
from ai_gateway.providers.translation.embeddings import EmbeddingsApi, EmbeddingsCodec
from ai_gateway.providers.translation.google_back import GeminiBack
from ai_gateway.providers.translation.google_embeddings import GeminiBatch, GoogleEmbeddings, VertexPredict
from ai_gateway.providers.translation.google_vertex import vertex_back
from ai_gateway.providers.translation.pairs import translations
from ai_gateway.providers.translation.server_ways import ways_of

_MOCKS: Final = msgspec.structs.replace(UNKNOWN_SERVER, responses=True)


def _with_embeddings(back: Back, embeddings: EmbeddingsApi, target: str) -> Mapping[Operation, Codec]:
    """What a provider that speaks no dialect of callers gets: conversations and embeddings."""
    return MappingProxyType({**translations(back, target), Operation.EMBEDDINGS: EmbeddingsCodec(embeddings, target)})


def _rows() -> Iterator[ProviderKind]:
    yield ProviderKind(
        type=ProviderType.OPENAI,
        codecs={Dialect.OPENAI: OpenAICodec()},
        auth=Auth.BEARER,
        default_url=BaseUrl("https", "api.openai.com", 443, "/v1"),
        translated=translations(ChatBack(), "OpenAI's chat API"),
        free_check="/models",
    )
    yield ProviderKind(
        type=ProviderType.ANTHROPIC,
        codecs={Dialect.ANTHROPIC: AnthropicCodec()},
        auth=Auth.X_API_KEY,
        default_url=BaseUrl("https", "api.anthropic.com", 443, ""),
        translated=translations(AnthropicBack(), "Anthropic's API"),
        free_check="/v1/models",
    )
    yield ProviderKind(
        type=ProviderType.OPENAI_COMPATIBLE,
        codecs={Dialect.OPENAI: OpenAICodec(UNKNOWN_SERVER)},
        auth=Auth.BEARER,
        needs_key=False,
        translated=translations(ChatBack(ChatWays(output_field="max_tokens")), "this provider's API"),
        free_check="/models",
        differences=UNKNOWN_SERVER,
    )
    yield ProviderKind(
        type=ProviderType.BEDROCK,
        codecs={},
        auth=Auth.AWS,
        translated=_with_embeddings(BedrockBack(), BedrockEmbeddings(), "Amazon Bedrock"),
    )
    yield ProviderKind(
        type=ProviderType.COHERE,
        codecs={},
        auth=Auth.BEARER,
        translated=_with_embeddings(CohereBack(), CohereEmbeddings(), "Cohere"),
        default_url=BaseUrl("https", "api.cohere.com", 443, ""),
        free_check="/v1/models",
    )
    yield ProviderKind(
        type=ProviderType.GEMINI,
        codecs={},
        translated={
            **translations(GeminiBack(), "the Gemini API"),
            Operation.EMBEDDINGS: GoogleEmbeddings(GeminiBatch()),
        },
        auth=Auth.X_GOOG_API_KEY,
        default_url=BaseUrl("https", "generativelanguage.googleapis.com", 443, "/v1beta"),
        free_check="/models",
    )
    yield ProviderKind(
        type=ProviderType.VERTEX,
        codecs={},
        translated={
            **translations(vertex_back(), "Vertex AI"),
            Operation.EMBEDDINGS: GoogleEmbeddings(VertexPredict()),
        },
        auth=Auth.GOOGLE_CLOUD,
        free_check="/cachedContents?pageSize=1",  # what may generate may list them (roles/aiplatform.user)
    )
    yield AZURE
    for server in SERVERS:
        yield ProviderKind(
            type=server.type,
            codecs={Dialect.OPENAI: OpenAICodec(server.differences)},
            auth=Auth.BEARER,
            default_url=server.url,
            needs_key=server.needs_key,
            translated=translations(ChatBack(ways_of(server.type, server.differences)), f"the API of {server.type}"),
            free_check=server.check,
            differences=server.differences,
        )
    # The built-in mock speaks both dialects and takes every path with and without `/v1`.
    yield ProviderKind(
        type=ProviderType.MOCK,
        codecs={Dialect.OPENAI: OpenAICodec(_MOCKS), Dialect.ANTHROPIC: AnthropicCodec()},
        auth=Auth.NONE,
        needs_key=False,
        free_check="/models",
        differences=_MOCKS,
    )


KINDS: Mapping[ProviderType, ProviderKind] = MappingProxyType({kind.type: kind for kind in _rows()})

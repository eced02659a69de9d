"""OpenAI's embeddings in front of Google's: batchEmbedContents of the Gemini API, predict of Vertex AI.

A request is a list of texts either way. Google takes no tokens in their place; Vertex cuts what is too long unless it
is told not to, which OpenAI does not do, so it is told. The Gemini API need not count: the gateway then counts for
itself, and the answer says 0 to a caller whose SDK wants a number.

The form of an answer (numbers, or base64 of them, which SDKs ask for) is the caller's choice, so `read_reply_to` writes
it with the call beside it. Without a call, numbers are written.
"""

import struct
from base64 import b64encode
from typing import Any, Final, Protocol, final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation, ProviderError, Usage
from ai_gateway.domain.conversation import Json
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Header, Shaped
from ai_gateway.providers import Reading, StreamWatch, UpstreamRequest
from ai_gateway.providers.decoding import NO_RAW, decode, decode_any, says_something
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.openai import ChatReader, UsageChunk
from ai_gateway.providers.requests import USER_AGENT
from ai_gateway.providers.translation.google_back import model_path, vertex_path
from ai_gateway.providers.translation.google_usage import read_google_usage
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.usage import Count
from ai_gateway.providers.watch import DialectWatch

_HEADERS: Final[tuple[Header, ...]] = (
    ("content-type", "application/json"),
    ("accept", "application/json"),
    ("accept-encoding", "identity"),
    ("user-agent", USER_AGENT),
)
_READ: Final = frozenset({"model", "input", "dimensions", "encoding_format", "user"})

Vectors = list[list[float]]


class _Asked(msgspec.Struct, frozen=True):
    texts: tuple[str, ...]
    dimensions: int | None


class _Embedded(msgspec.Struct, frozen=True):
    """`usage` None: none was told."""

    vectors: Vectors
    usage: Usage | None


class Wire(Protocol):
    """Where one of the two takes texts, and how it answers."""

    def write(self, asked: _Asked, model: str) -> tuple[str, Json]:
        """Path and body."""
        ...

    def read(self, body: bytes) -> _Embedded | None: ...


@final
class GoogleEmbeddings:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @property
    def dialect(self) -> Dialect:
        return Dialect.OPENAI

    @property
    def operations(self) -> frozenset[Operation]:
        return frozenset({Operation.EMBEDDINGS})

    @property
    def translates(self) -> bool:
        return True

    def encode(self, shaped: Shaped, model: str) -> UpstreamRequest:
        """Raises InvalidRequest for what OpenAI would refuse too, Untranslatable for what Google has no place for."""
        losses = Losses("Google's embeddings", drops=shaped.drop_unsupported)
        path, body = self._wire.write(_read_request(shaped, losses), model)
        return UpstreamRequest("POST", path, _HEADERS, msgspec.json.encode(body), losses.dropped)

    def read_reply(self, operation: Operation, body: bytes) -> Reading:
        return self._reading(body, None)

    def read_reply_to(self, shaped: Shaped, body: bytes) -> Reading:
        """The same, in the form that this caller asked for."""
        return self._reading(body, shaped)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def watch(self, shaped: Shaped) -> StreamWatch:
        """Embeddings are not streamed: what comes as a stream is judged as OpenAI's would be."""
        return DialectWatch(ChatReader(UsageChunk.WITHHELD))

    def _reading(self, body: bytes, shaped: Shaped | None) -> Reading:
        embedded = self._wire.read(body)
        if embedded is None:
            error = read_error(None, {}, body)
            said = error.message or error.code or error.type
            nothing = ProviderError(status=None, message="The provider's answer has no embeddings.")
            return Reading(error=error if said else nothing)
        return Reading(usage=embedded.usage, body=_write_reply(embedded, shaped))


@final
class GeminiBatch:
    def write(self, asked: _Asked, model: str) -> tuple[str, Json]:
        place = model_path(model)
        size = {} if asked.dimensions is None else {"outputDimensionality": asked.dimensions}
        requests = [
            {"model": place.removeprefix("/"), "content": {"parts": [{"text": text}]}, **size} for text in asked.texts
        ]
        return f"{place}:batchEmbedContents", {"requests": requests}

    def read(self, body: bytes) -> _Embedded | None:
        said = decode(body, _Batch)
        if said is None or not said.embeddings or says_something(said.error):
            return None
        usage = read_google_usage(said.usage_metadata) if says_something(said.usage_metadata) else None
        return _Embedded([it.values for it in said.embeddings], usage)


@final
class VertexPredict:
    def write(self, asked: _Asked, model: str) -> tuple[str, Json]:
        parameters: dict[str, Json] = {"autoTruncate": False}
        if asked.dimensions is not None:
            parameters["outputDimensionality"] = asked.dimensions
        instances = [{"content": text} for text in asked.texts]
        return f"{vertex_path(model)}:predict", {"instances": instances, "parameters": parameters}

    def read(self, body: bytes) -> _Embedded | None:
        said = decode(body, _Predicted)
        if said is None or not said.predictions or says_something(said.error):
            return None
        told = [it.embeddings for it in said.predictions]
        counts = [it.statistics.token_count for it in told]
        known = [it for it in counts if it is not None]
        usage = Usage(input_tokens=sum(known)) if len(known) == len(counts) else None
        return _Embedded([it.values for it in told], usage)


def _read_request(shaped: Shaped, losses: Losses) -> _Asked:
    for name in shaped.fields:
        if name not in _READ:
            losses.unsupported(name)
    if "user" in shaped.fields:
        losses.forgiven("user")
    _encoding_of(shaped)
    dimensions = decode_any(shaped.fields.get("dimensions", NO_RAW)) if "dimensions" in shaped.fields else None
    if dimensions is not None and not (isinstance(dimensions, int) and dimensions > 0):
        raise _invalid("dimensions", "must be a whole number above 0")
    return _Asked(_texts_of(shaped, losses), dimensions if isinstance(dimensions, int) else None)


def _texts_of(shaped: Shaped, losses: Losses) -> tuple[str, ...]:
    asked = shaped.fields.get("input", NO_RAW)
    if (text := decode(asked, str)) is not None:
        return (text,)
    if texts := decode(asked, list[str]):
        return tuple(texts)
    if decode(asked, list[int]) or decode(asked, list[list[int]]):
        losses.unsupported("input", "it takes texts only, no tokens")
    raise _invalid("input", "must be a text or a list of texts, at least one")


def _encoding_of(shaped: Shaped) -> str:
    asked = decode_any(shaped.fields["encoding_format"]) if "encoding_format" in shaped.fields else "float"
    if asked not in ("float", "base64", None):
        raise _invalid("encoding_format", "must be 'float' or 'base64'")
    return "base64" if asked == "base64" else "float"


def _invalid(field: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"'{field}' {what}.", param=field)


def _write_reply(embedded: _Embedded, shaped: Shaped | None) -> bytes:
    is_packed = shaped is not None and _encoding_of(shaped) == "base64"
    data: list[Any] = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if is_packed else vector}
        for index, vector in enumerate(embedded.vectors)
    ]
    counted = 0 if embedded.usage is None else embedded.usage.input_tokens
    model = "" if shaped is None else shaped.call.model
    usage = {"prompt_tokens": counted, "total_tokens": counted}
    return msgspec.json.encode({"object": "list", "data": data, "model": model, "usage": usage})


def _packed(vector: list[float]) -> str:
    """As OpenAI packs them: little-endian 32-bit floats."""
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


class _Values(msgspec.Struct, frozen=True):
    values: list[float]


class _Batch(msgspec.Struct, frozen=True, rename="camel"):
    embeddings: list[_Values] | None = None
    usage_metadata: msgspec.Raw = NO_RAW
    error: msgspec.Raw = NO_RAW


class _Statistics(msgspec.Struct, frozen=True):
    token_count: Count | None = None


class _Told(msgspec.Struct, frozen=True):
    values: list[float]
    statistics: _Statistics = _Statistics()


class _Prediction(msgspec.Struct, frozen=True):
    embeddings: _Told


class _Predicted(msgspec.Struct, frozen=True):
    predictions: list[_Prediction] | None = None
    error: msgspec.Raw = NO_RAW

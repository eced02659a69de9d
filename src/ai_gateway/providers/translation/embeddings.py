"""Embeddings of OpenAI's dialect from providers that have an API of their own for them.

Numbers go through as the text that the provider wrote. Who asked for base64 (as OpenAI's SDKs do by themselves, and
npm's takes nothing else then) gets their 32-bit floats in it, little-endian, as OpenAI sends them.
"""

import struct
from base64 import b64encode
from typing import Final, Literal, Protocol, final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation, ProviderError, Usage
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers import Reading, StreamWatch, UpstreamRequest
from ai_gateway.providers.decoding import decode
from ai_gateway.providers.openai import ChatReader, UsageChunk
from ai_gateway.providers.requests import headers_for
from ai_gateway.providers.translation import Draft
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.watch import DialectWatch

_FORGIVEN: Final = frozenset({"user"})
_OURS: Final = frozenset({"model", "input", "dimensions", "encoding_format"})


class Wanted(msgspec.Struct, frozen=True):
    """`texts` is never empty. `others`: members that are not OpenAI's, decoded; each is the API's to take or refuse."""

    texts: tuple[str, ...]
    dimensions: int | None = None
    others: dict[str, object] = {}


class Vectors(msgspec.Struct, frozen=True):
    """One vector for each text, in order: JSON arrays."""

    vectors: tuple[msgspec.Raw, ...]
    usage: Usage | None = None


class EmbeddingsApi(Protocol):
    """A provider's API of embeddings."""

    def write(self, wanted: Wanted, model: str, losses: Losses) -> Draft: ...

    def read(self, body: bytes) -> Vectors | ProviderError: ...

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError: ...


@final
class EmbeddingsCodec:
    """`target` is how callers are told of the provider's API."""

    def __init__(self, api: EmbeddingsApi, target: str) -> None:
        self._api = api
        self._target = target

    @property
    def dialect(self) -> Dialect:
        return Dialect.OPENAI

    @property
    def operations(self) -> frozenset[Operation]:
        return frozenset({Operation.EMBEDDINGS})

    @property
    def translates(self) -> Literal[True]:
        return True

    def encode(self, shaped: Shaped, model: str) -> UpstreamRequest:
        """Raises InvalidRequest."""
        losses = Losses(self._target, drops=shaped.drop_unsupported)
        draft = self._api.write(read_wanted(shaped.fields, losses), model, losses)
        headers = (*headers_for(shaped), *draft.headers)
        return UpstreamRequest("POST", draft.path, headers, msgspec.json.encode(draft.body), losses.dropped)

    def read_reply(self, operation: Operation, body: bytes) -> Reading:
        read = self._api.read(body)
        if isinstance(read, ProviderError):
            return Reading(error=read)
        return Reading(usage=read.usage, body=write_vectors(read))

    def read_reply_to(self, shaped: Shaped, body: bytes) -> Reading:
        read = self._api.read(body)
        if isinstance(read, ProviderError):
            return Reading(error=read)
        form = decode(shaped.fields.get("encoding_format", msgspec.Raw(b"null")), str)
        if form == "base64":
            read = msgspec.structs.replace(read, vectors=tuple(map(_in_base64, read.vectors)))
        return Reading(usage=read.usage, body=write_vectors(read, shaped.call.model))

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return self._api.read_error(status, headers, body)

    def watch(self, shaped: Shaped) -> StreamWatch:
        """Embeddings do not stream: whatever comes is watched as OpenAI's would be."""
        return DialectWatch(ChatReader(UsageChunk.WITHHELD))


def read_wanted(fields: dict[str, msgspec.Raw], losses: Losses) -> Wanted:
    """Raises InvalidRequest for an input that is no text: numbers of another model's tokens are none."""
    said = fields.get("input", msgspec.Raw(b"null"))
    text = decode(said, str)
    texts = decode(said, tuple[str, ...]) if text is None else (text,)
    if not texts:
        raise InvalidRequest("'input' must be a text or a list of texts for this model.", param="input")
    dimensions = _dimensions(fields.get("dimensions", msgspec.Raw(b"null")))
    others: dict[str, object] = {}
    for name, raw in fields.items():
        if name in _FORGIVEN:
            if bytes(raw).strip() != b"null":
                losses.forgiven(name)
        elif name not in _OURS:
            others[name] = msgspec.json.decode(raw)
    return Wanted(texts, dimensions, others)


def _in_base64(vector: msgspec.Raw) -> msgspec.Raw:
    """What is no list of numbers stays what it is."""
    numbers = decode(vector, list[float])
    if numbers is None:
        return vector
    packed = struct.pack(f"<{len(numbers)}f", *numbers)
    return msgspec.Raw(msgspec.json.encode(b64encode(packed).decode()))


def write_vectors(read: Vectors, model: str = "") -> bytes:
    usage = read.usage or Usage()
    data = [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(read.vectors)]
    counted = {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens}
    return msgspec.json.encode({"object": "list", "data": data, "model": model, "usage": counted})


def refuse_others(wanted: Wanted, known: frozenset[str], losses: Losses) -> dict[str, object]:
    """The members that the API knows by the same name; each other one is refused."""
    for name in wanted.others:
        if name not in known:
            losses.unsupported(name)
    return {name: value for name, value in wanted.others.items() if name in known}


def _dimensions(raw: msgspec.Raw) -> int | None:
    if bytes(raw).strip() == b"null":
        return None
    told = decode(raw, int)
    if told is None or told < 1:
        raise InvalidRequest("'dimensions' must be a positive whole number.", param="dimensions")
    return told

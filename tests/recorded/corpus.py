"""The recorded traffic of real providers, read where it lies beside this repository.

It is never copied into the project, so on a user's machine it is absent; what reads it then skips and says why
(`needs_corpus`). Only what a test asks for is parsed, once per process.
"""

import base64
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from ai_gateway.domain.config import ProviderType

FOLDER = Path(__file__).parents[2].parent / "shared" / "corpus"
NATIVE = frozenset(
    {
        "openai.chat_completions",
        "openai.embeddings",
        "openai.completions",
        "openai.images",
        "anthropic.messages",
        "anthropic.count_tokens",
    }
)
OTHER_NAMES = {
    "azure": ProviderType.AZURE_OPENAI,
    "google": ProviderType.GEMINI,
    "lmstudio": ProviderType.LM_STUDIO,
}
"""What the recordings call a provider whose type we call otherwise."""

needs_corpus = pytest.mark.skipif(
    not (FOLDER / "exchanges.jsonl").exists(), reason="the recorded traffic (../shared/corpus) is not on this machine"
)


class Exchange(msgspec.Struct, frozen=True):
    """One recorded request and its answer. `kept_bytes`: the answer's bytes are the provider's own."""

    id: str
    provider: str
    endpoint: str
    url: str
    request: bytes | None
    status: int
    headers: dict[str, str]
    body: bytes
    is_stream: bool
    features: tuple[str, ...]
    fidelity: str

    @property
    def kept_bytes(self) -> bool:
        return self.fidelity == "raw" or self.fidelity.startswith("decompressed:")

    @property
    def asked(self) -> dict[str, object]:
        """The recorded request's members; empty where the request is unknown or is no JSON object."""
        try:
            body = json.loads(self.request or b"{}")
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    @property
    def asked_for_usage(self) -> bool:
        options = self.asked.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True


def load(endpoints: Iterable[str] = NATIVE, *, kept_bytes: bool | None = None) -> tuple[Exchange, ...]:
    """The exchanges of these endpoints, all or only those whose answer's bytes were (not) kept. Empty if absent."""
    wanted = frozenset(endpoints)
    return tuple(
        exchange
        for exchange in _exchanges("exchanges.jsonl")
        if exchange.endpoint in wanted and kept_bytes in (None, exchange.kept_bytes)
    )


def load_all() -> tuple[Exchange, ...]:
    """Whatever was asked; empty if absent."""
    return _exchanges("exchanges.jsonl")


def load_errors_in_the_wild() -> tuple[Exchange, ...]:
    return _exchanges("errors_in_the_wild.jsonl")


def why_left_out(exchange: Exchange) -> str | None:
    """Why an exchange is not one of the data plane's operations, or None."""
    path = exchange.url.split("?")[0]
    if path.endswith("/v1/complete"):
        return "Anthropic's text completions, before messages"
    if path.endswith("/images/edits"):
        return "edits of pictures"
    if exchange.provider == "writer" and exchange.endpoint == "openai.completions":
        return "Writer's completions, which are not the dialect's"
    if exchange.body.count(b"event: message_stop") > 1:
        return "two answers in one recording"
    if exchange.asked.get("max_tokens") == -1:
        return "a negative max_tokens, which the gateway refuses itself"
    return None


def type_of(exchange: Exchange) -> ProviderType:
    """The type that a config for this provider would have."""
    if exchange.endpoint.startswith("anthropic."):
        return ProviderType.ANTHROPIC
    known = {it.value: it for it in ProviderType} | OTHER_NAMES
    return known.get(exchange.provider, ProviderType.OPENAI_COMPATIBLE)


@cache
def _exchanges(name: str) -> tuple[Exchange, ...]:
    path = FOLDER / name
    if not path.exists():
        return ()
    with path.open(encoding="utf-8") as lines:
        return tuple(_exchange(json.loads(line)) for line in lines)


def _exchange(row: dict[str, object]) -> Exchange:
    record = msgspec.convert(row, _Record)
    return Exchange(
        id=record.id,
        provider=record.provider,
        endpoint=record.endpoint,
        url=record.url or "",
        request=_bytes(record.request_body, record.request_body_encoding),
        status=record.status or 0,
        headers={
            name: value if isinstance(value, str) else value[-1]
            for name, value in (record.response_headers or {}).items()
        },
        body=_bytes(record.response_body, record.response_body_encoding) or b"",
        is_stream=record.is_stream,
        features=tuple(record.features),
        fidelity=record.wire["body_fidelity"],  # type: ignore[arg-type]
    )


def _bytes(text: str | None, encoding: str | None) -> bytes | None:
    if text is None:
        return None
    return base64.b64decode(text) if encoding == "base64" else text.encode()


class _Record(msgspec.Struct):
    id: str
    provider: str
    endpoint: str
    is_stream: bool
    features: list[str]
    wire: dict[str, object]
    url: str | None = None
    request_body: str | None = None
    request_body_encoding: str | None = None
    status: int | None = None
    response_headers: dict[str, str | list[str]] | None = None
    response_body: str | None = None
    response_body_encoding: str | None = None

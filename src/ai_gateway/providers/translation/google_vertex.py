"""Vertex AI as one provider: which of its APIs speaks to a model, by the model's name.

Vertex has models of two makers behind APIs of their own: Gemini behind generateContent, Claude behind Anthropic's
messages. One provider config names them side by side, so the back is chosen for each request. Only the request knows
its model; of an answer its form says who gave it: what Anthropic says has a `type`, in every answer and every event,
and what Google says has none.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.reply import Event, Reply
from ai_gateway.providers import sse
from ai_gateway.providers.decoding import decode
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.sse import EventSplitter
from ai_gateway.providers.translation import Back, Draft, EventDecoder
from ai_gateway.providers.translation.anthropic_back import VERTEX, AnthropicBack
from ai_gateway.providers.translation.google_back import VertexGeminiBack
from ai_gateway.providers.translation.losses import Losses

PREFIX: Final = "claude"


def vertex_back() -> "VertexBack":
    """Both makers' models."""
    return VertexBack(VertexGeminiBack(), AnthropicBack(VERTEX))


@final
class VertexBack:
    """`gemini` speaks to every model whose name does not begin with "claude"; without `claude`, to those too."""

    def __init__(self, gemini: Back, claude: Back | None = None) -> None:
        self._gemini = gemini
        self._claude = claude

    @property
    def name(self) -> str:
        return self._gemini.name

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        is_claude = self._claude is not None and model.rsplit("/", 1)[-1].lower().startswith(PREFIX)
        back = self._claude if is_claude and self._claude is not None else self._gemini
        return back.write_request(asked, model, losses)

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        return self._that_said(body).read_reply(body)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def decoder(self) -> EventDecoder:
        return self._gemini.decoder() if self._claude is None else _EitherDecoder(self._gemini, self._claude)

    def _that_said(self, body: bytes) -> Back:
        return self._claude if self._claude is not None and has_type(body) else self._gemini


def has_type(data: bytes) -> bool:
    said = decode(data, _Typed)
    return said is not None and isinstance(said.type, str)


class _Typed(msgspec.Struct, frozen=True):
    type: object = None


@final
class _EitherDecoder:
    """Keeps bytes until one event with data is whole, which says whose stream it is."""

    def __init__(self, gemini: Back, claude: Back) -> None:
        self._gemini = gemini
        self._claude = claude
        self._chosen: EventDecoder | None = None
        self._splitter = EventSplitter()
        self._kept: list[bytes] = []

    def feed(self, chunk: bytes) -> list[Event]:
        if self._chosen is not None:
            return self._chosen.feed(chunk)
        self._kept.append(chunk)
        told = [data for event in self._splitter.feed(chunk) if (data := sse.data_of(event)) is not None]
        if not told and not self._splitter.overflowed:
            return []
        return self._choose(told).feed(b"".join(self._kept))

    def end(self) -> list[Event]:
        if self._chosen is not None:
            return self._chosen.end()
        data = b"".join(self._kept)
        chosen = self._choose([sse.data_of(data) or data])
        return [*chosen.feed(data), *chosen.end()]

    def _choose(self, told: list[bytes]) -> EventDecoder:
        is_claude = any(has_type(data) for data in told)
        self._chosen = (self._claude if is_claude else self._gemini).decoder()
        return self._chosen

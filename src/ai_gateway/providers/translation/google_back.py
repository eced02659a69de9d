"""Google's generateContent as a provider: the Gemini API of Google AI Studio, and Gemini on Vertex AI.

Both speak the same JSON. They differ in where a model is, in how the service tier is asked for, and in the key, which
is none of a codec's business.
"""

from typing import Final, final

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.reply import Reply
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation import Draft, EventDecoder
from ai_gateway.providers.translation.google_choice import DIALECT
from ai_gateway.providers.translation.google_replies import GoogleReader, read_google_reply
from ai_gateway.providers.translation.google_requests import body_for, method_path, quoted, tier_of
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.sse_decoder import SseDecoder

TIER_HEADER: Final = "x-vertex-ai-llm-shared-request-type"


class GoogleReplies:
    """What both read alike."""

    @property
    def name(self) -> str:
        return DIALECT

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        return read_google_reply(body)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def decoder(self) -> EventDecoder:
        return SseDecoder(GoogleReader())


@final
class GeminiBack(GoogleReplies):
    """The base URL carries the version (`/v1beta`)."""

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        body = body_for(asked, model, losses)
        if (tier := tier_of(asked, losses)) is not None:
            body["serviceTier"] = tier
        return Draft(method_path(asked, model_path(model)), body)


@final
class VertexGeminiBack(GoogleReplies):
    """The base URL carries project and location (`/v1/projects/P/locations/L`), or neither with a key of Vertex's
    express mode (`/v1`)."""

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        body = body_for(asked, model, losses)
        tier = tier_of(asked, losses)
        headers = ((TIER_HEADER, tier),) if tier is not None else ()
        return Draft(method_path(asked, vertex_path(model)), body, headers)


def model_path(model: str) -> str:
    """Where the Gemini API has a model; tuned ones have a place of their own."""
    if model.startswith("tunedModels/"):
        return f"/tunedModels/{quoted(model.removeprefix('tunedModels/'))}"
    return f"/models/{quoted(model.removeprefix('models/'))}"


def vertex_path(model: str, publisher: str = "google") -> str:
    """Where Vertex AI has a model, or a tuned one that was deployed (`endpoints/123`)."""
    if model.startswith("endpoints/"):
        return f"/endpoints/{quoted(model.removeprefix('endpoints/'))}"
    name = model.removeprefix("publishers/").removeprefix(f"{publisher}/").removeprefix("models/")
    return f"/publishers/{publisher}/models/{quoted(name)}"

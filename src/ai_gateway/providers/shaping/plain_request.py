"""Requests without a conversation: embeddings, text completions, pictures. They have no system prompt, no tools and no
metadata; a prompt, where there is one, is what the user says."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, final

from ai_gateway.domain.rules import Seat, SystemMode, Where
from ai_gateway.providers.decoding import decode
from ai_gateway.providers.shaping.meanings import Meanings, also_called, at, nowhere
from ai_gateway.providers.shaping.raw_json import value_of
from ai_gateway.providers.shaping.request_fields import RequestFields
from ai_gateway.providers.shaping.turns import joined

_PROMPT: Final = "prompt"
_OF_CONVERSATIONS: Final = ("tools", "tool_choice", "parallel_tool_calls", "reasoning_effort", "metadata", "verbosity")
_OF_SAMPLING: Final = (
    "max_tokens", "stop", "temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "logprobs",
    "top_logprobs", "logit_bias", "service_tier",
)  # fmt: skip
_NEITHER: Final = nowhere((*_OF_CONVERSATIONS, *_OF_SAMPLING))


class _PlainRequest(RequestFields):
    def system(self, mode: SystemMode, text: str) -> bool:
        return False

    def inject(self, seat: Seat, where: Where, text: str) -> bool:
        return False

    def tool_names(self) -> tuple[str, ...]:
        return ()

    def keep_tools(self, keeps: Callable[[str], bool]) -> tuple[str, ...]:
        return ()

    def add_metadata(self, values: Mapping[str, str]) -> bool:
        return False


class _PromptRequest(_PlainRequest):
    def inject(self, seat: Seat, where: Where, text: str) -> bool:
        """Into every prompt that is text; tokens have no words."""
        raw = self._members.get(_PROMPT)
        if seat is not Seat.USER or raw is None:
            return False
        if isinstance(said := value_of(raw), str):
            self._put((_PROMPT,), joined(said, where, text))
            return True
        prompts = decode(raw, list[str])
        if not prompts:
            return False
        self._put((_PROMPT,), [joined(it, where, text) for it in prompts])
        return True


@final
class EmbeddingsRequest(_PlainRequest):
    meanings: ClassVar[Meanings] = also_called({**_NEITHER, **nowhere(("n", "response_format"))})


@final
class CompletionsRequest(_PromptRequest):
    meanings: ClassVar[Meanings] = also_called(
        {"max_tokens": at("max_tokens"), **nowhere((*_OF_CONVERSATIONS, "response_format"))}
    )


@final
class ImagesRequest(_PromptRequest):
    """Its `response_format` is another thing than that of a conversation, under the same name."""

    meanings: ClassVar[Meanings] = also_called(_NEITHER)

"""How the many compatible servers differ from OpenAI's chat completions, as data.

A dozen providers speak this dialect, each a little otherwise. What they do otherwise is a row of values, so that a new
one needs no code, and a difference has one name everywhere. The defaults are OpenAI itself.
"""

from enum import Enum
from typing import Final

import msgspec

from ai_gateway.domain.conversation import Maker


class ThoughtField(Enum):
    """Where an earlier thought goes in a message that is sent to the provider."""

    NONE = "none"
    REASONING = "reasoning"
    REASONING_CONTENT = "reasoning_content"
    DETAILS = "reasoning_details"
    CONTENT = "content"
    """A part of `content` with the type `thinking` (Mistral)."""


class ReasoningField(Enum):
    """How a provider is told how much to think."""

    NONE = "none"
    EFFORT = "reasoning_effort"
    OBJECT = "reasoning"
    """OpenRouter: {"effort" | "max_tokens", "enabled", "exclude"}."""
    SWITCH = "thinking"
    """{"type": "enabled" | "disabled"} (DeepSeek, Z.ai, Moonshot)."""


class CacheMarks(Enum):
    """How a content part says that the conversation up to it shall be kept."""

    NONE = "none"
    CACHE_CONTROL = "cache_control"
    """{"type": "ephemeral", "ttl"}, as Anthropic has it (OpenRouter and many more)."""
    BREAKPOINT = "prompt_cache_breakpoint"
    """OpenAI's, which its newest models take."""


class DocumentForm(Enum):
    NONE = "none"
    FILE = "file"
    URL = "document_url"
    """{"type": "document_url"}, with a web address or a data URL (Mistral)."""


class CallIds(Enum):
    """What the id of a tool call may look like."""

    ANY = "any"
    MISTRAL = "mistral"
    """Nine letters or digits."""


class JsonForms(Enum):
    NONE = "none"
    OBJECT = "json_object"
    SCHEMA = "json_schema"


class ChatWays(msgspec.Struct, frozen=True, kw_only=True):
    """One provider's ways.

    `unsupported`: members that it refuses or does not heed although they change the answer ("logit_bias", "seed").
    `hints`: members without effect on the answer that it takes; None: all. `service_tiers`: the words it knows; None:
    all. `effort_models`: which models take a reasoning effort, as a regular expression of the whole name; it is asked
    where the effort was said in another dialect, which has it for all models; who asks in this one gets what they ask.
    """

    output_field: str = "max_completion_tokens"
    developer_role: bool = True
    names: bool = True
    tool_names: bool = False
    content_lists: bool = True
    cache_marks: CacheMarks = CacheMarks.NONE
    is_error: bool = False
    images: bool = True
    image_urls: bool = True
    images_in_tool_results: bool = False
    documents: DocumentForm = DocumentForm.FILE
    document_urls: bool = False
    audio: bool = True
    annotations: bool = False
    strict: bool = True
    custom_tools: bool = True
    call_ids: CallIds = CallIds.ANY
    call_signatures: frozenset[Maker] = frozenset()
    required_word: str = "required"
    parallel_tool_calls: bool = True
    json_forms: JsonForms = JsonForms.SCHEMA
    thought_field: ThoughtField = ThoughtField.NONE
    thought_makers: frozenset[Maker] = frozenset()
    maker: Maker = Maker.OPENAI
    reasoning: ReasoningField = ReasoningField.EFFORT
    effort_models: str = r"(o\d|gpt-5|gpt-oss|codex).*"
    choices: bool = True
    most_stops: int = 4
    stream_options: bool = True
    end_user_field: str | None = "user"
    service_tiers: frozenset[str] | None = frozenset({"auto", "default", "fast", "flex", "priority", "scale"})
    hints: frozenset[str] | None = frozenset(
        {
            "store",
            "metadata",
            "prediction",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "safety_identifier",
        }
    )
    unsupported: frozenset[str] = frozenset({"top_k"})
    path: str = "/chat/completions"


OPENAI: Final = ChatWays()

PERMISSIVE: Final = ChatWays(
    cache_marks=CacheMarks.CACHE_CONTROL,
    is_error=True,
    tool_names=True,
    images_in_tool_results=True,
    document_urls=True,
    annotations=True,
    call_signatures=frozenset(Maker),
    thought_field=ThoughtField.DETAILS,
    thought_makers=frozenset(Maker),
    maker=Maker.UNKNOWN,
    reasoning=ReasoningField.OBJECT,
    most_stops=1_000,
    service_tiers=None,
    hints=None,
    unsupported=frozenset(),
)
"""A server that knows all that the dialect and its widespread extensions can say: what round trips are proven with."""

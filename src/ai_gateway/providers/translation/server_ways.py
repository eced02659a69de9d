"""What the table of servers says of them, as the ways in which a translated conversation is written for them.

Requests of their own dialect go to these servers as they are; a conversation that came in another one is written anew,
so here every difference counts. What the table does not say is as with OpenAI, but for what is known of no other
server: custom tools, files in messages, sound.
"""

from typing import Final

import msgspec

from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.conversation import Maker
from ai_gateway.providers.differences import Differences, Habit, Lack, StreamUsage
from ai_gateway.providers.translation.chat_ways import (
    OPENAI,
    CacheMarks,
    CallIds,
    ChatWays,
    DocumentForm,
    JsonForms,
    ReasoningField,
    ThoughtField,
)

_THOUGHTS: Final = {"reasoning": ThoughtField.REASONING, "reasoning_content": ThoughtField.REASONING_CONTENT}
_SAID_OTHERWISE: Final = frozenset({"n", "parallel_tool_calls", "service_tier", "stream_options", "user"})
"""Members that have a way of their own."""

_MORE: Final[dict[ProviderType, dict[str, object]]] = {
    ProviderType.DEEPSEEK: {"reasoning": ReasoningField.SWITCH},
    ProviderType.XAI: {"maker": Maker.XAI, "thought_makers": frozenset({Maker.XAI})},
    ProviderType.OPENROUTER: {
        "cache_marks": CacheMarks.CACHE_CONTROL,
        "documents": DocumentForm.FILE,
        "document_urls": True,
        "audio": True,
        "reasoning": ReasoningField.OBJECT,
        "thought_field": ThoughtField.DETAILS,
        "thought_makers": frozenset(Maker),
    },
    ProviderType.MISTRAL: {
        "audio": True,
        "call_ids": CallIds.MISTRAL,
        "documents": DocumentForm.URL,
        "document_urls": True,
        "thought_field": ThoughtField.CONTENT,
    },
    ProviderType.VLLM: {"audio": True},
}
"""What only one of them has."""


def ways_of(server: ProviderType, it: Differences) -> ChatWays:
    ways = ChatWays(
        output_field=it.output_field,
        developer_role=Lack.DEVELOPER_ROLE not in it.lacks,
        image_urls=Lack.IMAGE_URLS not in it.lacks,
        documents=DocumentForm.NONE,
        audio=False,
        strict=Lack.STRICT_TOOLS not in it.lacks,
        custom_tools=False,
        parallel_tool_calls="parallel_tool_calls" not in it.unsupported,
        json_forms=JsonForms.OBJECT if Lack.JSON_SCHEMA in it.lacks else JsonForms.SCHEMA,
        thought_field=ThoughtField.NONE if it.reasoning is None else _THOUGHTS[it.reasoning],
        thought_makers=frozenset({Maker.UNKNOWN}),
        maker=Maker.UNKNOWN,
        choices=it.most_choices != 1,
        stream_options=it.stream_usage is StreamUsage.ASKED,
        end_user_field=None if "user" in it.unsupported else "user",
        service_tiers=_tiers(it),
        hints=frozenset(),
        unsupported=it.unsupported - _SAID_OTHERWISE | {old for old, _ in it.renamed} - {it.output_field} | {"top_k"},
    )
    return msgspec.structs.replace(ways, **_MORE.get(server, {}))


def _tiers(it: Differences) -> frozenset[str] | None:
    if "service_tier" in it.unsupported:
        return frozenset()
    return None if Habit.OWN_SERVICE_TIERS in it.habits else OPENAI.service_tiers

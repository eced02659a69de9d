"""Names of members that say what a string is, where it is no text: words of the dialects, ids, bytes.

A name alone proves nothing, for anybody may write anything under it. So each has a question with it: whether the string
looks like what it should be.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

Object = dict[str, Any]

SHORTEST_MEDIA: Final = 64
"""What is shorter than this and said to be bytes is looked at as a text: no picture is so small, but a key may be."""
LONGEST_WORD: Final = 512

ARGUMENTS: Final = "arguments"
REMOTE: Final = ("mcp", "url")
"""Types of servers of tools, which the provider asks: their credentials are not shown to a model."""
CREDENTIALS: Final = frozenset({"authorization", "authorization_token", "headers"})


def is_word(_: Object, said: str) -> bool:
    """An id or a word of the dialect: nothing that is written to be read."""
    return len(said) <= LONGEST_WORD and " " not in said and "@" not in said and said.isprintable()


def _is_bytes(_: Object, said: str) -> bool:
    return said.isascii() and " " not in said and "@" not in said


def _is_media(told: Object, said: str) -> bool:
    return len(said) >= SHORTEST_MEDIA and _is_bytes(told, said) and told.get("type") != "text"


def _is_picture(told: Object, said: str) -> bool:
    return told.get("type") == "image_generation_call" and _is_bytes(told, said)


def _is_data_url(told: Object, said: str) -> bool:
    return said[:5].lower() == "data:" and ";base64," in said[:LONGEST_WORD] and _is_bytes(told, said)


def _is_name(told: Object, said: str) -> bool:
    """Of a tool, unless it is a speaker's."""
    return told.get("role", "tool") in ("tool", "function") and is_word(told, said)


def _is_credential(told: Object, _: str) -> bool:
    """For a server of tools that the provider asks: the model does not see it."""
    return told.get("type") in REMOTE


# fmt: off
_WORDS: Final = (
    "type", "role", "id", "object", "status", "model", "models", "media_type", "mime_type", "ttl", "format", "phase",
    "effort", "detail", "execution", "syntax", "voice", "call_id", "tool_call_id", "tool_use_id", "item_id",
    "response_id", "file_id", "file_ids", "container_id", "container", "vector_store_ids", "connector_id",
    "approval_request_id", "previous_response_id", "conversation", "tool_name", "tool_names", "server_name",
    "server_label", "namespace", "mcp_server_name", "stop_reason", "finish_reason", "include", "modalities",
    "allowed_tools", "service_tier", "reasoning_effort", "verbosity", "encoding_format", "truncation", "size",
    "quality", "style", "background", "output_format", "moderation", "response_format", "prompt_cache_retention",
    "inference_geo", "speed", "tool_choice", "function_call", "search_context_size",
)
_BYTES: Final = (
    "signature", "thought_signature", "encrypted_content", "encrypted_index", "encrypted_stdout", "encrypted_reasoning",
)
_URLS: Final = ("url", "image_url", "file_url", "document_url", "video_url", "audio_url", "server_url", "uri")
NO_TEXT: Final[Mapping[str, Callable[[Object, str], bool]]] = {
    **dict.fromkeys(_WORDS, is_word),
    **dict.fromkeys(_BYTES, _is_bytes),
    **dict.fromkeys(("data", "file_data", "b64_json"), _is_media),
    **dict.fromkeys(_URLS, _is_data_url),
    **dict.fromkeys(CREDENTIALS, _is_credential),
    ARGUMENTS: lambda _, said: not said,
    "name": _is_name,
    "result": _is_picture,
}
"""Whether the string under this name in this object is no text."""
COMMON: Final = frozenset({"system", "developer", "user", "assistant", "tool", "text", "function", "message"})
"""Words that are asked about so often that a look here saves the question."""

KNOWN: Final = frozenset(
    {
        "model", "stream",
        "messages", "input", "system", "instructions", "prompt", "suffix", "tools", "tool_choice", "functions",
        "function_call", "parallel_tool_calls", "max_tokens", "max_completion_tokens", "max_output_tokens",
        "max_tool_calls", "temperature", "top_p", "top_k", "n", "seed", "stop", "stop_sequences", "frequency_penalty",
        "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format", "text", "output_config",
        "output_format", "thinking", "reasoning", "reasoning_effort", "verbosity", "service_tier", "metadata", "user",
        "safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "store",
        "stream_options", "modalities", "audio", "prediction", "web_search_options", "include", "truncation",
        "previous_response_id", "conversation", "background", "context_management", "container", "mcp_servers",
        "cache_control", "encoding_format", "dimensions", "echo", "best_of", "size", "quality", "style", "moderation",
        "output_compression", "partial_images", "inference_geo", "speed", "models", "input_type",
    }
)
"""Members of a body whose structure is known: any other is free JSON."""
FREE: Final = frozenset({"input", "arguments", "metadata", "variables"})
"""Objects whose names are words, too."""

SCHEMAS: Final = frozenset({"parameters", "input_schema", "output_schema", "schema"})
NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Where a schema has names that are the caller's own."""
OF_SCHEMA: Final = frozenset({"type", "format", "required", "$ref", "$id", "$schema", "$anchor", "contentEncoding"})
VALUES: Final = frozenset({"enum", "const", "default", "example", "examples"})

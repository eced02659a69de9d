"""What is read of an answer of Google's, whole or a piece of a stream: both have one form.

Members that only some answers have stay raw until they are needed; parts too, since a part of a kind that nobody knows
yet is handed on as it is.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ai_gateway.domain.reply import Stop
from ai_gateway.providers.decoding import NO_RAW

Raws = list[msgspec.Raw]


class FunctionCall(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str | None = None
    args: msgspec.Raw = NO_RAW
    id: str | None = None
    partial_args: msgspec.Raw = NO_RAW
    will_continue: bool | None = None


class Blob(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    mime_type: str | None = None
    data: str | None = None
    file_uri: str | None = None


class Part(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One kind of content, and whether it is a thought or signed by one."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None


class Content(msgspec.Struct, frozen=True, gc=False):
    parts: Raws | None = None


class Candidate(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    index: int | None = None
    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    grounding_metadata: msgspec.Raw = NO_RAW
    citation_metadata: msgspec.Raw = NO_RAW
    url_context_metadata: msgspec.Raw = NO_RAW
    safety_ratings: msgspec.Raw = NO_RAW
    logprobs_result: msgspec.Raw = NO_RAW
    avg_logprobs: msgspec.Raw = NO_RAW


class PromptFeedback(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    block_reason: str | None = None
    block_reason_message: str | None = None


class Chunk(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    candidates: list[Candidate] | None = None
    usage_metadata: msgspec.Raw = NO_RAW
    prompt_feedback: PromptFeedback | None = None
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    error: msgspec.Raw = NO_RAW


STOPS: Final[Mapping[str, Stop]] = MappingProxyType(
    {
        "STOP": Stop.END,
        "MAX_TOKENS": Stop.LENGTH,
        "SAFETY": Stop.CONTENT_FILTER,
        "RECITATION": Stop.CONTENT_FILTER,
        "LANGUAGE": Stop.CONTENT_FILTER,
        "BLOCKLIST": Stop.CONTENT_FILTER,
        "PROHIBITED_CONTENT": Stop.CONTENT_FILTER,
        "SPII": Stop.CONTENT_FILTER,
        "MODEL_ARMOR": Stop.CONTENT_FILTER,
        "IMAGE_SAFETY": Stop.CONTENT_FILTER,
        "IMAGE_PROHIBITED_CONTENT": Stop.CONTENT_FILTER,
        "IMAGE_RECITATION": Stop.CONTENT_FILTER,
        "MALFORMED_FUNCTION_CALL": Stop.MALFORMED_CALL,
        "MALFORMED_RESPONSE": Stop.MALFORMED_CALL,
        "UNEXPECTED_TOOL_CALL": Stop.MALFORMED_CALL,
        "TOO_MANY_TOOL_CALLS": Stop.MALFORMED_CALL,
        "MISSING_THOUGHT_SIGNATURE": Stop.MALFORMED_CALL,
        "OTHER": Stop.UNKNOWN,
        "IMAGE_OTHER": Stop.UNKNOWN,
        "NO_IMAGE": Stop.UNKNOWN,
        "FINISH_REASON_UNSPECIFIED": Stop.UNKNOWN,
    }
)
"""Google's reasons in ours; one that is not here is unknown."""

"""What is read of a chat answer or of a chunk of one.

Members that a provider may send in another form are `object` and looked at where they are used: one strange member
must hide none of the others. Only the frame is typed, since it is what makes a text delta cheap.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.domain.conversation import Json
from ai_gateway.providers.decoding import NO_RAW, as_object, decode, decode_any, says_something
from ai_gateway.providers.usage import openai_usage, read_openai_usage, service_of


class Delta(msgspec.Struct, frozen=True, gc=False):
    """A delta, or a whole message."""

    content: Json = None
    reasoning_details: Json = None
    reasoning_content: Json = None
    reasoning: Json = None
    refusal: Json = None
    tool_calls: Json = None
    function_call: Json = None
    annotations: Json = None
    images: Json = None
    audio: Json = None

    @property
    def is_text(self) -> bool:
        """Whether it is a piece of text and nothing else: nearly every delta is."""
        return (
            type(self.content) is str
            and self.tool_calls is None
            and self.reasoning_details is None
            and self.reasoning_content is None
            and self.reasoning is None
            and self.refusal is None
            and self.function_call is None
            and self.annotations is None
            and self.images is None
            and self.audio is None
        )


class ChunkChoice(msgspec.Struct, frozen=True, gc=False):
    index: Json = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: Json = None
    native_finish_reason: Json = None
    stop_reason: Json = None
    content_filter_results: Json = None
    logprobs: Json = None
    error: Json = None


class Chunk(msgspec.Struct, frozen=True, gc=False):
    id: Json = None
    model: Json = None
    created: Json = None
    choices: list[ChunkChoice] | None = None
    usage: msgspec.Raw = NO_RAW
    x_groq: msgspec.Raw = NO_RAW
    error: msgspec.Raw = NO_RAW
    object: Json = None
    service_tier: Json = None
    system_fingerprint: Json = None
    citations: Json = None
    search_results: Json = None
    provider: Json = None
    prompt_filter_results: Json = None

    @property
    def tier(self) -> str | None:
        return self.service_tier if isinstance(self.service_tier, str) else None

    def read_usage(self, tier: str | None) -> Usage | None:
        """The usage, wherever it stands: Groq also sends it inside `x_groq`. `tier`: the service, as told so far."""
        usage = None
        if self.usage is not NO_RAW and says_something(self.usage):
            usage = read_openai_usage(self.usage)
        if usage is None and self.x_groq is not NO_RAW:
            usage = openai_usage(as_object(decode_any(self.x_groq)).get("usage"))
        if usage is not None and (service := service_of(tier)) is not ServiceTier.STANDARD:
            return msgspec.structs.replace(usage, service_tier=service)
        return usage

    @property
    def has_error(self) -> bool:
        if self.error is not NO_RAW and says_something(self.error):
            return True
        for choice in self.choices or ():
            if choice.error:
                return True
        return self.object == "error"


class _Frame(msgspec.Struct, frozen=True):
    """What is left of a chunk whose choices cannot be read."""

    usage: msgspec.Raw = NO_RAW
    x_groq: msgspec.Raw = NO_RAW
    error: msgspec.Raw = NO_RAW
    object: Json = None


def read_chunk(data: bytes) -> Chunk | None:
    """None: it is no JSON object."""
    chunk = decode(data, Chunk)
    if chunk is not None:
        return chunk
    frame = decode(data, _Frame)
    return (
        None if frame is None else Chunk(usage=frame.usage, x_groq=frame.x_groq, error=frame.error, object=frame.object)
    )


NO_DELTA: Final = Delta()

"""Token counts as providers report them, put into our lanes.

A count that is no count (negative, a float, a string, a boolean) is absent; one beyond `MOST_TOKENS` is cut to it: no
answer has 10^12 tokens, and at $1,000 per million even that many still fit 64-bit nano-dollars. None and 0 differ: None
means that the provider reported nothing, which is estimated; 0 is a report, and is believed.
"""

from typing import Annotated

import msgspec

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.providers.decoding import as_object, decode, decode_any

MOST_TOKENS = 10**12
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]


class OpenAIDetails(msgspec.Struct, frozen=True, gc=False):
    """The lanes within a total."""

    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    audio_tokens: Count | None = None
    image_tokens: Count | None = None


class OpenAICounts(msgspec.Struct, frozen=True, gc=False):
    """OpenAI's usage object, as everybody who sends sane counts sends it: one decode gives it."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_cache_hit_tokens: Count | None = None
    cached_tokens: Count | None = None
    num_cached_tokens: Count | None = None
    prompt_tokens_details: OpenAIDetails | None = None
    completion_tokens_details: OpenAIDetails | None = None


def read_openai_usage(raw: msgspec.Raw) -> Usage | None:
    """Usage of the OpenAI dialect from its bytes; counts that are none are looked at one by one."""
    counts = decode(raw, OpenAICounts)
    return openai_usage(decode_any(raw)) if counts is None else usage_of(counts)


def openai_usage(reported: object) -> Usage | None:
    """Usage of the OpenAI dialect from a decoded object that may be anything."""
    usage = as_object(reported)
    return usage_of(
        OpenAICounts(
            prompt_tokens=_tokens(usage, "prompt_tokens"),
            completion_tokens=_tokens(usage, "completion_tokens"),
            total_tokens=_tokens(usage, "total_tokens"),
            prompt_cache_hit_tokens=_tokens(usage, "prompt_cache_hit_tokens"),
            cached_tokens=_tokens(usage, "cached_tokens"),
            num_cached_tokens=_tokens(usage, "num_cached_tokens"),
            prompt_tokens_details=_details(usage, "prompt_tokens_details"),
            completion_tokens_details=_details(usage, "completion_tokens_details"),
        )
    )


def responses_usage(reported: object) -> Usage | None:
    """Usage of the Responses API from a decoded object that may be anything: other names, the same lanes."""
    usage = as_object(reported)
    return usage_of(
        OpenAICounts(
            prompt_tokens=_tokens(usage, "input_tokens"),
            completion_tokens=_tokens(usage, "output_tokens"),
            total_tokens=_tokens(usage, "total_tokens"),
            prompt_tokens_details=_details(usage, "input_tokens_details"),
            completion_tokens_details=_details(usage, "output_tokens_details"),
        )
    )


def _details(usage: dict[str, object], name: str) -> OpenAIDetails:
    lanes = as_object(usage.get(name))
    return OpenAIDetails(**{lane: _tokens(lanes, lane) for lane in OpenAIDetails.__struct_fields__})


def usage_of(counts: OpenAICounts, service: ServiceTier = ServiceTier.STANDARD) -> Usage | None:
    """Chat's prompt and completion tokens, embeddings' prompt (or only total) tokens.

    `completion_tokens` includes reasoning, as OpenAI has it. xAI counts it beside, and Google does without a word of
    what it is: their totals are more than prompt and completion. What a total has more is output, and is billed so.
    """
    prompt, total = counts.prompt_tokens, counts.total_tokens
    output = counts.completion_tokens or 0
    beside = 0
    if prompt is None:
        if total is None and counts.completion_tokens is None:
            return None
        prompt = max(0, (total or 0) - output)
    elif total is not None and total > prompt + output:
        beside = total - prompt - output
        output = total - prompt
    before, after = counts.prompt_tokens_details, counts.completion_tokens_details
    cached = None if before is None else before.cached_tokens
    if cached is None:  # DeepSeek, Moonshot, Mistral: each has its own word
        cached = counts.prompt_cache_hit_tokens or counts.cached_tokens or counts.num_cached_tokens or 0
    # By place, which is half of what names cost.
    if before is None and after is None:
        return Usage(prompt, output, cached, 0, 0, beside, 0, 0, 0, service)
    before, after = before or NO_DETAILS, after or NO_DETAILS
    return Usage(
        prompt,
        output,
        cached,
        before.cache_write_tokens or 0,
        0,
        after.reasoning_tokens or beside,
        before.audio_tokens or 0,
        after.audio_tokens or 0,
        before.image_tokens or 0,
        service,
    )


def image_usage(reported: object) -> Usage | None:
    """Tokens of an image that was made, where the model counts in them. None: it does not, or counts none."""
    usage = as_object(reported)
    asked, made = _tokens(usage, "input_tokens"), _tokens(usage, "output_tokens")
    if not made:
        return None
    seen = as_object(usage.get("input_tokens_details"))
    return Usage(
        input_tokens=asked or 0,
        output_tokens=made,
        cache_read_tokens=_tokens(seen, "cached_tokens") or 0,
        image_input_tokens=_tokens(seen, "image_tokens") or 0,
    )


class AnthropicUsage(msgspec.Struct, frozen=True):
    """Anthropic's counts as they add up over a stream: each report is cumulative and the last one of a lane wins.

    Anthropic's `input_tokens` are only the fresh ones; our total adds cache reads and writes.
    """

    fresh: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    thinking: int | None = None
    service: ServiceTier | None = None

    def with_report(self, reported: object) -> "AnthropicUsage":
        """These counts, overtaken by those that a usage object has."""
        usage = as_object(reported)
        parts = as_object(usage.get("cache_creation"))
        found = {
            "fresh": _tokens(usage, "input_tokens"),
            "output": _tokens(usage, "output_tokens"),
            "cache_read": _tokens(usage, "cache_read_input_tokens"),
            "cache_write": _tokens(usage, "cache_creation_input_tokens"),
            "cache_write_5m": _tokens(parts, "ephemeral_5m_input_tokens"),
            "cache_write_1h": _tokens(parts, "ephemeral_1h_input_tokens"),
            "thinking": _tokens(as_object(usage.get("output_tokens_details")), "thinking_tokens"),
            "service": _anthropic_service(usage),
        }
        return msgspec.structs.replace(self, **{lane: count for lane, count in found.items() if count is not None})

    @property
    def usage(self) -> Usage | None:
        """Our lanes, or None where nothing was reported. Writes that no lifetime is told of are five-minute ones."""
        if self.fresh is None and self.output is None:
            return None
        written = self.cache_write
        if written is None:
            written = (self.cache_write_5m or 0) + (self.cache_write_1h or 0)
        hour = min(self.cache_write_1h or 0, written)
        read = self.cache_read or 0
        return Usage(
            input_tokens=min((self.fresh or 0) + read + written, MOST_TOKENS),
            output_tokens=self.output or 0,
            cache_read_tokens=read,
            cache_write_5m_tokens=written - hour,
            cache_write_1h_tokens=hour,
            reasoning_tokens=self.thinking or 0,
            service_tier=self.service or ServiceTier.STANDARD,
        )


def anthropic_usage(reported: object) -> Usage | None:
    """Usage of one whole answer of the Anthropic dialect."""
    return AnthropicUsage().with_report(reported).usage


def service_of(said: object) -> ServiceTier:
    """What a provider calls the service that it gave. A word that means nothing to us ("default", "on_demand", "scale")
    is the usual one: prices do not know it."""
    return _SERVICES.get(said, ServiceTier.STANDARD) if isinstance(said, str) else ServiceTier.STANDARD


def _anthropic_service(usage: dict[str, object]) -> ServiceTier | None:
    """Batches and the fast mode cost something else; "priority" is capacity that was bought before, at usual prices."""
    if usage.get("speed") == "fast":
        return ServiceTier.FAST
    return ServiceTier.BATCH if usage.get("service_tier") == "batch" else None


NO_DETAILS = OpenAIDetails()
_SERVICES = {service.value: service for service in ServiceTier}


def _tokens(usage: dict[str, object], name: str) -> int | None:
    count = usage.get(name)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return None
    return min(count, MOST_TOKENS)

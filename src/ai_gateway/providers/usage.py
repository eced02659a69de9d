"""Token counts as providers report them, put into our lanes.

A count that is no count (negative, a float, a string, a boolean) is absent; one beyond `MOST_TOKENS` is cut to it: no
answer has 10^12 tokens, and at $1,000 per million even that many still fit 64-bit nano-dollars. None and 0 differ: None
means that the provider reported nothing, which is estimated; 0 is a report, and is believed.
"""

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.providers.decoding import as_object

MOST_TOKENS = 10**12


def openai_usage(reported: object) -> Usage | None:
    """Usage of the OpenAI dialect: chat's prompt and completion tokens, embeddings' prompt (or only total) tokens.

    `completion_tokens` includes reasoning, as OpenAI has it. xAI counts it beside, and says so: its total is prompt,
    completion and reasoning together. Where the total adds up only so, reasoning is added.
    """
    usage = as_object(reported)
    prompt, completion, total = (
        _tokens(usage, name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    if prompt is None and completion is None and total is None:
        return None
    before, after = as_object(usage.get("prompt_tokens_details")), as_object(usage.get("completion_tokens_details"))
    reasoning = _tokens(after, "reasoning_tokens") or 0
    output = completion or 0
    if prompt is None:
        prompt = max(0, (total or 0) - output)
    elif total == prompt + output + reasoning:
        output += reasoning
    cached = _tokens(before, "cached_tokens")
    if cached is None:
        cached = _tokens(usage, "prompt_cache_hit_tokens") or 0
    return Usage(
        input_tokens=prompt,
        output_tokens=min(output, MOST_TOKENS),
        cache_read_tokens=cached,
        cache_write_5m_tokens=_tokens(before, "cache_write_tokens") or 0,
        reasoning_tokens=reasoning,
        audio_input_tokens=_tokens(before, "audio_tokens") or 0,
        audio_output_tokens=_tokens(after, "audio_tokens") or 0,
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
        )


def anthropic_usage(reported: object) -> Usage | None:
    """Usage of one whole answer of the Anthropic dialect."""
    return AnthropicUsage().with_report(reported).usage


def _tokens(usage: dict[str, object], name: str) -> int | None:
    count = usage.get(name)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return None
    return min(count, MOST_TOKENS)

"""Google's token counts in our lanes.

`promptTokenCount` includes what came out of a cache; what a tool of Google's own put into the prompt
(`toolUsePromptTokenCount`) and what was thought (`thoughtsTokenCount`) stand beside the totals and are billed as input
and output, so they are added: then ours add up to `totalTokenCount`. Details tell modalities; those of the cache are
taken out of the others, so that no token is in two lanes.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.providers.decoding import as_list, as_object, decode, decode_any
from ai_gateway.providers.usage import MOST_TOKENS, Count


class _Detail(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    modality: str = ""
    token_count: Count | None = None


class _Counts(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    prompt_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    candidates_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None
    prompt_tokens_details: list[_Detail] | None = None
    cache_tokens_details: list[_Detail] | None = None
    candidates_tokens_details: list[_Detail] | None = None
    service_tier: str | None = None
    traffic_type: str | None = None


def read_google_usage(raw: msgspec.Raw) -> Usage | None:
    """None where no count is in it: Vertex sends the kind of traffic alone with most chunks."""
    counts = decode(raw, _Counts)
    return google_usage(decode_any(raw)) if counts is None else _lanes(counts)


def google_usage(reported: object) -> Usage | None:
    """The same from a decoded object that may be anything: what is no count is absent."""
    usage = as_object(reported)
    return _lanes(
        _Counts(
            prompt_token_count=_count(usage.get("promptTokenCount")),
            cached_content_token_count=_count(usage.get("cachedContentTokenCount")),
            candidates_token_count=_count(usage.get("candidatesTokenCount")),
            thoughts_token_count=_count(usage.get("thoughtsTokenCount")),
            tool_use_prompt_token_count=_count(usage.get("toolUsePromptTokenCount")),
            prompt_tokens_details=_details(usage.get("promptTokensDetails")),
            cache_tokens_details=_details(usage.get("cacheTokensDetails")),
            candidates_tokens_details=_details(usage.get("candidatesTokensDetails")),
            service_tier=_word(usage.get("serviceTier")),
            traffic_type=_word(usage.get("trafficType")),
        )
    )


def _lanes(counts: _Counts) -> Usage | None:
    if counts.prompt_token_count is None and counts.candidates_token_count is None:
        return None
    thoughts = counts.thoughts_token_count or 0
    before, cached, after = counts.prompt_tokens_details, counts.cache_tokens_details, counts.candidates_tokens_details
    return Usage(
        input_tokens=min((counts.prompt_token_count or 0) + (counts.tool_use_prompt_token_count or 0), MOST_TOKENS),
        output_tokens=min((counts.candidates_token_count or 0) + thoughts, MOST_TOKENS),
        cache_read_tokens=counts.cached_content_token_count or 0,
        reasoning_tokens=thoughts,
        audio_input_tokens=max(0, _of("AUDIO", before) - _of("AUDIO", cached)),
        audio_output_tokens=_of("AUDIO", after),
        image_input_tokens=max(0, _of("IMAGE", before) - _of("IMAGE", cached)),
        service_tier=_SERVICES.get(counts.traffic_type or counts.service_tier or "", ServiceTier.STANDARD),
    )


def _of(modality: str, details: list[_Detail] | None) -> int:
    return sum(it.token_count or 0 for it in details if it.modality == modality) if details else 0


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return min(value, MOST_TOKENS) if is_count and isinstance(value, int) else None


def _details(value: object) -> list[_Detail]:
    told = [as_object(it) for it in as_list(value)]
    return [_Detail(_word(it.get("modality")) or "", _count(it.get("tokenCount"))) for it in told]


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


_SERVICES: Final = {
    "flex": ServiceTier.FLEX,
    "priority": ServiceTier.PRIORITY,
    "ON_DEMAND_FLEX": ServiceTier.FLEX,
    "ON_DEMAND_PRIORITY": ServiceTier.PRIORITY,
}

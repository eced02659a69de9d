"""The usage of recorded streams computed the slow way, from fully decoded events: what the codecs are held against."""

from typing import Any

from ai_gateway.domain.chat import ServiceTier, Usage


def cached_tokens(usage: dict[str, Any]) -> int:
    """Tokens that came out of a cache, by whichever word the provider has for them."""
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    words = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
    return next((usage[word] for word in words if usage.get(word)), 0) if cached is None else cached


def openai_usage(events: list[Any]) -> Usage | None:
    last, service = None, None
    for event in events:
        reported = event.get("usage") or (event.get("x_groq") or {}).get("usage")
        if reported:
            last, service = reported, event.get("service_tier")
    if last is None:
        return None
    before, after = last.get("prompt_tokens_details") or {}, last.get("completion_tokens_details") or {}
    reasoning = after.get("reasoning_tokens") or 0
    beside = max(0, last.get("total_tokens", 0) - last["prompt_tokens"] - last["completion_tokens"])
    return Usage(
        input_tokens=last["prompt_tokens"],
        output_tokens=last["completion_tokens"] + beside,
        cache_read_tokens=cached_tokens(last),
        cache_write_5m_tokens=before.get("cache_write_tokens") or 0,
        reasoning_tokens=reasoning or beside,
        audio_input_tokens=before.get("audio_tokens") or 0,
        audio_output_tokens=after.get("audio_tokens") or 0,
        image_input_tokens=before.get("image_tokens") or 0,
        service_tier=ServiceTier(service) if service in set(ServiceTier) else ServiceTier.STANDARD,
    )


def anthropic_usage(events: list[Any]) -> Usage:
    merged: dict[str, Any] = {}
    for event in events:
        if event["type"] == "message_stop":
            break
        reported = event.get("usage") or (event.get("message") or {}).get("usage") or {}
        merged |= {name: value for name, value in reported.items() if value is not None}
    read, written = merged.get("cache_read_input_tokens", 0), merged.get("cache_creation_input_tokens", 0)
    hour = (merged.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0)
    return Usage(
        input_tokens=merged["input_tokens"] + read + written,
        output_tokens=merged["output_tokens"],
        cache_read_tokens=read,
        cache_write_5m_tokens=written - hour,
        cache_write_1h_tokens=hour,
        reasoning_tokens=(merged.get("output_tokens_details") or {}).get("thinking_tokens", 0),
    )

"""A whole answer, written as a chat completion."""

from typing import Any, Final

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Audio, Image, Json, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolKind
from ai_gateway.domain.reply import Choice, Reply, Stop
from ai_gateway.providers.translation.chat_citations import write_annotation
from ai_gateway.providers.translation.chat_parts import CHAT
from ai_gateway.providers.translation.chat_sent_parts import url_of
from ai_gateway.providers.translation.chat_thoughts import write_details
from ai_gateway.providers.translation.chat_words import FINISHES, NATIVE_FINISHES

_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority"})
_USUAL_TIERS: Final = frozenset({"standard", "on_demand"})
_OTHERS: Final = frozenset({"provider", "search_results", "prompt_filter_results"})
_CHOICE_OTHERS: Final = ("native_finish_reason", "content_filter_results")


def write_reply(reply: Reply) -> bytes:
    written: dict[str, Json] = {
        "id": reply.id,
        "object": "chat.completion",
        "created": reply.created or 0,
        "model": reply.model,
        "choices": [_write_choice(choice) for choice in reply.choices],
    }
    if reply.usage is not None:
        written["usage"] = write_usage(reply.usage)
    if (tier := tier_of(reply.service_tier)) is not None:
        written["service_tier"] = tier
    if reply.fingerprint is not None:
        written["system_fingerprint"] = reply.fingerprint
    return msgspec.json.encode(written | {name: reply.others[name] for name in _OTHERS & reply.others.keys()})


def write_usage(usage: Usage) -> dict[str, Json]:
    """Our lanes as OpenAI's: totals, and parts of them. `cache_write_tokens` is OpenAI's own too; the hour's share of
    it has no place there, so it is told beside."""
    before: dict[str, int] = {"cached_tokens": usage.cache_read_tokens, "audio_tokens": usage.audio_input_tokens}
    if written := usage.cache_write_5m_tokens + usage.cache_write_1h_tokens:
        before["cache_write_tokens"] = written
    if usage.cache_write_1h_tokens:
        before["cache_write_1h_tokens"] = usage.cache_write_1h_tokens
    if usage.image_input_tokens:
        before["image_tokens"] = usage.image_input_tokens
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": before,
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.audio_output_tokens,
        },
    }


def tier_of(told: str | None) -> str | None:
    """In OpenAI's words, since clients check them; None for a word that is nobody's there."""
    return told if told in _TIERS else "default" if told in _USUAL_TIERS else None


def ending(stop: Stop | None, sequence: str | None, others: dict[str, Json], *, refuses: bool) -> dict[str, Json]:
    """Why a choice ended, and what of it `finish_reason` does not say."""
    if stop is Stop.REFUSAL and refuses:
        stop = Stop.END  # as OpenAI ends a refusal that it has words for
    written: dict[str, Json] = {"finish_reason": FINISHES[stop or Stop.END]}
    if stop is not None and stop in NATIVE_FINISHES:
        written["native_finish_reason"] = NATIVE_FINISHES[stop]
    if sequence is not None:
        written["stop_reason"] = sequence
    return written | {name: others[name] for name in _CHOICE_OTHERS if name in others}


def write_call(call: ToolCall) -> dict[str, Json]:
    said = "input" if call.kind is ToolKind.CUSTOM else "arguments"
    written: dict[str, Json] = {
        "id": call.id,
        "type": call.kind.value,
        call.kind.value: {"name": call.name, said: call.arguments},
    }
    return written if call.signature is None else written | signed(call.signature)


def signed(signature: str) -> dict[str, Json]:
    return {"extra_content": {"google": {"thought_signature": signature}}}


def write_image(image: Image) -> Json:
    return {"type": "image_url", "image_url": {"url": url_of(image.source) or ""}}


def write_audio(audio: Audio | Opaque) -> Json:
    if isinstance(audio, Opaque):
        return audio.value
    return {"id": "", "data": audio.source.data or "", "expires_at": 0, "transcript": audio.transcript or ""}


def is_spoken(part: Part) -> bool:
    """Whether it goes into `audio`."""
    return isinstance(part, Audio) or (isinstance(part, Opaque) and (part.dialect, part.kind) == (CHAT, "audio"))


def _write_choice(choice: Choice) -> dict[str, Json]:
    refusals = [part.text for part in choice.parts if isinstance(part, Refusal)]
    end = ending(choice.stop, choice.stop_sequence, choice.others, refuses=bool(refusals))
    return {
        "index": choice.index,
        "message": _write_message(choice.parts, refusals),
        "logprobs": choice.logprobs,
        **end,
    }


def _write_message(parts: tuple[Part, ...], refusals: list[str]) -> dict[str, Json]:
    text = ""
    annotations: list[Json] = []
    for part in parts:
        if isinstance(part, Text):
            end = len(text) + len(part.text)
            annotations += [write_annotation(citation, len(text), end) for citation in part.citations]
            text += part.text
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if any(isinstance(part, Text) for part in parts) else None,
        "refusal": "".join(refusals) or None,
    }
    thoughts = [part for part in parts if isinstance(part, Thinking)]
    if thoughts:
        message["reasoning_content"] = "".join(thought.text for thought in thoughts)
        message["reasoning_details"] = write_details(thoughts)
    if calls := [write_call(part) for part in parts if isinstance(part, ToolCall)]:
        message["tool_calls"] = calls
    if annotations:
        message["annotations"] = annotations
    if images := [write_image(part) for part in parts if isinstance(part, Image)]:
        message["images"] = images
    for part in parts:
        if is_spoken(part) and isinstance(part, Audio | Opaque):
            message["audio"] = write_audio(part)
    return message

"""The closed words of OpenAI's chat dialect, both ways: why an answer ended, and whose thought a thought is.

`finish_reason` has four words for our ten. What they cannot tell apart stands beside them where others put it already:
the stop sequence in `stop_reason` (vLLM), the provider's finer word in `native_finish_reason` (OpenRouter). So nobody's
client meets a word that it does not know, and who wants to know more finds it.
"""

from typing import Final

from ai_gateway.domain.conversation import Maker
from ai_gateway.domain.reply import Stop

FINISHES: Final[dict[Stop, str]] = {
    Stop.END: "stop",
    Stop.LENGTH: "length",
    Stop.CONTEXT: "length",
    Stop.STOP_SEQUENCE: "stop",
    Stop.TOOL_CALLS: "tool_calls",
    Stop.CONTENT_FILTER: "content_filter",
    Stop.REFUSAL: "content_filter",
    Stop.PAUSE: "stop",
    Stop.MALFORMED_CALL: "stop",
    Stop.UNKNOWN: "stop",
}
NATIVE_FINISHES: Final[dict[Stop, str]] = {
    Stop.CONTEXT: "model_context_window_exceeded",
    Stop.STOP_SEQUENCE: "stop_sequence",
    Stop.REFUSAL: "refusal",
    Stop.PAUSE: "pause_turn",
    Stop.MALFORMED_CALL: "MALFORMED_FUNCTION_CALL",
    Stop.UNKNOWN: "unknown",
}
"""What `finish_reason` alone would lose, in the words of those who have one."""

_STOPS: Final[dict[str, Stop]] = {
    "stop": Stop.END,
    "eos": Stop.END,
    "eos_token": Stop.END,
    "end_turn": Stop.END,
    "length": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "model_length": Stop.CONTEXT,
    "stop_sequence": Stop.STOP_SEQUENCE,
    "tool_calls": Stop.TOOL_CALLS,
    "tool_use": Stop.TOOL_CALLS,
    "function_call": Stop.TOOL_CALLS,
    "content_filter": Stop.CONTENT_FILTER,
    "sensitive": Stop.CONTENT_FILTER,
    "refusal": Stop.REFUSAL,
}
_NATIVE_STOPS: Final[dict[str, Stop]] = {word.lower(): stop for stop, word in NATIVE_FINISHES.items()}


def stop_of(finish: str, native: object, sequence: object, *, calls: bool, refuses: bool) -> Stop:
    """What a finish reason means. `calls`: there are tool calls, which some providers end with "stop"; `refuses`: the
    words of the answer are a refusal; `sequence`: what is in `stop_reason`."""
    if isinstance(native, str) and (finer := _NATIVE_STOPS.get(native.lower())) is not None:
        return finer
    stop = _STOPS.get(finish.lower(), Stop.UNKNOWN)
    if stop is not Stop.END:
        return stop
    if calls:
        return Stop.TOOL_CALLS
    if refuses:
        return Stop.REFUSAL
    return Stop.STOP_SEQUENCE if isinstance(sequence, str) and sequence else Stop.END


_FORMATS: Final[dict[Maker, str]] = {
    Maker.ANTHROPIC: "anthropic-claude-v1",
    Maker.OPENAI: "openai-responses-v1",
    Maker.GOOGLE: "google-gemini-v1",
    Maker.XAI: "xai-responses-v1",
    Maker.UNKNOWN: "unknown",
}


def format_of(maker: Maker) -> str:
    """How OpenRouter calls the form of a maker's thoughts."""
    return _FORMATS.get(maker, f"{maker.value}-v1")


_MAKERS: Final[dict[object, Maker]] = {format_of(maker): maker for maker in Maker}


def maker_of(name: object, otherwise: Maker = Maker.UNKNOWN) -> Maker:
    """Whose thoughts have this form. `otherwise`: of whoever says no form."""
    return otherwise if not isinstance(name, str) else _MAKERS.get(name, Maker.UNKNOWN)

"""Why an answer ended, in Anthropic's words. A filter that cut an answer and a model that refuses are one word there;
a call that nobody can read is an answer that ended."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ai_gateway.domain.reply import Stop

_END: Final = "end_turn"

WORDS: Final[Mapping[Stop, str]] = MappingProxyType(
    {
        Stop.END: _END,
        Stop.LENGTH: "max_tokens",
        Stop.CONTEXT: "model_context_window_exceeded",
        Stop.STOP_SEQUENCE: "stop_sequence",
        Stop.TOOL_CALLS: "tool_use",
        Stop.CONTENT_FILTER: "refusal",
        Stop.REFUSAL: "refusal",
        Stop.PAUSE: "pause_turn",
        Stop.MALFORMED_CALL: _END,
        Stop.UNKNOWN: _END,
    }
)
STOPS: Final[Mapping[str, Stop]] = MappingProxyType(
    {
        _END: Stop.END,
        "max_tokens": Stop.LENGTH,
        "model_context_window_exceeded": Stop.CONTEXT,
        "stop_sequence": Stop.STOP_SEQUENCE,
        "tool_use": Stop.TOOL_CALLS,
        "refusal": Stop.REFUSAL,
        "pause_turn": Stop.PAUSE,
    }
)


def read_stop(reason: object, *, calls: int) -> Stop | None:
    """None: none was told yet. An answer that calls tools waits for their results, whatever was said."""
    if not isinstance(reason, str):
        return None
    stop = STOPS.get(reason, Stop.UNKNOWN)
    return Stop.TOOL_CALLS if calls and stop is Stop.END else stop


def word_of(stop: Stop | None, *, calls: int, refusals: int) -> str:
    if stop in (None, Stop.END, Stop.UNKNOWN):
        if calls:
            return WORDS[Stop.TOOL_CALLS]
        if refusals:
            return WORDS[Stop.REFUSAL]
    return WORDS[stop or Stop.END]

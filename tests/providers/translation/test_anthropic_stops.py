"""The map of stop reasons is total both ways."""

import pytest

from ai_gateway.domain.reply import Stop
from ai_gateway.providers.translation.anthropic_stops import STOPS, WORDS, read_stop, word_of

IN_THE_SDK = {
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
}


def test_every_stop_has_a_word_and_every_word_a_stop() -> None:
    assert set(WORDS) == set(Stop)
    assert set(WORDS.values()) == set(STOPS) == IN_THE_SDK


@pytest.mark.parametrize("word", sorted(IN_THE_SDK))
def test_a_word_is_written_as_it_was_read(word: str) -> None:
    assert word_of(read_stop(word, calls=0), calls=0, refusals=0) == word


@pytest.mark.parametrize(
    ("reason", "calls", "stop"),
    [
        ("end_turn", 1, Stop.TOOL_CALLS),
        ("max_tokens", 1, Stop.LENGTH),
        ("something_new", 0, Stop.UNKNOWN),
        (None, 1, None),
        (3, 0, None),
    ],
)
def test_what_is_read_fits_the_answer(reason: object, calls: int, stop: Stop | None) -> None:
    assert read_stop(reason, calls=calls) is stop


@pytest.mark.parametrize(
    ("stop", "calls", "refusals", "word"),
    [
        (Stop.END, 1, 0, "tool_use"),
        (None, 0, 0, "end_turn"),
        (Stop.UNKNOWN, 0, 1, "refusal"),
        (Stop.LENGTH, 1, 1, "max_tokens"),
        (Stop.CONTENT_FILTER, 0, 0, "refusal"),
    ],
)
def test_what_is_written_fits_the_answer(stop: Stop | None, calls: int, refusals: int, word: str) -> None:
    assert word_of(stop, calls=calls, refusals=refusals) == word

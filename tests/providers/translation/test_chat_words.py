"""Why an answer ended and whose thought it is, both ways and without a gap."""

import pytest

from ai_gateway.domain.conversation import Maker
from ai_gateway.domain.reply import Stop
from ai_gateway.providers.translation.chat_words import FINISHES, NATIVE_FINISHES, format_of, maker_of, stop_of


def test_every_stop_has_a_word_that_openais_clients_know() -> None:
    assert set(FINISHES) == set(Stop)
    assert set(FINISHES.values()) <= {"stop", "length", "tool_calls", "content_filter"}


@pytest.mark.parametrize("stop", Stop)
def test_every_stop_is_told_from_the_others(stop: Stop) -> None:
    assert stop_of(FINISHES[stop], NATIVE_FINISHES.get(stop), None, calls=False, refuses=False) is stop


@pytest.mark.parametrize(
    ("finish", "native", "sequence", "calls", "refuses", "stop"),
    [
        ("stop", None, None, False, False, Stop.END),
        ("stop", None, None, True, False, Stop.TOOL_CALLS),
        ("stop", None, None, False, True, Stop.REFUSAL),
        ("stop", None, "X", False, False, Stop.STOP_SEQUENCE),
        ("stop", None, 128009, False, False, Stop.END),
        ("function_call", None, None, True, False, Stop.TOOL_CALLS),
        ("length", None, None, True, False, Stop.LENGTH),
        ("eos", None, None, False, False, Stop.END),
        ("length", "MAX_TOKENS", None, False, False, Stop.LENGTH),
        ("stop", "pause_turn", None, False, False, Stop.PAUSE),
        ("error", None, None, False, False, Stop.UNKNOWN),
        ("never heard", 7, None, False, False, Stop.UNKNOWN),
    ],
)
def test_what_providers_say(
    finish: str, native: object, sequence: object, calls: bool, refuses: bool, stop: Stop
) -> None:
    assert stop_of(finish, native, sequence, calls=calls, refuses=refuses) is stop


@pytest.mark.parametrize("maker", Maker)
def test_every_maker_has_a_form_of_thoughts(maker: Maker) -> None:
    assert maker_of(format_of(maker)) is maker


def test_who_says_no_form_is_the_providers_maker() -> None:
    assert maker_of(None, Maker.XAI) is Maker.XAI
    assert maker_of("never-heard-v1", Maker.XAI) is Maker.UNKNOWN

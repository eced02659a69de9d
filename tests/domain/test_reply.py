"""Stop reasons are a closed set: a dialect that has no word for one cannot be forgotten."""

import typing

from ai_gateway.domain.reply import Event, Stop


def test_every_event_is_frozen() -> None:
    assert all(kind.__struct_config__.frozen for kind in typing.get_args(Event))


def test_there_is_a_word_for_an_unknown_end() -> None:
    assert Stop("unknown") is Stop.UNKNOWN

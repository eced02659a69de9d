import msgspec
import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.providers.prefill import tokens_of, with_prefill
from providers.halves import a_call

USER = {"role": "user", "content": "hi"}
LIMITS = ("max_tokens",)


def asked(text: str, tokens: int = 5, **members: object) -> dict[str, object] | None:
    shaped = with_prefill(a_call(Dialect.ANTHROPIC, **members), text, tokens, LIMITS)
    return None if shaped is None else {name: msgspec.json.decode(raw) for name, raw in shaped.fields.items()}


def test_the_conversation_ends_with_what_was_said_without_its_trailing_white_space() -> None:
    fields = asked("one\n two \n", messages=[USER])
    assert fields is not None
    assert fields["messages"] == [USER, {"role": "assistant", "content": "one\n two"}]


def test_everything_else_stays_the_callers() -> None:
    before = asked("one", messages=[USER], temperature=0.5, stop_sequences=["x"])
    assert before is not None
    assert (before["temperature"], before["stop_sequences"], before["stream"]) == (0.5, ["x"], True)


def test_a_callers_own_prefill_and_what_was_said_are_one_message() -> None:
    turn = {"role": "assistant", "content": "{", "name": "a"}
    fields = asked('"a": 1', messages=[USER, turn])
    assert fields is not None
    assert fields["messages"] == [USER, {**turn, "content": '{"a": 1'}]


@pytest.mark.parametrize(
    ("text", "members"),
    [
        (" \n", {}),
        ("one", {"messages": []}),
        ("one", {"messages": "hi"}),
        ("one", {"messages": ["hi"]}),
        ("one", {"messages": [USER, {"role": "assistant", "content": [{"type": "text", "text": "x"}]}]}),
        ("one", {"max_tokens": "many"}),
        ("one", {"max_tokens": 5}),
    ],
)
def test_what_cannot_be_said_is_not_asked(text: str, members: dict[str, object]) -> None:
    assert asked(text, **{"messages": [USER], **members}) is None


@pytest.mark.parametrize(("limit", "left"), [(6, 1), (100, 95), (None, None)])
def test_what_was_delivered_counts_against_the_limit(limit: int | None, left: int | None) -> None:
    fields = asked("one", messages=[USER], max_tokens=limit)
    assert fields is not None
    assert fields["max_tokens"] == left


@pytest.mark.parametrize(
    ("text", "deltas", "tokens"), [("", 0, 0), ("abcd" * 5, 2, 5), ("abcd", 3, 3), ("\u3042" * 4, 1, 3)]
)
def test_tokens_are_a_delta_or_four_bytes(text: str, deltas: int, tokens: int) -> None:
    assert tokens_of(text, deltas) == tokens

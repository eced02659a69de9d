from typing import Any

import pytest

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.chat_frame import ChatFrame, add_text, waits_for_tools


def test_paths_of_a_message_are_paths_of_its_deltas() -> None:
    frame = ChatFrame(AnswerRules(drop=(("choices", "message", "refusal"), ("x",))))
    chunk: dict[str, Any] = {"x": 1, "choices": [{"delta": {"refusal": None, "content": "a"}}, 7]}
    frame.dress_chunk(chunk)
    assert chunk == {"choices": [{"delta": {"content": "a"}}, 7]}


def test_what_is_put_in_a_message_is_told_with_its_first_delta_only() -> None:
    frame = ChatFrame(AnswerRules(put=((("choices", "message", "refusal"), "no"),)))
    deltas: list[dict[str, Any]] = [{"delta": {"refusal": "a"}}, {"delta": {"refusal": "b", "content": "c"}}]
    frame.dress_choice(deltas[0], is_first=True, is_last=False)
    frame.dress_choice(deltas[1], is_first=False, is_last=False)
    assert deltas == [{"delta": {"refusal": "no"}}, {"delta": {"content": "c"}}]


def test_what_is_put_in_a_choice_is_told_with_its_end_and_where_it_was_told_before() -> None:
    frame = ChatFrame(AnswerRules(put=((("choices", "seed"), 7),)))
    choices: list[dict[str, Any]] = [{}, {"seed": 1}, {}]
    for choice in choices:
        frame.dress_choice(choice, is_first=False, is_last=choice is choices[-1])
    assert choices == [{}, {"seed": 7}, {"seed": 7}]


def test_usage_is_not_made_up() -> None:
    frame = ChatFrame(AnswerRules(put=((("usage", "note"), "x"),)))
    bodies: list[dict[str, Any]] = [{}, {"usage": None}, {"usage": {"total_tokens": 1}}]
    for body in bodies:
        frame.dress_chunk(body)
        frame.dress_whole(body)
    assert bodies == [{}, {"usage": None}, {"usage": {"total_tokens": 1, "note": "x"}}]


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        (AnswerRules(), False),
        (AnswerRules(metadata={"a": "b"}, appended="x"), False),
        (AnswerRules(hidden_as="m"), True),
        (AnswerRules(drop=(("x",),)), True),
        (AnswerRules(put=((("x",), 1),)), True),
        (AnswerRules(names=(str.upper,)), True),
    ],
)
def test_whether_every_chunk_is_changed(answer: AnswerRules, changes: bool) -> None:
    assert ChatFrame(answer).changes_chunks is changes


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({}, "x"),
        ({"content": None}, "x"),
        ({"content": "a"}, "ax"),
        ({"content": []}, [{"type": "text", "text": "x"}]),
        ({"content": [{"type": "text", "text": "a"}]}, [{"type": "text", "text": "ax"}]),
        ({"content": [{"type": "thinking"}]}, [{"type": "thinking"}, {"type": "text", "text": "x"}]),
    ],
)
def test_text_is_added_behind_the_content(message: dict[str, Any], content: Any) -> None:
    add_text(message, "x")
    assert message["content"] == content


@pytest.mark.parametrize(
    ("finish", "has_calls", "waits"),
    [
        ("stop", False, False),
        ("length", False, False),
        (None, False, False),
        (["tool_calls"], False, False),
        ("tool_calls", False, True),
        ("function_call", False, True),
        ("stop", True, True),
    ],
)
def test_who_waits_for_a_tool(finish: object, has_calls: bool, waits: bool) -> None:
    assert waits_for_tools(finish, has_calls) is waits

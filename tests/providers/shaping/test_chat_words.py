"""Which members of a message and of its deltas are words."""

from typing import Any

import pytest

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.chat_words import ChoiceWords
from tests.providers.shaping.pipes import Arguments, digits, late, literal

Body = dict[str, Any]


def words(*pipes: Any) -> ChoiceWords:
    return ChoiceWords(Chains(AnswerRules(pipes=pipes, arguments=Arguments)))


TABLE: list[tuple[Body, Body]] = [
    ({"role": "12345", "content": "a 12345"}, {"role": "12345", "content": "a [n]"}),
    ({"content": None, "refusal": "12345"}, {"content": None, "refusal": "[n]"}),
    ({"reasoning": "12345", "reasoning_content": "12345"}, {"reasoning": "[n]", "reasoning_content": "[n]"}),
    ({"thought_signature": "12345", "id": "12345"}, {"thought_signature": "12345", "id": "12345"}),
    ({"unknown": "12345", "more": {"id": "12345", "said": "12345", "n": 12345}},
     {"unknown": "[n]", "more": {"id": "12345", "said": "[n]", "n": 12345}}),
    ({"annotations": [{"type": "url_citation", "url_citation": {"title": "12345"}}]},
     {"annotations": [{"type": "url_citation", "url_citation": {"title": "[n]"}}]}),
    ({"images": [{"image_url": {"url": "12345"}}]}, {"images": [{"image_url": {"url": "12345"}}]}),
    ({"audio": {"id": "12345", "data": "12345", "expires_at": 12345, "transcript": "12345"}},
     {"audio": {"id": "12345", "data": "12345", "expires_at": 12345, "transcript": "[n]"}}),
    ({"function_call": {"name": "f12345", "arguments": '{"a": "12345"}'}},
     {"function_call": {"name": "f12345", "arguments": '{"a": "[n]"}'}}),
    ({"tool_calls": [{"id": "12345", "function": {"name": "f12345", "arguments": '{"a": 12345}'}},
                     {"id": "12345", "custom": {"name": "c", "input": "12345"}}]},
     {"tool_calls": [{"id": "12345", "function": {"name": "f12345", "arguments": '{"a": 12345}'}},
                     {"id": "12345", "custom": {"name": "c", "input": "[n]"}}]}),
    ({"reasoning_details": [{"type": "reasoning.summary", "summary": "12", "index": 0, "signature": "12345"},
                            {"type": "reasoning.summary", "summary": "345", "index": 0},
                            {"type": "reasoning.encrypted", "data": "12345", "index": 1}]},
     {"reasoning_details": [{"type": "reasoning.summary", "summary": "", "index": 0, "signature": "12345"},
                            {"type": "reasoning.summary", "summary": "[n]", "index": 0},
                            {"type": "reasoning.encrypted", "data": "12345", "index": 1}]}),
    ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "12345"}]}, "12345",
                  {"type": "reference", "reference_ids": [12345]}, {"type": "image_url", "image_url": "12345"}]},
     {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "[n]"}]}, "[n]",
                  {"type": "reference", "reference_ids": [12345]}, {"type": "image_url", "image_url": "12345"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("message", "after"), TABLE, ids=[next(iter(it[0])) for it in TABLE])
def test_the_words_of_a_message(message: Body, after: Body) -> None:
    words(digits).take_whole(message)
    assert message == after


def test_runs_of_thoughts_and_texts_are_told_apart_and_stay_in_their_order() -> None:
    said = words(late)
    thought: Body = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}
    text: Body = {"content": "yes"}
    again: Body = {"content": [{"type": "thinking", "thinking": "but"}]}
    for delta in (thought, text, again):
        said.take(delta)
    hm = {"type": "thinking", "thinking": [{"type": "text", "text": "<2:hm>"}]}
    assert text["content"] == [hm, {"type": "text", "text": ""}]
    assert again["content"][0] == {"type": "text", "text": "<3:yes>"}
    assert said.rest() == {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "<3:but>"}]}]}


def test_what_was_held_back_is_one_more_delta() -> None:
    said = words(late)
    detail = {"type": "reasoning.text", "format": "f", "index": 0, "text": "d"}
    said.take({"content": "c", "refusal": "r", "reasoning": "t", "unknown": "u", "audio": {"transcript": "a"}})
    said.take({"reasoning_details": [detail], "function_call": {"arguments": "1"}})
    said.take({"tool_calls": [{"index": 3, "id": "x", "function": {"arguments": "2"}}]})
    said.take({"tool_calls": [{"index": 4, "id": "y", "custom": {"input": "i"}}]})
    assert said.rest() == {
        "content": "<1:c>",
        "refusal": "<1:r>",
        "reasoning": "<1:t>",
        "unknown": "<1:u>",
        "audio": {"transcript": "<1:a>"},
        "reasoning_details": [{**detail, "text": "<1:d>"}],
        "function_call": {"arguments": "1"},
        "tool_calls": [
            {"index": 3, "function": {"arguments": "2"}},
            {"index": 4, "custom": {"input": "<1:i>"}},
        ],
    }
    assert said.rest() == {}


def test_the_rest_of_a_text_that_the_last_delta_has_is_put_there() -> None:
    said = words(literal("secret", "x"))
    said.take({"content": "a", "reasoning": "sec"})
    last: Body = {"content": "b se"}
    said.take(last)
    assert said.end() == {"reasoning": "sec"}
    assert last == {"content": "b se"}


@pytest.mark.parametrize(
    "calls",
    [
        [{"index": 0, "id": "a"}, {"index": 1, "id": "b"}],
        [{"index": 0, "id": "a"}, {"index": 0, "id": "b"}],
        [{"id": "a"}, {"id": "b"}],
    ],
)
def test_calls_are_told_apart_however_they_are_numbered(calls: list[Body]) -> None:
    said = words(literal("secret", "x"))
    said.take({"tool_calls": [{**calls[0], "custom": {"input": "sec"}}]})
    later: Body = {"tool_calls": [{**calls[1], "custom": {"input": "ret"}}]}
    said.take(later)
    assert later["tool_calls"][0]["custom"]["input"] == "ret"


def test_pieces_without_a_number_belong_to_the_last_call() -> None:
    said = words(literal("secret", "x"))
    said.take({"tool_calls": [{"id": "a", "custom": {"input": "sec"}}]})
    later: Body = {"tool_calls": [{"custom": {"input": "ret"}}]}
    said.take(later)
    assert later["tool_calls"][0]["custom"]["input"] == "x"


def test_who_waits_for_tools_is_known_without_pipes_too() -> None:
    said = words()
    said.take({"content": "a"})
    assert not said.has_calls
    said.take({"tool_calls": [{}]})
    assert said.has_calls

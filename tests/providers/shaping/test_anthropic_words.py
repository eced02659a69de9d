"""Which members of a block and of its deltas are words."""

from typing import Any

import pytest

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.anthropic_words import BlockWords, pipe_block
from ai_gateway.providers.shaping.chains import Chains
from tests.providers.shaping.pipes import Arguments, digits, late

Body = dict[str, Any]
CHAINS = Chains(AnswerRules(pipes=(digits,), arguments=Arguments))

TABLE: list[tuple[Body, Body]] = [
    ({"type": "text", "text": "12345"}, {"type": "text", "text": "[n]"}),
    ({"type": "thinking", "thinking": "12345", "signature": "12345"},
     {"type": "thinking", "thinking": "[n]", "signature": "12345"}),
    ({"type": "redacted_thinking", "data": "12345"}, {"type": "redacted_thinking", "data": "12345"}),
    ({"type": "tool_use", "id": "12345", "name": "12345", "input": {"12345": ["12345", 12345]}},
     {"type": "tool_use", "id": "12345", "name": "12345", "input": {"[n]": ["[n]", 12345]}}),
    ({"type": "web_search_tool_result", "tool_use_id": "12345",
      "content": [{"type": "web_search_result", "title": "12345", "encrypted_content": "12345"}]},
     {"type": "web_search_tool_result", "tool_use_id": "12345",
      "content": [{"type": "web_search_result", "title": "[n]", "encrypted_content": "12345"}]}),
    ({"type": "text", "text": "", "citations": [{"cited_text": "12345", "encrypted_index": "12345"}]},
     {"type": "text", "text": "", "citations": [{"cited_text": "[n]", "encrypted_index": "12345"}]}),
    ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "12345"}},
     {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "12345"}}),
    ({"type": "new", "words": "12345"}, {"type": "new", "words": "[n]"}),
]  # fmt: skip


@pytest.mark.parametrize(("block", "after"), TABLE, ids=[it[0]["type"] + str(n) for n, it in enumerate(TABLE)])
def test_the_words_of_a_block(block: Body, after: Body) -> None:
    pipe_block(block, CHAINS)
    assert block == after


def test_texts_go_on_from_the_start_through_the_deltas() -> None:
    words = BlockWords(CHAINS)
    begun: Body = {"type": "text", "text": "12"}
    words.begin(begun)
    delta: Body = {"type": "text_delta", "text": "345 a"}
    assert words.take(delta)
    assert (begun["text"], delta["text"]) == ("", "[n] a")
    assert words.end() == []


def test_what_was_held_back_is_told_as_the_deltas_that_it_came_as() -> None:
    words = BlockWords(Chains(AnswerRules(pipes=(late,), arguments=Arguments)))
    assert not words.take({"type": "text_delta", "text": "t"})
    assert not words.take({"type": "compaction_delta", "content": "c"})
    assert not words.take({"type": "input_json_delta", "partial_json": '{"a": "b"}'})
    assert words.has_text
    assert words.end() == [
        {"type": "text_delta", "text": "<1:t>"},
        {"type": "compaction_delta", "content": "<1:c>"},
        {"type": "input_json_delta", "partial_json": '{"<1:a>": "<1:b>"}'},
    ]
    assert words.end() == []


@pytest.mark.parametrize(
    "delta",
    [
        {"type": "signature_delta", "signature": "12345"},
        {"type": "text_delta", "text": ""},
        {"type": "citations_delta", "citation": {"cited_text": "a"}},
    ],
)
def test_a_delta_that_says_something_else_goes_out(delta: Body) -> None:
    before = dict(delta)
    assert BlockWords(CHAINS).take(delta)
    assert delta == before

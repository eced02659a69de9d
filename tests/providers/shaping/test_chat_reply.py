"""Whole chat completions; what is the same streamed stands in test_chat_events.py."""

import json
from typing import Any

import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.chat_reply import shape_chat
from ai_gateway.providers.shaping.tables import texts_of_reply
from tests.providers.shaping.pipes import Arguments, digits, forbids, literal

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":"12345"}'}}
BODY: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-x",
    "system_fingerprint": "fp_12345",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "see 12345", "reasoning": "12345?", "refusal": None},
            "logprobs": {"content": [{"token": "12345", "logprob": -0.1}]},
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": None, "tool_calls": [CALL]},
            "finish_reason": "tool_calls",
        },
    ],
    "usage": {"prompt_tokens": 12345, "completion_tokens": 1, "cost": 1.25},
    "search_results": [{"title": "12345", "url": "https://a.example/12345"}],
}


def shaped(**members: Any) -> dict[str, Any]:
    answer = AnswerRules(request_id="req_7", arguments=Arguments, **members)
    return json.loads(shape_chat(json.dumps(BODY).encode(), answer))


def test_all_at_once_in_their_order() -> None:
    got = shaped(
        pipes=(digits,),
        names=(lambda it: it.replace("gpt", "corp"),),
        drop=(("choices", "logprobs"), ("search_results",), ("choices", "message", "refusal")),
        put=((("search_results",), "none"),),
        metadata={"by": "us 12345"},
        appended=" 12345.",
    )
    call = {**CALL, "function": {"name": "f", "arguments": '{"a":"[n]"}'}}
    told = {"role": "assistant", "content": "see [n] 12345.", "reasoning": "[n]?"}
    assert got == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "corp-x",
        "system_fingerprint": "fp_12345",
        "choices": [
            {"index": 0, "message": told, "finish_reason": "stop"},
            {
                "index": 1,
                "message": {"role": "assistant", "content": None, "tool_calls": [call]},
                "finish_reason": "tool_calls",
            },
        ],
        "usage": {"prompt_tokens": 12345, "completion_tokens": 1, "cost": 1.25},
        "search_results": "none",
        "metadata": {"by": "us 12345"},
    }


def test_weights_of_pieces_are_not_told_where_there_are_pipes() -> None:
    assert shaped(pipes=(literal("x", "y"),))["choices"][0]["logprobs"] is None
    assert shaped(names=(str.upper,))["choices"][0]["logprobs"] == BODY["choices"][0]["logprobs"]


def test_hiding() -> None:
    got = shaped(hidden_as="m")
    assert set(got) == {"id", "object", "created", "model", "choices", "usage"}
    assert (got["id"], got["model"], got["created"]) == ("chatcmpl-7", "m", 1700000000)
    assert got["choices"][1]["message"]["tool_calls"][0]["id"] == "call_1"


def test_what_is_forbidden_is_not_told() -> None:
    with pytest.raises(Blocked):
        shaped(pipes=(forbids("12345"),))


def test_texts_come_in_the_order_of_the_answer() -> None:
    assert texts_of_reply(Operation.CHAT, json.dumps(BODY).encode()) == (
        "12345",
        "https://a.example/12345",
        "see 12345",
        "12345?",
        '{"a":"12345"}',
    )


@pytest.mark.parametrize("body", [b"no json: 12345", b"[12345]", b'"12345"', b"\xff12345", b""])
def test_what_is_no_answer_is_one_text(body: bytes) -> None:
    assert b"12345" not in shape_chat(body, AnswerRules(pipes=(digits,)))
    assert shape_chat(body, AnswerRules(appended="x")) == body

"""Whole messages; what is the same streamed stands in test_anthropic_events.py."""

import json
from typing import Any

import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.anthropic_reply import shape_message
from ai_gateway.providers.shaping.tables import texts_of_reply
from tests.providers.shaping.pipes import Arguments, digits, forbids

BODY: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "12345?", "signature": "12345"},
        {"type": "text", "text": "see 12345", "citations": None},
        {"type": "server_tool_use", "id": "srvtoolu_12345", "name": "web", "input": {"q": "12345"}},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 12345, "output_tokens": 1, "service_tier": "standard"},
    "provider": "P",
}


def shaped(**members: Any) -> dict[str, Any]:
    answer = AnswerRules(request_id="req_7", arguments=Arguments, **members)
    return json.loads(shape_message(json.dumps(BODY).encode(), answer))


def test_all_at_once_in_their_order() -> None:
    got = shaped(
        pipes=(digits,),
        drop=(("content", "signature"), ("usage", "service_tier"), ("content", "citations")),
        put=((("stop_sequence",), "x"),),
        metadata={"by": "us 12345"},
        appended="12345.",
        hidden_as="m",
    )
    assert got == {
        "id": "msg_7",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "[n]?"},
            {"type": "text", "text": "see [n]"},
            {"type": "server_tool_use", "id": "srvtoolu_12345", "name": "web", "input": {"q": "[n]"}},
            {"type": "text", "text": "12345."},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": "x",
        "usage": {"input_tokens": 12345, "output_tokens": 1},
        "metadata": {"by": "us 12345"},
    }


def test_what_is_forbidden_is_not_told() -> None:
    with pytest.raises(Blocked):
        shaped(pipes=(forbids("12345"),))


def test_texts_come_in_the_order_of_the_answer() -> None:
    assert texts_of_reply(Operation.MESSAGES, json.dumps(BODY).encode()) == ("12345?", "see 12345", '{"q":"12345"}')


@pytest.mark.parametrize("body", [b"no json: 12345", b"[12345]", b"\xff12345", b""])
def test_what_is_no_answer_is_one_text(body: bytes) -> None:
    assert b"12345" not in shape_message(body, AnswerRules(pipes=(digits,)))
    assert shape_message(body, AnswerRules(appended="x")) == body

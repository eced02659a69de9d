from typing import Any

import pytest

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.anthropic_frame import MessageFrame, waits_for_tools


def test_members_are_dropped_where_a_stream_tells_them() -> None:
    frame = MessageFrame(AnswerRules(drop=(("usage", "output_tokens"), ("stop_sequence",), ("context_management",))))
    start: dict[str, Any] = {"stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    end: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 5},
        "context_management": {},
    }
    frame.dress_start(start)
    frame.dress_end(end)
    assert start == {"usage": {"input_tokens": 1}}
    assert end == {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}


def test_members_are_put_where_a_stream_tells_them() -> None:
    puts = ((("note",), 1), (("stop_sequence",), "x"), (("usage", "a"), 2), (("container", "id"), "c"))
    frame = MessageFrame(AnswerRules(put=puts))
    start: dict[str, Any] = {"usage": {}}
    end: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}
    frame.dress_start(start)
    frame.dress_end(end)
    assert start == {"usage": {"a": 2}, "note": 1, "container": {"id": "c"}}
    assert end == {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": "x"},
        "usage": {"a": 2},
    }


@pytest.mark.parametrize(
    ("path", "delta", "kept"),
    [
        (("text",), {"type": "text_delta", "text": "a"}, None),
        (("thinking",), {"type": "thinking_delta", "thinking": "a"}, None),
        (("signature",), {"type": "signature_delta", "signature": "a"}, None),
        (("citations",), {"type": "citations_delta", "citation": {"x": 1}}, None),
        (("input",), {"type": "input_json_delta", "partial_json": "{"}, None),
        (("citations", "x"), {"type": "citations_delta", "citation": {"x": 1, "y": 2}}, {"citation": {"y": 2}}),
        (("text",), {"type": "thinking_delta", "thinking": "a"}, {"thinking": "a"}),
        (("words",), {"type": "odd_delta", "words": "a", "more": 1}, {"more": 1}),
        (("input", "a"), {"type": "input_json_delta", "partial_json": "{"}, {"partial_json": "{"}),
    ],
)
def test_what_is_dropped_of_blocks_is_dropped_of_their_deltas(
    path: tuple[str, ...], delta: dict[str, Any], kept: dict[str, Any] | None
) -> None:
    kind = delta["type"]
    assert MessageFrame(AnswerRules(drop=(("content", *path),))).keeps_delta(delta) is (kept is not None)
    assert kept is None or delta == {"type": kind, **kept}


def test_what_is_put_in_blocks_is_told_at_their_start() -> None:
    frame = MessageFrame(AnswerRules(put=((("content", "text"), "told"), (("content", "citations", "x"), 0))))
    block: dict[str, Any] = {"type": "text", "text": "", "citations": []}
    frame.dress_block(block)
    assert block == {"type": "text", "text": "told", "citations": []}
    assert not frame.keeps_delta({"type": "text_delta", "text": "a"})
    citation: dict[str, Any] = {"type": "citations_delta", "citation": {"x": 1}}
    assert frame.keeps_delta(citation)
    assert citation["citation"] == {"x": 0}


@pytest.mark.parametrize(
    ("stop", "has_calls", "waits"),
    [
        ("end_turn", False, False),
        (None, False, False),
        ("tool_use", False, True),
        ("pause_turn", False, True),
        ("end_turn", True, True),
        (["tool_use"], False, False),
    ],
)
def test_who_waits_for_a_tool(stop: object, has_calls: bool, waits: bool) -> None:
    assert waits_for_tools(stop, has_calls) is waits

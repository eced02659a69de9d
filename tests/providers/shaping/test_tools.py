"""Tools by name, in whatever shape."""

import json
from typing import Any

import pytest

from ai_gateway.providers.shaping.raw_json import raw_of
from ai_gateway.providers.shaping.tools import chosen_without, filtered


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ({"type": "function", "function": {"name": "a"}}, "a"),
        ({"type": "function", "name": "a"}, "a"),
        ({"type": "custom", "custom": {"name": "a"}}, "a"),
        ({"name": "a", "input_schema": {}}, "a"),
        ({"type": "web_search_20250305", "name": "web_search"}, "web_search"),
        ({"type": "web_search_preview"}, "web_search_preview"),
        ({"type": "mcp", "server_label": "a"}, "mcp"),
        ({"type": "mcp_toolset", "mcp_server_name": "a"}, "mcp"),
        ({"type": "function", "function": 3}, "function"),
        ({"name": 3}, ""),
        (3, ""),
    ],
)
def test_every_tool_has_a_name(tool: Any, name: str) -> None:
    assert filtered(raw_of([tool]), lambda _: True).names == (name,)
    assert filtered(raw_of([tool]), lambda _: False).gone == (name,)


def test_a_tool_of_two_names_has_to_be_kept_by_both() -> None:
    tool = {"type": "function", "name": "good", "function": {"name": "bad"}}
    assert filtered(raw_of([tool]), lambda name: name == "good").gone == ("bad",)
    assert filtered(raw_of([tool]), lambda name: name == "bad").is_empty


def test_without_anything_to_take_out_nothing_is_written_anew() -> None:
    assert filtered(raw_of([{"name": "a"}]), lambda _: True).tools is None
    assert filtered(raw_of("text"), lambda _: False).tools is None
    assert not filtered(raw_of([]), lambda _: False).is_empty


A, B = {"type": "function", "function": {"name": "a"}}, {"type": "function", "name": "b"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", "auto"),
        (None, None),
        ({"type": "any"}, {"type": "any"}),
        (A, A),
        (B, "gone"),
        ({"type": "tool", "name": "b"}, "gone"),
        ({"type": "mcp", "server_label": "x"}, "gone"),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [A, B]}},
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [A]}},
        ),
        ({"type": "allowed_tools", "mode": "auto", "tools": [B]}, "gone"),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [A]},
            {"type": "allowed_tools", "mode": "auto", "tools": [A]},
        ),
    ],
)
def test_a_choice_of_what_is_gone_is_gone(choice: Any, expected: Any) -> None:
    chosen = chosen_without(raw_of(choice), lambda name: name == "a")
    assert ("gone" if chosen is None else json.loads(bytes(chosen))) == expected

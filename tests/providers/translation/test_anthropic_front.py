"""What callers of Anthropic's dialect ask, in the middle's values; and what no provider of it would take."""

import json
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.conversation import (
    CacheTtl,
    ChoiceMode,
    Conversation,
    JsonSchema,
    Opaque,
    Reasoning,
    Role,
    Sampling,
    ServerTool,
    Text,
    ThinkingMode,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.anthropic_front import AnthropicFront

HELLO = [{"role": "user", "content": "hello"}]


def read(**members: Any) -> Conversation:
    body = {"model": "m", "max_tokens": 10, "messages": HELLO, **members}
    return AnthropicFront().read_request({name: msgspec.Raw(json.dumps(it).encode()) for name, it in body.items()})


def test_a_plain_question() -> None:
    assert read(stream=True) == Conversation(turns=(Turn(Role.USER, (Text("hello"),)),), stream=True, max_output=10)


@pytest.mark.parametrize(
    ("members", "field", "value"),
    [
        ({"temperature": 0.5, "top_p": 1, "top_k": 3}, "sampling", Sampling(temperature=0.5, top_p=1, top_k=3)),
        ({"stop_sequences": ["a", "b"]}, "stop", ("a", "b")),
        ({"metadata": {"user_id": "u"}}, "end_user", "u"),
        ({"metadata": {"user_id": "u", "tag": 1}}, "hints", {"metadata": {"tag": 1}}),
        ({"service_tier": "standard_only"}, "service_tier", "standard_only"),
        ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, "cache", CacheTtl.HOUR),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "reasoning", Reasoning(ThinkingMode.ON, None, 2000)),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}},
            "reasoning",
            Reasoning(ThinkingMode.ADAPTIVE, "low", None, "omitted"),
        ),
        ({"thinking": {"type": "disabled"}}, "reasoning", Reasoning(ThinkingMode.OFF)),
        ({"output_config": {"effort": "max"}}, "reasoning", Reasoning(effort="max", effort_only=True)),
        ({"thinking": {"type": "between_tools"}}, "others", {"thinking": {"type": "between_tools"}}),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            "format",
            JsonSchema({"type": "object"}),
        ),
        ({"tool_choice": {"type": "tool", "name": "f"}}, "tool_choice", ToolChoice(ChoiceMode.NAMED, "f")),
        ({"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}, "parallel_tools", False),
        (
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            "tools",
            (ServerTool("anthropic", "web_search_20250305", {"type": "web_search_20250305", "name": "web_search"}),),
        ),
        (
            {"tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True}]},
            "tools",
            (Tool("f", "d", {"type": "object"}, True),),
        ),
        ({"mcp_servers": [{"name": "x"}]}, "others", {"mcp_servers": [{"name": "x"}]}),
    ],
)
def test_every_member_has_its_place(members: dict[str, Any], field: str, value: object) -> None:
    assert getattr(read(**members), field) == value


def test_what_a_tool_has_beyond_a_function_rides_along_under_its_place() -> None:
    tool = {"name": "f", "input_schema": {}, "defer_loading": True, "eager_input_streaming": True}
    asked = read(tools=[tool])
    assert asked.tools == (Tool("f", None, {}),)
    assert (asked.others, asked.hints) == (
        {"tools[0].defer_loading": True},
        {"tools[0].eager_input_streaming": True},
    )


def test_turns_are_read_in_order_and_results_know_their_tool() -> None:
    asked = read(
        system=[{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "weather?"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "bad", "is_error": True}],
            },
            {"role": "system", "content": "new rules"},
            {"role": "assistant", "content": [{"type": "mystery", "x": 1}]},
        ],
    )
    assert asked.turns == (
        Turn(Role.SYSTEM, (Text("be kind", CacheTtl.FIVE_MINUTES),)),
        Turn(Role.USER, (Text("weather?"),)),
        Turn(Role.ASSISTANT, (ToolCall("t1", "f", '{"a":1}'),)),
        Turn(Role.USER, (ToolResult("t1", (Text("bad"),), True, "f"),)),
        Turn(Role.SYSTEM, (Text("new rules"),)),
        Turn(Role.ASSISTANT, (Opaque("anthropic", "mystery", {"type": "mystery", "x": 1}),)),
    )


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"system": 3}, "system"),
        ({"max_tokens": "10"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": [1]}, "stop_sequences"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "perhaps"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"output_config": {"format": {"type": "yaml"}}}, "output_config.format.type"),
    ],
)
def test_what_no_provider_takes_is_refused_by_its_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(**members)
    assert refused.value.param == param

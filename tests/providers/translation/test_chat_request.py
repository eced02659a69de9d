"""The members of a request, each of which is read or kept under its name."""

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.conversation import (
    CacheTtl,
    ChoiceMode,
    Conversation,
    JsonSchema,
    Reasoning,
    Role,
    Sampling,
    Text,
    ThinkingMode,
    Tool,
    ToolChoice,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.chat_request import read_request

ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}


def read(**members: Any) -> Conversation:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | members
    return read_request({name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()})


@pytest.mark.parametrize(
    ("members", "read_as"),
    [
        ({}, {}),
        ({"stream": True}, {"stream": True}),
        ({"stream": False, "n": None, "stop": None}, {}),
        ({"max_tokens": 5}, {"max_output": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"max_output": 6}),
        ({"stop": "X"}, {"stop": ("X",)}),
        ({"stop": ["X", "Y"]}, {"stop": ("X", "Y")}),
        ({"n": 3}, {"choices": 3}),
        ({"temperature": 0, "top_p": 0.5, "top_k": 3, "seed": 4, "frequency_penalty": 1, "presence_penalty": -1,
          "logprobs": True, "top_logprobs": 2}, {"sampling": Sampling(0, 0.5, 3, 4, 1, -1, True, 2)}),
        ({"tools": [{"function": {"name": "f"}}], "parallel_tool_calls": False},
         {"tools": (Tool("f"),), "parallel_tools": False}),
        ({"functions": [{"name": "f"}], "function_call": {"name": "f"}},
         {"tools": (Tool("f"),), "tool_choice": ToolChoice(ChoiceMode.NAMED, "f")}),
        ({"tool_choice": "none"}, {"tool_choice": ToolChoice(ChoiceMode.NONE)}),
        ({"tool_choice": ALLOWED}, {"others": {"tool_choice": ALLOWED}}),
        ({"response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"format": JsonSchema()}),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {"x": 1}}}},
         {"format": JsonSchema({"x": 1}, "a", None, True)}),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}, {"format": JsonSchema({}, "a")}),
        ({"response_format": {"type": "grammar", "grammar": "x"}},
         {"others": {"response_format": {"type": "grammar", "grammar": "x"}}}),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "x": 1}}},
         {"others": {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "x": 1}}}}),
        ({"reasoning_effort": "low"}, {"reasoning": Reasoning(effort="low")}),
        ({"reasoning": {"effort": "low", "exclude": True}}, {"reasoning": Reasoning(effort="low", summary="omitted")}),
        ({"reasoning": {"max_tokens": 9, "enabled": True}}, {"reasoning": Reasoning(ThinkingMode.ON, None, 9)}),
        ({"reasoning": {"enabled": False}}, {"reasoning": Reasoning(ThinkingMode.OFF)}),
        ({"reasoning": {"effort": "low", "x": 1}}, {"others": {"reasoning": {"effort": "low", "x": 1}}}),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, {"reasoning": Reasoning(ThinkingMode.ON, None, 9)}),
        ({"thinking": {"type": "enabled", "clear_thinking": False}},
         {"others": {"thinking": {"type": "enabled", "clear_thinking": False}}}),
        ({"service_tier": "flex", "user": "u"}, {"service_tier": "flex", "end_user": "u"}),
        ({"cache_control": {"type": "ephemeral"}}, {"cache": CacheTtl.FIVE_MINUTES}),
        ({"stream_options": {"include_usage": True}}, {}),
        ({"stream_options": {"include_obfuscation": False, "include_usage": True}},
         {"hints": {"stream_options": {"include_obfuscation": False}}}),
        ({"store": False, "metadata": {"a": "b"}, "prompt_cache_key": "k", "safety_identifier": "s",
          "prediction": {"type": "content", "content": "x"}},
         {"hints": {"store": False, "metadata": {"a": "b"}, "prompt_cache_key": "k", "safety_identifier": "s",
                    "prediction": {"type": "content", "content": "x"}}}),
        ({"modalities": ["text"]}, {}),
        ({"modalities": ["text", "audio"], "audio": {"voice": "v"}, "verbosity": "low", "logit_bias": {"1": 2}},
         {"others": {"modalities": ["text", "audio"], "audio": {"voice": "v"}, "verbosity": "low",
                     "logit_bias": {"1": 2}}}),
        ({"tools": [{"function": {"name": "f"}, "x": 1}], "newest": [1]},
         {"tools": (Tool("f"),), "others": {"tools[0].x": 1, "newest": [1]}}),
    ],
)  # fmt: skip
def test_a_member_is_read_or_kept(members: Any, read_as: Any) -> None:
    assert read(**members) == Conversation(turns=(Turn(Role.USER, (Text("hi"),)),), dialect="chat", **read_as)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("messages", None), ("stream", "yes"), ("max_tokens", "5"), ("max_completion_tokens", True), ("stop", 7),
        ("stop", ["a", 7]), ("n", "1"), ("temperature", "hot"), ("top_p", True), ("seed", 1.5), ("logprobs", 1),
        ("tools", 7), ("functions", 7), ("tool_choice", "sometimes"), ("tool_choice", 7), ("response_format", "json"),
        ("reasoning_effort", 7), ("service_tier", 7), ("user", 7), ("parallel_tool_calls", 1), ("cache_control", 7),
    ],
)  # fmt: skip
def test_what_nobody_would_take_is_refused_by_its_name(member: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(**{member: value})
    assert (refused.value.param or "").startswith(member)
    assert refused.value.status == 400


def test_a_request_without_messages_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        read_request({})

"""A conversation as the body that a provider gets, by its ways."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import (
    CacheTtl,
    ChoiceMode,
    Conversation,
    JsonSchema,
    Reasoning,
    Role,
    Sampling,
    ServerTool,
    Text,
    ThinkingMode,
    Tool,
    ToolChoice,
    ToolKind,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.chat_sent_request import effort_for, write_body
from ai_gateway.providers.translation.chat_ways import (
    OPENAI,
    PERMISSIVE,
    CacheMarks,
    ChatWays,
    JsonForms,
    ReasoningField,
)
from ai_gateway.providers.translation.losses import Losses

HI = (Turn(Role.USER, (Text("hi"),)),)
SCHEMA = JsonSchema({"type": "object"}, "a", "d", True)
F = Tool("f", "d", {"type": "object"}, True)
SENT_F = {"name": "f", "description": "d", "parameters": {"type": "object"}}


def written(ways: ChatWays = OPENAI, model: str = "gpt-5", *, drops: bool = False, **members: Any) -> tuple[Any, Any]:
    losses = Losses("x", drops=drops)
    body = write_body(Conversation(turns=HI, **members), model, ways, losses)
    assert body.pop("model") == model
    assert body.pop("messages") == [{"role": "user", "content": "hi"}]
    return body, losses.dropped


@pytest.mark.parametrize(
    ("members", "ways", "sent"),
    [
        ({}, OPENAI, {}),
        ({"stream": True}, OPENAI, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": True}, ChatWays(stream_options=False), {"stream": True}),
        ({"stream": True, "hints": {"stream_options": {"include_obfuscation": False}}}, OPENAI,
         {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}),
        ({"max_output": 5}, OPENAI, {"max_completion_tokens": 5}),
        ({"max_output": 5}, ChatWays(output_field="max_tokens"), {"max_tokens": 5}),
        ({"stop": ("a", "b")}, OPENAI, {"stop": ["a", "b"]}),
        ({"choices": 2}, OPENAI, {"n": 2}),
        ({"sampling": Sampling(0.5, 1, None, 3, logprobs=True, top_logprobs=2)}, OPENAI,
         {"temperature": 0.5, "top_p": 1, "seed": 3, "logprobs": True, "top_logprobs": 2}),
        ({"tools": (F,), "parallel_tools": False, "tool_choice": ToolChoice(ChoiceMode.REQUIRED)}, OPENAI,
         {"tools": [{"type": "function", "function": {**SENT_F, "strict": True}}], "parallel_tool_calls": False,
          "tool_choice": "required"}),
        ({"tools": (Tool("f", strict=False),)}, ChatWays(strict=False),
         {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ({"parallel_tools": True, "tools": (Tool("f"),)}, ChatWays(parallel_tool_calls=False),
         {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ({"tools": (Tool("f", cache=CacheTtl.FIVE_MINUTES),)}, ChatWays(cache_marks=CacheMarks.CACHE_CONTROL),
         {"tools": [{"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}]}),
        ({"tool_choice": ToolChoice(ChoiceMode.REQUIRED)}, ChatWays(required_word="any"), {"tool_choice": "any"}),
        ({"format": JsonSchema()}, OPENAI, {"response_format": {"type": "json_object"}}),
        ({"format": SCHEMA}, OPENAI, {"response_format": {"type": "json_schema", "json_schema": {
            "name": "a", "schema": {"type": "object"}, "description": "d", "strict": True}}}),
        ({"format": JsonSchema({})}, OPENAI,
         {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {}}}}),
        ({"service_tier": "flex", "end_user": "u"}, OPENAI, {"service_tier": "flex", "user": "u"}),
        ({"service_tier": "standard_only"}, OPENAI, {"service_tier": "default"}),
        ({"end_user": "u"}, ChatWays(end_user_field="user_id"), {"user_id": "u"}),
        ({"hints": {"metadata": {"a": "b"}, "store": True}}, OPENAI, {"metadata": {"a": "b"}, "store": True}),
        ({"hints": {"never_heard": 1}, "others": {"new": 2}, "dialect": "chat"}, PERMISSIVE,
         {"never_heard": 1, "new": 2}),
        ({"others": {"verbosity": "low"}}, OPENAI, {"verbosity": "low"}),
        ({"tools": (Tool("f"),), "others": {"tools[0].x": 1}, "hints": {"tools[0].function.y": 2}, "dialect": "chat"},
         OPENAI,
         {"tools": [{"type": "function", "function": {"name": "f", "y": 2}, "x": 1}]}),
    ],
)  # fmt: skip
def test_a_request_is_sent(members: Any, ways: ChatWays, sent: Any) -> None:
    assert written(ways, **members) == (sent, ())


@pytest.mark.parametrize(
    ("members", "ways", "told"),
    [
        ({"sampling": Sampling(top_k=3)}, OPENAI, "top_k"),
        ({"sampling": Sampling(logprobs=True)}, ChatWays(unsupported=frozenset({"logprobs"})), "logprobs"),
        ({"choices": 2}, ChatWays(choices=False), "n"),
        ({"stop": ("a",) * 5}, OPENAI, "stop"),
        ({"tools": (F,)}, ChatWays(strict=False), "tools[0].strict"),
        ({"tools": (Tool("f", kind=ToolKind.CUSTOM),)}, ChatWays(custom_tools=False), "tools[0]"),
        ({"tools": (ServerTool("anthropic", "web_search_20250305", {}),)}, OPENAI, "tools[0]"),
        ({"tools": (Tool("f"),), "parallel_tools": False}, ChatWays(parallel_tool_calls=False), "parallel_tool_calls"),
        ({"format": JsonSchema()}, ChatWays(json_forms=JsonForms.NONE), "response_format"),
        ({"format": SCHEMA}, ChatWays(json_forms=JsonForms.OBJECT), "response_format"),
        ({"others": {"container": "c"}}, OPENAI, "container"),
    ],
)
def test_what_changes_the_answer_and_cannot_be_said_is_refused_by_name_or_dropped(
    members: Any, ways: ChatWays, told: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        written(ways, **members)
    assert refused.value.param == told
    sent, dropped = written(ways, drops=True, **members)
    assert dropped == (told,)
    assert told not in sent or sent[told] == ["a"] * 4


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"service_tier": "on_demand"}, "service_tier"),
        ({"cache": CacheTtl.HOUR}, "cache_control"),
        ({"hints": {"never_heard": 1}}, "never_heard"),
        ({"hints": {"tools[0].eager_input_streaming": True}}, "tools[0].eager_input_streaming"),
    ],
)
def test_what_changes_no_answer_is_left_out_and_told(members: Any, told: str) -> None:
    assert written(**members) == ({}, (told,))


def test_an_end_user_is_forgiven_where_nobody_asks_for_one() -> None:
    assert written(ChatWays(end_user_field=None), end_user="u") == ({}, ("user",))


def test_a_cache_mark_of_the_request_is_sent_where_the_provider_knows_it() -> None:
    assert written(PERMISSIVE, cache=CacheTtl.HOUR) == ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, ())


EFFORT, OBJECT, SWITCH = (
    ChatWays(reasoning=way) for way in (ReasoningField.EFFORT, ReasoningField.OBJECT, ReasoningField.SWITCH)
)


@pytest.mark.parametrize(
    ("ways", "model", "dialect", "asked", "sent", "dropped"),
    [
        (EFFORT, "gpt-4o", "chat", Reasoning(effort="low"), {"reasoning_effort": "low"}, ()),
        (EFFORT, "gpt-5.1", "", Reasoning(effort="max"), {"reasoning_effort": "max"}, ()),
        (EFFORT, "gpt-4o", "", Reasoning(effort="low"), {}, ("thinking",)),
        (EFFORT, "o3", "", Reasoning(ThinkingMode.ON, None, 4096), {"reasoning_effort": "medium"}, ("budget_tokens",)),
        (EFFORT, "gpt-4o", "", Reasoning(ThinkingMode.ON, None, 4096), {}, ("thinking",)),
        (EFFORT, "o3", "", Reasoning(ThinkingMode.OFF), {}, ()),
        (EFFORT, "o3", "", Reasoning(ThinkingMode.OFF, "high", effort_only=True), {}, ("reasoning_effort",)),
        (EFFORT, "o3", "", Reasoning(None, "high", effort_only=True), {"reasoning_effort": "high"}, ()),
        (SWITCH, "m", "", Reasoning(None, "high", effort_only=True), {}, ("reasoning_effort",)),
        (EFFORT, "o3", "", Reasoning(ThinkingMode.ADAPTIVE), {}, ("thinking",)),
        (OBJECT, "m", "", Reasoning(ThinkingMode.ON, None, 4096, "omitted"),
         {"reasoning": {"max_tokens": 4096, "enabled": True, "exclude": True}}, ()),
        (OBJECT, "m", "", Reasoning(ThinkingMode.OFF), {"reasoning": {"enabled": False}}, ()),
        (SWITCH, "m", "", Reasoning(ThinkingMode.OFF), {"thinking": {"type": "disabled"}}, ()),
        (SWITCH, "m", "", Reasoning(effort="none"), {"thinking": {"type": "disabled"}}, ()),
        (SWITCH, "m", "", Reasoning(effort="low"), {"thinking": {"type": "enabled"}}, ("reasoning_effort",)),
        (SWITCH, "m", "", Reasoning(ThinkingMode.ON, None, 9), {"thinking": {"type": "enabled"}}, ("budget_tokens",)),
        (ChatWays(reasoning=ReasoningField.NONE), "m", "", Reasoning(effort="low"), {}, ("thinking",)),
    ],
)  # fmt: skip
def test_how_much_to_think_is_said_as_the_provider_is_told_it(
    ways: ChatWays, model: str, dialect: str, asked: Reasoning, sent: Any, dropped: tuple[str, ...]
) -> None:
    assert written(ways, model, reasoning=asked, dialect=dialect) == (sent, dropped)


@pytest.mark.parametrize(("tokens", "effort"), [(1024, "low"), (2048, "medium"), (12_287, "medium"), (12_288, "high")])
def test_a_budget_is_an_effort(tokens: int, effort: str) -> None:
    assert effort_for(tokens) == effort

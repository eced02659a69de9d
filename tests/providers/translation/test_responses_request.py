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
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.responses_request import read_members, write_members
from providers.translation.responses_examples import raw

SCHEMA = {"type": "object", "properties": {}}


def read(**members: Any) -> Conversation:
    return read_members(raw({"model": "m", "input": "hi"} | members))


def write(drops: bool = False, **members: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    losses = Losses("OpenAI", drops=drops)
    return write_members(Conversation(turns=(), **members), "m", losses), losses.dropped


def test_instructions_come_first() -> None:
    assert read(instructions="be kind").turns[0] == Turn(Role.SYSTEM, (Text("be kind"),))


@pytest.mark.parametrize(
    ("members", "field", "value"),
    [
        ({"max_output_tokens": 20}, "max_output", 20),
        ({"stream": True}, "stream", True),
        ({"temperature": 0.5, "top_p": 1, "top_logprobs": 2}, "sampling", Sampling(0.5, 1, top_logprobs=2)),
        ({"include": ["message.output_text.logprobs"]}, "sampling", Sampling(logprobs=True)),
        ({"parallel_tool_calls": False}, "parallel_tools", False),
        ({"service_tier": "flex"}, "service_tier", "flex"),
        ({"user": "u"}, "end_user", "u"),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, "reasoning", Reasoning(effort="low", summary="auto")),
        ({"reasoning": {"generate_summary": "concise"}}, "reasoning", Reasoning(summary="concise")),
        ({"reasoning": {"effort": None}}, "reasoning", None),
        ({"text": {"format": {"type": "text"}}}, "format", None),
        ({"text": {"format": {"type": "json_object"}}}, "format", JsonSchema()),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
            "format",
            JsonSchema(SCHEMA, "n", None, True),
        ),
        ({"tool_choice": "required"}, "tool_choice", ToolChoice(ChoiceMode.REQUIRED)),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice", ToolChoice(ChoiceMode.NAMED, "f")),
        (
            {"tool_choice": {"type": "custom", "name": "f"}},
            "tool_choice",
            ToolChoice(ChoiceMode.NAMED, "f", ToolKind.CUSTOM),
        ),
        ({"include": ["reasoning.encrypted_content"]}, "hints", {"include": ["reasoning.encrypted_content"]}),
        ({"store": False, "metadata": {"a": "b"}}, "hints", {"store": False, "metadata": {"a": "b"}}),
        ({"text": {"verbosity": "low"}}, "others", {"verbosity": "low"}),
        ({"truncation": "disabled", "background": False, "max_tool_calls": None}, "others", {}),
        ({"truncation": "auto", "background": True}, "others", {"truncation": "auto", "background": True}),
        ({"reasoning": {"context": "x"}}, "others", {"reasoning.context": "x"}),
        ({"tool_choice": {"type": "web_search"}}, "others", {"tool_choice": {"type": "web_search"}}),
        ({"something_new": 1}, "others", {"something_new": 1}),
    ],
)
def test_a_member_has_its_place(members: dict[str, Any], field: str, value: object) -> None:
    assert getattr(read(**members), field) == value


def test_tools_of_every_kind_are_read() -> None:
    function = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
    space = {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "g", "defer_loading": True}]}
    asked = read(
        tools=[
            function,
            {"type": "function", "function": {"name": "h", "parameters": SCHEMA}},
            {"type": "custom", "name": "c", "format": {"type": "text"}},
            {"type": "web_search"},
            space,
        ]
    )
    assert asked.tools == (
        Tool("f", "d", SCHEMA, True),
        Tool("h", None, SCHEMA),
        Tool("c", kind=ToolKind.CUSTOM, format={"type": "text"}),
        ServerTool("responses", "web_search", {"type": "web_search"}),
        Tool("n__g"),
    )
    assert asked.hints == {"tools.defer_loading": ["n__g"]}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": None}, "input"),
        ({"instructions": []}, "instructions"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ],
)
def test_what_nobody_takes_is_refused_by_its_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(**members)
    assert refusal.value.param == param


def test_an_input_may_be_somewhere_else() -> None:
    assert read(input=None, prompt={"id": "p"}).others == {"prompt": {"id": "p"}}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"stop": ("a",)}, "stop"),
        ({"choices": 2}, "n"),
        ({"sampling": Sampling(seed=1)}, "seed"),
        ({"sampling": Sampling(top_k=1)}, "top_k"),
        ({"sampling": Sampling(frequency_penalty=0.5)}, "frequency_penalty"),
        ({"sampling": Sampling(presence_penalty=0.5)}, "presence_penalty"),
        ({"others": {"logit_bias": {}}}, "logit_bias"),
        ({"tools": (ServerTool("anthropic", "web_search_20250305", {}),)}, "tools[0]"),
    ],
)
def test_what_it_cannot_say_it_refuses_or_leaves_out(members: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        write(**members)
    assert refusal.value.param == field
    body, dropped = write(drops=True, **members)
    assert dropped == (field,)
    assert body.keys() <= {"model", "store"}


def test_hints_of_others_are_forgiven() -> None:
    assert write(hints={"prediction": 1, "metadata": {}}, cache=CacheTtl.HOUR)[1] == ("cache_control", "prediction")
    assert write(tools=(Tool("f", cache=CacheTtl.HOUR),))[1] == ("cache_control",)


@pytest.mark.parametrize(
    ("reasoning", "said"),
    [
        (Reasoning(mode=ThinkingMode.OFF), {"effort": "none"}),
        (Reasoning(mode=ThinkingMode.ON, budget_tokens=1024), {"effort": "low"}),
        (Reasoning(budget_tokens=4096), {"effort": "medium"}),
        (Reasoning(budget_tokens=32_000), {"effort": "high"}),
        (Reasoning(effort="xhigh", budget_tokens=1, summary="omitted"), {"effort": "xhigh"}),
        (Reasoning(mode=ThinkingMode.ADAPTIVE), None),
    ],
)
def test_how_much_it_shall_think(reasoning: Reasoning, said: object) -> None:
    assert write(reasoning=reasoning)[0].get("reasoning") == said


def test_a_function_is_strict_only_where_somebody_said_so() -> None:
    assert write(tools=(Tool("f"),))[0]["tools"] == [
        {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
    ]
    deferred = write(tools=(Tool("f", strict=True),), hints={"tools.defer_loading": ["f"]})[0]["tools"][0]
    assert (deferred["strict"], deferred["defer_loading"]) == (True, True)


def test_others_of_its_own_go_back_where_they_were() -> None:
    body, _ = write(others={"verbosity": "low", "truncation": "auto", "reasoning.context": "x"})
    assert (body["text"], body["truncation"], body["reasoning"]) == ({"verbosity": "low"}, "auto", {"context": "x"})

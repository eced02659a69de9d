"""A conversation as the body of `/v2/chat`: golden cases, and what is refused by name."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import (
    CacheTtl,
    ChoiceMode,
    Conversation,
    Document,
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
from ai_gateway.providers.translation.cohere_request import write_request
from ai_gateway.providers.translation.losses import Losses

HELLO = Turn(Role.USER, (Text("hello"),))
F = Tool("f", "does f", {"type": "object"})
G = Tool("g", strict=True)


def body_of(*, drops: bool = False, **said: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    losses = Losses("Cohere", drops=drops)
    draft = write_request(Conversation(**({"turns": (HELLO,)} | said)), "command-a-03-2025", losses)
    assert draft.path == "/v2/chat"
    return draft.body, losses.dropped


def test_a_whole_request() -> None:
    body, dropped = body_of(
        stream=True,
        max_output=100,
        stop=("END",),
        sampling=Sampling(temperature=0.3, top_p=0.9, top_k=5, seed=7, frequency_penalty=0.5, presence_penalty=0),
        tools=(F,),
        tool_choice=ToolChoice(ChoiceMode.REQUIRED),
        format=JsonSchema({"type": "object"}, "answer"),
        reasoning=Reasoning(ThinkingMode.ON, budget_tokens=2000),
        end_user="ann",
        cache=CacheTtl.HOUR,
        hints={"store": True},
        others={"safety_mode": "STRICT"},
    )
    assert body == {
        "model": "command-a-03-2025",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "max_tokens": 100,
        "stop_sequences": ["END"],
        "temperature": 0.3,
        "p": 0.9,
        "k": 5,
        "seed": 7,
        "frequency_penalty": 0.5,
        "presence_penalty": 0,
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "does f", "parameters": {"type": "object"}}}
        ],
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "thinking": {"type": "enabled", "token_budget": 2000},
        "safety_mode": "STRICT",
    }
    assert dropped == ("store", "cache_control", "user")


@pytest.mark.parametrize(
    ("choice", "names", "written"),
    [
        (None, ["f", "g"], None),
        (ToolChoice(ChoiceMode.AUTO), ["f", "g"], None),
        (ToolChoice(ChoiceMode.NONE), ["f", "g"], "NONE"),
        (ToolChoice(ChoiceMode.NAMED, "f"), ["f"], "REQUIRED"),
    ],
)
def test_choices_of_tools(choice: ToolChoice | None, names: list[str], written: str | None) -> None:
    body, _ = body_of(tools=(F, Tool("g")), tool_choice=choice)
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert body.get("tool_choice") == written


def test_strictness_is_of_all_tools_or_of_none() -> None:
    assert body_of(tools=(G,))[0]["strict_tools"] is True
    assert "strict_tools" not in body_of(tools=(F,))[0]
    with pytest.raises(InvalidRequest) as refused:
        body_of(tools=(F, G))
    assert refused.value.param == "tools[1].strict"


@pytest.mark.parametrize(
    ("reasoning", "written"),
    [
        (Reasoning(), None),
        (Reasoning(effort="none"), {"type": "disabled"}),
        (Reasoning(ThinkingMode.OFF), {"type": "disabled"}),
        (Reasoning(ThinkingMode.ADAPTIVE), {"type": "enabled"}),
        (Reasoning(effort="low"), {"type": "enabled", "token_budget": 2048}),
        (Reasoning(effort="high"), {"type": "enabled"}),
    ],
)
def test_thinking(reasoning: Reasoning, written: object) -> None:
    assert body_of(reasoning=reasoning)[0].get("thinking") == written


def test_documents_are_only_cited_where_somebody_wants_it() -> None:
    plain = (Turn(Role.USER, (Document(text="x"), Text("a"))),)
    cited = (Turn(Role.USER, (Document(text="x", cites=True), Text("a"))),)
    assert body_of(turns=plain)[0]["citation_options"] == {"mode": "OFF"}
    assert "citation_options" not in body_of(turns=cited)[0]
    assert body_of(turns=cited)[0]["documents"] == [{"id": "doc:0", "data": {"text": "x"}}]


def test_any_json_is_a_format() -> None:
    assert body_of(format=JsonSchema())[0]["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"choices": 2}, "n"),
        ({"sampling": Sampling(frequency_penalty=1.5)}, "frequency_penalty"),
        ({"sampling": Sampling(presence_penalty=-0.1)}, "presence_penalty"),
        ({"sampling": Sampling(logprobs=True)}, "logprobs"),
        ({"sampling": Sampling(top_logprobs=3)}, "top_logprobs"),
        ({"tools": (F,), "parallel_tools": False}, "parallel_tool_calls"),
        ({"tools": (ServerTool("anthropic", "web_search", {}),)}, "tools[0]"),
        ({"tools": (F, Tool("h", kind=ToolKind.CUSTOM))}, "tools[1]"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"reasoning": Reasoning(effort="heroic")}, "reasoning_effort"),
        ({"others": {"logit_bias": {}}}, "logit_bias"),
    ],
)
def test_what_cohere_cannot_say_is_refused_or_dropped(said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        body_of(**said)
    assert refused.value.param == field
    body, dropped = body_of(drops=True, **said)
    assert (dropped, field in body) == ((field,), False)


def test_small_things_are_forgiven() -> None:
    body, dropped = body_of(
        tools=(Tool("f", cache=CacheTtl.HOUR),), reasoning=Reasoning(summary="auto"), service_tier="auto"
    )
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert dropped == ("cache_control", "reasoning.summary")

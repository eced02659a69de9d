"""A conversation as Converse's body: golden cases, and what is refused by name."""

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
    ServerTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.bedrock_request import write_request
from ai_gateway.providers.translation.losses import Losses

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-pro-v1:0"
LLAMA = "us.meta.llama4-scout-17b-instruct-v1:0"
HELLO = Turn(Role.USER, (Text("hello"),))
WEATHER = Tool("get_weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}})


def body_of(model: str = CLAUDE, *, drops: bool = False, **said: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    losses = Losses("Amazon Bedrock", drops=drops)
    draft = write_request(Conversation(**({"turns": (HELLO,)} | said)), model, losses)
    return msgspec.json.decode(msgspec.json.encode(draft.body)), losses.dropped


def test_a_whole_request() -> None:
    body, dropped = body_of(
        turns=(Turn(Role.SYSTEM, (Text("be brief", CacheTtl.FIVE_MINUTES),)), HELLO),
        max_output=100,
        stop=("END",),
        sampling=Sampling(temperature=0.5, top_k=40),
        tools=(WEATHER, Tool("now", strict=True, cache=CacheTtl.HOUR)),
        tool_choice=ToolChoice(ChoiceMode.NAMED, "now"),
        parallel_tools=True,
        format=JsonSchema({"type": "object"}, "answer", "an answer", strict=True),
        service_tier="priority",
        end_user="ann",
        hints={"store": False},
        others={"guardrailConfig": {"guardrailIdentifier": "g"}, "performanceConfig": {"latency": "optimized"}},
    )
    assert body == {
        "messages": [{"role": "user", "content": [{"text": "hello"}]}],
        "system": [{"text": "be brief"}, {"cachePoint": {"type": "default"}}],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "get_weather",
                        "description": "The weather.",
                        "inputSchema": {"json": WEATHER.schema},
                    }
                },
                {
                    "toolSpec": {
                        "name": "now",
                        "inputSchema": {"json": {"type": "object", "properties": {}}},
                        "strict": True,
                    }
                },
                {"cachePoint": {"type": "default", "ttl": "1h"}},
            ],
            "toolChoice": {"tool": {"name": "now"}},
        },
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {
                    "jsonSchema": {"schema": '{"type":"object"}', "name": "answer", "description": "an answer"}
                },
            }
        },
        "serviceTier": {"type": "priority"},
        "guardrailConfig": {"guardrailIdentifier": "g"},
        "performanceConfig": {"latency": "optimized"},
        "additionalModelRequestFields": {"top_k": 40},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
    }
    assert dropped == ("store", "user")


def test_a_stream_has_another_path_and_the_same_body() -> None:
    losses = Losses("it", drops=False)
    whole = write_request(Conversation(turns=(HELLO,)), "a.b:0", losses)
    stream = write_request(Conversation(turns=(HELLO,), stream=True), "a.b:0", losses)
    assert (whole.path, stream.path) == ("/model/a.b%3A0/converse", "/model/a.b%3A0/converse-stream")
    assert whole.body == stream.body


@pytest.mark.parametrize(
    ("mode", "written"),
    [(ChoiceMode.AUTO, None), (ChoiceMode.REQUIRED, {"any": {}})],
)
def test_choices_of_tools(mode: ChoiceMode, written: object) -> None:
    body, _ = body_of(tools=(WEATHER,), tool_choice=ToolChoice(mode))
    assert body["toolConfig"].get("toolChoice") == written


def test_tools_that_may_not_be_called_are_left_out_and_told() -> None:
    body, dropped = body_of(tools=(WEATHER,), tool_choice=ToolChoice(ChoiceMode.NONE))
    assert ("toolConfig" in body, dropped) == (False, ("tools",))


def test_tools_cannot_be_forbidden_where_the_conversation_has_calls() -> None:
    turns = (HELLO, Turn(Role.ASSISTANT, (ToolCall("t", "get_weather", "{}"),)))
    said = {"turns": turns, "tools": (WEATHER,), "tool_choice": ToolChoice(ChoiceMode.NONE)}
    with pytest.raises(InvalidRequest) as refused:
        body_of(**said)
    assert refused.value.param == "tool_choice"
    body, dropped = body_of(drops=True, **said)
    assert (len(body["toolConfig"]["tools"]), dropped) == (1, ("tool_choice",))


def test_a_tool_that_bedrock_runs_itself_goes_as_it_is() -> None:
    tool = ServerTool("bedrock", "systemTool", {"systemTool": {"name": "nova_grounding"}})
    body, _ = body_of(NOVA, tools=(tool,))
    assert body["toolConfig"] == {"tools": [{"systemTool": {"name": "nova_grounding"}}]}


def test_nova_takes_top_k_in_its_own_words() -> None:
    body, _ = body_of(NOVA, sampling=Sampling(top_k=5, top_p=0.9))
    assert body["inferenceConfig"] == {"topP": 0.9}
    assert body["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 5}}


def test_a_callers_own_additional_fields_win() -> None:
    own = {"additionalModelRequestFields": {"top_k": 7, "anthropic_beta": ["x"]}}
    body, _ = body_of(sampling=Sampling(top_k=5), others=own)
    assert body["additionalModelRequestFields"] == {"top_k": 7, "anthropic_beta": ["x"]}


def test_a_whole_conversation_can_be_marked() -> None:
    body, _ = body_of(cache=CacheTtl.FIVE_MINUTES)
    assert body["messages"][0]["content"] == [{"text": "hello"}, {"cachePoint": {"type": "default"}}]


@pytest.mark.parametrize("tier", ["auto", "standard_only", None])
def test_a_tier_of_no_matter_is_not_said(tier: str | None) -> None:
    assert "serviceTier" not in body_of(service_tier=tier)[0]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"choices": 2}, "n"),
        ({"sampling": Sampling(seed=1)}, "seed"),
        ({"sampling": Sampling(temperature=1.2)}, "temperature"),
        ({"sampling": Sampling(frequency_penalty=0.1)}, "frequency_penalty"),
        ({"sampling": Sampling(presence_penalty=-1)}, "presence_penalty"),
        ({"sampling": Sampling(logprobs=True)}, "logprobs"),
        ({"tools": (WEATHER,), "parallel_tools": False}, "parallel_tool_calls"),
        ({"tools": (ServerTool("anthropic", "web_search_20250305", {}),)}, "tools[0]"),
        ({"tools": (WEATHER, Tool("g", kind=ToolKind.CUSTOM))}, "tools[1]"),
        ({"tools": (Tool("a.b"),)}, "tools[0].name"),
        ({"format": JsonSchema()}, "response_format"),
        ({"service_tier": "scale"}, "service_tier"),
        ({"others": {"logit_bias": {}}}, "logit_bias"),
    ],
)
def test_what_converse_cannot_say_is_refused_or_dropped(said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        body_of(**said)
    assert refused.value.param == field
    _, dropped = body_of(drops=True, **said)
    assert field in dropped


def test_top_k_is_refused_for_a_model_that_is_not_known_to_take_it() -> None:
    with pytest.raises(InvalidRequest):
        body_of(LLAMA, sampling=Sampling(top_k=5))


def test_a_claude_is_told_what_its_generation_takes() -> None:
    old = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
    with pytest.raises(InvalidRequest):
        body_of(old, format=JsonSchema({"type": "object"}))
    with pytest.raises(InvalidRequest):
        body_of("us.anthropic.claude-opus-4-8-v1", sampling=Sampling(temperature=0.5))
    body, _ = body_of(old, reasoning=Reasoning(effort="low"), max_output=9000)
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 2048}}


def test_penalties_of_nothing_are_nothing() -> None:
    body, dropped = body_of(sampling=Sampling(frequency_penalty=0, logprobs=False))
    assert (body.keys(), dropped) == ({"messages"}, ())

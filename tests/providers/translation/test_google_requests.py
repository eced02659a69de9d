"""A conversation as Google's request."""

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
    ToolChoice,
    ToolKind,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.google_requests import body_for, method_path, quoted, tier_of
from ai_gateway.providers.translation.losses import Losses

FLASH, OLD = "gemini-2.5-flash", "gemini-1.5-flash"
SCHEMA = {"type": "object", "properties": {"city": {"type": ["string", "null"]}}}
WEATHER = Tool("weather", "Tells it.", SCHEMA)
HELLO = (Turn(Role.SYSTEM, (Text("Be kind."),)), Turn(Role.USER, (Text("Hello"),)))


def body(model: str = FLASH, losses: Losses | None = None, **members: Any) -> dict[str, Any]:
    asked = Conversation(turns=HELLO, **members)
    return msgspec.json.decode(msgspec.json.encode(body_for(asked, model, losses or Losses("Gemini", drops=False))))


def test_what_was_not_said_is_not_said() -> None:
    assert body() == {
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
    }


def test_every_number_has_its_place() -> None:
    sampling = Sampling(0.5, 0.9, 40, 7, 0.1, 0.2, logprobs=True, top_logprobs=3)
    assert body(sampling=sampling, choices=2, max_output=99, stop=("END",))["generationConfig"] == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "candidateCount": 2,
        "maxOutputTokens": 99,
        "stopSequences": ["END"],
        "seed": 7,
        "presencePenalty": 0.2,
        "frequencyPenalty": 0.1,
        "responseLogprobs": True,
        "logprobs": 3,
    }


def test_no_logprobs_are_none_at_all() -> None:
    assert "generationConfig" not in body(sampling=Sampling(logprobs=False, top_logprobs=3))


@pytest.mark.parametrize(
    ("model", "format", "config"),
    [
        (FLASH, JsonSchema(), {"responseMimeType": "application/json"}),
        (FLASH, JsonSchema(SCHEMA, "n"), {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}),
        (
            OLD,
            JsonSchema(SCHEMA),
            {
                "responseMimeType": "application/json",
                "responseSchema": {"type": "object", "properties": {"city": {"nullable": True, "type": "string"}}},
            },
        ),
    ],
)
def test_the_form_of_an_answer(model: str, format: JsonSchema, config: dict[str, Any]) -> None:
    assert body(model, format=format)["generationConfig"] == config


def test_tools_are_declared_with_the_schemas_that_the_family_takes() -> None:
    ping = Tool("ping", schema={"type": "object", "properties": {}})
    search = ServerTool("google", "googleSearch", {"googleSearch": {}})
    assert body(tools=(WEATHER, ping, search))["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "Tells it.", "parametersJsonSchema": SCHEMA},
                {"name": "ping", "parametersJsonSchema": {"type": "object", "properties": {}}},
            ]
        },
        {"googleSearch": {}},
    ]
    weather, nothing = body(OLD, tools=(WEATHER, ping))["tools"][0]["functionDeclarations"]
    assert weather["parameters"]["properties"]["city"] == {"nullable": True, "type": "string"}
    assert nothing == {"name": "ping"}


STRICT = Tool("weather", schema=SCHEMA, strict=True)


@pytest.mark.parametrize(
    ("tool", "choice", "calling"),
    [
        (WEATHER, None, None),
        (WEATHER, ToolChoice(ChoiceMode.AUTO), {"mode": "AUTO"}),
        (WEATHER, ToolChoice(ChoiceMode.NONE), {"mode": "NONE"}),
        (WEATHER, ToolChoice(ChoiceMode.REQUIRED), {"mode": "ANY"}),
        (WEATHER, ToolChoice(ChoiceMode.NAMED, "weather"), {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        (STRICT, None, {"mode": "VALIDATED"}),
        (STRICT, ToolChoice(ChoiceMode.AUTO), {"mode": "VALIDATED"}),
        (STRICT, ToolChoice(ChoiceMode.REQUIRED), {"mode": "ANY"}),
    ],
)
def test_whether_a_tool_must_be_called(tool: Tool, choice: ToolChoice | None, calling: dict[str, Any] | None) -> None:
    written = body(tools=(tool,), tool_choice=choice).get("toolConfig")
    assert written == (None if calling is None else {"functionCallingConfig": calling})


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"others": {"logit_bias": {}}}, "logit_bias"),
        ({"parallel_tools": False}, "parallel_tool_calls"),
        ({"tools": (ServerTool("anthropic", "web_search", {}),)}, "tools[0]"),
        ({"tools": (WEATHER, Tool("c", kind=ToolKind.CUSTOM))}, "tools[1]"),
    ],
)
def test_what_it_has_no_place_for_is_refused_by_name(members: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        body(**members)
    assert refused.value.param == field
    losses = Losses("Gemini", drops=True)
    body(losses=losses, **members)
    assert losses.dropped == (field,)


def test_hints_are_left_out_and_told() -> None:
    losses = Losses("Gemini", drops=False)
    cached = Tool("f", cache=CacheTtl.HOUR)
    body(
        OLD,
        losses,
        hints={"metadata": {}},
        end_user="u",
        cache=CacheTtl.HOUR,
        tools=(cached, STRICT),
        parallel_tools=True,
    )
    assert losses.dropped == ("metadata", "user", "cache_control", "strict")


def test_thinking_is_part_of_the_configuration() -> None:
    assert body(reasoning=Reasoning(effort="none"))["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 0}}


@pytest.mark.parametrize(
    ("tier", "said"), [(None, None), ("auto", None), ("default", None), ("flex", "flex"), ("priority", "priority")]
)
def test_the_service_tier(tier: str | None, said: str | None) -> None:
    assert tier_of(Conversation(turns=HELLO, service_tier=tier), Losses("Gemini", drops=False)) == said


def test_a_service_that_google_does_not_have_is_told() -> None:
    losses = Losses("Gemini", drops=True)
    assert tier_of(Conversation(turns=HELLO, service_tier="scale"), losses) is None
    assert losses.dropped == ("service_tier",)


def test_a_models_name_leads_nowhere_else() -> None:
    assert quoted("../../x?key=1#:a b") == "..%2F..%2Fx%3Fkey%3D1%23%3Aa%20b"
    assert quoted("gemini-2.5-flash_x") == "gemini-2.5-flash_x"
    assert method_path(Conversation(turns=HELLO), "/models/m") == "/models/m:generateContent"
    assert method_path(Conversation(turns=HELLO, stream=True), "/models/m") == "/models/m:streamGenerateContent?alt=sse"

"""What Anthropic's API is asked, at each of its places."""

from typing import Any

import pytest

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import (
    ChoiceMode,
    Conversation,
    JsonSchema,
    Role,
    ServerTool,
    Text,
    Tool,
    ToolChoice,
    ToolKind,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation import Draft
from ai_gateway.providers.translation.anthropic_back import BEDROCK_INVOKE, VERTEX, AnthropicBack
from ai_gateway.providers.translation.losses import Losses

MODEL = "claude-sonnet-4-5"
HELLO = (Turn(Role.USER, (Text("hello"),)),)


def written(model: str = MODEL, back: AnthropicBack | None = None, **asked: Any) -> Draft:
    conversation = Conversation(**{"turns": HELLO} | asked)
    return (back or AnthropicBack()).write_request(conversation, model, Losses("Anthropic", drops=False))


def refused(model: str = MODEL, **asked: Any) -> str | None:
    with pytest.raises(InvalidRequest) as fault:
        written(model, **asked)
    return fault.value.param


def test_a_plain_question() -> None:
    draft = written(max_output=10, stream=True)
    assert (draft.path, draft.headers) == ("/v1/messages", (("anthropic-version", "2023-06-01"),))
    assert draft.body == {
        "model": MODEL,
        "max_tokens": 10,
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
    }


@pytest.mark.parametrize(
    ("model", "most"),
    [(MODEL, 64_000), ("us.anthropic.claude-3-haiku-20240307-v1:0", 4_096), ("claude-next", 4_096), ("other", 4_096)],
)
def test_the_most_output_is_always_told(model: str, most: int) -> None:
    assert written(model).body["max_tokens"] == most


def test_at_vertex_the_model_is_in_the_path_and_the_version_in_the_body() -> None:
    draft = written("claude-sonnet-4-5@20250929", AnthropicBack(VERTEX), max_output=1, stream=True)
    assert draft.path == "/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"
    assert draft.headers == ()
    assert draft.body == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
    }
    assert written(MODEL, AnthropicBack(VERTEX)).path.endswith("/claude-sonnet-4-5:rawPredict")


def test_at_bedrock_the_path_says_whether_to_stream_and_betas_are_in_the_body() -> None:
    model = "anthropic.claude-haiku-4-5-20251001-v1:0"
    mcp = {"mcp_servers": [{"name": "x"}]}
    draft = written(model, AnthropicBack(BEDROCK_INVOKE), max_output=1, stream=True, others=mcp)
    assert draft.path == "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream"
    assert (draft.body["anthropic_version"], draft.body["anthropic_beta"]) == (
        "bedrock-2023-05-31",
        ["mcp-client-2025-04-04"],
    )
    assert not {"model", "stream"} & draft.body.keys()


def test_tools_and_how_to_choose_among_them() -> None:
    tools = (
        Tool("f", "d", {"type": "object"}, strict=True),
        Tool("g"),
        ServerTool("anthropic", "web_search_20250305", {"type": "web_search_20250305", "name": "web_search"}),
    )
    body = written(tools=tools, parallel_tools=False, others={"tools[1].defer_loading": True}).body
    assert body["tools"] == [
        {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}, "defer_loading": True},
        {"type": "web_search_20250305", "name": "web_search"},
    ]
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice(ChoiceMode.AUTO), {"type": "auto"}),
        (ToolChoice(ChoiceMode.NONE), {"type": "none"}),
        (ToolChoice(ChoiceMode.REQUIRED), {"type": "any"}),
        (ToolChoice(ChoiceMode.NAMED, "f"), {"type": "tool", "name": "f"}),
    ],
)
def test_every_choice_has_its_word(choice: ToolChoice, said: dict[str, str]) -> None:
    assert written(tools=(Tool("f"),), tool_choice=choice).body["tool_choice"] == said


def test_the_form_of_an_answer_is_a_schema_or_refused() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    assert written(format=JsonSchema({"type": "object"}, "name")).body["output_config"] == {"format": form}
    assert refused(format=JsonSchema()) == "response_format"
    assert refused("claude-3-haiku-20240307", format=JsonSchema({})) == "response_format"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"choices": 2}, "n"),
        ({"others": {"logit_bias": {}}}, "logit_bias"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"tools": (Tool("f", kind=ToolKind.CUSTOM),)}, "tools[0]"),
        ({"tools": (ServerTool("responses", "web_search", {}),)}, "tools[0]"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_name(asked: dict[str, Any], param: str) -> None:
    assert refused(**asked) == param


def test_a_begun_answer_is_sent_to_models_that_go_on_only() -> None:
    turns = (*HELLO, Turn(Role.ASSISTANT, (Text("The answer is ("),)))
    assert written("claude-3-haiku-20240307", turns=turns).body["messages"] == [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "The answer is ("},
    ]
    assert refused("claude-opus-4-6", turns=turns) == "messages[1]"


def test_members_of_the_dialect_go_on_and_hints_are_told() -> None:
    losses = Losses("Anthropic", drops=False)
    asked = Conversation(turns=HELLO, others={"container": "c"}, hints={"store": True}, end_user="u")
    body = AnthropicBack().write_request(asked, MODEL, losses).body
    assert (body["container"], body["metadata"], losses.dropped) == ("c", {"user_id": "u"}, ("store",))


def test_errors_are_read() -> None:
    error = AnthropicBack().read_error(
        529, {}, b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}'
    )
    assert (error.status, error.type, error.message) == (529, "overloaded_error", "busy")
    assert isinstance(AnthropicBack().read_reply(b"<html>"), ProviderError)

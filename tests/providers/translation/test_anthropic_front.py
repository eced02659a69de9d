"""What callers of Anthropic's dialect ask, in the middle's values; and what no provider of it would take."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.conversation import (
    CacheTtl,
    ChoiceMode,
    Citation,
    CitedUnit,
    Conversation,
    Document,
    Image,
    JsonSchema,
    Maker,
    Opaque,
    Reasoning,
    Role,
    Sampling,
    ServerTool,
    Source,
    Text,
    Thinking,
    ThinkingMode,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.anthropic_back import AnthropicBack
from ai_gateway.providers.translation.anthropic_front import AnthropicFront
from ai_gateway.providers.translation.losses import Losses
from tests.providers.translation.test_anthropic_decoder import JSON

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
        {},
        {"tools[0].defer_loading": True, "tools[0].eager_input_streaming": True},
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


TEXTS = st.text(st.sampled_from("ab \n{é😀"), min_size=1, max_size=8)
MARKS = st.sampled_from([None, *CacheTtl])
SIGNED = st.text(st.sampled_from("abc+/="), min_size=1, max_size=6)
SOURCES = st.one_of(
    st.builds(lambda it: Source(url=it), TEXTS),
    st.builds(lambda it: Source(file_id=f"file_{it}"), TEXTS),
    st.builds(lambda it: Source(data=it, media_type="image/png"), SIGNED),
)
PDFS = st.one_of(
    st.builds(lambda it: Source(url=it), TEXTS),
    st.builds(lambda it: Source(data=it, media_type="application/pdf"), SIGNED),
)
PIECES = st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
NAMES = st.one_of(st.none(), TEXTS)
DOCUMENTS = st.one_of(
    st.builds(Document, PDFS, st.none(), NAMES, NAMES, st.booleans(), MARKS),
    st.builds(lambda it, cites: Document(text=it, cites=cites), TEXTS, st.booleans()),
    st.builds(lambda it, mark: Document(text="\n".join(it), blocks=it, cache=mark), PIECES, MARKS),
    st.builds(
        lambda it, name: Document(text="\n".join(it), blocks=it, title=name, origin="s", cites=True), PIECES, TEXTS
    ),
)
CITED = st.one_of(
    st.builds(
        lambda text: Citation(
            title="t", cited_text=text, document=0, unit=CitedUnit.PAGES, source_start=1, source_end=2
        ),
        TEXTS,
    ),
    st.builds(
        lambda text: Citation(url="https://a", cited_text=text, title="t", extra={"encrypted_index": "e"}), TEXTS
    ),
)
PLAIN = st.builds(Text, TEXTS, MARKS)
IMAGES = st.builds(lambda source, mark: Image(source, cache=mark), SOURCES, MARKS)
RESULTS = st.builds(
    lambda parts, is_error, mark: ToolResult("c1", tuple(parts), is_error, "f", cache=mark),
    st.lists(st.one_of(PLAIN, IMAGES, DOCUMENTS), max_size=2),
    st.booleans(),
    MARKS,
)
OF_USERS = st.lists(st.one_of(PLAIN, IMAGES, DOCUMENTS), min_size=1, max_size=3)
OF_ASSISTANTS = st.lists(
    st.one_of(
        st.builds(Text, TEXTS, MARKS, st.lists(CITED, max_size=2).map(tuple)),
        st.builds(lambda text, sig: Thinking(text, sig, maker=Maker.ANTHROPIC), TEXTS, SIGNED),
        st.builds(lambda data: Thinking(encrypted=data, maker=Maker.ANTHROPIC), SIGNED),
        st.builds(lambda mark: ToolCall("c1", "f", '{"a":1}', cache=mark), MARKS),
        st.just(
            Opaque("anthropic", "server_tool_use", {"type": "server_tool_use", "id": "s", "name": "x", "input": {}})
        ),
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def talks(draw: st.DrawFn) -> tuple[Turn, ...]:
    """Turns that alternate, and end with a user's."""
    turns: list[Turn] = []
    if parts := draw(st.lists(PLAIN, max_size=2)):
        turns.append(Turn(Role.SYSTEM, tuple(parts)))
    turns.append(Turn(Role.USER, tuple(draw(OF_USERS))))
    for said in draw(st.lists(OF_ASSISTANTS, max_size=2)):
        turns.append(Turn(Role.ASSISTANT, tuple(said)))
        calls = any(isinstance(part, ToolCall) for part in said)
        turns.append(Turn(Role.USER, (draw(RESULTS),) if calls else tuple(draw(OF_USERS))))
        if draw(st.booleans()):
            turns.append(Turn(Role.SYSTEM, (draw(PLAIN),)))
            turns.append(Turn(Role.USER, tuple(draw(OF_USERS))))
    return tuple(turns)


TOOLS = st.one_of(
    st.builds(lambda text, strict, mark: Tool("f", text, {"type": "object"}, strict, cache=mark),
              NAMES, st.sampled_from([None, True, False]), MARKS),
    st.just(ServerTool("anthropic", "web_search_20250305", {"type": "web_search_20250305", "name": "web_search"})),
)  # fmt: skip
CHOICES = st.one_of(
    st.just((None, None)),
    st.tuples(
        st.sampled_from(
            [ToolChoice(ChoiceMode.AUTO), ToolChoice(ChoiceMode.REQUIRED), ToolChoice(ChoiceMode.NAMED, "f")]
        ),
        st.sampled_from([None, True, False]),
    ),
    st.just((ToolChoice(ChoiceMode.NONE), None)),
)
REASONING = st.one_of(
    st.none(),
    st.just(Reasoning(ThinkingMode.OFF)),
    st.builds(lambda effort, shown: Reasoning(ThinkingMode.ADAPTIVE, effort, None, shown),
              st.sampled_from([None, "low", "max"]), st.sampled_from([None, "auto", "omitted"])),
    st.just(Reasoning(effort="high", effort_only=True)),
)  # fmt: skip


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """What the dialect can say to the newest models."""
    tools = tuple(draw(st.lists(TOOLS, max_size=2)))
    choice, parallel = draw(CHOICES) if tools else (None, None)
    is_function = bool(tools) and isinstance(tools[0], Tool)
    return Conversation(
        turns=draw(talks()),
        stream=draw(st.booleans()),
        max_output=draw(st.integers(1, 10_000)),
        stop=tuple(draw(st.lists(st.sampled_from(["a", "END"]), max_size=2))),
        tools=tools,
        tool_choice=choice,
        parallel_tools=parallel,
        format=draw(st.sampled_from([None, JsonSchema({"type": "object"})])),
        reasoning=draw(REASONING),
        service_tier=draw(st.sampled_from([None, "auto", "standard_only"])),
        end_user=draw(st.sampled_from([None, "u"])),
        cache=draw(MARKS),
        hints=draw(st.sampled_from([{}, {"diagnostics": {"previous_message_id": "m"}}])),
        others={"tools[0].input_examples": [{}], "speed": "fast"} if is_function else {"container": "c"},
    )


@given(conversations())
def test_what_is_asked_of_anthropic_is_read_back_as_it_was_asked(asked: Conversation) -> None:
    losses = Losses("Anthropic", drops=False)
    body = msgspec.json.encode(AnthropicBack().write_request(asked, "claude-sonnet-5", losses).body)
    assert AnthropicFront().read_request(msgspec.json.decode(body, type=dict[str, msgspec.Raw])) == asked
    assert losses.dropped == ()


@given(
    st.dictionaries(
        st.sampled_from(
            ["messages", "system", "tools", "tool_choice", "thinking", "metadata", "output_config", "cache_control"]
        ),
        JSON,
    )
)
def test_nothing_but_a_refusal_is_raised(members: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        read(**members)

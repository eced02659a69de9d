"""Dialect A -> B -> A keeps the meaning: a conversation that two dialects can both say is the same one after it was
written in the one, read, written in the other and read again."""

import json
from collections.abc import Mapping
from itertools import permutations
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.domain.conversation import (
    CacheTtl,
    ChoiceMode,
    Conversation,
    Document,
    Image,
    JsonSchema,
    Maker,
    Part,
    Reasoning,
    Role,
    Sampling,
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
from ai_gateway.providers.translation import Back, Front
from ai_gateway.providers.translation.anthropic_back import AnthropicBack
from ai_gateway.providers.translation.anthropic_front import AnthropicFront
from ai_gateway.providers.translation.chat_back import ChatBack
from ai_gateway.providers.translation.chat_front import ChatFront
from ai_gateway.providers.translation.chat_ways import PERMISSIVE
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.responses_back import ResponsesBack
from ai_gateway.providers.translation.responses_front import ResponsesFront


class Speech(NamedTuple):
    front: Front
    back: Back


SPEECHES: Mapping[str, Speech] = {
    "chat": Speech(ChatFront(), ChatBack(PERMISSIVE)),
    "anthropic": Speech(AnthropicFront(), AnthropicBack()),
    "responses": Speech(ResponsesFront(), ResponsesBack()),
}
PAIRS = list(permutations(SPEECHES, 2))
MODEL = "claude-sonnet-4-5"

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).map(lambda it: f"a{it}b")
NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,8}", fullmatch=True)
CACHES = st.none() | st.sampled_from(CacheTtl)
OBJECTS = st.dictionaries(NAMES, st.integers(-9, 9) | st.booleans() | st.none() | WORDS, max_size=3)
SCHEMAS = st.dictionaries(NAMES, st.sampled_from(["string", "integer"]), min_size=1, max_size=3).map(
    lambda kinds: {"type": "object", "properties": {name: {"type": kind} for name, kind in kinds.items()}}
)
TEXTS = st.builds(Text, WORDS, CACHES)
IMAGES = st.builds(
    Image,
    st.just(Source(url="https://a.example/b.png")) | st.just(Source(data="aGVsbG8=", media_type="image/png")),
    cache=CACHES,
)
DOCUMENTS = st.builds(
    Document, st.just(Source(data="aGVsbG8=", media_type="application/pdf")), title=WORDS, cache=CACHES
)
THOUGHTS = st.builds(Thinking, WORDS, NAMES, maker=st.sampled_from([Maker.ANTHROPIC])) | st.builds(
    Thinking, encrypted=NAMES, maker=st.just(Maker.ANTHROPIC)
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    turns: list[Turn] = []
    if draw(st.booleans()):
        turns.append(Turn(Role.SYSTEM, tuple(draw(st.lists(TEXTS, min_size=1, max_size=2)))))
    open_calls: list[ToolCall] = []
    for number in range(draw(st.integers(1, 4))):
        results = [draw(results_of(call)) for call in open_calls]
        said = draw(st.lists(TEXTS | IMAGES | DOCUMENTS, min_size=0 if results else 1, max_size=2))
        turns.append(Turn(Role.USER, (*results, *said)))
        if number and draw(st.booleans()):
            break
        count = draw(st.integers(0, 2))
        open_calls = [
            ToolCall(f"call_{number}_{place}", draw(NAMES), json.dumps(draw(OBJECTS)), cache=draw(CACHES))
            for place in range(count)
        ]
        parts: list[Part] = [*draw(st.lists(THOUGHTS, max_size=1)), *draw(st.lists(TEXTS, max_size=1)), *open_calls]
        turns.append(Turn(Role.ASSISTANT, tuple(parts) or (Text("well"),)))
    if turns[-1].role is Role.ASSISTANT:
        turns.append(Turn(Role.USER, tuple(draw(results_of(call)) for call in open_calls) or (Text("go on"),)))
    tools = draw(
        st.lists(st.builds(Tool, NAMES, WORDS, SCHEMAS, cache=CACHES), max_size=3, unique_by=lambda it: it.name)
    )
    chosen = st.sampled_from([None, *(ToolChoice(it) for it in (ChoiceMode.AUTO, ChoiceMode.NONE))])
    return Conversation(
        turns=tuple(turns),
        stream=draw(st.booleans()),
        max_output=draw(st.integers(4000, 9000)),
        stop=tuple(draw(st.lists(WORDS, max_size=3))),
        sampling=Sampling(temperature=draw(st.none() | st.floats(0, 1))),
        tools=tuple(tools),
        tool_choice=draw(chosen) if tools else None,
        parallel_tools=draw(st.sampled_from([None, False])) if tools else None,
        format=draw(st.none() | st.builds(JsonSchema, SCHEMAS, st.just("answer"))),
        reasoning=None,
        end_user=draw(st.none() | NAMES),
    )


@st.composite
def results_of(draw: st.DrawFn, call: ToolCall) -> ToolResult:
    parts = draw(st.lists(TEXTS | IMAGES, min_size=1, max_size=2))
    return ToolResult(call.id, tuple(parts), draw(st.booleans()), call.name, cache=draw(CACHES))


def as_responses_can(asked: Conversation) -> Conversation:
    """Without what OpenAI's Responses API has no words for: cache marks, stop sequences, thoughts of others' models,
    and that a tool's result is an error, which it is told in words."""
    turns = [msgspec.structs.replace(it, parts=tuple(map(_unmarked, _without_thoughts(it)))) for it in asked.turns]
    tools = tuple(msgspec.structs.replace(it, cache=None) for it in asked.tools if isinstance(it, Tool))
    return msgspec.structs.replace(asked, turns=tuple(turns), tools=tools, stop=(), cache=None)


def _without_thoughts(turn: Turn) -> tuple[Part, ...]:
    return tuple(part for part in turn.parts if not isinstance(part, Thinking)) or (Text("well"),)


def _unmarked(part: Part) -> Part:
    if isinstance(part, ToolResult):
        parts: Any = tuple(map(_unmarked, part.parts))
        return msgspec.structs.replace(part, parts=parts, cache=None, is_error=False)
    return msgspec.structs.replace(part, cache=None) if hasattr(part, "cache") else part


def through(speech: Speech, asked: Conversation) -> Conversation:
    """Written by the back and read by the front, which refuse nothing that they leave out silently."""
    losses = Losses("the test", drops=False)
    body = speech.back.write_request(asked, MODEL, losses).body
    assert set(losses.dropped) <= {"store"}
    return speech.front.read_request({name: msgspec.Raw(msgspec.json.encode(it)) for name, it in body.items()})


def meaning(asked: Conversation) -> Any:
    """Without what says the same in another way: neighbours of one role, empty texts, white space of arguments, the
    choice that models have anyway, who wrote it."""
    merged: list[Turn] = []
    for turn in asked.turns:
        role = Role.SYSTEM if turn.role is Role.DEVELOPER else turn.role
        parts = tuple(_meant(part) for part in turn.parts if part != Text(""))
        if merged and merged[-1].role is role:
            merged[-1] = Turn(role, merged[-1].parts + parts)
        else:
            merged.append(Turn(role, parts))
    form = asked.format and JsonSchema(asked.format.schema, "answer")
    choice = None if asked.tool_choice == ToolChoice(ChoiceMode.AUTO) else asked.tool_choice
    parallel = None if choice == ToolChoice(ChoiceMode.NONE) else asked.parallel_tools
    tools = tuple(msgspec.structs.replace(it, strict=it.strict or None) for it in asked.tools if isinstance(it, Tool))
    hints = {name: value for name, value in asked.hints.items() if name != "store"}  # nobody but us shall keep it
    changed: dict[str, Any] = {
        "hints": hints,
        "tools": tools,
        "turns": tuple(merged),
        "format": form,
        "tool_choice": choice,
        "parallel_tools": parallel,
        "dialect": "",
    }
    said = msgspec.structs.replace(asked, **changed)
    return msgspec.to_builtins(said)


def _meant(part: Part) -> Part:
    if isinstance(part, ToolCall):
        return msgspec.structs.replace(part, arguments=json.dumps(json.loads(part.arguments), sort_keys=True))
    return part


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[" -> ".join(it) for it in PAIRS])
@settings(max_examples=60, deadline=None)
@given(asked=conversations())
def test_a_conversation_means_the_same_after_it_was_said_in_another_dialect(
    first: str, second: str, asked: Conversation
) -> None:
    if "responses" in (first, second):
        asked = as_responses_can(asked)
    there = through(SPEECHES[second], through(SPEECHES[first], asked))
    again, meant = meaning(through(SPEECHES[first], there)), meaning(asked)
    assert {name: again[name] for name in again if again[name] != meant[name]} == {}


@pytest.mark.parametrize(
    "reasoning",
    [Reasoning(ThinkingMode.ON, budget_tokens=2000), Reasoning(effort="high"), Reasoning(ThinkingMode.OFF)],
    ids=str,
)
@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[" -> ".join(it) for it in PAIRS])
def test_how_much_to_think_is_kept(first: str, second: str, reasoning: Reasoning) -> None:
    asked = Conversation(turns=(Turn(Role.USER, (Text("hi"),)),), max_output=9000, reasoning=reasoning)
    there: Any = through(SPEECHES[second], through(SPEECHES[first], asked)).reasoning
    back: Any = through(SPEECHES[first], through(SPEECHES[second], through(SPEECHES[first], asked))).reasoning
    off = reasoning.mode is ThinkingMode.OFF
    for kept in (there, back):
        assert kept is not None
        assert (kept.mode is ThinkingMode.OFF or kept.effort == "none") is off
        assert off or kept.budget_tokens is not None or kept.effort is not None

"""What the Responses API can say: conversations and replies for laws, and a provider's stream made of a reply."""

import itertools
import json
from typing import Any

import msgspec
from hypothesis import strategies as st

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import (
    Audio,
    ChoiceMode,
    Citation,
    Conversation,
    Document,
    Image,
    JsonSchema,
    Maker,
    Reasoning,
    Refusal,
    Role,
    Sampling,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolResult,
    Turn,
)
from ai_gateway.domain.reply import Choice, Reply, Stop

TEXT = st.text(max_size=12)
WORD = st.text("abcdefgh", min_size=1, max_size=6)
DATA = st.text("ABCDwxyz0189+/", min_size=4, max_size=8)

IMAGES = st.builds(
    Image,
    st.one_of(
        st.builds(Source, url=st.just("https://pictures.example/1.png")),
        st.builds(Source, data=DATA, media_type=st.sampled_from(["image/png", "image/webp"])),
        st.builds(Source, file_id=WORD),
    ),
    st.sampled_from([None, "low", "high"]),
)
DOCUMENTS = st.builds(
    Document,
    st.one_of(
        st.builds(Source, url=st.just("https://papers.example/1.pdf")),
        st.builds(Source, file_id=WORD),
    ),
    title=st.one_of(st.none(), WORD),
) | st.builds(Document, st.builds(Source, data=DATA, media_type=st.just("application/pdf")), title=WORD)
SOUNDS = st.builds(Audio, st.builds(Source, data=DATA, media_type=st.sampled_from(["audio/wav", "audio/mp3"])))
TOLD = st.one_of(st.builds(Text, TEXT), IMAGES, DOCUMENTS, SOUNDS)
OWN_THOUGHTS = st.builds(Thinking, TEXT, st.none(), DATA, st.just(Maker.OPENAI))
CITATIONS = st.one_of(
    st.builds(Citation, url=WORD, title=WORD, answer_start=st.integers(0, 9), answer_end=st.integers(0, 9)),
    st.builds(Citation, title=WORD, cited_text=TEXT, document=st.integers(0, 3)),
    st.builds(Citation, url=WORD, cited_text=TEXT),
    st.just(Citation(extra={"type": "file_citation", "file_id": "f", "filename": "n", "index": 3})),
)
CITED = st.builds(Text, TEXT, citations=st.lists(CITATIONS, max_size=2).map(tuple))
CALLS = st.builds(ToolCall, WORD, WORD, TEXT, st.sampled_from(ToolKind))


@st.composite
def exchanges(draw: st.DrawFn) -> list[Turn]:
    """A question, what the model did about it, and the results of its calls."""
    turns = [Turn(Role.USER, tuple(draw(st.lists(TOLD, min_size=1, max_size=3))))]
    thoughts = draw(st.lists(OWN_THOUGHTS, max_size=2))
    said = draw(st.lists(st.one_of(CITED, st.builds(Refusal, TEXT)), max_size=2))
    calls = draw(st.lists(CALLS, max_size=2, unique_by=lambda call: call.id))
    others = {"phase": "commentary"} if said and draw(st.booleans()) else {}
    if thoughts or said or calls:
        turns.append(Turn(Role.ASSISTANT, (*thoughts, *said, *calls), others=others))
    results = tuple(
        ToolResult(
            call.id,
            draw(st.one_of(st.builds(Text, TEXT).map(lambda it: (it,)), st.lists(IMAGES, min_size=1).map(tuple))),
            name=call.name,
            kind=call.kind,
        )
        for call in calls
    )
    return [*turns, Turn(Role.USER, results)] if results else turns


TOOLS = st.one_of(
    st.builds(Tool, WORD, TEXT, st.just({"type": "object", "properties": {"a": {"type": "string"}}}), st.booleans()),
    st.builds(Tool, WORD, TEXT, kind=st.just(ToolKind.CUSTOM), format=st.just({"type": "text"})),
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    system = [Turn(Role.SYSTEM, (Text(draw(TEXT)),))] if draw(st.booleans()) else []
    asides = [Turn(Role.DEVELOPER, (Text(draw(TEXT)),))] if draw(st.booleans()) else []
    turns = [turn for exchange in draw(st.lists(exchanges(), min_size=1, max_size=3)) for turn in exchange]
    ids = [part.id for turn in turns for part in turn.parts if isinstance(part, ToolCall)]
    tools = draw(st.lists(TOOLS, max_size=2))
    return Conversation(
        turns=(*system, *asides, *turns) if len(ids) == len(set(ids)) else (*system, *asides, turns[0]),
        stream=draw(st.booleans()),
        max_output=draw(st.one_of(st.none(), st.integers(16, 99))),
        sampling=Sampling(temperature=draw(st.sampled_from([None, 0.5])), top_p=draw(st.sampled_from([None, 0.9]))),
        tools=tuple(tools),
        tool_choice=draw(
            st.sampled_from([None, ToolChoice(ChoiceMode.REQUIRED), ToolChoice(ChoiceMode.NAMED, "f", ToolKind.CUSTOM)])
        ),
        parallel_tools=draw(st.sampled_from([None, False])),
        format=draw(st.sampled_from([None, JsonSchema(), JsonSchema({"type": "object"}, "n", "d", True)])),
        reasoning=draw(st.sampled_from([None, Reasoning(effort="low", summary="auto")])),
        end_user=draw(st.sampled_from([None, "u"])),
        hints={"store": True, "metadata": {"a": "b"}},
        others=draw(st.sampled_from([{}, {"verbosity": "low", "truncation": "auto"}])),
    )


THOUGHTS = st.one_of(
    st.builds(Thinking, TEXT, DATA, st.none(), st.just(Maker.ANTHROPIC), WORD),
    st.builds(Thinking, TEXT, st.none(), st.none(), st.just(Maker.GOOGLE), WORD),
    st.builds(Thinking, st.just(""), st.none(), DATA, st.just(Maker.ANTHROPIC), WORD),
    st.builds(Thinking, TEXT, st.none(), st.one_of(st.none(), DATA), st.just(Maker.OPENAI), WORD),
)
SIGNED_CALLS = st.builds(ToolCall, WORD, WORD, TEXT, signature=DATA, maker=st.just(Maker.GOOGLE))


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """What the front can write and this API's readers get whole."""
    parts = draw(st.lists(st.one_of(CITED, THOUGHTS, CALLS, SIGNED_CALLS, st.builds(Refusal, TEXT)), max_size=5))
    ids = [part.id for part in parts if isinstance(part, ToolCall)]
    parts = parts if len(ids) == len(set(ids)) else [part for part in parts if not isinstance(part, ToolCall)]
    kinds = {type(part) for part in parts}
    stop = Stop.TOOL_CALLS if ToolCall in kinds else Stop.REFUSAL if Refusal in kinds else Stop.END
    return Reply(
        id="resp_1",
        model="m",
        created=5,
        choices=(Choice(parts=tuple(parts), stop=draw(st.sampled_from([stop, Stop.LENGTH]))),),
        usage=draw(st.one_of(st.none(), st.just(Usage(9, 7, cache_read_tokens=3, reasoning_tokens=2)))),
        service_tier=None,
    )


def raw(members: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in members.items()}


def pieces(whole: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes in pieces: `cuts` are taken modulo their number."""
    marks = sorted({cut % (len(whole) + 1) for cut in cuts} | {0, len(whole)})
    return [whole[a:b] for a, b in itertools.pairwise(marks)]


def event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def events_in(stream: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: ")]

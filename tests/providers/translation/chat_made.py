"""Conversations and answers that the chat dialect can say, made by hypothesis: what round trips are proven with."""

from typing import Any

from hypothesis import strategies as st

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import (
    Audio,
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
    Part,
    Reasoning,
    Refusal,
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
    ToolKind,
    ToolResult,
    Turn,
)
from ai_gateway.domain.reply import Choice, Reply, Stop
from ai_gateway.providers.translation.chat_request import HINTS
from ai_gateway.providers.usage import service_of

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
BASE64 = st.sampled_from(["aGVsbG8=", "AAAA", ""])
CACHES = st.none() | st.sampled_from(CacheTtl)
JSON = st.recursive(
    st.booleans() | st.integers(-9, 9) | WORDS, lambda inner: st.dictionaries(NAMES, inner, max_size=2), max_leaves=4
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=2)

TEXTS = st.builds(Text, WORDS, CACHES)
IMAGES = st.builds(
    Image,
    st.builds(Source, url=st.sampled_from(["https://a.example/b.png", "http://c.example/?d=;base64,e"]))
    | st.builds(Source, data=BASE64, media_type=st.sampled_from(["image/png", "image/svg+xml;charset=utf-8"])),
    st.sampled_from([None, "low", "high", "auto"]),
    CACHES,
)
DOCUMENTS = st.builds(
    Document,
    source=st.builds(Source, url=st.just("https://a.example/b.pdf"))
    | st.builds(Source, data=BASE64, media_type=st.just("application/pdf"))
    | st.builds(Source, file_id=NAMES),
    title=WORDS,
    cache=CACHES,
)
SOUNDS = st.builds(
    Audio, st.builds(Source, data=BASE64, media_type=st.sampled_from(["audio/wav", "audio/mpeg", "audio/flac"]))
)
STRANGE = st.builds(lambda url: Opaque("chat", "video_url", {"type": "video_url", "video_url": {"url": url}}), WORDS)
CITATIONS = st.builds(
    Citation,
    url=st.none() | NAMES,
    title=st.none() | NAMES,
    cited_text=st.none() | WORDS,
    document=st.none() | st.integers(0, 9),
    unit=st.none() | st.sampled_from(CitedUnit),
    source_start=st.none() | st.integers(0, 9),
    source_end=st.none() | st.integers(0, 9),
    answer_start=st.integers(0, 9),
    answer_end=st.integers(0, 9),
    extra=OBJECTS,
)
THOUGHTS = st.builds(
    Thinking,
    text=WORDS,
    signature=st.none() | NAMES,
    encrypted=st.none() | NAMES,
    maker=st.sampled_from(Maker),
    id=st.none() | NAMES,
)


@st.composite
def calls(draw: st.DrawFn, call_id: str, *, marked: bool = True) -> ToolCall:
    signature = draw(st.none() | NAMES)
    maker = None if signature is None else Maker.GOOGLE
    cache = draw(CACHES) if marked else None
    return ToolCall(call_id, draw(NAMES), draw(WORDS), draw(st.sampled_from(ToolKind)), signature, maker, cache)


@st.composite
def results(draw: st.DrawFn, call: ToolCall) -> ToolResult:
    parts = draw(st.lists(st.one_of(TEXTS, IMAGES, DOCUMENTS, SOUNDS), min_size=1, max_size=2))
    return ToolResult(call.id, tuple(parts), draw(st.booleans()), call.name, call.kind, draw(CACHES))


@st.composite
def assistant_turns(draw: st.DrawFn, number: int) -> list[Turn]:
    """An answer, and the results of its calls if it has some."""
    called = [draw(calls(f"call_{number}_{place}")) for place in range(draw(st.integers(0, 2)))]
    said: list[Part] = [*draw(st.lists(st.one_of(TEXTS, st.builds(Refusal, NAMES)), max_size=2))]
    if len(said) == 1 and isinstance(said[0], Text):
        said = [Text(said[0].text, said[0].cache, tuple(draw(st.lists(CITATIONS, max_size=2))))]
    if not (said or called):
        said = [Text("")]
    spoken = [Audio(Source(file_id=draw(NAMES)))] if draw(st.booleans()) else []
    parts = (*draw(st.lists(THOUGHTS, max_size=2)), *said, *spoken, *called)
    turn = Turn(Role.ASSISTANT, parts, draw(st.none() | NAMES), draw(st.sampled_from([{}, {"prefix": True}])))
    return [turn, Turn(Role.USER, tuple(draw(results(call)) for call in called))] if called else [turn]


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    turns: list[Turn] = []
    for number in range(draw(st.integers(1, 3))):
        match draw(st.sampled_from(Role)):
            case Role.ASSISTANT:
                turns += draw(assistant_turns(number))
            case Role.USER:
                parts = draw(st.lists(st.one_of(TEXTS, IMAGES, DOCUMENTS, SOUNDS, STRANGE), min_size=1, max_size=3))
                turns.append(Turn(Role.USER, tuple(parts), draw(st.none() | NAMES)))
            case role:
                turns.append(Turn(role, tuple(draw(st.lists(TEXTS, min_size=1, max_size=2)))))
    tools = draw(st.lists(st.one_of(FUNCTIONS, CUSTOM_TOOLS, SERVER_TOOLS), max_size=2))
    return Conversation(
        turns=tuple(turns),
        stream=draw(st.booleans()),
        max_output=draw(st.none() | st.integers(1, 9999)),
        stop=tuple(draw(st.lists(WORDS, max_size=3))),
        choices=draw(st.integers(1, 3)),
        sampling=draw(SAMPLINGS),
        tools=tuple(tools),
        tool_choice=draw(st.none() | TOOL_CHOICES),
        parallel_tools=draw(st.none() | st.booleans()),
        format=draw(st.sampled_from([None, JsonSchema()]) | SCHEMAS),
        reasoning=draw(st.none() | REASONINGS),
        service_tier=draw(st.sampled_from([None, "auto", "flex", "on_demand"])),
        end_user=draw(st.none() | NAMES),
        cache=draw(CACHES),
        hints=draw(st.dictionaries(st.sampled_from(sorted(HINTS - {"stream_options"})), JSON, max_size=2)),
        others=draw(st.dictionaries(st.sampled_from(["verbosity", "logit_bias", "newest"]), JSON, max_size=2)),
        dialect="chat",
    )


FUNCTIONS = st.builds(
    Tool,
    NAMES,
    st.none() | WORDS,
    st.none() | OBJECTS,
    st.none() | st.booleans(),
    cache=CACHES,
)
CUSTOM_TOOLS = st.builds(
    Tool,
    NAMES,
    st.none() | WORDS,
    kind=st.just(ToolKind.CUSTOM),
    format=st.sampled_from([None, {"type": "text"}, {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}]),
    cache=CACHES,
)
SERVER_TOOLS = st.builds(
    lambda told: ServerTool("chat", "web_search", {"type": "web_search", "parameters": told}), OBJECTS
)
TOOL_CHOICES = st.builds(
    ToolChoice, st.sampled_from([ChoiceMode.AUTO, ChoiceMode.NONE, ChoiceMode.REQUIRED])
) | st.builds(ToolChoice, st.just(ChoiceMode.NAMED), NAMES, st.sampled_from(ToolKind))
SCHEMAS = st.builds(JsonSchema, OBJECTS, NAMES, st.none() | WORDS, st.none() | st.booleans())
NUMBERS = st.none() | st.integers(-2, 2) | st.floats(-2, 2)
COUNTS = st.none() | st.integers(0, 99)
SAMPLINGS = st.builds(Sampling, NUMBERS, NUMBERS, COUNTS, COUNTS, NUMBERS, NUMBERS, st.none() | st.booleans(), COUNTS)
REASONINGS = st.builds(
    Reasoning,
    st.sampled_from([None, ThinkingMode.ON, ThinkingMode.OFF]),
    st.sampled_from([None, "none", "low", "max"]),
    st.none() | st.integers(1, 9999),
    st.sampled_from([None, "auto", "omitted"]),
).filter(lambda asked: asked != Reasoning())


@st.composite
def choices(draw: st.DrawFn, index: int) -> Choice:
    stop = draw(st.sampled_from(Stop))
    parts: list[Part] = [*draw(st.lists(THOUGHTS, max_size=2))]
    if draw(st.booleans()):
        parts.append(Text(draw(NAMES), citations=tuple(draw(st.lists(CITATIONS, max_size=2)))))
    if draw(st.booleans()):
        parts.append(Refusal(draw(NAMES)))
        stop = Stop.REFUSAL if stop is Stop.END else stop
    elif called := [draw(calls(f"call_{place}", marked=False)) for place in range(draw(st.integers(0, 2)))]:
        parts += called
        stop = Stop.TOOL_CALLS if stop is Stop.END else stop
    if draw(st.booleans()):
        parts.append(Image(Source(data="AAAA", media_type="image/png")))
    if draw(st.booleans()):
        parts.append(draw(st.sampled_from([Audio(Source(data="AA=="), "ah"), SPOKEN])))
    weighed: Any = {"content": [{"token": "a", "logprob": -1.5, "top_logprobs": []}], "refusal": None}
    return Choice(
        index=index,
        parts=tuple(parts),
        stop=stop,
        stop_sequence=draw(st.none() | NAMES) if stop is Stop.STOP_SEQUENCE else None,
        logprobs=draw(st.sampled_from([None, weighed])),
        others=draw(st.sampled_from([{}, {"content_filter_results": {"hate": {"filtered": False}}}])),
    )


SPOKEN = Opaque("chat", "audio", {"id": "audio_1", "data": "AA==", "expires_at": 5, "transcript": "ah"})


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    tier = draw(st.sampled_from([None, "default", "flex", "priority"]))
    cached, written, fresh = (draw(st.integers(0, 99)) for _ in range(3))
    reasoning, rest = draw(st.integers(0, 99)), draw(st.integers(0, 99))
    usage = Usage(
        input_tokens=fresh + cached + written,
        output_tokens=reasoning + rest,
        cache_read_tokens=cached,
        cache_write_5m_tokens=written,
        reasoning_tokens=reasoning,
        audio_input_tokens=draw(st.integers(0, fresh)),
        audio_output_tokens=draw(st.integers(0, rest)),
        image_input_tokens=draw(st.integers(0, fresh)),
        service_tier=service_of(tier),
    )
    return Reply(
        id=draw(WORDS),
        model=draw(WORDS),
        created=draw(st.integers(0, 2**40)),
        choices=tuple(draw(choices(index)) for index in range(draw(st.integers(1, 2)))),
        usage=usage,
        service_tier=tier,
        fingerprint=draw(st.none() | NAMES),
    )

"""Answers that Bedrock can give, for laws about them."""

import json

from hypothesis import strategies as st

from ai_gateway.domain.conversation import Citation, CitedUnit, Maker, Opaque, Part, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Choice

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
_COUNT = st.integers(0, 99)
CITATIONS = st.builds(
    lambda title, document, unit, start: Citation(
        title=title, document=document, unit=unit, source_start=start, source_end=start + 1
    ),
    st.none() | WORDS,
    _COUNT,
    st.sampled_from(CitedUnit),
    _COUNT,
)
_OBJECTS = st.dictionaries(WORDS, st.integers(0, 9) | WORDS, max_size=3)
PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(lambda text, cited: Text(text, citations=tuple(cited)), WORDS, st.lists(CITATIONS, max_size=2)),
    st.builds(lambda text, sig: Thinking(text, sig, maker=Maker.ANTHROPIC), WORDS, st.none() | WORDS),
    st.builds(lambda data: Thinking(encrypted=data, maker=Maker.ANTHROPIC), WORDS),
    st.builds(lambda said: ToolCall("tooluse_1", "f", json.dumps(said)), _OBJECTS),
    st.builds(
        lambda said: Opaque(
            "bedrock",
            "toolUse",
            {"toolUse": {"toolUseId": "s1", "name": "nova_grounding", "type": "server_tool_use", "input": said}},
        ),
        _OBJECTS,
    ),
    st.builds(
        lambda said: Opaque(
            "bedrock",
            "toolResult",
            {"toolResult": {"toolUseId": "s1", "status": "success", "content": [{"json": said}, {"text": "x"}]}},
        ),
        _OBJECTS,
    ),
)
_BESIDE = st.fixed_dictionaries(
    {"usage": st.fixed_dictionaries({"inputTokens": _COUNT, "outputTokens": _COUNT, "totalTokens": _COUNT})},
    optional={
        "trace": st.just({"guardrail": {"actionReason": "x"}}),
        "additionalModelResponseFields": st.just({"stop_sequence": "END"}),
        "serviceTier": st.sampled_from([{"type": "flex"}, {"type": "default"}]),
    },
)
STOPS = st.sampled_from(["end_turn", "tool_use", "max_tokens", "stop_sequence", "guardrail_intervened", "new_word"])


def _choice(parts: list[Part]) -> Choice:
    return Choice(parts=tuple(parts))


ANSWERS = st.tuples(st.lists(PARTS, min_size=1, max_size=5).map(_choice), STOPS, _BESIDE)

"""Thoughts of any maker come back from Anthropic's callers as they went to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.conversation import Maker, Part, Thinking, ToolCall
from ai_gateway.providers.translation.anthropic_blocks import read_part, read_parts
from ai_gateway.providers.translation.anthropic_reply import blocks_of
from ai_gateway.providers.translation.anthropic_thoughts import (
    Proof,
    call_signature,
    read_proof,
    signature_of,
    write_thought,
)

SIGNATURES = st.one_of(st.none(), st.text(st.sampled_from("abc:+/="), min_size=1), st.just("gateway:openai:x"))
THOUGHTS = st.builds(
    Thinking,
    st.sampled_from(["", "hm"]),
    SIGNATURES,
    SIGNATURES,
    st.sampled_from(Maker),
    st.sampled_from([None, "rs_1"]),
)


@given(THOUGHTS)
def test_a_thought_is_read_as_it_was_written(thought: Thinking) -> None:
    assert read_part(write_thought(thought)) == thought


@pytest.mark.parametrize(
    ("thought", "block"),
    [
        (Thinking("hm", "sig", maker=Maker.ANTHROPIC), {"type": "thinking", "thinking": "hm", "signature": "sig"}),
        (Thinking(encrypted="enc", maker=Maker.ANTHROPIC), {"type": "redacted_thinking", "data": "enc"}),
        (
            Thinking("hm", "sig", maker=Maker.GOOGLE),
            {"type": "thinking", "thinking": "hm", "signature": "gateway:google:sig"},
        ),
        (Thinking("hm", maker=Maker.UNKNOWN), {"type": "thinking", "thinking": "hm", "signature": "gateway:unknown:"}),
        (
            Thinking("hm", encrypted="enc", maker=Maker.OPENAI, id="rs_1"),
            {
                "type": "thinking",
                "thinking": "hm",
                "signature": 'gateway:openai:{"encrypted":"enc","id":"rs_1"}',
            },
        ),
        (Thinking(encrypted="enc", maker=Maker.XAI), {"type": "redacted_thinking", "data": "gateway:xai:enc"}),
    ],
)
def test_the_forms(thought: Thinking, block: dict[str, str]) -> None:
    assert write_thought(thought) == block


def test_a_maker_that_nobody_knows_is_unknown() -> None:
    assert read_proof("gateway:somebody:x") == Proof(Maker.UNKNOWN, "x")
    assert read_proof("gateway:openai:{broken") == Proof(Maker.OPENAI, is_plain=False)


def test_an_empty_thought_of_another_maker_does_not_look_like_a_calls_signature() -> None:
    thought, call = Thinking("", "s", maker=Maker.OPENAI), ToolCall("c", "f", "{}")
    assert signature_of(thought) != call_signature(Maker.OPENAI, "s")
    parts: tuple[Part, ...] = (thought, call)
    assert tuple(read_parts(blocks_of(parts))) == parts


@given(st.lists(st.one_of(THOUGHTS, st.just(ToolCall("c", "f", "{}", signature="s", maker=Maker.GOOGLE)))))
def test_calls_keep_their_signatures_among_thoughts(parts: list[Part]) -> None:
    assert read_parts(blocks_of(tuple(parts))) == parts

"""Recorded answers under rules: what changes nothing changes nothing, what was planted never leaves, and a stream adds
up to what the whole answer would have been."""

import json
from collections import Counter
from typing import Any

import pytest

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.anthropic_events import MessageShaper
from ai_gateway.providers.shaping.anthropic_reply import shape_message
from ai_gateway.providers.shaping.chat_events import ChatShaper
from ai_gateway.providers.shaping.chat_reply import shape_chat
from tests.providers.shaping.adding_up import chat_of, events_of, message_of, said_in, shaped, without_nothing
from tests.providers.shaping.pipes import Arguments, digits, late, literal, same
from tests.recorded.corpus import Exchange, load, needs_corpus, why_left_out

SHAPERS = {"openai.chat_completions": ChatShaper, "anthropic.messages": MessageShaper}
SHAPES = {"openai.chat_completions": shape_chat, "anthropic.messages": shape_message}
FOLDS = {"openai.chat_completions": chat_of, "anthropic.messages": message_of}
SAME = AnswerRules(pipes=(same,), arguments=Arguments)
CHANGING = AnswerRules(
    pipes=(literal("the", "THE"), digits, late),
    arguments=Arguments,
    drop=(("usage", "service_tier"), ("system_fingerprint",)),
    put=((("served",), "here"),),
    metadata={"by": "us"},
    appended="\n\nThe end.",
)


def answers() -> list[Exchange]:
    found = [it for it in load(SHAPERS) if it.status == 200 and why_left_out(it) is None and not is_error(it.body)]
    return [it for it in found if it.body.strip() and (it.is_stream or it.body.lstrip().startswith(b"{"))]


def is_error(body: bytes) -> bool:
    return b'"error":{' in body.replace(b" ", b"").replace(b"\n", b"")


def streams() -> list[Exchange]:
    """Those with one answer, not several in one recording."""
    return [it for it in answers() if it.is_stream and len({said.get("id") for said in said_in(it.body)} - {None}) < 2]


@needs_corpus
def test_pipes_that_change_nothing_leave_what_streams_add_up_to() -> None:
    counted = Counter[str]()
    for it in streams():
        fold = FOLDS[it.endpoint]
        got = fold(shaped(SHAPERS[it.endpoint](SAME), it.body))
        assert without_weights(got) == without_weights(fold(it.body)), it.id
        counted[it.endpoint] += 1
    assert min(counted[name] for name in SHAPERS) > 50, counted


@needs_corpus
def test_pipes_that_change_nothing_leave_whole_answers() -> None:
    counted = Counter[str]()
    for it in answers():
        if not it.is_stream:
            got = json.loads(SHAPES[it.endpoint](it.body, SAME))
            assert without_weights(got) == without_weights(json.loads(it.body)), it.id
            counted[it.endpoint] += 1
    assert min(counted[name] for name in SHAPERS) > 150, counted


@needs_corpus
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_streams_add_up_to_the_shaped_answer(step: int) -> None:
    for it in streams():
        fold, shape = FOLDS[it.endpoint], SHAPES[it.endpoint]
        cuts = list(range(0, len(events_of(it.body)), step))
        got = fold(shaped(SHAPERS[it.endpoint](CHANGING), it.body, cuts))
        whole = json.dumps(fold(it.body)).encode()
        if b"unreadable" in whole:  # arguments that no client can read have no form in a whole answer
            continue
        want = json.loads(shape(whole, CHANGING))
        assert without_nothing(got) == without_nothing(want), it.id


def without_weights(said: dict[str, Any]) -> dict[str, Any]:
    """Weights of pieces are not told where there are pipes."""
    for choice in said.get("choices", []):
        choice.pop("logprobs", None)
    return without_nothing(said)

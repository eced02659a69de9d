"""Every effect of a rule on a stream of text completions, which adds up to what the whole answer would have been."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.completions_events import CompletionShaper
from ai_gateway.providers.shaping.completions_reply import shape_completion
from ai_gateway.providers.sse import data_of
from providers.shaping.pipes import digits, forbids, late, literal
from providers.shaping.responding import through
from providers.shaping.test_completions_reply import REDACTS, a_choice, a_completion

DONE = b"data: [DONE]\n\n"
EVERYTHING = AnswerRules(
    request_id="req_7",
    pipes=(literal("secret", "[redacted]"), digits, late),
    drop=(("usage", "total_tokens"), ("system_fingerprint",), ("choices", "logprobs")),
    put=((("served", "by"), "us"), (("choices", "by"), "us")),
    metadata={"by": "us"},
    names=(lambda name: name.upper(),),
    appended=" Bye.",
)
ANSWERS = [
    REDACTS,
    EVERYTHING,
    AnswerRules(pipes=REDACTS.pipes, metadata={"by": "us"}, hidden_as="ours", request_id="req_7"),
    AnswerRules(appended=" Bye."),
    AnswerRules(metadata={"by": "us"}),
    AnswerRules(pipes=REDACTS.pipes, drop=(("choices", "text"),), appended=" Bye."),
]


def chunk(*choices: Any, **more: Any) -> bytes:
    completion = a_completion(*choices)
    del completion["usage"]
    return b"data: " + json.dumps(completion | more).encode() + b"\n\n"


def stream_of(*texts: list[str]) -> list[bytes]:
    """Choices one after the other, in these pieces."""
    pieces = [chunk(a_choice(it, index, finish_reason=None)) for index, text in enumerate(texts) for it in text]
    ends = [chunk(a_choice("", index)) for index in range(len(texts))]
    usage = chunk(usage=a_completion()["usage"])
    return [*pieces, *ends, usage, DONE]


def completion_of(stream: bytes) -> dict[str, Any]:
    """What the chunks add up to."""
    assert stream.endswith(b"\n\n")
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    datas = [data_of(it + b"\n\n") for it in stream.split(b"\n\n") if it]
    assert datas[-1] == b"[DONE]"
    for place, data in enumerate(datas[:-1]):
        said = json.loads(data or b"")
        assert ("metadata" in said) <= (place == 0)
        for choice in said.pop("choices"):
            known = choices.setdefault(choice["index"], {"text": ""})
            known["text"] += choice.pop("text", "")
            known |= choice
        whole |= said
    return {**whole, "choices": [choices[index] for index in sorted(choices)]}


def whole_of(answer: AnswerRules, *texts: list[str]) -> dict[str, Any]:
    choices = [a_choice("".join(text), index) for index, text in enumerate(texts)]
    got = json.loads(shape_completion(json.dumps(a_completion(*choices)).encode(), answer))
    for choice in got["choices"]:
        choice.setdefault("text", "")
    return got


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    "texts",
    [
        [["my ", "sec", "ret", " 12", "345"]],
        [["a secret"], ["s", "e", "c"]],
        [["x"] * 30],
        [[""]],
        [["secret", "\n", "sec"]],
    ],
)
def test_a_stream_adds_up_to_the_whole_answer(answer: AnswerRules, texts: list[list[str]]) -> None:
    assert completion_of(through(CompletionShaper(answer), stream_of(*texts))) == whole_of(answer, *texts)


PIECES = st.lists(
    st.sampled_from(["sec", "ret", "secret", "s", " ", "12", "3456", "é", '"', "\\", "🙂", "\n"]), max_size=8
)


@given(PIECES, PIECES, st.sampled_from(ANSWERS))
def test_for_any_partition(one: list[str], two: list[str], answer: AnswerRules) -> None:
    events = stream_of(one, two)
    got = through(CompletionShaper(answer), events)
    assert completion_of(got) == whole_of(answer, one, two)
    joined = CompletionShaper(answer)
    assert joined.feed(b"".join(events)) + joined.end() == got


def test_a_secret_in_pieces_never_leaves() -> None:
    shaper, out = CompletionShaper(REDACTS), b""
    for event in stream_of(list("my secret, my secret")):
        out += shaper.feed(event)
        text = "".join(
            it["choices"][0]["text"] for it in map(json.loads, out.replace(b"data: ", b"").split(b"\n\n")[:-1][:-2])
        )
        assert "my [redacted], my [redacted]".startswith(text)


def test_a_choice_that_nobody_ended_has_its_rest_before_the_end() -> None:
    events = [chunk(a_choice("a sec", finish_reason=None)), DONE]
    got = through(CompletionShaper(AnswerRules(pipes=REDACTS.pipes, appended="!")), events)
    assert completion_of(got)["choices"][0]["text"] == "a sec!"
    assert got.endswith(DONE)


def test_a_stream_that_says_no_goodbye_has_its_rest_all_the_same() -> None:
    shaper = CompletionShaper(REDACTS)
    shaper.feed(chunk(a_choice("a sec", finish_reason=None)))
    assert b'"text":"sec"' in shaper.end()
    assert shaper.end() == b""


def test_what_is_blocked_is_raised() -> None:
    with pytest.raises(Blocked):
        through(CompletionShaper(AnswerRules(pipes=(forbids("secret"),))), stream_of(["sec", "ret"]))


def test_comments_pass_and_those_of_a_hidden_provider_say_nothing() -> None:
    assert CompletionShaper(REDACTS).feed(b": acme\n\n") == b": acme\n\n"
    assert CompletionShaper(ANSWERS[2]).feed(b": acme\n\n") == b": \n\n"


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "secret", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "text", "index", "finish_reason"]), inner)
    ),
    max_leaves=6,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(["choices", "usage", "model", "id", "text"]), JSON)),
    st.sampled_from(ANSWERS),
)
def test_no_form_of_a_chunk_is_an_error(chunks: list[dict[str, Any]], answer: AnswerRules) -> None:
    shaper = CompletionShaper(answer)
    for it in chunks:
        shaper.feed(b"data: " + json.dumps(it).encode() + b"\n\n")
    shaper.end()


@given(
    st.lists(
        st.binary(max_size=20) | st.sampled_from([b"data: {}\n\n", b"data: [1]\n\n", b"data: {\n\n", b"data: \xff\n\n"])
    )
)
def test_no_bytes_are_an_error(chunks: list[bytes]) -> None:
    shaper = CompletionShaper(EVERYTHING)
    for it in chunks:
        shaper.feed(it)
    shaper.end()

"""Streams of chat chunks under rules: the law, and a table of every effect."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.faults import Blocked, RuleFailed
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.chat_events import ChatShaper
from ai_gateway.providers.shaping.chat_reply import shape_chat
from ai_gateway.providers.shaping.tables import texts_of_events
from tests.providers.shaping.adding_up import Body, chat_of, said_in, settle, shaped, without_nothing
from tests.providers.shaping.pipes import Arguments, digits, fails, forbids, late, literal, same
from tests.providers.shaping.rules import CHAT_RULES
from tests.providers.shaping.streams import HEAD, chat_streams, chunk, frame
from tests.providers.translation.partitions import CUTS

DONE = b"data: [DONE]\n\n"


def stream(*said: Body) -> bytes:
    return b"".join([*map(frame, said), DONE])


def whole(body: bytes, answer: AnswerRules) -> Body:
    """The shaped whole answer that a stream adds up to."""
    said = json.loads(shape_chat(json.dumps(chat_of(body)).encode(), answer))
    for choice in said["choices"]:
        settle(choice.get("message", {}))
    return without_nothing(said)


@given(events=chat_streams(), answer=CHAT_RULES, cuts=CUTS)
def test_a_shaped_stream_adds_up_to_the_shaped_answer(
    events: list[bytes], answer: AnswerRules, cuts: list[int]
) -> None:
    body = b"".join(events)
    assert without_nothing(chat_of(shaped(ChatShaper(answer), body, cuts))) == whole(body, answer)


BEGUN = chunk({"role": "assistant", "content": ""})
HIDES = AnswerRules(hidden_as="company-model", request_id="req_77")
REDACTS = AnswerRules(pipes=(literal("secret", "[x]"),), arguments=Arguments)


def deltas(body: bytes) -> list[Body]:
    return [choice["delta"] for said in said_in(body) for choice in said["choices"]]


def test_what_is_held_back_comes_with_the_next_delta_or_before_the_end() -> None:
    body = stream(BEGUN, chunk({"content": "a sec"}), chunk({"content": "ret sec"}), chunk({}, finish="stop"))
    got = deltas(shaped(ChatShaper(REDACTS), body))
    assert got == [BEGUN["choices"][0]["delta"], {"content": "a "}, {"content": "[x] "}, {"content": "sec"}, {}]


def test_a_chunk_with_held_text_only_is_left_out() -> None:
    body = stream(BEGUN, chunk({"content": "sec"}), chunk({"content": "ret"}), chunk({}, finish="stop"))
    assert len(said_in(shaped(ChatShaper(REDACTS), body))) == 3


def test_a_role_is_told_although_its_text_is_held_back() -> None:
    shaper = ChatShaper(REDACTS)
    assert deltas(shaper.feed(frame(chunk({"role": "assistant", "content": "sec"})))) == [
        {"role": "assistant", "content": ""}
    ]


def test_text_in_the_last_chunk_stays_before_the_end_of_its_choice() -> None:
    answer = AnswerRules(pipes=(late,), appended=" Bye.")
    body = stream(chunk({"content": "Hi"}), chunk({"content": " you"}, finish="stop"))
    got = said_in(shaped(ChatShaper(answer), body))
    assert [it["choices"][0]["finish_reason"] for it in got][-1] == "stop"
    assert "".join(delta.get("content", "") for delta in deltas(shaped(ChatShaper(answer), body))) == "<6:Hi you> Bye."


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_no_rule_concerns_keeps_its_bytes(end: str) -> None:
    usage = {**HEAD, "choices": [], "usage": {"prompt_tokens": 12345678, "total_tokens": 1.0}}
    events = [
        frame(BEGUN, end=end, spaced=True),
        f": ping{end}{end}".encode(),
        f"event: ping{end}{end}".encode(),
        frame(chunk({"content": 'all "fine" 😀'}), end=end, ascii_only=True),
        frame(chunk({"reasoning": "fine"}), end=end, spaced=True),
        frame(chunk({"content": "", "unknown": None}), end=end, spaced=True),
        frame(chunk({}, finish="stop"), end=end, spaced=True),
        frame(usage, end=end, spaced=True),
        f"data: [DONE]{end}{end}".encode(),
    ]
    body = b"".join(events)
    assert shaped(ChatShaper(REDACTS), body) == body


def a(**members: Any) -> AnswerRules:
    return AnswerRules(request_id="req_77", arguments=Arguments, **members)


CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":"sec'}}
CALLED = chunk({"tool_calls": [{"index": 0, "function": {"arguments": 'ret"}'}}]})
SAYS = [BEGUN, chunk({"content": "my sec"}), chunk({"content": "ret"}), chunk({}, finish="stop")]
CALLS = [chunk({"role": "assistant", "tool_calls": [CALL]}), CALLED, chunk({}, finish="tool_calls")]
EFFECTS: dict[str, tuple[AnswerRules, list[Body], Callable[[Body], Any], Any]] = {
    "pipe": (REDACTS, SAYS, lambda it: it["choices"][0]["message"]["content"], "my [x]"),
    "pipes, in order": (
        a(pipes=(literal("secret", "1234"), digits)),
        SAYS,
        lambda it: it["choices"][0]["message"]["content"],
        "my [n]",
    ),
    "arguments": (
        REDACTS,
        CALLS,
        lambda it: it["choices"][0]["message"]["tool_calls"][0]["function"],
        {"name": "f", "arguments": '{"a":"[x]"}'},
    ),
    "names": (
        a(names=(lambda it: it.replace("gpt", "corp"), str.upper)),
        SAYS,
        lambda it: (it["id"], it["model"]),
        ("CHATCMPL-9", "CORP-X-1"),
    ),
    "hidden": (
        HIDES,
        [{**it, "system_fingerprint": "fp_1", "x_groq": {"id": "r"}, "provider": "P"} for it in SAYS],
        lambda it: {name: it[name] for name in it if name != "choices"},
        {"id": "chatcmpl-77", "model": "company-model", "object": HEAD["object"], "created": 7},
    ),
    "drop": (
        a(drop=(("choices", "logprobs"), ("created",), ("choices", "message", "content"))),
        [{**it, "choices": [{**it["choices"][0], "logprobs": {"content": [{"token": "a"}]}}]} for it in SAYS],
        lambda it: ("created" in it, it["choices"][0]),
        (False, {"index": 0, "message": {"role": "assistant"}, "finish_reason": "stop"}),
    ),
    "put": (
        a(put=((("a", "b"), 1), (("choices", "flag"), 2), (("choices", "message", "note"), "n"))),
        SAYS,
        lambda it: (it["a"], it["choices"][0]["flag"], it["choices"][0]["message"]["note"]),
        ({"b": 1}, 2, "n"),
    ),
    "metadata": (
        a(metadata={"by": "us"}),
        [{**SAYS[0], "metadata": {"x": "y"}}, *SAYS[1:]],
        lambda it: it["metadata"],
        {"x": "y", "by": "us"},
    ),
    "append": (a(appended=" Bye."), SAYS, lambda it: it["choices"][0]["message"]["content"], "my secret Bye."),
    "append, not to calls": (
        a(appended=" Bye."),
        CALLS,
        lambda it: it["choices"][0]["message"].get("content"),
        None,
    ),
    "append, not to calls that end otherwise": (
        a(appended=" Bye."),
        [*CALLS[:2], chunk({}, finish="stop")],
        lambda it: it["choices"][0]["message"].get("content"),
        None,
    ),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_streamed_and_whole(name: str) -> None:
    answer, said, look, want = EFFECTS[name]
    body = stream(*said)
    assert look(chat_of(shaped(ChatShaper(answer), body))) == want
    assert look(json.loads(shape_chat(json.dumps(chat_of(body)).encode(), answer))) == want


def test_metadata_is_told_once_on_the_first_chunk() -> None:
    got = said_in(shaped(ChatShaper(a(metadata={"by": "us"})), stream(*SAYS)))
    assert [it.get("metadata") for it in got] == [{"by": "us"}, None, None, None]


def test_hiding_takes_comments_too() -> None:
    assert ChatShaper(HIDES).feed(b": OPENROUTER PROCESSING\n\n") == b": \n\n"


def test_each_choice_has_texts_of_its_own() -> None:
    said = [chunk({"content": "sec"}, 0), chunk({"content": "ret"}, 1), chunk({"content": "ond"}, 0)]
    got = chat_of(shaped(ChatShaper(REDACTS), stream(*said, chunk({}, 1, "stop"), chunk({}, 0, "stop"))))
    assert [it["message"]["content"] for it in got["choices"]] == ["second", "ret"]


def test_nothing_forbidden_and_nothing_after_it_goes_out() -> None:
    said = [chunk({"content": "fine bo"}), chunk({"content": "mb and more"}), chunk({"content": " still more"})]
    shaper = ChatShaper(AnswerRules(pipes=(forbids("bomb"),)))
    out = [shaper.feed(frame(said[0]))]
    with pytest.raises(Blocked):
        shaper.feed(frame(said[1]) + frame(said[2]))
    assert deltas(out[0]) == [{"content": "fine "}]


def test_a_rule_that_cannot_be_done_is_told_as_one() -> None:
    with pytest.raises(RuleFailed):
        ChatShaper(AnswerRules(pipes=(fails("bomb"),))).feed(frame(chunk({"content": "a bomb"})))


def test_a_stream_without_an_end_says_the_rest_before_done_and_a_cut_one_does_not() -> None:
    shaper = ChatShaper(REDACTS)
    cut = shaper.feed(frame(chunk({"content": "a sec"})))
    assert b"sec" not in cut
    assert deltas(shaper.feed(DONE)) == [{"content": "sec"}]
    assert shaper.end() == b""


def test_words_after_the_end_of_their_choice_are_not_told() -> None:
    said = [
        chunk({"content": "a sec"}, finish="stop"),
        chunk({"content": "ret"}),
        chunk({"content": "s"}, finish="stop"),
    ]
    got = shaped(ChatShaper(REDACTS), stream(*said))
    assert chat_of(got)["choices"][0]["message"]["content"] == "a sec"
    assert len(said_in(got)) == 2
    alike = [chunk({"content": "a "}), chunk({"content": "b"}), chunk({}, finish="stop"), chunk({"content": "c"})]
    assert chat_of(shaped(ChatShaper(REDACTS), stream(*alike)))["choices"][0]["message"]["content"] == "a b"
    calls = [chunk({"tool_calls": [CALL]}), chunk({}, finish="stop"), CALLED]
    assert b"ret" not in shaped(ChatShaper(REDACTS), stream(*calls))


def test_a_text_that_begins_after_an_end_is_told() -> None:
    """As some do who end an answer twice: with its calls, and with its last line."""
    said = [chunk({"tool_calls": [CALL]}, finish="tool_calls"), chunk({"content": "a sec"}, finish="stop")]
    message = chat_of(shaped(ChatShaper(REDACTS), stream(*said)))["choices"][0]["message"]
    assert message["content"] == "a sec"
    appends = a(pipes=(same,), appended=" Bye.")
    late = [chunk({"reasoning": "a"}, finish="stop"), chunk({"content": "b"}, finish="stop")]
    assert chat_of(shaped(ChatShaper(appends), stream(*late)))["choices"][0]["message"]["content"] == " Bye."
    twice = [chunk({"content": "a"}, finish="stop"), chunk({"content": "b"}, finish="stop")]
    assert chat_of(shaped(ChatShaper(appends), stream(*twice)))["choices"][0]["message"]["content"] == "a Bye."


STRANGE = [
    chunk({"content": {"text": ["a secret"]}}),
    chunk({"content": 12345}),
    chunk({"content": ["a secret", {"type": "odd", "words": "secret"}, 7, None]}),
    chunk({"content": [{"type": "thinking", "thinking": {"x": "secret"}}]}),
    chunk({"content": [{"type": "thinking", "thinking": ["secret", {"text": ["secret"]}]}]}),
    chunk({"reasoning_details": ["secret", {"summary": ["secret"]}, {"type": ["x"], "text": "secret"}]}),
    chunk({"reasoning_details": "secret"}),
    chunk({"tool_calls": "secret"}),
    chunk(
        {
            "tool_calls": [
                "secret",
                {"index": [1], "id": {}, "function": "secret"},
                {"function": {"arguments": {"a": "secret"}}},
            ]
        }
    ),
    chunk({"tool_calls": [{"custom": {"input": "secret"}}, {"type": 7, "custom": {"input": ["secret"]}}]}),
    chunk({"function_call": {"arguments": ["secret"]}}),
    chunk({"audio": {"transcript": ["secret"], "note": "secret"}}),
    chunk({"unknown": {"deep": [[["secret"]]]}, "thinking": "secret"}),
    {**HEAD, "choices": [{"index": "0", "delta": "secret"}, "secret", {"delta": ["secret"], "text": "secret"}]},
    {**HEAD, "choices": {"x": "secret"}},
    {**HEAD, "choices": [], "search_results": [{"snippet": "secret"}]},
    {**HEAD, "choices": [{"index": 0, "message": {"content": "secret"}, "delta": {"content": "secret"}}]},
    {**HEAD, "choices": [{"index": 0, "message": {"content": "secret"}, "finish_reason": "stop"}]},
    {**HEAD, "choices": [{"delta": {"content": "a"}, "logprobs": {"content": [{"token": "secret"}]}}]},
]


@pytest.mark.parametrize("said", STRANGE, ids=range(len(STRANGE)))
def test_texts_in_strange_places_are_piped(said: Body) -> None:
    answer = a(pipes=(literal("secret", "[x]"), digits), appended="bye", put=((("choices", "message", "a", "b"), 1),))
    assert b"secret" not in shaped(ChatShaper(answer), stream(said))
    assert b"12345" not in shaped(ChatShaper(answer), stream(said))
    assert b"secret" not in shape_chat(json.dumps(said).encode(), answer)


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"choices":[{"delta":{"content":"secret\n\n',
        b'data: "secret"\n\n',
        b'data: ["secret"]\n\n',
        b"data: secret\n\n",
        b'data: {"choices":[{"delta":{"content":"secret \xff"}}]}\n\n',
        b'data: {"choices":' + b"[" * 5000 + b'"secret"' + b"]" * 5000 + b"}\n\n",
    ],
)
def test_what_nobody_can_read_is_dropped(event: bytes) -> None:
    shaper = ChatShaper(REDACTS)
    shaper.feed(frame(chunk({"content": "hi"})))
    assert shaper.feed(event) == b""


@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            [
                b"data: ",
                b'{"choices":',
                b"[{",
                b'"delta":',
                b'{"content":',
                b'"secret"',
                b"}",
                b"]",
                b"\n",
                b"\r",
                b":",
                b"null",
                b"1",
                b",",
                b"\xff",
            ]
        ),
        max_size=30,
    ).map(b"".join)
)
def test_hostile_bytes_are_no_exception(noise: bytes) -> None:
    answer = a(pipes=(same,), metadata={"a": "b"}, appended="x", hidden_as="m")
    shaper = ChatShaper(answer)
    shaper.feed(noise + b"\n\n")
    shaper.feed(noise)
    shaper.end()
    shape_chat(noise, answer)


def test_the_texts_of_events_are_what_pipes_would_see() -> None:
    said = [chunk({"content": "a b"}), chunk({"content": "c"}), chunk({"reasoning": "why"})]
    assert "\n".join(texts_of_events(Operation.CHAT, stream(*said, *CALLS[:2]))) == 'a bc\nwhy\n{"a":"secret"}'


def test_chunks_that_are_alike_are_told_apart_by_what_is_around_their_text() -> None:
    answer = a(pipes=(literal("secret", "[x]"),), names=(lambda it: it.replace("gpt", "corp"),))
    said = [chunk({"content": word}) for word in ("one ", "two ", "sec", "ret ", "sec", "tion ", "é\n", "four")]
    other = {**chunk({"content": "five"}), "model": "gpt-y"}
    body = shaped(ChatShaper(answer), stream(BEGUN, *said, other, chunk({}, finish="stop")))
    assert chat_of(body)["choices"][0]["message"]["content"] == "one two [x] section é\nfourfive"
    assert {it["model"] for it in said_in(body)} == {"corp-x-1", "corp-y"}

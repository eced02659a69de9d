"""Every effect of a rule on a streamed response: each event agrees with every other, and the last one with what the
whole answer would have been."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.faults import Blocked, RuleFailed
from ai_gateway.domain.rules import AnswerRules, Tally, TextPipe
from ai_gateway.providers.shaping.responses_events import ResponseShaper
from ai_gateway.providers.shaping.responses_reply import shape_response
from providers.shaping.pipes import Arguments, Literal, digits, fails, forbids, late, literal
from providers.shaping.responding import (
    Body,
    a_call,
    a_message,
    a_response,
    a_thought,
    event,
    read,
    response_of,
    said,
    stream_of,
    through,
)

CITED = {"type": "url_citation", "url": "https://a.b", "title": "secret news", "start_index": 0}
SEARCH = {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "a secret"}}
REDACTS = AnswerRules(pipes=(literal("secret", "[redacted]"),), arguments=Arguments)
WHOLE = a_response(
    a_thought("a secret plan", "my secret"),
    SEARCH,
    a_message(said("the secret is a secret", CITED), {"type": "refusal", "refusal": "no secret"}),
    {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "sh", "input": "rm secret"},
)
CALLS = a_response(
    a_message(said("let me see secret")),
    a_call('{"q":"a secret","n":[1,{"secret":null}]}'),
    {"type": "mcp_call", "id": "mcp_1", "name": "find", "arguments": '{"a":"secret"}', "output": "secret"},
    {"type": "code_interpreter_call", "id": "ci_1", "code": "print('secret')", "outputs": None},
)
EVERYTHING = AnswerRules(
    request_id="req_7",
    pipes=(literal("secret", "[redacted]"), digits, late),
    arguments=Arguments,
    drop=(("usage", "total_tokens"), ("output", "content", "annotations")),
    put=((("served", "by"), "us"), (("output", "by"), "us")),
    metadata={"by": "us"},
    names=(lambda name: name.replace("gpt", "our"),),
    appended="\n\nNo advice.",
)
ANSWERS = [
    REDACTS,
    EVERYTHING,
    AnswerRules(request_id="req_7", appended="Bye."),
    AnswerRules(hidden_as="ours"),
    AnswerRules(metadata={"by": "us"}),
    AnswerRules(drop=(("output", "content", "logprobs"), ("output", "summary"), ("model",))),
    AnswerRules(put=((("output", "content", "by"), "us"),)),
]


def whole(response: Body, answer: AnswerRules) -> Body:
    return json.loads(shape_response(json.dumps(response).encode(), answer))


@pytest.mark.parametrize("response", [WHOLE, CALLS, a_response(), a_response(status="incomplete")])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_stream_adds_up_to_the_whole_answer(response: Body, answer: AnswerRules) -> None:
    got = through(ResponseShaper(answer), stream_of(response))
    if ("output", "summary") in answer.drop:
        told = read(got)
        assert not [it for it in told if "summary" in it["type"]]
        assert [it["sequence_number"] for it in told] == list(range(len(told)))
        assert told[-1]["response"] == whole(response, answer)
    elif answer.drop or answer.put:
        assert read(got)[-1]["response"] == whole(response, answer)
    else:
        assert response_of(got) == whole(response, answer)


TEXTS = st.lists(st.sampled_from(["sec", "ret", "secret", "s", " ", "12", "3456", "é", '"', "\\", "🙂"]), max_size=8)


@given(st.data(), TEXTS.map("".join), TEXTS.map("".join))
def test_for_any_partition(data: st.DataObject, text: str, more: str) -> None:
    response = a_response(a_thought(text), a_message(said(more), said(text)), a_call(json.dumps({more: text})))

    def cut(words: str) -> list[str]:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(words)), max_size=4)))
        return [piece for a, b in zip([0, *cuts], [*cuts, len(words)], strict=True) if (piece := words[a:b])]

    answer = data.draw(st.sampled_from([REDACTS, EVERYTHING]))
    events = stream_of(response, cut)
    got = through(ResponseShaper(answer), events)
    assert read(got)[-1]["response"] == whole(response, answer)
    if answer is REDACTS:
        assert response_of(got) == whole(response, answer)
    joined = ResponseShaper(answer).feed(b"".join(events))
    assert joined == got, "whole events, however many at a time"


def test_what_no_rule_changes_keeps_its_bytes() -> None:
    events = stream_of(WHOLE)
    for answer in (AnswerRules(metadata={"by": "us"}), AnswerRules(pipes=(literal("zzz", ""),))):
        shaper = ResponseShaper(answer)
        for it in events:
            if b'"response":' not in it and b".delta" in it:
                assert shaper.feed(it) == it
            else:
                shaper.feed(it)


def test_a_secret_in_pieces_never_leaves() -> None:
    response = a_response(a_message(said("my secret, my secret")))
    shaper = ResponseShaper(REDACTS)
    given_out = b""
    for it in stream_of(response, list):
        given_out += shaper.feed(it)
        text = "".join(told["delta"] for told in read(given_out) if told["type"].endswith(".delta"))
        assert "my [redacted], my [redacted]".startswith(text)
    assert b"secret" not in given_out


def test_what_is_held_back_comes_before_the_text_is_done() -> None:
    shaper = ResponseShaper(REDACTS)
    at = {"item_id": "m", "output_index": 0, "content_index": 0}
    assert shaper.feed(event("response.output_text.delta", 7, **at, delta="sec", logprobs=[1])) == b""
    told = read(shaper.feed(event("response.output_text.done", 8, **at, text="sec", logprobs=[1])))
    assert told == [
        {"type": "response.output_text.delta", **at, "delta": "sec", "logprobs": [], "sequence_number": 7},
        {"type": "response.output_text.done", **at, "text": "sec", "logprobs": [], "sequence_number": 8},
    ]


def test_words_that_stand_in_an_announcement_are_the_beginning_of_their_text() -> None:
    shaper = ResponseShaper(REDACTS)
    at = {"item_id": "m", "output_index": 0, "content_index": 0}
    out = [
        shaper.feed(event("response.content_part.added", 0, **at, part=said("my sec"))),
        shaper.feed(event("response.output_text.delta", 1, **at, delta="ret")),
        shaper.feed(event("response.output_text.done", 2, **at, text="my secret")),
    ]
    assert [it.get("part", {}).get("text") or it.get("delta") or it.get("text") for it in read(b"".join(out))] == [
        "my ",
        "[redacted]",
        "my [redacted]",
    ]


def test_an_item_that_is_whole_when_it_is_announced_is_whole_when_it_is_done() -> None:
    call = a_call('{"q":"secret"}')
    events = [
        event("response.output_item.added", 0, output_index=0, item=call),
        event("response.output_item.done", 1, output_index=0, item=call),
        event("response.completed", 2, response=a_response(call)),
    ]
    told = read(through(ResponseShaper(REDACTS), events))
    assert [it["type"] for it in told][1] == "response.function_call_arguments.delta"
    assert told[0]["item"]["arguments"] + told[1]["delta"] == '{"q":"[redacted]"}'
    assert told[1] == told[1] | {"item_id": "fc_1", "output_index": 0, "sequence_number": 1}
    assert told[2]["item"] == told[3]["response"]["output"][0] == call | {"arguments": '{"q":"[redacted]"}'}


def test_a_text_that_is_another_than_its_deltas_is_piped_too() -> None:
    shaper = ResponseShaper(REDACTS)
    at = {"item_id": "m", "output_index": 0, "content_index": 0}
    shaper.feed(event("response.output_text.delta", 0, **at, delta="se"))
    told = read(shaper.feed(event("response.output_text.done", 1, **at, text="secret")))
    assert told[-1]["text"] == "[redacted]"


def test_texts_of_different_parts_are_not_joined() -> None:
    shaper = ResponseShaper(REDACTS)
    out = b"".join(
        shaper.feed(event("response.output_text.delta", n, output_index=n, content_index=0, delta=piece))
        for n, piece in enumerate(["xsec", "ret"])
    )
    assert [it["delta"] for it in read(out)] == ["x", "ret"]


def test_what_is_found_is_counted_once_although_it_is_told_four_times() -> None:
    def counting(tally: Tally) -> TextPipe:
        class Counts(Literal):
            def found(self) -> str:
                tally.found(1, "redacted")
                return self.new

        return Counts("secret", "x")

    answer = AnswerRules(pipes=(counting,))
    through(ResponseShaper(answer), stream_of(a_response(a_message(said("my secret")))))
    assert answer.tally.notes() == ("rule 1: redacted, once",)


def test_what_is_appended_goes_before_the_last_event_with_events_of_its_own() -> None:
    told = read(through(ResponseShaper(ANSWERS[2]), stream_of(a_response(a_message(said("hi"))))))
    kinds = [it["type"] for it in told][-7:]
    assert kinds == [
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [it["output_index"] for it in told[-7:-1]] == [1] * 6


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (("output", "content", "text"), "response.output_text.d"),
        (("output", "content"), "response.content_part"),
        (("output", "content", "annotations"), "annotation"),
        (("output", "arguments"), "response.function_call_arguments"),
        (("output", "code"), "response.code_interpreter_call_code"),
    ],
)
def test_events_of_what_is_dropped_are_left_out(path: tuple[str, ...], kind: str) -> None:
    for response in (WHOLE, CALLS):
        told = read(through(ResponseShaper(AnswerRules(drop=(path,))), stream_of(response)))
        assert not [it for it in told if kind in it["type"]]
        assert [it["sequence_number"] for it in told] == list(range(len(told)))


def test_what_stands_around_texts_in_events_nobody_knows_is_piped() -> None:
    shaper = ResponseShaper(REDACTS)
    odd = event("response.of_tomorrow", 3, words="secret", deep=[{"a": "secret"}], item_id="secret")
    assert read(shaper.feed(odd)) == [
        {
            "type": "response.of_tomorrow",
            "words": "[redacted]",
            "deep": [{"a": "[redacted]"}],
            "item_id": "secret",
            "sequence_number": 3,
        }
    ]
    pieces = [shaper.feed(event("response.of_tomorrow.delta", n, delta=it)) for n, it in enumerate(["se", "cret!"])]
    assert [it["delta"] for it in read(b"".join(pieces))] == ["[redacted]!"]
    outputs = [
        shaper.feed(
            event("response.shell_call_output_content.delta", n, output_index=0, delta={"stdout": it, "code": 1})
        )
        for n, it in enumerate(["a se", "cret"])
    ]
    outputs.append(
        shaper.feed(
            event("response.shell_call_output_content.done", 2, output_index=0, output=[{"stdout": "a secret"}])
        )
    )
    assert [it.get("delta") or it["output"] for it in read(b"".join(outputs))] == [
        {"stdout": "a ", "code": 1},
        {"stdout": "[redacted]", "code": 1},
        [{"stdout": "a [redacted]"}],
    ]


def test_sound_and_pictures_are_no_words() -> None:
    shaper = ResponseShaper(REDACTS)
    for it in (
        event("response.audio.delta", 0, delta="secret"),
        event("response.image_generation_call.partial_image", 1, partial_image_b64="secret"),
    ):
        assert read(shaper.feed(it)) == read(it)


def test_blocks_and_failures_are_raised() -> None:
    for pipe, fault in ((forbids("secret"), Blocked), (fails("secret"), RuleFailed)):
        with pytest.raises(fault):
            through(ResponseShaper(AnswerRules(pipes=(pipe,))), stream_of(WHOLE))


def test_comments_pass_and_those_of_a_hidden_provider_say_nothing() -> None:
    assert ResponseShaper(REDACTS).feed(b": ping from acme\n\n") == b": ping from acme\n\n"
    assert ResponseShaper(AnswerRules(hidden_as="ours", metadata={})).feed(b": ping from acme\n\n") == b": \n\n"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_are_read_as_they_are(line_end: bytes) -> None:
    body = b"".join(stream_of(WHOLE)).replace(b"\n", line_end)
    shaper = ResponseShaper(REDACTS)
    got = (shaper.feed(body) + shaper.end()).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert read(got)[-1]["response"] == whole(WHOLE, REDACTS)
    assert b"secret" not in got


JSON: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "secret", "x", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "type", "text", "content"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KINDS = st.sampled_from(
    [
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.reasoning_summary_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.output_text.annotation.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.completed",
        "response.created",
        "error",
        "",
    ]
)
MEMBERS = st.sampled_from(
    ["item", "part", "delta", "text", "arguments", "response", "annotation", "output_index", "content_index",
     "sequence_number", "logprobs", "item_id"]
)  # fmt: skip


@given(st.lists(st.tuples(KINDS, st.dictionaries(MEMBERS, JSON, max_size=5)), max_size=6), st.sampled_from(ANSWERS))
def test_no_form_of_an_event_is_an_error(told: list[tuple[str, dict[str, Any]]], answer: AnswerRules) -> None:
    shaper = ResponseShaper(answer)
    for kind, members in told:
        shaper.feed(event(kind, **members))
    shaper.end()


@given(
    st.lists(
        st.binary(max_size=20) | st.sampled_from([b"data: {}\n\n", b"data: [1]\n\n", b"data: {\n\n", b"data: \xff\n\n"])
    )
)
def test_no_bytes_are_an_error(chunks: list[bytes]) -> None:
    shaper = ResponseShaper(EVERYTHING)
    for chunk in chunks:
        shaper.feed(chunk)
    shaper.end()

"""Every effect of a rule on a whole response."""

import json
from typing import Any

import pytest

from ai_gateway.domain.faults import Blocked, RuleFailed
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.responses_reply import response_texts, shape_response
from providers.shaping.pipes import Arguments, digits, fails, forbids, literal
from providers.shaping.responding import a_call, a_message, a_response, a_thought, said

CITED = {"type": "url_citation", "url": "https://a.b/secret", "title": "secret news", "start_index": 0}
TOKENS = [{"token": "secret", "logprob": -0.1, "bytes": [1], "top_logprobs": []}]
REDACTS = AnswerRules(pipes=(literal("secret", "[redacted]"),), arguments=Arguments)


def shaped(response: dict[str, Any], answer: AnswerRules) -> dict[str, Any]:
    return json.loads(shape_response(json.dumps(response).encode(), answer))


@pytest.mark.parametrize(
    ("item", "want"),
    [
        (a_message(said("a secret word")), a_message(said("a [redacted] word"))),
        (
            a_message({"type": "refusal", "refusal": "no secret"}, said("b")),
            a_message({"type": "refusal", "refusal": "no [redacted]"}, said("b")),
        ),
        (a_message(said("secret", logprobs=TOKENS)), a_message(said("[redacted]"))),
        (
            a_message(said("b", CITED)),
            a_message(said("b", CITED | {"url": "https://a.b/[redacted]", "title": "[redacted] news"})),
        ),
        (a_thought("a secret", "my secret"), a_thought("a [redacted]", "my [redacted]")),
        (a_call('{"q":"a secret","secret":1}'), a_call('{"q":"a [redacted]","[redacted]":1}')),
        (a_call("no json, but secret"), a_call("no json, but [redacted]")),
        (
            {"type": "custom_tool_call", "id": "c", "name": "secret", "input": "rm secret"},
            {"type": "custom_tool_call", "id": "c", "name": "secret", "input": "rm [redacted]"},
        ),
        (
            {
                "type": "code_interpreter_call",
                "code": "print('secret')",
                "outputs": [{"type": "logs", "logs": "secret"}],
            },
            {
                "type": "code_interpreter_call",
                "code": "print('[redacted]')",
                "outputs": [{"type": "logs", "logs": "[redacted]"}],
            },
        ),
        (
            {"type": "mcp_call", "name": "find", "arguments": '{"a":"secret"}', "output": "secret", "error": "secret"},
            {
                "type": "mcp_call",
                "name": "find",
                "arguments": '{"a":"[redacted]"}',
                "output": "[redacted]",
                "error": "[redacted]",
            },
        ),
        (
            {"type": "web_search_call", "action": {"type": "search", "query": "secret", "queries": ["secret"]}},
            {"type": "web_search_call", "action": {"type": "search", "query": "[redacted]", "queries": ["[redacted]"]}},
        ),
        (
            {"type": "file_search_call", "queries": ["secret"], "results": [{"text": "secret", "file_id": "secret"}]},
            {
                "type": "file_search_call",
                "queries": ["[redacted]"],
                "results": [{"text": "[redacted]", "file_id": "secret"}],
            },
        ),
        (
            {"type": "image_generation_call", "result": "secret", "revised_prompt": "secret"},
            {"type": "image_generation_call", "result": "secret", "revised_prompt": "[redacted]"},
        ),
        (
            {"type": "of_tomorrow", "words": {"deep": ["secret"]}},
            {"type": "of_tomorrow", "words": {"deep": ["[redacted]"]}},
        ),
        ("secret", "[redacted]"),
        (["secret", 1, None], ["[redacted]", 1, None]),
        (a_message("secret", 5, None), a_message("[redacted]", 5, None)),
        ({"type": "message", "content": "secret"}, {"type": "message", "content": "[redacted]"}),
        ({"type": ["x"], "text": "secret"}, {"type": ["x"], "text": "[redacted]"}),
        (
            a_message({"type": "output_text", "text": ["secret"]}),
            a_message({"type": "output_text", "text": ["[redacted]"]}),
        ),
    ],
)
def test_every_text_of_an_item_goes_through_the_pipes(item: Any, want: Any) -> None:
    assert shaped(a_response(item), REDACTS)["output"] == [want]


def test_pipes_follow_each_other_on_each_text_alone() -> None:
    answer = AnswerRules(pipes=(literal("ab", "1"), literal("1", "2"), digits))
    parts = shaped(a_response(a_message(said("abc 123"), said("45"))), answer)["output"][0]["content"]
    assert [part["text"] for part in parts] == ["2c 223", "45"]


def test_what_was_asked_and_is_told_again_is_no_text_of_the_answer() -> None:
    response = a_response(instructions="secret", metadata={"a": "secret"}, prompt={"id": "secret"}, news="secret")
    got = shaped(response, REDACTS)
    assert got == response | {"news": "[redacted]"}


def test_what_is_blocked_or_fails_is_raised() -> None:
    response = a_response(a_message(said("a secret")))
    with pytest.raises(Blocked):
        shaped(response, AnswerRules(pipes=(forbids("secret"),)))
    with pytest.raises(RuleFailed):
        shaped(response, AnswerRules(pipes=(fails("secret"),)))


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        (
            AnswerRules(drop=(("usage", "total_tokens"), ("nothing",))),
            {"usage": {"input_tokens": 9, "output_tokens": 6}},
        ),
        (
            AnswerRules(drop=(("output", "content", "annotations"),)),
            {"output": [a_message({"type": "output_text", "text": "hi", "logprobs": []})]},
        ),
        (AnswerRules(put=((("served", "by"), "us"),)), {"served": {"by": "us"}}),
        (AnswerRules(put=((("output", "status"), "ok"),)), {"output": [a_message(said("hi")) | {"status": "ok"}]}),
        (AnswerRules(metadata={"by": "us"}), {"metadata": {"by": "us"}}),
        (AnswerRules(names=(lambda it: it.replace("gpt", "ours"),)), {"model": "ours-5"}),
        (AnswerRules(names=(lambda it: it.replace("resp_1", "ours"),)), {"id": "ours"}),
        (AnswerRules(hidden_as="ours", request_id="req_7"), {"model": "ours"}),
    ],
)
def test_members_are_changed(answer: AnswerRules, want: dict[str, Any]) -> None:
    response = a_response(a_message(said("hi")))
    assert shaped(response, answer) == response | want


def test_hidden_providers_leave_no_member_of_their_own() -> None:
    got = shaped(a_response(provider="x", content_filters=[1], store=True), AnswerRules(hidden_as="ours"))
    assert got == a_response(model="ours", store=True)


def test_metadata_is_merged_over_what_is_there() -> None:
    got = shaped(a_response(metadata={"a": "1", "b": "2"}), AnswerRules(metadata={"b": "3"}))
    assert got["metadata"] == {"a": "1", "b": "3"}


def test_what_is_appended_is_an_item_of_its_own() -> None:
    answer = AnswerRules(request_id="req_7", appended="\n\nNo advice.", pipes=(literal("No", "Yes"),))
    response = a_response(a_message(said("hi")), output_text="hi")
    got = shaped(response, answer)
    assert got["output"] == [a_message(said("hi")), a_message(said("\n\nNo advice."), item_id="msg_7")]
    assert got["output_text"] == "hi\n\nNo advice."


@pytest.mark.parametrize("kind", ["function_call", "custom_tool_call", "computer_call", "mcp_approval_request"])
def test_nothing_is_appended_where_the_model_waits_for_a_tool(kind: str) -> None:
    response = a_response(a_message(said("hi")), {"type": kind})
    assert shaped(response, AnswerRules(appended="x")) == response


@pytest.mark.parametrize(
    "body", [b"", b"secret", b"[1]", b'"secret"', b"{", b"\xff", b'{"output":5}', b'{"output":null}']
)
def test_whatever_is_no_response_is_one_text(body: bytes) -> None:
    got = shape_response(body, REDACTS)
    assert b"secret" not in got
    assert b"secret" not in body or b"[redacted]" in got
    assert shape_response(body, AnswerRules(metadata={})) in (body, body.replace(b" ", b""))


def test_what_cannot_be_decoded_strictly_is_read_all_the_same() -> None:
    body = b'{"output":[{"type":"message","content":[{"type":"output_text","text":"se\\ud800cret secret\t","n":NaN}]}]}'
    got = json.loads(shape_response(body, REDACTS))
    assert got["output"][0]["content"][0]["text"] == "se\ufffdcret [redacted]\t"


def test_texts_are_what_pipes_see() -> None:
    response = a_response(
        a_thought("one"), a_message(said("two"), {"type": "refusal", "refusal": "three"}), a_call("{}")
    )
    assert response_texts(json.dumps(response).encode()) == ("one", "two", "three", "{}")

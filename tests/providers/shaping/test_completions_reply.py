"""Every effect of a rule on a whole text completion."""

import json
from typing import Any

import pytest

from ai_gateway.domain.faults import Blocked, RuleFailed
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.completions_reply import completion_texts, shape_completion
from providers.shaping.pipes import fails, forbids, literal

REDACTS = AnswerRules(pipes=(literal("secret", "[redacted]"),))


def a_choice(text: Any, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"index": index, "text": text, "finish_reason": "stop", "logprobs": None, **more}


def a_completion(*choices: Any, **more: Any) -> dict[str, Any]:
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "davinci", "system_fingerprint": "fp_1"}
    return {**head, "choices": list(choices), "usage": {"prompt_tokens": 5, "total_tokens": 9}, **more}


def shaped(completion: dict[str, Any], answer: AnswerRules) -> dict[str, Any]:
    return json.loads(shape_completion(json.dumps(completion).encode(), answer))


@pytest.mark.parametrize(
    ("choice", "want"),
    [
        (a_choice("a secret"), a_choice("a [redacted]")),
        (a_choice("x", logprobs={"tokens": ["secret"]}), a_choice("x")),
        (a_choice("x", thoughts=["secret"]), a_choice("x", thoughts=["[redacted]"])),
        (a_choice(["secret"]), a_choice(["[redacted]"])),
        (a_choice(None), a_choice(None)),
        ("secret", "[redacted]"),
        (None, None),
    ],
)
def test_every_text_goes_through_the_pipes(choice: Any, want: Any) -> None:
    assert shaped(a_completion(choice), REDACTS)["choices"] == [want]


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        (
            AnswerRules(drop=(("usage", "total_tokens"), ("system_fingerprint",))),
            {"usage": {"prompt_tokens": 5}, "system_fingerprint": ...},
        ),
        (
            AnswerRules(drop=(("choices", "logprobs"), ("choices", "finish_reason"))),
            {"choices": [{"index": 0, "text": "hi"}]},
        ),
        (AnswerRules(put=((("served", "by"), "us"),)), {"served": {"by": "us"}}),
        (AnswerRules(put=((("choices", "by"), "us"),)), {"choices": [a_choice("hi", by="us")]}),
        (AnswerRules(metadata={"by": "us"}), {"metadata": {"by": "us"}}),
        (
            AnswerRules(names=(lambda it: it.upper(),)),
            {"model": "DAVINCI", "id": "CMPL-1", "system_fingerprint": "FP_1"},
        ),
        (
            AnswerRules(hidden_as="ours", request_id="req_7"),
            {"model": "ours", "id": "cmpl-7", "system_fingerprint": ...},
        ),
        (AnswerRules(appended=" Bye."), {"choices": [a_choice("hi Bye.")]}),
        (AnswerRules(drop=(("choices", "text"),), appended="Bye."), {"choices": [a_choice("Bye.")]}),
    ],
)
def test_members_are_changed(answer: AnswerRules, want: dict[str, Any]) -> None:
    completion = a_completion(a_choice("hi"))
    expected = {name: value for name, value in (completion | want).items() if value is not ...}
    assert shaped(completion, answer) == expected


def test_each_choice_has_its_own_end() -> None:
    got = shaped(a_completion(a_choice("sec"), a_choice("ret", 1)), AnswerRules(pipes=REDACTS.pipes, appended="!"))
    assert [it["text"] for it in got["choices"]] == ["sec!", "ret!"]


def test_hidden_providers_leave_no_member_of_their_own() -> None:
    got = shaped(
        a_completion(a_choice("hi"), provider="x", x_groq={"id": "y"}), AnswerRules(hidden_as="davinci", request_id="1")
    )
    assert set(got) == {"id", "object", "created", "model", "choices", "usage"}


def test_what_is_blocked_or_fails_is_raised() -> None:
    with pytest.raises(Blocked):
        shaped(a_completion(a_choice("a secret")), AnswerRules(pipes=(forbids("secret"),)))
    with pytest.raises(RuleFailed):
        shaped(a_completion(a_choice("a secret")), AnswerRules(pipes=(fails("secret"),)))


@pytest.mark.parametrize("body", [b"", b"secret", b"[1]", b"\xff", b'{"choices":5}', b'{"choices":"secret"}', b"{}"])
def test_whatever_is_no_completion_is_read_all_the_same(body: bytes) -> None:
    got = shape_completion(body, REDACTS)
    assert b"secret" not in got
    assert shape_completion(body, AnswerRules(appended="x")) == body


def test_texts_are_what_pipes_see() -> None:
    body = json.dumps(a_completion(a_choice("one"), a_choice("two"))).encode()
    assert completion_texts(body) == ("one", "two")

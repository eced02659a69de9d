import json
from typing import Any

import pytest

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.pieces import (
    add_metadata,
    below,
    drop,
    encode,
    has,
    name_anew,
    put,
    rewrite,
)


@pytest.mark.parametrize(
    ("body", "path", "left"),
    [
        ({"a": 1, "b": 2}, ("a",), {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, ("a", "b"), {"a": {"c": 2}}),
        ({"a": [{"b": 1}, {"b": 2, "c": 3}, 7, [{"b": 4}]]}, ("a", "b"), {"a": [{}, {"c": 3}, 7, [{}]]}),
        ({"a": 1}, ("a", "b"), {"a": 1}),
        ({"a": None}, ("b", "c"), {"a": None}),
        ([1], ("a",), [1]),
    ],
)
def test_drop(body: Any, path: tuple[str, ...], left: Any) -> None:
    drop(body, path)
    assert body == left


@pytest.mark.parametrize(
    ("body", "path", "after"),
    [
        ({}, ("a",), {"a": 0}),
        ({"a": 1}, ("a",), {"a": 0}),
        ({}, ("a", "b"), {"a": {"b": 0}}),
        ({"a": None}, ("a", "b"), {"a": {"b": 0}}),
        ({"a": [{}, {"b": 1}, 5]}, ("a", "b"), {"a": [{"b": 0}, {"b": 0}, 5]}),
        ({"a": 7}, ("a", "b"), {"a": 7}),
        ({"a": []}, ("a", "b"), {"a": []}),
    ],
)
def test_put(body: Any, path: tuple[str, ...], after: Any) -> None:
    put(body, path, 0)
    assert body == after


def test_what_is_put_twice_is_not_one_value() -> None:
    told = {"x": 1}
    body: dict[str, Any] = {}
    put(body, ("a",), told)
    put(body, ("a", "y"), 2)
    assert told == {"x": 1}


def test_has_says_whether_anything_is_there() -> None:
    assert has({"a": [{}, {"b": 1}]}, ("a", "b"))
    assert not has({"a": [{}, {"b": None}]}, ("a", "b"))


def test_below_gives_the_rest_of_paths_that_begin_so() -> None:
    assert below((("a", "b", "c"), ("a", "b"), ("x", "b", "c")), "a", "b") == (("c",),)


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, {"by": "us"}), ({"metadata": {"x": "y"}}, {"x": "y", "by": "us"}), ({"metadata": "odd"}, {"by": "us"})],
)
def test_metadata_is_merged_over_what_is_there(before: dict[str, Any], after: dict[str, str]) -> None:
    add_metadata(before, {"by": "us"})
    assert before["metadata"] == after


def test_no_metadata_leaves_no_trace() -> None:
    body: dict[str, Any] = {}
    add_metadata(body, {})
    assert body == {}


BODY = {"id": "gen-1", "model": "gpt", "system_fingerprint": "fp", "provider": "P", "choices": []}


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        (AnswerRules(), BODY),
        (AnswerRules(names=(str.upper,)), {**BODY, "id": "GEN-1", "model": "GPT", "system_fingerprint": "FP"}),
        (
            AnswerRules(hidden_as="m", request_id="req_1", names=(str.upper,)),
            {"id": "p-1", "model": "m", "choices": []},
        ),
    ],
)
def test_names(answer: AnswerRules, after: dict[str, Any]) -> None:
    body = dict(BODY)
    name_anew(body, answer, "p-", frozenset({"id", "model", "choices"}))
    assert body == after


def test_names_that_are_no_text_stay() -> None:
    body: dict[str, Any] = {"id": None, "model": 7}
    name_anew(body, AnswerRules(names=(str.upper,)), "p-", frozenset())
    assert body == {"id": None, "model": 7}


def test_texts_are_rewritten_wherever_they_are_but_not_ids_signatures_and_media() -> None:
    body = {
        "text": "a",
        "id": "a",
        "call_id": "a",
        "type": "a",
        "signature": "a",
        "thought_signature": "a",
        "data": "a",
        "url": "data:image/png;base64,a",
        "deep": [["a", {"words": "a", "n": 1, "none": None}]],
    }
    after = {**body, "text": "A", "deep": [["A", {"words": "A", "n": 1, "none": None}]]}
    assert rewrite(body, str.upper) == after
    assert rewrite("a", str.upper) == "A"
    assert rewrite(7, str.upper) == 7


def test_texts_are_rewritten_in_their_order() -> None:
    seen: list[str] = []

    def see(text: str) -> str:
        seen.append(text)
        return text

    rewrite([["a", ["b"]], {"x": "c"}, ["d"]], see)
    assert seen == ["a", "b", "c", "d"]


def test_depth_is_no_danger() -> None:
    deep: Any = "a"
    for _ in range(5000):
        deep = [deep]
    rewrite(deep, str.upper)
    for _ in range(5000):
        deep = deep[0]
    assert deep == "A"


def test_half_an_emoji_is_written_as_what_it_is() -> None:
    assert json.loads(encode({"text": "a\ud83d", "whole": "\ud83d\ude00"})) == {"text": "a�", "whole": "😀"}

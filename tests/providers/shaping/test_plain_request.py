"""Requests without a conversation have few verbs, and say so."""

from typing import Any

import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import Seat, SystemMode, Where
from providers.shaping.forms import Body, a_form, body_of

PLAIN = [Operation.EMBEDDINGS, Operation.COMPLETIONS, Operation.IMAGES]


@pytest.mark.parametrize("operation", PLAIN)
def test_there_is_no_system_no_tool_and_no_metadata(operation: Operation) -> None:
    body: Body = {"model": "m", "input": "a", "prompt": "b", "tools": [{"name": "t"}]}
    form = a_form(operation, body)
    assert not form.system(SystemMode.FORCE, "Rule.")
    assert not form.inject(Seat.SYSTEM, Where.START, "Rule.")
    assert not form.add_metadata({"a": "b"})
    assert form.tool_names() == ()
    assert form.keep_tools(lambda _: False) == ()
    assert body_of(form) == body


@pytest.mark.parametrize("operation", [Operation.COMPLETIONS, Operation.IMAGES])
@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("A cat", "A cat\n\nRule."), (["A", "B"], ["A\n\nRule.", "B\n\nRule."])],
)
def test_a_prompt_is_what_the_user_says(operation: Operation, prompt: Any, expected: Any) -> None:
    form = a_form(operation, {"prompt": prompt})
    assert form.inject(Seat.USER, Where.END, "Rule.")
    assert body_of(form) == {"prompt": expected}


@pytest.mark.parametrize("body", [{"prompt": [1, 2]}, {"prompt": [[1], [2]]}, {"prompt": None}, {}, {"prompt": []}])
def test_tokens_have_no_words(body: Body) -> None:
    form = a_form(Operation.COMPLETIONS, body)
    assert not form.inject(Seat.USER, Where.END, "Rule.")
    assert body_of(form) == body


def test_an_embedding_is_of_what_the_caller_wrote() -> None:
    form = a_form(Operation.EMBEDDINGS, {"input": "Hello"})
    assert not form.inject(Seat.USER, Where.END, "Rule.")
    assert body_of(form) == {"input": "Hello"}


@pytest.mark.parametrize(
    ("operation", "name", "expected"),
    [
        (Operation.EMBEDDINGS, "temperature", {}),
        (Operation.EMBEDDINGS, "max_tokens", {}),
        (Operation.EMBEDDINGS, "n", {}),
        (Operation.EMBEDDINGS, "user", {"user": 1}),
        (Operation.EMBEDDINGS, "dimensions", {"dimensions": 1}),
        (Operation.COMPLETIONS, "max_tokens", {"max_tokens": 1}),
        (Operation.COMPLETIONS, "max_completion_tokens", {"max_tokens": 1}),
        (Operation.COMPLETIONS, "temperature", {"temperature": 1}),
        (Operation.COMPLETIONS, "reasoning_effort", {}),
        (Operation.COMPLETIONS, "metadata.team", {}),
        (Operation.IMAGES, "n", {"n": 1}),
        (Operation.IMAGES, "temperature", {}),
        (Operation.IMAGES, "response_format", {"response_format": 1}),
    ],
)
def test_what_an_operation_does_not_have_is_put_nowhere(operation: Operation, name: str, expected: Body) -> None:
    form = a_form(operation, {})
    form.put(tuple(name.split(".")), 1)
    assert body_of(form) == expected

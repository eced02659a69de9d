from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Call
from ai_gateway.gateway.calls import call_of, read_any_call
from ai_gateway.gateway.envelope import BodyLimits
from support.builders import a_head


def call(operation: Operation = Operation.CHAT, **members: Any) -> Call:
    body = msgspec.json.encode({"model": "m", **members})
    return read_any_call(a_head(operation=operation), body, BodyLimits())


def test_fields_stay_the_bytes_that_came() -> None:
    body = b'{"model":"m","messages":[ {"role" : "user"} ],"new":{"x":1.50}}'
    read = read_any_call(a_head(), body, BodyLimits())
    assert {name: bytes(raw) for name, raw in read.fields.items()} == {
        "model": b'"m"',
        "messages": b'[ {"role" : "user"} ]',
        "new": b'{"x":1.50}',
    }
    assert read.body_bytes == len(body)


@pytest.mark.parametrize(
    ("operation", "members", "cap"),
    [
        (Operation.CHAT, {}, None),
        (Operation.CHAT, {"max_tokens": 5}, 5),
        (Operation.CHAT, {"max_completion_tokens": 7, "max_tokens": 5}, 7),
        (Operation.CHAT, {"max_completion_tokens": None, "max_tokens": 5}, 5),
        (Operation.MESSAGES, {"max_tokens": 0}, 0),
        (Operation.MESSAGES, {"max_completion_tokens": 5}, None),
        (Operation.EMBEDDINGS, {"max_tokens": 5}, None),
        (Operation.COMPLETIONS, {"max_tokens": 5}, 5),
        (Operation.COMPLETIONS, {"max_completion_tokens": 5}, 16),
        (Operation.IMAGES, {"size": "1024x1024", "quality": "low"}, 512),
    ],
)
def test_the_output_cap_is_read_where_the_operation_has_it(
    operation: Operation, members: dict[str, Any], cap: int | None
) -> None:
    assert call(operation, **members).max_output == cap


@pytest.mark.parametrize(
    ("members", "wants"),
    [
        ({"stream": True}, False),
        ({"stream": True, "stream_options": None}, False),
        ({"stream": True, "stream_options": {}}, False),
        ({"stream": True, "stream_options": {"include_usage": False}}, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True),
    ],
)
def test_who_asks_for_usage_is_known(members: dict[str, Any], wants: bool) -> None:
    read = call(**members)
    assert (read.stream, read.wants_usage) == (True, wants)


@pytest.mark.parametrize(
    ("operation", "members", "choices"),
    [
        (Operation.CHAT, {"n": 3}, 3),
        (Operation.COMPLETIONS, {"n": 2, "prompt": ["a", "b"]}, 4),
        (Operation.IMAGES, {"n": 4}, 4),
        (Operation.EMBEDDINGS, {"n": 4}, 1),
    ],
)
def test_how_many_answers_are_asked_for(operation: Operation, members: dict[str, Any], choices: int) -> None:
    assert call(operation, **members).choices == choices


def test_a_streamed_text_may_ask_for_its_usage() -> None:
    read = call(Operation.COMPLETIONS, stream=True, stream_options={"include_usage": True})
    assert (read.stream, read.wants_usage) == (True, True)


@pytest.mark.parametrize("operation", [Operation.EMBEDDINGS, Operation.IMAGES, Operation.COUNT_TOKENS])
def test_what_has_no_stream_refuses_one(operation: Operation) -> None:
    assert not call(operation, stream=False).stream
    with pytest.raises(InvalidRequest) as refused:
        call(operation, stream=True)
    assert refused.value.param == "stream"


@pytest.mark.parametrize("model", ["gpt-4o", "config/org/model:free", "模型", "a b", "m" * 256])
def test_a_model_name_is_text_that_can_be_printed(model: str) -> None:
    assert call(model=model).model == model


@pytest.mark.parametrize("model", ["", "a\0b", "a\r\nb", "a\tb", "a\u2028b", "m" * 257, None])
def test_a_model_name_that_no_header_or_row_could_hold_is_refused(model: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        call(model=model)
    assert refused.value.param == "model"


def test_members_that_were_taken_apart_make_the_same_call() -> None:
    read = call(max_tokens=5, n=2, stream=True)
    assert call_of(read.head, read.fields) == read

import json
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.stored_input import id_of, items_of, listed, output_of, renamed, response_in, shown
from providers.translation.responses_examples import event


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def test_a_text_is_a_message_and_a_list_stays_as_it_is() -> None:
    (said,) = items_of(raw("hi"))
    assert msgspec.json.decode(said)["content"] == [{"type": "input_text", "text": "hi"}]
    assert json.loads(listed(items_of(raw([{"a": 1}, {"b": "\u2028"}])))) == [{"a": 1}, {"b": "\u2028"}]
    assert (items_of(None), listed([])) == ([], b"[]")


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        items_of(raw({"a": 1}))
    assert refusal.value.param == "input"


def test_an_answer_goes_on_without_ids_and_with_sealed_thoughts_only() -> None:
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e", "status": None},
        {"type": "reasoning", "id": "rs_2", "summary": [{"text": "t"}]},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": []},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "web_search_call", "id": "ws_1"},
    ]
    assert [msgspec.json.decode(it) for it in output_of(json.dumps({"output": output}).encode())] == [
        {"type": "reasoning", "summary": [], "encrypted_content": "e"},
        {"type": "message", "role": "assistant", "content": []},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "web_search_call", "id": "ws_1"},
    ]
    assert output_of(b"nothing") == []


def test_items_that_are_shown_have_ids() -> None:
    assert shown(b'[{"a":1},{"id":"own"}]', "resp_7") == [{"id": "item_7_0", "a": 1}, {"id": "own"}]
    assert shown(b"no", "resp_7") == []


def test_the_last_response_of_some_events_is_found() -> None:
    events = event("response.created", response={"id": "a"}) + event("response.output_text.delta", delta='"response":')
    assert id_of(response_in(events) or b"") == "a"
    assert id_of(response_in(events + event("response.completed", response={"id": "b"})) or b"") == "b"
    assert id_of(response_in(event("response.created", response={"id": "c"}).replace(b"\n", b"\r\n")) or b"") == "c"
    assert response_in(event("error", message="m")) is None
    assert response_in(b'data: {"response":\n\n') is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":7}', b"<html>"])
def test_what_is_no_response_has_no_id(body: bytes) -> None:
    assert id_of(body) is None


def test_only_whole_values_are_renamed() -> None:
    told = json.dumps({"id": "a", "text": 'say "a"', "previous_response_id": None}).encode()
    assert json.loads(renamed(told, "a", "resp_1", "resp_0")) == {
        "id": "resp_1",
        "text": 'say "a"',
        "previous_response_id": "resp_0",
    }
    assert json.loads(renamed(told, "a", "resp_1", None))["previous_response_id"] is None

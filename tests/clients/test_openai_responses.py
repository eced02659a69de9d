"""OpenAI's own SDK at the Responses API, with nothing changed but the base URL and the key."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from support.gateway import DEMO_KEY, Gateway

ASK = "Hello! What are you?"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


class Event(BaseModel):
    name: str
    people: int


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=DEMO_KEY, max_retries=0) as sdk:
        yield sdk


def test_a_response_is_made(client: OpenAI) -> None:
    answer = client.responses.create(model="gpt-4", input=ASK)
    assert answer.status == "completed"
    assert "mock provider" in answer.output_text
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_a_stream_says_what_the_whole_answer_says(client: OpenAI) -> None:
    whole = client.responses.create(model="gpt-4", input=ASK)
    events: list[Any] = list(client.responses.create(model="gpt-4", input=ASK, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert events[0].response.id == events[-1].response.id


def test_the_sdks_own_stream_helper_works(client: OpenAI) -> None:
    with client.responses.stream(model="gpt-4", input=ASK) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_response()
    assert {"response.output_text.delta", "response.completed"} <= kinds
    assert "mock provider" in final.output_text


def test_a_tool_is_called_and_its_result_is_answered(client: OpenAI) -> None:
    first = client.responses.create(model="gpt-4", input="Please call get_weather for Paris.", tools=[WEATHER])
    call: Any = first.output[0]
    assert (call.type, call.name, set(json.loads(call.arguments))) == ("function_call", "get_weather", {"city"})
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    second = client.responses.create(model="gpt-4", input=[result], previous_response_id=first.id, tools=[WEATHER])
    assert second.previous_response_id == first.id
    assert second.output_text
    listed = list(client.responses.input_items.list(second.id, order="asc"))
    assert [item.type for item in listed] == ["message", "function_call", "function_call_output"]


def test_a_streamed_tool_call_is_put_together_by_the_sdk(client: OpenAI) -> None:
    asked = "Please call get_weather for Paris."
    with client.responses.stream(model="gpt-4", input=asked, tools=[WEATHER]) as stream:
        call: Any = stream.get_final_response().output[0]
    assert (call.name, set(json.loads(call.arguments))) == ("get_weather", {"city"})


def test_a_form_is_parsed(client: OpenAI) -> None:
    answer = client.responses.parse(model="gpt-4", input=ASK, text_format=Event)
    assert answer.output_parsed == Event(name="example", people=1)


def test_a_response_is_read_again_and_deleted(client: OpenAI) -> None:
    made = client.responses.create(model="gpt-4", input=ASK)
    again = client.responses.retrieve(made.id)
    assert (again.id, again.output_text) == (made.id, made.output_text)
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError) as refusal:
        client.responses.create(model="gpt-4", input=ASK, previous_response_id=made.id)
    assert refusal.value.code == "previous_response_not_found"


def test_what_was_not_to_be_kept_is_not(client: OpenAI) -> None:
    made = client.responses.create(model="gpt-4", input=ASK, store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_a_short_answer_is_incomplete(client: OpenAI) -> None:
    answer = client.responses.create(model="gpt-4", input=ASK, max_output_tokens=16)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


def test_a_stream_that_fails_raises(client: OpenAI) -> None:
    with pytest.raises(openai.APIError) as failure:
        list(client.responses.create(model="mock-error-in-stream", input=ASK, stream=True))
    assert isinstance(failure.value.body, dict)
    assert failure.value.body["gateway"]["category"] == "provider_error"


def test_a_cut_stream_is_no_end(client: OpenAI) -> None:
    with pytest.raises(openai.APIError):
        list(client.responses.create(model="mock-cut-4", input=ASK, stream=True))


def test_claude_is_reached_by_the_responses_api(client: OpenAI) -> None:
    whole = client.responses.create(model="behind-anthropic", input=ASK, instructions="Be brief.")
    assert "mock provider" in whole.output_text
    events: list[Any] = list(client.responses.create(model="behind-anthropic", input=ASK, stream=True))
    assert "".join(it.delta for it in events if it.type == "response.output_text.delta") == whole.output_text
    assert events[-1].response.usage.total_tokens > 0
    assert events[0].response.id == events[-1].response.id


def test_claude_goes_on_from_what_another_provider_said(client: OpenAI) -> None:
    """What was kept is sent on to whoever serves the next turn."""
    asked = "Please call get_weather for Paris."
    first = client.responses.create(model="gpt-4", input=asked, tools=[WEATHER])
    call: Any = first.output[0]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    more: Any = {"input": [result], "previous_response_id": first.id, "tools": [WEATHER]}
    second = client.responses.create(model="behind-anthropic", **more)
    assert second.output_text
    with client.responses.stream(model="behind-anthropic", input=asked, tools=[WEATHER]) as stream:
        streamed: Any = stream.get_final_response().output[-1]
    assert (streamed.type, streamed.name, set(json.loads(streamed.arguments))) == (
        "function_call",
        "get_weather",
        {"city"},
    )

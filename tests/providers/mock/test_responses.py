from typing import Any

import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.providers.mock import MockReply
from ai_gateway.providers.openai import OpenAICodec
from providers.calls import a_shaped
from providers.mock.asking import ask, events_of, json_of

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def respond(**members: Any) -> MockReply:
    return ask("/v1/responses", {"model": "gpt-4", "input": "Hello!"} | members)


def test_it_answers_in_a_message_item() -> None:
    said = json_of(respond())
    assert (said["object"], said["status"]) == ("response", "completed")
    assert [item["type"] for item in said["output"]] == ["message"]
    assert "mock provider" in said["output"][0]["content"][0]["text"]
    assert said["usage"]["total_tokens"] == said["usage"]["input_tokens"] + said["usage"]["output_tokens"]


def test_items_of_a_conversation_are_taken() -> None:
    turns = [
        {"role": "user", "content": [{"type": "input_text", "text": "What is it?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
    ]
    assert (
        'You said: "What is it?"' in json_of(respond(input=turns, tools=[WEATHER]))["output"][0]["content"][0]["text"]
    )


def test_a_tool_that_is_named_is_called() -> None:
    call = json_of(respond(input="call get_weather", tools=[WEATHER]))["output"][0]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "get_weather", '{"city":"example"}')
    forced = json_of(respond(tools=[WEATHER], tool_choice={"type": "function", "name": "get_weather"}))
    required = json_of(respond(tools=[WEATHER], tool_choice="required"))
    assert [it["output"][0]["type"] for it in (forced, required)] == ["function_call", "function_call"]


def test_a_form_is_filled_in() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    said = json_of(respond(text={"format": {"type": "json_schema", "name": "x", "schema": schema}}))
    assert said["output"][0]["content"][0]["text"] == '{"n":1}'


def test_a_short_answer_is_incomplete() -> None:
    said = json_of(respond(max_output_tokens=16))
    assert (said["status"], said["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert said["usage"]["output_tokens"] == 16
    events = events_of(respond(max_output_tokens=16, stream=True))
    assert events[-1]["type"] == "response.incomplete"


def test_without_an_input_it_refuses() -> None:
    assert respond(input=[]).status == 400
    assert respond(input=None).status == 400


@pytest.mark.parametrize("tools", [[], [WEATHER]])
def test_a_stream_says_what_the_whole_answer_says(tools: list[Any]) -> None:
    asked = {"input": "get_weather", "tools": tools}
    whole, events = json_of(respond(**asked)), events_of(respond(stream=True, **asked))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["response"]["output"] == whole["output"]
    deltas = "".join(event["delta"] for event in events if event["type"].endswith(".delta"))
    item = whole["output"][0]
    assert deltas == (item["arguments"] if tools else item["content"][0]["text"])


def test_our_own_codec_reads_it() -> None:
    codec = OpenAICodec()
    whole = respond()
    usage = codec.read_reply(Operation.RESPONSES, whole.chunks[0]).usage
    stream = respond(stream=True)
    watch = codec.watch(a_shaped(Operation.RESPONSES, '{"model":"m","stream":true}'))
    through = b"".join(map(watch.feed, stream.chunks))
    end = watch.end()
    assert (end.complete, through + end.tail) == (True, b"".join(stream.chunks))
    assert watch.usage == usage is not None


def test_it_fails_in_the_middle_as_asked() -> None:
    watch = OpenAICodec().watch(a_shaped(Operation.RESPONSES, '{"model":"m","stream":true}'))
    for chunk in respond(model="mock-error-in-stream", stream=True).chunks:
        watch.feed(chunk)
    assert watch.error is not None
    assert "as asked" in watch.error.message

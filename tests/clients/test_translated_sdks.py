"""The SDKs of OpenAI and Anthropic in front of a provider of the other one: what they ask arrives, what they get they
can read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from anthropic import Anthropic
from openai import BadRequestError, OpenAI
from pydantic import BaseModel

from support.gateway import DEMO_KEY, Gateway

ASK = [{"role": "user", "content": "Hello! What are you?"}]
ASK_WEATHER = [{"role": "user", "content": "Please call get_weather for Paris."}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
TOOL = {"name": "get_weather", "input_schema": SCHEMA}
OPENAI, ANTHROPIC = "behind-openai", "behind-anthropic"


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def openai(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=DEMO_KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def anthropic(gateway: Gateway) -> Iterator[Anthropic]:
    with Anthropic(base_url=gateway.url, api_key=DEMO_KEY, max_retries=0) as sdk:
        yield sdk


def chat(sdk: OpenAI, **more: Any) -> Any:
    return sdk.chat.completions.create(**{"model": ANTHROPIC, "messages": ASK, **more})


def message(sdk: Anthropic, **more: Any) -> Any:
    return sdk.messages.create(**{"model": OPENAI, "max_tokens": 1000, "messages": ASK, **more})


def test_openais_sdk_chats_with_claude(openai: OpenAI) -> None:
    answer = chat(openai)
    assert "mock provider" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    chunks = list(chat(openai, stream=True, stream_options={"include_usage": True}))
    said = "".join(it.choices[0].delta.content or "" for it in chunks if it.choices)
    assert said == answer.choices[0].message.content
    assert chunks[-1].usage.total_tokens == answer.usage.total_tokens
    assert len(chunks) > 10


def test_openais_sdk_calls_tools_of_claude(openai: OpenAI) -> None:
    choice = chat(openai, messages=ASK_WEATHER, tools=[FUNCTION]).choices[0]
    call = choice.message.tool_calls[0]
    assert (choice.finish_reason, call.function.name) == ("tool_calls", "get_weather")
    assert set(json.loads(call.function.arguments)) == {"city"}
    turns = [*ASK_WEATHER, choice.message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    assert "mock provider" in chat(openai, messages=turns, tools=[FUNCTION]).choices[0].message.content
    streamed = list(chat(openai, messages=ASK_WEATHER, tools=[FUNCTION], stream=True))
    pieces = [piece for it in streamed if it.choices for piece in it.choices[0].delta.tool_calls or ()]
    assert pieces[0].function.name == "get_weather"
    assert set(json.loads("".join(it.function.arguments or "" for it in pieces))) == {"city"}


def test_openais_sdk_gets_claudes_answer_in_a_form(openai: OpenAI) -> None:
    parsed = openai.chat.completions.parse(model=ANTHROPIC, messages=ASK, response_format=Person)  # type: ignore[arg-type]
    assert parsed.choices[0].message.parsed == Person(name="example", age=1)


def test_openais_sdk_hears_claude_think_and_gives_the_thought_back(openai: OpenAI) -> None:
    answer = chat(openai, reasoning_effort="high", max_completion_tokens=20_000)
    thought = answer.choices[0].message
    assert "I am a mock" in thought.reasoning_content
    assert thought.reasoning_details[0]["signature"]
    turns = [*ASK, thought.model_dump(exclude_none=True), *ASK]
    assert chat(openai, messages=turns, reasoning_effort="high", max_completion_tokens=20_000).choices


def test_what_claude_cannot_do_is_asked_of_the_next_and_is_refused_where_there_is_none(openai: OpenAI) -> None:
    answered = openai.chat.completions.with_raw_response.create(model=ANTHROPIC, messages=ASK, seed=1)  # type: ignore[arg-type]
    assert answered.headers["x-gateway-endpoint"] == "backup-1"
    with pytest.raises(BadRequestError) as refused:
        chat(openai, seed=1, n=2, messages=[{"role": "user", "content": 7}])
    assert refused.value.param is not None


def test_anthropics_sdk_talks_to_gpt(anthropic: Anthropic) -> None:
    answer = message(anthropic)
    assert (answer.type, answer.stop_reason) == ("message", "end_turn")
    assert "mock provider" in answer.content[0].text
    assert answer.usage.output_tokens > 0
    with anthropic.messages.stream(model=OPENAI, max_tokens=1000, messages=ASK) as stream:  # type: ignore[arg-type]
        said = "".join(stream.text_stream)
        whole = stream.get_final_message()
    assert said == answer.content[0].text == whole.content[0].text  # type: ignore[union-attr]
    assert whole.usage.output_tokens == answer.usage.output_tokens


def test_anthropics_sdk_calls_tools_of_gpt(anthropic: Anthropic) -> None:
    answer = message(anthropic, messages=ASK_WEATHER, tools=[TOOL])
    assert answer.stop_reason == "tool_use"
    call = answer.content[-1]
    assert (call.name, set(call.input)) == ("get_weather", {"city"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    turns = [*ASK_WEATHER, {"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    assert "mock provider" in message(anthropic, messages=turns, tools=[TOOL]).content[0].text
    with anthropic.messages.stream(model=OPENAI, max_tokens=1000, messages=ASK_WEATHER, tools=[TOOL]) as stream:  # type: ignore[arg-type]
        called = stream.get_final_message().content[-1]
    assert (called.name, called.input) == (call.name, call.input)  # type: ignore[union-attr]


def test_tokens_are_counted_for_a_model_whose_provider_cannot(anthropic: Anthropic) -> None:
    counted = anthropic.messages.count_tokens(model=OPENAI, messages=ASK, system="Be brief.")  # type: ignore[arg-type]
    assert 5 <= counted.input_tokens <= 200

import base64
import json
import struct

import pytest

from providers.mock.asking import HELLO, ask, chat, events_of, json_of

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}},
                "required": ["city", "unit"],
            },
        },
    },
    {"type": "function", "function": {"name": "other"}},
]


def test_an_answer_has_the_shape_of_a_completion() -> None:
    body = json_of(chat())
    assert (body["object"], body["model"], body["created"]) == ("chat.completion", "gpt-4", 1_700_000_000)
    choice = body["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert "built-in mock provider" in choice["message"]["content"]
    assert '"Hello!"' in choice["message"]["content"]
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


def test_a_stream_says_the_same() -> None:
    events = events_of(chat(stream=True))
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    assert text == json_of(chat())["choices"][0]["message"]["content"]
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert chat(stream=True).chunks[-1] == b"data: [DONE]\n\n"
    assert all("usage" not in event for event in events)


def test_a_stream_tells_its_usage_to_who_asks() -> None:
    last = events_of(chat(stream=True, stream_options={"include_usage": True}))[-1]
    assert last["choices"] == []
    assert last["usage"] == json_of(chat())["usage"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_is_kept(name: str) -> None:
    body = json_of(chat(**{name: 10}))
    assert body["usage"]["completion_tokens"] == 10
    assert body["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("value", [0, -1, "x", True, 1.5])
def test_an_odd_limit_is_refused(value: object) -> None:
    reply = chat(max_tokens=value)
    assert (reply.status, json_of(reply)["error"]["param"]) == (400, "max_tokens")


def test_several_choices_cost_several_times() -> None:
    one, three = json_of(chat()), json_of(chat(n=3))
    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert three["usage"]["completion_tokens"] == 3 * one["usage"]["completion_tokens"]
    indexes = {event["choices"][0]["index"] for event in events_of(chat(n=3, stream=True))}
    assert indexes == {0, 1, 2}


@pytest.mark.parametrize(
    ("content", "choice", "called"),
    [
        ("please use get_weather", "auto", "get_weather"),
        ("hello", "auto", None),
        ("hello", "required", "get_weather"),
        ("hello", {"type": "function", "function": {"name": "other"}}, "other"),
        ("please use get_weather", "none", None),
    ],
)
def test_a_tool_is_called_when_it_is_named_or_forced(content: str, choice: object, called: str | None) -> None:
    messages = [{"role": "user", "content": content}]
    choice_of = json_of(chat(messages=messages, tools=TOOLS, tool_choice=choice))["choices"][0]
    calls = choice_of["message"].get("tool_calls", [])
    assert [call["function"]["name"] for call in calls] == ([called] if called else [])
    assert choice_of["finish_reason"] == ("tool_calls" if called else "stop")


def test_arguments_fit_the_schema() -> None:
    call = json_of(chat(tools=TOOLS, tool_choice="required"))["choices"][0]["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"city": "example", "unit": "C"}


def test_a_tool_call_is_streamed() -> None:
    first, last = events_of(chat(tools=TOOLS, tool_choice="required", stream=True))
    assert first["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] == "get_weather"
    assert last["choices"][0]["finish_reason"] == "tool_calls"


def test_a_tool_s_result_is_answered_in_words() -> None:
    told = [*HELLO, {"role": "tool", "content": "sunny", "tool_call_id": "c"}]
    body = json_of(chat(messages=told, tools=TOOLS, tool_choice="required"))
    assert body["choices"][0]["finish_reason"] == "stop"


def embed(**members: object) -> object:
    return json_of(ask("/v1/embeddings", {"model": "e", "input": "abcd", **members}))


def test_embeddings_are_unit_vectors_and_the_same_again() -> None:
    body = embed()
    vector = body["data"][0]["embedding"]  # type: ignore[index]
    assert len(vector) == 256
    assert sum(number * number for number in vector) == pytest.approx(1.0, abs=1e-5)
    assert body == embed()
    assert body["usage"] == {"prompt_tokens": 1, "total_tokens": 1}  # type: ignore[index]


def test_embeddings_come_as_base64_and_in_the_size_that_is_asked_for() -> None:
    floats = embed(dimensions=16)["data"][0]["embedding"]  # type: ignore[index]
    packed = embed(dimensions=16, encoding_format="base64")["data"][0]["embedding"]  # type: ignore[index]
    assert list(struct.unpack("<16f", base64.b64decode(packed))) == pytest.approx(floats)


@pytest.mark.parametrize(("given", "count"), [(["a", "b"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2)])
def test_every_input_has_its_vector(given: object, count: int) -> None:
    assert [item["index"] for item in embed(input=given)["data"]] == list(range(count))  # type: ignore[index]


@pytest.mark.parametrize("given", [None, [], 7])
def test_no_input_is_refused(given: object) -> None:
    assert ask("/v1/embeddings", {"model": "e", "input": given}).status == 400

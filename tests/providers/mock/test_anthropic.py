import pytest

from providers.mock.asking import HELLO, ask, events_of, json_of, messages

TOOLS = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]


def test_an_answer_has_the_shape_of_a_message() -> None:
    body = json_of(messages())
    assert (body["type"], body["role"], body["model"], body["stop_reason"]) == (
        "message",
        "assistant",
        "claude",
        "end_turn",
    )
    assert "built-in mock provider" in body["content"][0]["text"]


def test_a_stream_says_the_same() -> None:
    events = events_of(messages(stream=True))
    assert [event["type"] for event in events[:3]] == ["message_start", "content_block_start", "ping"]
    assert [event["type"] for event in events[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    text = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert text == json_of(messages())["content"][0]["text"]
    assert events[0]["message"]["content"] == []
    assert events[0]["message"]["usage"]["output_tokens"] == 1
    assert events[-2]["usage"] == json_of(messages())["usage"]


def test_every_event_names_itself() -> None:
    reply = messages(stream=True)
    names = [chunk.decode().partition("\n")[0] for chunk in reply.chunks]
    assert names == [f"event: {event['type']}" for event in events_of(reply)]


def test_a_limit_is_required_and_kept() -> None:
    assert ask("/v1/messages", {"model": "m", "messages": HELLO}).status == 400
    body = json_of(messages(max_tokens=10))
    assert (body["usage"]["output_tokens"], body["stop_reason"]) == (10, "max_tokens")


@pytest.mark.parametrize(
    ("content", "choice", "stop"),
    [
        ("use get_weather", {"type": "auto"}, "tool_use"),
        ("hello", {"type": "auto"}, "end_turn"),
        ("hello", {"type": "any"}, "tool_use"),
        ("hello", {"type": "tool", "name": "get_weather"}, "tool_use"),
        ("use get_weather", {"type": "none"}, "end_turn"),
        ([{"type": "text", "text": "use get_weather"}], {"type": "auto"}, "tool_use"),
        ([{"type": "tool_result", "tool_use_id": "t", "content": "get_weather: sunny"}], {"type": "any"}, "end_turn"),
    ],
)
def test_a_tool_is_called_when_it_is_named_or_forced(content: object, choice: object, stop: str) -> None:
    body = json_of(messages(messages=[{"role": "user", "content": content}], tools=TOOLS, tool_choice=choice))
    assert body["stop_reason"] == stop
    if stop == "tool_use":
        assert (body["content"][0]["name"], body["content"][0]["input"]) == ("get_weather", {"city": "example"})


def test_a_tool_call_is_streamed() -> None:
    events = events_of(messages(stream=True, tools=TOOLS, tool_choice={"type": "any"}))
    block = next(event["content_block"] for event in events if event["type"] == "content_block_start")
    delta = next(event["delta"] for event in events if event["type"] == "content_block_delta")
    assert (block["type"], block["input"]) == ("tool_use", {})
    assert delta == {"type": "input_json_delta", "partial_json": '{"city":"example"}'}


def test_tokens_are_counted_as_the_message_counts_them() -> None:
    counted = json_of(ask("/v1/messages/count_tokens", {"model": "m", "messages": HELLO, "system": "Be brief."}))
    assert counted == {"input_tokens": json_of(messages(system="Be brief."))["usage"]["input_tokens"]}
    assert counted["input_tokens"] > json_of(messages())["usage"]["input_tokens"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (500, "api_error"), (529, "overloaded_error")],
)
def test_errors_have_anthropic_s_types(status: int, kind: str) -> None:
    body = json_of(messages(model=f"mock-status-{status}"))
    assert (body["type"], body["error"]["type"]) == ("error", kind)

"""The customer's story: a caller with OpenAI's SDK while OpenAI is down. Claude answers in OpenAI's words, streamed and
with tools, and OpenAI itself does again when it is well."""

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.decisions import What
from ai_gateway.policy.circuit_breaker import State
from gateway.survivors import CHAT, GOOD, GOOD_STREAM, World, a_world, claude_member, error, member, tier
from support.upstream import EVENTS, JSON, Script
from support.wire import MESSAGES_REPLY, message_events

FAILURES, OPEN_SECONDS, SUCCESSES = 5, 33.0, 2
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"x": {}}}}}
QUESTION = {"role": "user", "content": "look!"}
CALLED = {
    "id": "msg_2",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"x": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 7},
}
CLAUDE_ANSWERS = Script(200, JSON, (MESSAGES_REPLY,))
START, *DELTAS, END, STOP = message_events("Hel", "lo")
OPENED = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text"}}\n\n'
)
CLOSED = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
CLAUDE_STREAMS = Script(200, EVENTS, (START, OPENED, *DELTAS, CLOSED, END, STOP))
CLAUDE_CALLS = Script(200, JSON, (msgspec.json.encode(CALLED),))


async def a_story() -> World:
    return await a_world(tier(member("openai")), tier(claude_member("claude")))


def asked(**more: Any) -> bytes:
    return msgspec.json.encode({"model": "fast", "messages": [QUESTION], **more})


def chunks_of(body: bytes) -> list[Any]:
    *events, end = [it.removeprefix(b"data: ") for it in body.split(b"\n\n") if it.startswith(b"data: ")]
    assert end == b"[DONE]"
    return [msgspec.json.decode(it) for it in events]


async def test_claude_stands_in_for_openai_until_it_is_well_again() -> None:
    world = await a_story()
    world.providers.will("openai", error(500))
    world.providers.will("claude", CLAUDE_ANSWERS)

    for number in range(FAILURES + 3):
        answered = await world.line.post(CHAT, asked())
        assert answered.status == 200
        assert answered.headers["x-gateway-provider"] == "anthropic"
        assert answered.headers["x-gateway-attempts"] == ("2" if number < FAILURES else "1")
        reply = answered.json()
        assert reply["object"] == "chat.completion"
        assert reply["choices"][0]["message"]["role"] == "assistant"
        assert reply["choices"][0]["finish_reason"] == "stop"
    assert world.breaker("openai").state is State.OPEN
    assert world.providers.asked.count("openai") == FAILURES

    world.providers.will("openai", GOOD)
    world.line.clock.advance(OPEN_SECONDS)
    states: list[State] = []
    for _ in range(SUCCESSES):
        states.append(world.breaker("openai").state)
        answered = await world.line.post(CHAT, asked())
        assert answered.headers["x-gateway-provider"] == "openai"
    assert states[-1] is State.HALF_OPEN
    assert world.breaker("openai").state is State.CLOSED
    world.assert_quiet()


async def test_a_stream_goes_on_in_the_callers_dialect() -> None:
    world = await a_story()
    world.providers.will("openai", error(503))
    world.providers.will("claude", CLAUDE_STREAMS)

    answered = await world.line.post(CHAT, asked(stream=True, stream_options={"include_usage": True}))

    assert answered.headers["content-type"].startswith("text/event-stream")
    chunks = chunks_of(answered.body)
    assert {it["object"] for it in chunks} == {"chat.completion.chunk"}
    said = [choice["delta"].get("content") or "" for it in chunks for choice in it["choices"]]
    assert "".join(said) == "Hello"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] > 0
    world.providers.will("openai", GOOD_STREAM)
    world.assert_quiet()


async def test_tools_are_offered_called_and_answered_across_the_dialects() -> None:
    world = await a_story()
    world.providers.will("openai", error(500))
    world.providers.will("claude", CLAUDE_CALLS)

    first = (await world.line.post(CHAT, asked(tools=[TOOL]))).json()["choices"][0]
    call = first["message"]["tool_calls"][0]
    assert (first["finish_reason"], call["id"], call["function"]["name"]) == ("tool_calls", "toolu_1", "look")
    assert msgspec.json.decode(call["function"]["arguments"]) == {"x": 1}

    world.providers.will("claude", CLAUDE_ANSWERS)
    result = {"role": "tool", "tool_call_id": call["id"], "content": "seen"}
    answered = await world.line.post(CHAT, asked(tools=[TOOL], messages=[QUESTION, first["message"], result]))
    assert answered.status == 200
    sent = msgspec.json.decode(bytes(world.line.upstream.sent[-1].body))
    assert [it["role"] for it in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][2]["content"][0]["type"] == "tool_result"
    assert sent["tools"][0]["name"] == "look"
    world.assert_quiet()


@pytest.mark.parametrize("drops", [False, True])
async def test_what_the_stand_in_cannot_say_is_refused_or_left_out_and_told(drops: bool) -> None:
    world = await a_world(tier(claude_member("claude")), drop_unsupported=drops)
    world.providers.will("claude", CLAUDE_ANSWERS)

    answered = await world.line.post(CHAT, asked(seed=7))

    if drops:
        assert (answered.status, answered.headers["x-gateway-dropped"]) == (200, "seed")
        return
    assert answered.status == 400
    assert (answered.error["code"], answered.error["param"]) == ("unsupported_parameter", "seed")
    assert world.providers.asked == []
    (step,) = world.line.ended[-1].steps
    assert (step.what, step.endpoint) == (What.PASSED_OVER, "claude")
    assert "'seed' cannot be sent" in step.reason

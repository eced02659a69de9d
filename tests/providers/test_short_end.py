import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.providers.short_end import NOTICE, Bill, short_end
from support.builders import a_call, a_head

FIRST = b'data: {"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","choices":[{"index":0}]}\n\n'
BILL = Bill(input_tokens=7, output_tokens=10, cost_usd="0.000123")
CHAT = a_call()
MESSAGES = a_call(a_head(dialect=Dialect.ANTHROPIC))


def test_a_chat_stream_ends_with_length_for_each_choice() -> None:
    tail = short_end(a_call(choices=2), FIRST, FIRST, BILL)
    chunk, done = tail.split(b"\n\n")[:2]
    members = msgspec.json.decode(chunk.removeprefix(b"data: "))
    assert (members["id"], members["object"], members["created"], members["model"]) == (
        "c1",
        "chat.completion.chunk",
        5,
        "m",
    )
    assert [(it["index"], it["finish_reason"]) for it in members["choices"]] == [(0, "length"), (1, "length")]
    assert members["gateway"]["notice"]["message"] == NOTICE
    assert done == b"data: [DONE]"


def test_who_asked_for_usage_has_it_with_its_cost_before_the_end() -> None:
    tail = short_end(a_call(wants_usage=True), FIRST, FIRST, BILL)
    _, chunk, done = tail.split(b"\n\n")[:3]
    members = msgspec.json.decode(chunk.removeprefix(b"data: "))
    assert (members["id"], members["choices"]) == ("c1", [])
    assert members["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 10,
        "total_tokens": 17,
        "gateway": {"cost_usd": "0.000123"},
    }
    assert done == b"data: [DONE]"


def test_an_anthropic_stream_closes_its_open_block_and_stops_at_max_tokens() -> None:
    last = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{}}\n\n'
    events = short_end(MESSAGES, b"", last, BILL).split(b"\n\n")[:-1]
    members = [msgspec.json.decode(it.partition(b"data: ")[2]) for it in events]
    assert [it["type"] for it in members] == ["content_block_stop", "message_delta", "message_stop"]
    assert members[0]["index"] == 1
    assert members[1]["delta"]["stop_reason"] == "max_tokens"
    assert members[1]["usage"] == {"output_tokens": 10, "gateway": {"cost_usd": "0.000123"}}
    assert [it.split(b"\n")[0] for it in events] == [b"event: " + it["type"].encode() for it in members]


def test_a_stream_that_said_nothing_of_itself_still_ends() -> None:
    assert short_end(CHAT, b": ping\n\n", b"", BILL).endswith(b"data: [DONE]\n\n")
    assert short_end(MESSAGES, b"", b"", BILL).startswith(b"event: message_delta")

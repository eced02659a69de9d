import json

import msgspec
import pytest

from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.domain.conversation import Text, ToolCall
from ai_gateway.domain.reply import Began, Choice, PartBegan, PartKind, Reply, Stop
from ai_gateway.providers.translation.responses_front import ResponsesFront
from providers.calls import a_shaped
from providers.translation.responses_examples import events_in, raw

FRONT = ResponsesFront()


def test_it_reads_requests() -> None:
    assert FRONT.name == "responses"
    assert FRONT.read_request(raw({"model": "m", "input": "hi", "max_output_tokens": 16})).max_output == 16


@pytest.mark.parametrize("stop", list(Stop))
def test_a_reply_is_a_response_whatever_stopped_it(stop: Stop) -> None:
    choice = Choice(parts=(Text("a"), ToolCall("c", "f", "{}")), stop=stop, logprobs={"content": [{"token": "a"}]})
    reply = Reply(id="msg_1", model="m", created=7, choices=(choice,), usage=Usage(3, 4), service_tier="default")
    said = msgspec.json.decode(FRONT.write_reply(reply))
    assert (said["id"], said["object"], said["created_at"]) == ("resp_msg_1", "response", 7)
    assert said["status"] in ("completed", "incomplete")
    assert said["output"][0]["content"][0]["logprobs"] == [{"token": "a"}]
    assert said["usage"]["total_tokens"] == 7


def test_nothing_is_said_of_an_answer_without_a_choice() -> None:
    assert msgspec.json.decode(FRONT.write_reply(Reply(id="1")))["output"] == []


def test_a_stream_knows_the_namespaces_of_its_request() -> None:
    tools = [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}]
    encoder = FRONT.encoder(a_shaped(Operation.RESPONSES, json.dumps({"model": "m", "tools": tools})))
    encoder.write(Began("1", "m"))
    (added,) = events_in(encoder.write(PartBegan(0, 0, PartKind.TOOL_CALL, "c", "n__f")))
    assert (added["item"]["name"], added["item"]["namespace"]) == ("f", "n")

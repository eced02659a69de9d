"""Ids, pieces of calls, and media."""

import msgspec
import pytest

from ai_gateway.domain.conversation import Audio, Document, Image, Opaque, Source, ToolCall
from ai_gateway.domain.reply import Event, Reply, Stop
from ai_gateway.providers.translation.google_choice import ChoiceReading, call_id
from ai_gateway.providers.translation.google_replies import read_google_reply
from ai_gateway.providers.translation.google_wire import STOPS, Candidate
from tests.providers.translation.google_streams import folded


def a_reply(*parts: str, reason: str = "STOP") -> Reply:
    body = (
        f'{{"candidates":[{{"content":{{"parts":[{",".join(parts)}]}},"finishReason":"{reason}"}}],"responseId":"r"}}'
    )
    reply = read_google_reply(body.encode())
    assert isinstance(reply, Reply)
    return reply


def test_calls_without_ids_get_their_own_and_always_the_same() -> None:
    call = '{"functionCall":{"name":"f","args":{"a":1}}}'
    first, second = a_reply(call, call).choices[0].parts
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert first.id != second.id
    assert a_reply(call, call).choices[0].parts == (first, second)
    assert first.id == call_id("r", 0, 0, "f", '{"a":1}')
    assert len(first.id) <= 40


def test_an_id_that_was_given_is_kept() -> None:
    (call,) = a_reply('{"functionCall":{"name":"f","id":"abc"}}').choices[0].parts
    assert call == ToolCall("abc", "f", "{}")


def test_arguments_are_the_models_text_without_the_layout() -> None:
    (call,) = (
        a_reply('{"functionCall":{"name":"f","id":"x","args":{\n  "b": 1.50,\n "a": "ü \\u00e9"}}}').choices[0].parts
    )
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"b":1.50,"a":"ü \\u00e9"}'


def pieces(*calls: str) -> bytes:
    return b"".join(
        f'data: {{"responseId":"r","candidates":[{{"content":{{"parts":[{{"functionCall":{it}}}]}}}}]}}\n\n'.encode()
        for it in calls
    )


END = b'data: {"candidates":[{"finishReason":"STOP"}]}\r\n\r\n'


def test_arguments_that_come_in_pieces_are_one_call() -> None:
    reply = folded(
        pieces(
            '{"name":"f","id":"1","willContinue":true}',
            '{"partialArgs":[{"jsonPath":"$.place","stringValue":"Par","willContinue":true}],"willContinue":true}',
            '{"partialArgs":[{"jsonPath":"$.place","stringValue":"is"}],"willContinue":true}',
            '{"partialArgs":[{"jsonPath":"$.days[1]","numberValue":3}],"willContinue":true}',
            "{}",
            '{"name":"g","id":"2","args":{"a":2}}',
        )
        + END
    )
    assert isinstance(reply, Reply)
    assert reply.choices[0].parts == (
        ToolCall("1", "f", '{"place":"Paris","days":[null,3]}'),
        ToolCall("2", "g", '{"a":2}'),
    )


def test_a_call_in_pieces_that_has_no_end_ends_with_what_follows() -> None:
    started = '{"name":"f","id":"1","willContinue":true}'
    reply = folded(pieces(started, '{"name":"g","id":"2"}', started) + END)
    assert isinstance(reply, Reply)
    assert [it.name for it in reply.choices[0].parts if isinstance(it, ToolCall)] == ["f", "g", "f"]


@pytest.mark.parametrize(
    ("media_type", "part"),
    [
        ("image/png", Image(Source(data="AA", media_type="image/png"))),
        ("audio/wav", Audio(Source(data="AA", media_type="audio/wav"))),
        ("video/mp4", Document(Source(data="AA", media_type="video/mp4"))),
    ],
)
def test_media_are_parts(media_type: str, part: object) -> None:
    reply = a_reply(f'{{"inlineData":{{"mimeType":"{media_type}","data":"AA"}}}}')
    assert reply.choices[0].parts == (part,)


def test_what_only_google_knows_is_handed_on_whole() -> None:
    whole = {"executableCode": {"code": "1", "language": "PYTHON"}, "thoughtSignature": "s"}
    assert a_reply(msgspec.json.encode(whole).decode()).choices[0].parts == (Opaque("google", "executableCode", whole),)


@pytest.mark.parametrize(("reason", "stop"), STOPS.items())
def test_every_reason_is_one_of_ours(reason: str, stop: Stop) -> None:
    assert a_reply('{"text":"a"}', reason=reason).choices[0].stop is stop


def test_a_reason_that_nobody_knows_is_unknown_and_told() -> None:
    choice = a_reply('{"text":"a"}', reason="BRAND_NEW").choices[0]
    assert (choice.stop, choice.others) == (Stop.UNKNOWN, {"finishReason": "BRAND_NEW"})


def test_calls_are_why_it_stopped_unless_something_went_wrong() -> None:
    call = '{"functionCall":{"name":"f"}}'
    assert a_reply(call).choices[0].stop is Stop.TOOL_CALLS
    assert a_reply(call, reason="MALFORMED_FUNCTION_CALL").choices[0].stop is Stop.MALFORMED_CALL


def test_an_answer_without_a_reason_has_not_stopped() -> None:
    reading = ChoiceReading(0, "r")
    events: list[Event] = []
    reading.read(Candidate(), events)
    reading.finish(events)
    assert (events, reading.has_stopped) == ([], False)

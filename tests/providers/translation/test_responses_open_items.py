import json

from ai_gateway.domain.conversation import Maker, ToolKind
from ai_gateway.domain.reply import PartBegan, PartKind, Signed
from ai_gateway.providers.translation.responses_open_items import OpenCall, OpenMessage, OpenThought, Place
from ai_gateway.providers.translation.responses_output import Names


def delta(before: bytes) -> dict[str, object]:
    event: dict[str, object] = json.loads(before.split(b"data: ")[1] + b'"x"}')
    return event


def test_the_bytes_before_a_piece_say_where_it_belongs() -> None:
    message = OpenMessage(Place(2, 'msg_"1'))
    message.begin(PartKind.TEXT)
    message.begin(PartKind.REFUSAL)
    assert delta(message.take(0, "a")) == {
        "type": "response.output_text.delta",
        "item_id": 'msg_"1',
        "output_index": 2,
        "content_index": 0,
        "logprobs": [],
        "delta": "x",
    }
    assert delta(message.take(1, "b"))["type"] == "response.refusal.delta"


def test_a_message_is_done_when_all_of_it_has_ended() -> None:
    message = OpenMessage(Place(0, "msg"))
    message.begin(PartKind.TEXT)
    assert not message.is_done
    assert message.end(0)
    assert not message.end(0)
    assert message.is_done
    assert message.added()["content"] == []


def test_a_thought_says_whose_it_is_before_it_is_signed() -> None:
    thought = OpenThought(Place(0, "rs"), PartBegan(0, 0, PartKind.THINKING, maker=Maker.GOOGLE, thought_id="own"))
    assert thought.added() == {
        "id": "own",
        "type": "reasoning",
        "summary": [],
        "encrypted_content": "gateway:google:",
    }
    assert not thought.has_summary
    thought.sign(Signed(0, 0, "a"))
    thought.sign(Signed(0, 0, "b"))
    assert thought.done()["encrypted_content"] == "gateway:google:ab"


def test_a_call_has_its_arguments_in_the_field_of_its_kind() -> None:
    call = OpenCall(Place(0, "ctc"), PartBegan(0, 0, PartKind.TOOL_CALL, "c", "f", ToolKind.CUSTOM), Names())
    call.take("x")
    assert call.said() == ("response.custom_tool_call_input.done", {"input": "x"})
    assert (call.added()["input"], call.done()["input"], OpenCall.prefix(ToolKind.FUNCTION)) == ("", "x", "fc")

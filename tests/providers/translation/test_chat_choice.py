"""One choice, put together from what its deltas add; most of it is told in test_chat_decoder.py."""

from ai_gateway.domain.conversation import Audio, Maker, Opaque, Source
from ai_gateway.domain.reply import Event, PartBegan, PartKind, PartWhole, Piece, Stop, Stopped
from ai_gateway.providers.translation.chat_choice import ChoiceReading
from ai_gateway.providers.translation.chat_chunks import Delta


def told(*deltas: Delta) -> list[Event]:
    events: list[Event] = []
    choice = ChoiceReading(0, Maker.UNKNOWN, "r1")
    for delta in deltas:
        choice.take(delta, events)
    choice.close(events)
    return events


def test_parts_are_numbered_as_they_begin() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    assert told(Delta(content="a"), Delta(reasoning="hm"), Delta(content="b", tool_calls=[call])) == [
        PartBegan(0, 0, PartKind.TEXT),
        Piece(0, 0, "a"),
        PartBegan(0, 1, PartKind.THINKING, maker=Maker.UNKNOWN),
        Piece(0, 1, "hm"),
        Piece(0, 0, "b"),
        PartBegan(0, 2, PartKind.TOOL_CALL, "c1", "f", maker=Maker.GOOGLE),
        Piece(0, 2, "{}"),
        Stopped(0, Stop.TOOL_CALLS),
    ]


def test_empty_text_begins_nothing() -> None:
    assert told(Delta(content=""), Delta(content=None), Delta(refusal="")) == []


def test_a_call_whose_name_never_came_is_told_all_the_same() -> None:
    assert told(Delta(tool_calls=[{"index": 0, "id": "c1"}]))[0] == PartBegan(
        0, 0, PartKind.TOOL_CALL, "c1", "", maker=Maker.GOOGLE
    )


def test_a_spoken_answer_is_one_part_at_the_end() -> None:
    pieces = [{"id": "a1", "transcript": "a"}, {"data": "AA"}, {"data": "=="}, {"transcript": "h"}, {"expires_at": 5}]
    spoken = {"id": "a1", "transcript": "ah", "data": "AA==", "expires_at": 5}
    assert told(*(Delta(audio=piece) for piece in pieces)) == [PartWhole(0, 0, Opaque("chat", "audio", spoken))]
    assert told(Delta(audio={"data": "AA==", "transcript": "ah"})) == [
        PartWhole(0, 0, Audio(Source(data="AA=="), "ah"))
    ]
    assert told(Delta(audio={"data": "", "id": "", "transcript": "", "expires_at": 0})) == []

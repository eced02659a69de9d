import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Operation, ProviderError
from ai_gateway.domain.conversation import Conversation, Maker, Role, Text, Turn
from ai_gateway.domain.reply import Event, Reply
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.responses_back import ResponsesBack
from ai_gateway.providers.translation.responses_front import ResponsesFront
from providers.calls import a_shaped
from providers.translation.responses_examples import conversations, pieces, raw, replies
from providers.translation.unfolding import unfold

BACK, FRONT = ResponsesBack(), ResponsesFront()


def read(stream: bytes, cuts: list[int]) -> list[Event]:
    decoder = BACK.decoder()
    return [event for piece in pieces(stream, cuts) for event in decoder.feed(piece)] + decoder.end()


def streamed(reply: Reply) -> bytes:
    encoder = FRONT.encoder(a_shaped(Operation.RESPONSES))
    return b"".join(map(encoder.write, unfold(reply))) + encoder.end()


@given(conversations())
def test_what_it_writes_the_front_reads_as_it_was(asked: Conversation) -> None:
    losses = Losses("OpenAI", drops=False)
    draft = BACK.write_request(asked, "m", losses)
    assert (draft.path, losses.dropped) == ("/responses", ())
    assert FRONT.read_request(raw(json.loads(json.dumps(draft.body)))) == asked


@given(replies())
def test_it_reads_what_the_front_wrote(reply: Reply) -> None:
    assert BACK.read_reply(FRONT.write_reply(reply)) == reply


@given(replies(), st.lists(st.integers(0, 5000), max_size=20))
def test_it_reads_the_stream_that_the_front_wrote_however_it_is_cut(reply: Reply, cuts: list[int]) -> None:
    stream = streamed(reply)
    assert fold(read(stream, cuts)) == reply
    assert read(stream, cuts) == read(stream, [])


@given(replies(), st.integers(1, 5000))
def test_a_cut_stream_adds_up_to_nothing(reply: Reply, cut: int) -> None:
    stream = streamed(reply)
    end = stream.rindex(b"event: ")
    assert fold(read(stream[: min(cut, end)], [])) is None


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_no_bytes_are_too_much_for_it(hostile: bytes, cuts: list[int]) -> None:
    read(hostile, cuts)
    read(b"data: " + hostile + b"\n\n", cuts)
    BACK.read_reply(hostile)


def test_another_makers_thoughts_and_an_error_are_its_own_business() -> None:
    error = ResponsesBack(Maker.XAI).read_error(400, {}, b'{"error":{"message":"m","code":"c"}}')
    assert error == ProviderError(status=400, message="m", code="c")


def test_instructions_are_the_first_turn_and_only_a_plain_one() -> None:
    hi = Turn(Role.USER, (Text("hi"),))
    system, two = Turn(Role.SYSTEM, (Text("s"),)), Turn(Role.SYSTEM, (Text("a"), Text("b")))
    bodies = [
        BACK.write_request(Conversation(turns=turns), "m", Losses("x", drops=False)).body
        for turns in ((system, hi), (two, hi))
    ]
    assert bodies[0]["instructions"] == "s"
    assert len(bodies[0]["input"]) == 1  # type: ignore[arg-type]
    assert "instructions" not in bodies[1]


@pytest.mark.parametrize(("model", "asks"), [("gpt-5.1", True), ("o4-mini", True), ("gpt-4o", False)])
def test_thoughts_are_asked_for_sealed_where_the_model_has_some_and_nothing_is_kept_there(
    model: str, *, asks: bool
) -> None:
    body = BACK.write_request(Conversation(turns=()), model, Losses("x", drops=False)).body
    assert (body.get("include") == ["reasoning.encrypted_content"]) is asks
    assert body["store"] is False

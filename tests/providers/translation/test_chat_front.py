"""What callers of the chat dialect say and read, held against a provider of the same dialect that knows all of it."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.reply import Ended, Event, Reply
from ai_gateway.providers.translation.chat_back import ChatBack
from ai_gateway.providers.translation.chat_front import ChatFront
from ai_gateway.providers.translation.chat_ways import PERMISSIVE
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.losses import Losses
from tests.providers.calls import a_shaped
from tests.providers.translation.chat_made import conversations, replies
from tests.providers.translation.replies_told import told

FRONT = ChatFront()
BACK = ChatBack(PERMISSIVE)
STREAMED = '{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}'


def read(body: bytes) -> Conversation:
    return FRONT.read_request(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))


@given(conversations())
def test_what_can_be_said_is_read_as_it_was_meant(asked: Conversation) -> None:
    losses = Losses("x", drops=False)
    assert read(msgspec.json.encode(BACK.write_request(asked, "m", losses).body)) == asked
    assert losses.dropped == ()


@given(replies())
def test_what_a_caller_reads_is_what_was_answered(reply: Reply) -> None:
    assert BACK.read_reply(FRONT.write_reply(reply)) == reply


@given(replies(), st.randoms(use_true_random=False))
def test_what_a_caller_reads_of_a_stream_is_what_was_answered(reply: Reply, rng: Random) -> None:
    encoder, decoder = FRONT.encoder(a_shaped(body=STREAMED)), BACK.decoder()
    written = b"".join(encoder.write(event) for event in told(reply, rng)) + encoder.end()
    assert written.endswith(b"data: [DONE]\n\n")
    events: list[Event] = []
    while written:
        length = rng.randint(1, 60)
        events += decoder.feed(written[:length])
        written = written[length:]
    assert events[-1] == Ended()
    assert decoder.end() == []
    assert in_order(fold(events)) == in_order(reply)


def in_order(reply: object) -> object:
    """Parts begin in another order where a stream mixes them: calls may be before the text."""
    assert isinstance(reply, Reply)
    ordered = [
        msgspec.structs.replace(choice, parts=tuple(sorted(choice.parts, key=lambda part: type(part).__name__)))
        for choice in reply.choices
    ]
    return msgspec.structs.replace(reply, choices=tuple(ordered))


@given(st.dictionaries(st.sampled_from(["messages", "tools", "stop", "n", "reasoning", "user"]), st.binary(max_size=9)))
def test_no_body_is_more_than_refused(fields: dict[str, bytes]) -> None:
    with pytest.raises(InvalidRequest):
        FRONT.read_request({name: msgspec.Raw(value) for name, value in fields.items()})


def test_it_has_the_name_of_its_dialect() -> None:
    assert FRONT.name == BACK.name == "chat"

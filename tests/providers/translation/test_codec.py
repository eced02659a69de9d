"""A front and a back behave as one codec."""

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation, Usage
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers import Reading
from ai_gateway.providers.translation.chat_front import ChatFront
from ai_gateway.providers.translation.codec import TranslatingCodec
from tests.providers.calls import a_shaped
from tests.providers.translation.scripted import EchoBack, EchoFront

CHAT_FOR_ECHO = TranslatingCodec(Dialect.OPENAI, Operation.CHAT, ChatFront(), EchoBack(), "the echo")
CODEC = TranslatingCodec(Dialect.OPENAI, Operation.CHAT, EchoFront(), EchoBack(), "the echo")


def test_a_request_is_written_for_the_provider() -> None:
    sent = CODEC.encode(a_shaped(body='{"model":"m","messages":"hello"}'), "big")
    assert (sent.method, sent.path, sent.body) == ("POST", "/models/big", b'{"said":"hello"}')
    assert ("x-version", "1") in sent.headers
    assert sent.dropped == ()


def test_what_the_provider_cannot_say_is_refused_or_dropped_as_the_route_says() -> None:
    shaped = a_shaped(body='{"model":"m","messages":"hello","seed":1}')
    with pytest.raises(InvalidRequest) as refused:
        CODEC.encode(shaped, "big")
    assert refused.value.param == "seed"
    assert CODEC.encode(msgspec.structs.replace(shaped, drop_unsupported=True), "big").dropped == ("seed",)


def test_an_answer_is_written_for_the_caller() -> None:
    assert CODEC.read_reply(Operation.CHAT, b"r7") == Reading(usage=Usage(1, 2), body=b"reply r7")
    assert CODEC.read_reply(Operation.CHAT, b"").error is not None
    assert CODEC.read_error(503, {}, b"busy").status == 503


def test_what_a_provider_leaves_out_is_filled_in_from_the_call() -> None:
    shaped = a_shaped(body='{"model":"asked","messages":"hi"}')
    said = msgspec.json.decode(CHAT_FOR_ECHO.read_reply_to(shaped, b"r7").body or b"")
    assert (said["id"], said["model"], said["created"]) == ("r7", "asked", 0)
    assert CHAT_FOR_ECHO.read_reply_to(shaped, b"").error is not None


def test_it_says_what_it_is() -> None:
    assert (CODEC.translates, CODEC.dialect, CODEC.operations) == (True, Dialect.OPENAI, frozenset({Operation.CHAT}))
    assert CODEC.watch(a_shaped(body='{"model":"m","messages":"hello","stream":true}')).started is False

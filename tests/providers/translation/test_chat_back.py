"""A provider of the chat dialect: what it is sent and how its answers are read are tested file by file; here is that
they belong together."""

from ai_gateway.domain.conversation import Conversation, Maker, Role, Text, Thinking, Turn
from ai_gateway.domain.reply import Ended, Reply
from ai_gateway.providers.translation import Draft
from ai_gateway.providers.translation.chat_back import ChatBack
from ai_gateway.providers.translation.chat_ways import ChatWays
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.losses import Losses

ASKED = Conversation(turns=(Turn(Role.USER, (Text("hi"),)),))
BODY = b'{"id":"r1","choices":[{"message":{"reasoning":"hm","content":"a"},"finish_reason":"stop"}]}'
STREAM = b"""data: {"id":"r1","choices":[{"delta":{"reasoning":"hm"}}]}

data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"""


def test_a_request_goes_where_the_provider_has_its_chat() -> None:
    draft = ChatBack(ChatWays(path="/v2/chat")).write_request(ASKED, "m", Losses("x", drops=False))
    assert draft == Draft("/v2/chat", {"model": "m", "messages": [{"role": "user", "content": "hi"}]})
    assert ChatBack().write_request(ASKED, "m", Losses("x", drops=False)).path == "/chat/completions"


def test_thoughts_without_a_form_are_the_providers() -> None:
    back = ChatBack(ChatWays(maker=Maker.XAI))
    reply = back.read_reply(BODY)
    assert isinstance(reply, Reply)
    assert reply.choices[0].parts == (Thinking("hm", maker=Maker.XAI), Text("a"))
    decoder = back.decoder()
    events = decoder.feed(STREAM) + decoder.end()
    assert events[-1] == Ended()
    assert fold(events) == reply


def test_errors_are_read_as_everywhere() -> None:
    error = ChatBack().read_error(429, {"retry-after": "3"}, b'{"error":{"message":"slow down","code":"x"}}')
    assert (error.status, error.message, error.code, error.retry_after_seconds) == (429, "slow down", "x", 3.0)

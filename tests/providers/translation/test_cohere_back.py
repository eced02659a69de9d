import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.conversation import Conversation, Maker, Role, Text, Thinking, ToolCall, Turn
from ai_gateway.domain.reply import Ended, Reply
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.translation.cohere_back import CohereBack
from ai_gateway.providers.translation.losses import Losses
from providers.calls import a_shaped
from providers.translation.cohere_wire import a_cited_text, streamed, unary
from providers.translation.partitions import decoded

BACK = CohereBack()


def test_it_asks_and_understands() -> None:
    asked = Conversation(turns=(Turn(Role.USER, (Text("hi"),)),))
    assert BACK.write_request(asked, "m", Losses("it", drops=False)).body["model"] == "m"
    assert isinstance(BACK.read_reply(unary((Text("x"),), "COMPLETE", None)), Reply)
    assert decoded(BACK.decoder(), streamed((Text("x"),), "COMPLETE", None))[-1] == Ended()
    assert BACK.read_error(429, {}, b'{"message":"slow down"}').message == "slow down"
    assert BACK.name == "cohere"


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        (Operation.CHAT, '{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}', b"data: [DONE]"),
        (
            Operation.MESSAGES,
            '{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
            b"message_stop",
        ),
    ],
)
def test_callers_of_either_dialect_get_its_answers(operation: Operation, body: str, expected: bytes) -> None:
    codec = KINDS[ProviderType.COHERE].translated[operation]
    shaped = a_shaped(operation, body)
    assert codec.encode(shaped, "command-a-03-2025").path == "/v2/chat"
    watch = codec.watch(shaped)
    said = (Thinking("hm", maker=Maker.COHERE), a_cited_text(1, "hello", ["doc:0"]), ToolCall("c1", "f", "{}"))
    written = watch.feed(streamed(said, "TOOL_CALL", None))
    end = watch.end()
    assert (watch.finished, watch.error, end.complete) == (True, None, True)
    assert b'"he"' in written
    assert b'"hm"' in written or (b'"h"' in written and b'"m"' in written)
    assert expected in end.tail
    assert b"hello" in (codec.read_reply(operation, unary(said, "TOOL_CALL", None)).body or b"")

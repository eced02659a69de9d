import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.conversation import Conversation, Role, Text, Turn
from ai_gateway.domain.reply import Reply
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.translation.bedrock_back import BedrockBack
from ai_gateway.providers.translation.losses import Losses
from providers.calls import a_shaped
from providers.translation.aws_wire import streamed, unary
from providers.translation.partitions import decoded
from providers.translation.test_bedrock_stream import HELLO

BACK = BedrockBack()


def test_it_asks_and_understands() -> None:
    asked = Conversation(turns=(Turn(Role.USER, (Text("hi"),)),))
    assert BACK.write_request(asked, "m", Losses("it", drops=False)).path == "/model/m/converse"
    assert isinstance(BACK.read_reply(unary(*HELLO)), Reply)
    assert decoded(BACK.decoder(), *streamed(*HELLO))
    assert BACK.read_error(429, {"x-amzn-errortype": "ThrottlingException"}, b"{}").type == "ThrottlingException"
    assert BACK.name == "bedrock"


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
    codec = KINDS[ProviderType.BEDROCK].translated[operation]
    shaped = a_shaped(operation, body)
    sent = codec.encode(shaped, "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert sent.path.endswith("/converse-stream")
    assert b'"messages":[{"role":"user","content":[{"text":"hi"}]}]' in bytes(sent.body)  # type: ignore[arg-type]
    watch = codec.watch(shaped)
    written = b"".join(watch.feed(frame) for frame in streamed(*HELLO))
    end = watch.end()
    assert (watch.finished, watch.error, end.complete) == (True, None, True)
    assert b'"he"' in written
    assert expected in end.tail
    assert b"hello" in (codec.read_reply(operation, unary(*HELLO)).body or b"")

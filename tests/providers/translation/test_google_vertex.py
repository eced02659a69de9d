"""The right back for each model, and for each answer the one that understands it."""

from ai_gateway.domain.conversation import Conversation, Role, Text, Turn
from ai_gateway.domain.reply import Ended, Event, Piece, Reply
from ai_gateway.providers.translation import EventDecoder
from ai_gateway.providers.translation.google_back import VertexGeminiBack
from ai_gateway.providers.translation.google_vertex import VertexBack, has_type
from ai_gateway.providers.translation.losses import Losses
from tests.providers.translation.google_streams import Answer
from tests.providers.translation.scripted import EchoBack

HELLO = Conversation(turns=(Turn(Role.USER, (Text("Hello"),)),))
GEMINI = Answer((({"text": "Hello"},),))


class AnyDecoder(EventDecoder):
    """Counts bytes."""

    def __init__(self) -> None:
        self._fed = 0

    def feed(self, chunk: bytes) -> list[Event]:
        self._fed += len(chunk)
        return []

    def end(self) -> list[Event]:
        return [Piece(0, 0, str(self._fed)), Ended()]


class Claude(EchoBack):
    def decoder(self) -> EventDecoder:
        return AnyDecoder()


BOTH = VertexBack(VertexGeminiBack(), Claude())
ALONE = VertexBack(VertexGeminiBack())


def test_a_models_name_says_who_speaks_to_it() -> None:
    losses = Losses("Vertex AI", drops=False)
    assert BOTH.write_request(HELLO, "claude-sonnet-4-5@20250929", losses).body == {"said": "Hello"}
    assert "contents" in BOTH.write_request(HELLO, "gemini-2.5-pro", losses).body
    assert "contents" in ALONE.write_request(HELLO, "claude-sonnet-4-5", losses).body


def test_an_answer_says_itself_who_gave_it() -> None:
    claude = BOTH.read_reply(b'{"id":"msg_1","type":"message"}')
    assert isinstance(claude, Reply)
    assert claude.id == '{"id":"msg_1","type":"message"}'
    gemini = BOTH.read_reply(GEMINI.whole())
    assert isinstance(gemini, Reply)
    assert gemini.choices[0].parts == (Text("Hello"),)
    assert not has_type(b'{"candidates":[{"content":{"parts":[{"functionCall":{"args":{"type":"message"}}}]}}]}')


def events(back: VertexBack, stream: bytes, size: int) -> list[Event]:
    decoder = back.decoder()
    read = [event for at in range(0, len(stream), size) for event in decoder.feed(stream[at : at + size])]
    return read + decoder.end()


def test_a_stream_says_it_by_its_first_event_however_it_comes() -> None:
    claude = b': hi\n\nevent: message_start\ndata: {"type":"message_start"}\n\nevent: ping\ndata: {"type": "ping"}\n\n'
    for size in (1, 7, 1000):
        assert events(BOTH, claude, size) == [Piece(0, 0, str(len(claude))), Ended()]
        assert events(BOTH, GEMINI.stream(), size) == events(ALONE, GEMINI.stream(), size)


def test_a_body_that_never_was_a_stream_is_read_at_its_end() -> None:
    error = b'[{"error":{"code":429,"message":"Resource exhausted."}}]'
    assert events(BOTH, error, 5) == events(ALONE, error, 5)
    assert events(BOTH, b'{"type":"error","error":{}}', 5) == [Piece(0, 0, "27"), Ended()]
    assert events(BOTH, b"", 5) == []


def test_refusals_are_read_as_they_come() -> None:
    assert BOTH.read_error(403, {}, b'[{"error":{"status":"PERMISSION_DENIED"}}]').type == "PERMISSION_DENIED"
    assert BOTH.name == "google"

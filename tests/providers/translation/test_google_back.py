import pytest

from ai_gateway.domain.conversation import Conversation, Role, Text, Turn
from ai_gateway.domain.reply import Reply
from ai_gateway.providers.translation.google_back import GeminiBack, VertexGeminiBack, model_path, vertex_path
from ai_gateway.providers.translation.losses import Losses
from tests.providers.translation.google_streams import Answer

HELLO = Conversation(turns=(Turn(Role.USER, (Text("Hello"),)),), stream=True, service_tier="flex")
LOSSES = Losses("Gemini", drops=False)


def test_both_speak_the_same_at_another_place() -> None:
    gemini = GeminiBack().write_request(HELLO, "gemini-2.5-flash", LOSSES)
    vertex = VertexGeminiBack().write_request(HELLO, "gemini-2.5-flash", LOSSES)
    assert gemini.path == "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert vertex.path == "/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert gemini.body == {**vertex.body, "serviceTier": "flex"}
    assert (gemini.headers, vertex.headers) == ((), (("x-vertex-ai-llm-shared-request-type", "flex"),))


@pytest.mark.parametrize(
    ("model", "gemini", "vertex"),
    [
        ("gemini-2.5-pro", "/models/gemini-2.5-pro", "/publishers/google/models/gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "/models/gemini-2.5-pro", "/publishers/google/models/gemini-2.5-pro"),
        ("tunedModels/mine", "/tunedModels/mine", "/publishers/google/models/tunedModels%2Fmine"),
        ("publishers/google/models/g", "/models/publishers%2Fgoogle%2Fmodels%2Fg", "/publishers/google/models/g"),
        ("endpoints/12/..", "/models/endpoints%2F12%2F..", "/endpoints/12%2F.."),
    ],
)
def test_where_a_model_is(model: str, gemini: str, vertex: str) -> None:
    assert (model_path(model), vertex_path(model)) == (gemini, vertex)


def test_answers_are_read_alike() -> None:
    answer = Answer((({"text": "Hello"},),))
    for back in (GeminiBack(), VertexGeminiBack()):
        assert back.name == "google"
        assert isinstance(back.read_reply(answer.whole()), Reply)
        decoder = back.decoder()
        assert decoder.feed(answer.stream())
        assert decoder.end()
        assert (
            back.read_error(400, {}, b'{"error":{"message":"no","status":"INVALID_ARGUMENT"}}').type
            == "INVALID_ARGUMENT"
        )

"""Rules on embeddings, images and counts: names and members; of texts there is hardly one."""

import json
from typing import Any

import pytest

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.plain_reply import shape_count, shape_embeddings, shape_images
from providers.shaping.pipes import forbids, literal

VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, -2.0]}],
    "model": "ada",
    "id": "e1",
}
REDACTS = AnswerRules(pipes=(literal("secret", "[redacted]"),))


def embeddings(answer: AnswerRules) -> dict[str, Any]:
    return json.loads(shape_embeddings(json.dumps(VECTORS).encode(), answer))


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        (AnswerRules(), {}),
        (AnswerRules(names=(lambda it: it.upper(),)), {"model": "ADA", "id": "E1"}),
        (AnswerRules(hidden_as="ours"), {"model": "ours", "id": ...}),
        (AnswerRules(metadata={"by": "us"}), {"metadata": {"by": "us"}}),
        (AnswerRules(put=((("a", "b"), 1),)), {"a": {"b": 1}}),
        (AnswerRules(drop=(("model",), ("nothing",))), {"model": ...}),
        (AnswerRules(drop=(("data", "object"),)), {"data": [{"index": 0, "embedding": [0.1, -2.0]}]}),
        (AnswerRules(put=((("data", "object"), "v"),)), {"data": [VECTORS["data"][0] | {"object": "v"}]}),
        (AnswerRules(appended="x"), {}),
    ],
)
def test_members_of_embeddings_are_changed(answer: AnswerRules, want: dict[str, Any]) -> None:
    assert embeddings(answer) == {name: value for name, value in (VECTORS | want).items() if value is not ...}


def test_vectors_keep_their_bytes() -> None:
    body = b'{"data":[{"embedding":"c2VjcmV0", "index" : 0}],"model":"ada","usage":{"total_tokens":5}}'
    got = shape_embeddings(body, AnswerRules(pipes=(literal("c", "x"),), metadata={"by": "us"}))
    assert b'[{"embedding":"c2VjcmV0", "index" : 0}]' in got


def test_the_words_of_a_picture_s_prompt_are_piped_and_nothing_else_of_it() -> None:
    body = b'{"created":1,"data":[{"revised_prompt":"a secret","url":"https://a.b/secret"},5,{"b64_json":"secret"}]}'
    assert json.loads(shape_images(body, REDACTS)) == {
        "created": 1,
        "data": [{"revised_prompt": "a [redacted]", "url": "https://a.b/secret"}, 5, {"b64_json": "secret"}],
    }
    with pytest.raises(Blocked):
        shape_images(body, AnswerRules(pipes=(forbids("secret"),)))


def test_a_count_is_a_count() -> None:
    assert shape_count(b'{"input_tokens":5,"more":1}', AnswerRules(hidden_as="x", metadata={"a": "b"})) == (
        b'{"input_tokens":5,"metadata":{"a":"b"}}'
    )


@pytest.mark.parametrize("shape", [shape_count, shape_embeddings, shape_images])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"\xff", b'{"data":5}', b'{"data":[null]}'])
def test_no_bytes_are_an_error(shape: Any, body: bytes) -> None:
    answer = AnswerRules(pipes=REDACTS.pipes, drop=(("data", "x"),), put=((("data", "y"), 1),), metadata={"a": "b"})
    shape(body, answer)

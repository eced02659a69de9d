"""OpenAI's embeddings in front of both of Google's."""

import json
import struct
from base64 import b64decode
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation, Usage
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.translation.google_embeddings import GeminiBatch, GoogleEmbeddings, VertexPredict
from tests.providers.calls import a_shaped

GEMINI, VERTEX = GoogleEmbeddings(GeminiBatch()), GoogleEmbeddings(VertexPredict())
BATCH = b'{"embeddings":[{"values":[0.5,-1]},{"values":[1,2]}]}'
PREDICTED = (
    b'{"predictions":[{"embeddings":{"statistics":{"truncated":false,"token_count":3},"values":[0.5,-1]}},'
    b'{"embeddings":{"statistics":{"token_count":4},"values":[1,2]}}]}'
)


def asking(**members: Any) -> Shaped:
    return a_shaped(Operation.EMBEDDINGS, json.dumps({"model": "e", **members}))


def test_texts_are_sent_in_one_request() -> None:
    shaped = asking(input=["a", "b"], dimensions=8, user="u", encoding_format="float")
    gemini = GEMINI.encode(shaped, "gemini-embedding-001")
    vertex = VERTEX.encode(shaped, "gemini-embedding-001")
    assert gemini.path == "/models/gemini-embedding-001:batchEmbedContents"
    one = {"model": "models/gemini-embedding-001", "outputDimensionality": 8}
    assert isinstance(gemini.body, bytes)
    assert json.loads(gemini.body) == {
        "requests": [{**one, "content": {"parts": [{"text": "a"}]}}, {**one, "content": {"parts": [{"text": "b"}]}}]
    }
    assert vertex.path == "/publishers/google/models/gemini-embedding-001:predict"
    assert isinstance(vertex.body, bytes)
    assert json.loads(vertex.body) == {
        "instances": [{"content": "a"}, {"content": "b"}],
        "parameters": {"autoTruncate": False, "outputDimensionality": 8},
    }
    assert gemini.dropped == vertex.dropped == ("user",)


def test_one_text_is_a_list_of_one() -> None:
    sent = GEMINI.encode(asking(input="a"), "e")
    assert isinstance(sent.body, bytes)
    assert len(json.loads(sent.body)["requests"]) == 1


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1], [2]]}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": "8"}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "extra": 1}, "extra"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name(members: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        GEMINI.encode(asking(**members), "e")
    assert refused.value.param == field


def test_what_a_route_drops_is_told() -> None:
    shaped = msgspec.structs.replace(asking(input="a", extra=1), drop_unsupported=True)
    assert VERTEX.encode(shaped, "e").dropped == ("extra",)


@pytest.mark.parametrize(
    ("codec", "body", "usage"),
    [
        (GEMINI, BATCH, None),
        (GEMINI, BATCH[:-1] + b',"usageMetadata":{"promptTokenCount":9}}', Usage(input_tokens=9)),
        (VERTEX, PREDICTED, Usage(input_tokens=7)),
        (VERTEX, PREDICTED.replace(b'"token_count":4', b"").replace(b",}", b"}"), None),
    ],
)
def test_answers_are_lists_of_numbers(codec: GoogleEmbeddings, body: bytes, usage: Usage | None) -> None:
    reading = codec.read_reply(Operation.EMBEDDINGS, body)
    assert (reading.usage, reading.error) == (usage, None)
    assert reading.body is not None
    counted = 0 if usage is None else usage.input_tokens
    assert json.loads(reading.body) == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
            {"object": "embedding", "index": 1, "embedding": [1.0, 2.0]},
        ],
        "model": "",
        "usage": {"prompt_tokens": counted, "total_tokens": counted},
    }


def test_who_asks_for_base64_gets_it() -> None:
    reading = GEMINI.read_reply_to(asking(input="a", encoding_format="base64"), BATCH)
    assert reading.body is not None
    said = json.loads(reading.body)
    assert struct.unpack("<2f", b64decode(said["data"][0]["embedding"])) == (0.5, -1.0)
    assert said["model"] == "e"
    plain = GEMINI.read_reply_to(asking(input="a"), BATCH)
    assert plain.body is not None
    assert json.loads(plain.body)["data"][0]["embedding"] == [0.5, -1.0]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"embeddings":[]}', b'{"predictions":[{}]}', b'{"error":{"message":"no"}}', b"<p>no"]
)
def test_what_has_no_embeddings_is_an_error(body: bytes) -> None:
    for codec in (GEMINI, VERTEX):
        error = codec.read_reply(Operation.EMBEDDINGS, body).error
        assert error is not None
        assert error.message


def test_it_says_what_it_is() -> None:
    assert (GEMINI.dialect, GEMINI.translates) == (Dialect.OPENAI, True)
    assert GEMINI.operations == frozenset({Operation.EMBEDDINGS})
    assert GEMINI.read_error(404, {}, b'{"error":{"status":"NOT_FOUND"}}').type == "NOT_FOUND"
    assert GEMINI.watch(asking(input="a")).started is False

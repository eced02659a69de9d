import msgspec
import pytest

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.cohere_embeddings import CohereEmbeddings
from ai_gateway.providers.translation.embeddings import Vectors, Wanted
from ai_gateway.providers.translation.losses import Losses

API = CohereEmbeddings()


def test_texts_are_meant_for_search_unless_said_otherwise() -> None:
    losses = Losses("it", drops=False)
    assert API.write(Wanted(("a", "b")), "embed-v4.0", losses).body == {
        "model": "embed-v4.0",
        "texts": ["a", "b"],
        "input_type": "search_document",
        "embedding_types": ["float"],
    }
    body = API.write(Wanted(("a",), 512, {"input_type": "search_query", "truncate": "END"}), "m", losses).body
    assert (body["input_type"], body["output_dimension"], body["truncate"]) == ("search_query", 512, "END")
    with pytest.raises(InvalidRequest):
        API.write(Wanted(("a",), others={"images": []}), "m", losses)


def test_vectors_are_the_providers_own_text() -> None:
    body = b'{"id":"1","embeddings":{"float":[[0.10,-1e-3],[2]]},"meta":{"billed_units":{"input_tokens":6.0}}}'
    assert API.read(body) == Vectors((msgspec.Raw(b"[0.10,-1e-3]"), msgspec.Raw(b"[2]")), Usage(6))
    assert API.read(b'{"embeddings":[[1]]}') == Vectors((msgspec.Raw(b"[1]"),))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"embeddings":{}}', b'{"embeddings":[]}', b'{"message":"no"}', b"[1]"])
def test_an_answer_without_vectors_is_none(body: bytes) -> None:
    error = API.read(body)
    assert isinstance(error, ProviderError)
    assert error.message


def test_refusals_are_coheres() -> None:
    assert API.read_error(400, {}, b'{"error_type":"TOO_MANY_TOKENS","message":"x"}').type == "too_many_tokens"

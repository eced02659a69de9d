import msgspec
import pytest

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.bedrock_embeddings import BedrockEmbeddings
from ai_gateway.providers.translation.embeddings import Vectors, Wanted
from ai_gateway.providers.translation.losses import Losses

API = BedrockEmbeddings()
TITAN = "amazon.titan-embed-text-v2:0"
LOSSES = Losses("it", drops=False)


def test_titan_takes_one_text() -> None:
    draft = API.write(Wanted(("a",), 256, {"normalize": False}), TITAN, LOSSES)
    assert draft.path == "/model/amazon.titan-embed-text-v2%3A0/invoke"
    assert draft.body == {"inputText": "a", "dimensions": 256, "normalize": False}
    with pytest.raises(InvalidRequest) as refused:
        API.write(Wanted(("a", "b")), TITAN, LOSSES)
    assert refused.value.param == "input"


def test_the_first_titan_knows_no_dimensions() -> None:
    assert API.write(Wanted(("a",)), "amazon.titan-embed-text-v1", LOSSES).body == {"inputText": "a"}
    with pytest.raises(InvalidRequest) as refused:
        API.write(Wanted(("a",), 256), "amazon.titan-embed-text-v1", LOSSES)
    assert refused.value.param == "dimensions"


def test_cohere_on_bedrock_takes_what_coheres_api_takes() -> None:
    draft = API.write(Wanted(("a", "b"), others={"input_type": "search_query"}), "us.cohere.embed-v4:0", LOSSES)
    assert draft.path == "/model/us.cohere.embed-v4%3A0/invoke"
    assert draft.body == {"texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["float"]}


@pytest.mark.parametrize("model", ["amazon.nova-embed", "arn:aws:bedrock:us-east-1:1:application-inference-profile/x"])
def test_a_model_whose_body_nobody_knows_is_refused(model: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        API.write(Wanted(("a",)), model, LOSSES)
    assert refused.value.param == "model"


def test_answers_are_told_apart_by_their_form() -> None:
    titan = b'{"embedding":[0.5],"embeddingsByType":{"float":[0.5]},"inputTextTokenCount":3}'
    assert API.read(titan) == Vectors((msgspec.Raw(b"[0.5]"),), Usage(3))
    assert API.read(b'{"embedding":[0.5],"inputTextTokenCount":true}') == Vectors((msgspec.Raw(b"[0.5]"),))
    assert API.read(b'{"embeddings":{"float":[[1]]},"id":"x"}') == Vectors((msgspec.Raw(b"[1]"),))
    assert isinstance(API.read(b'{"message":"no"}'), ProviderError)


def test_refusals_are_awss() -> None:
    assert API.read_error(400, {"x-amzn-errortype": "ValidationException"}, b"{}").type == "ValidationException"

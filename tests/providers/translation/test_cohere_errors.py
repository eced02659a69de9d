import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Category
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.translation.cohere_errors import read_cohere_error

C = Category


@pytest.mark.parametrize(
    ("status", "body", "category"),
    [
        (
            400,
            '{"error_type":"TOO_MANY_TOKENS","id":"c1","message":"too many tokens: size limit exceeded by 25836."}',
            C.CONTEXT_LENGTH,
        ),
        (400, '{"id":"c1","message":"invalid request: message must be at least 1 token long"}', C.INVALID_REQUEST),
        (401, '{"id":"c1","message":"invalid api token"}', C.PROVIDER_AUTHENTICATION),
        (404, '{"id":"c1","message":"model \'x\' not found"}', C.NOT_FOUND),
        (422, '{"id":"c1","message":"invalid tool generation"}', C.INVALID_REQUEST),
        (429, '{"id":"c1","message":"You are using a Trial key, which is limited to 40 calls"}', C.RATE_LIMIT),
        (498, '{"id":"c1","message":"invalid token"}', C.CONTENT_FILTER),
        (500, '{"id":"c1","message":"internal server error"}', C.PROVIDER_ERROR),
        (503, "", C.PROVIDER_ERROR),
        (504, '{"id":"c1","message":"it took too long"}', C.TIMEOUT),
    ],
)
def test_a_refusal_is_the_ending_that_a_reader_would_choose(status: int, body: str, category: Category) -> None:
    error = read_cohere_error(status, {}, body.encode())
    assert error.status == status
    assert classify(ProviderType.COHERE, error).category is category


def test_its_own_type_is_kept_in_lower_case() -> None:
    assert read_cohere_error(400, {}, b'{"error_type":"TOO_MANY_TOKENS","message":"x"}').type == "too_many_tokens"
    assert read_cohere_error(400, {}, b'{"error_type":7,"message":"x"}').type is None

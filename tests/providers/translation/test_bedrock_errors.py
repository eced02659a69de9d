"""AWS's refusals, and the endings that they are."""

import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Category
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.translation.bedrock_errors import read_aws_error

C = Category
CORAL = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


@pytest.mark.parametrize(
    ("status", "kind", "message", "category"),
    [
        (429, "ThrottlingException", "Too many tokens, please wait before trying again.", C.RATE_LIMIT),
        (429, "ModelNotReadyException", "The model is not ready.", C.OVERLOADED),
        (503, "ServiceUnavailableException", "Model is getting throttled. Try your request again.", C.OVERLOADED),
        (500, "InternalServerException", "It broke.", C.PROVIDER_ERROR),
        (424, "ModelErrorException", "The model broke.", C.PROVIDER_ERROR),
        (408, "ModelTimeoutException", "It took too long.", C.TIMEOUT),
        (403, "AccessDeniedException", "You don't have access to the model.", C.PROVIDER_AUTHENTICATION),
        (403, "UnrecognizedClientException", "The security token is invalid.", C.PROVIDER_AUTHENTICATION),
        (403, "ExpiredTokenException", "The security token has expired.", C.PROVIDER_AUTHENTICATION),
        (400, "IncompleteSignatureException", "Missing key.", C.PROVIDER_AUTHENTICATION),
        (404, "ResourceNotFoundException", "The model was not found.", C.NOT_FOUND),
        (400, "ValidationException", "The model ID is not valid.", C.INVALID_REQUEST),
        (400, "ValidationException", "Input is too long for requested model.", C.CONTEXT_LENGTH),
        (400, "ServiceQuotaExceededException", "Your account's quota is used up.", C.QUOTA),
    ],
)
def test_a_type_in_the_header_is_the_ending(status: int, kind: str, message: str, category: Category) -> None:
    error = read_aws_error(status, {"x-amzn-errortype": kind + CORAL}, b'{"message": "%s"}' % message.encode())
    assert (error.type, error.message, error.status) == (kind, message, status)
    assert classify(ProviderType.BEDROCK, error).category is category


def test_a_capital_message_and_a_type_in_the_body_are_read() -> None:
    body = b'{"__type":"com.amazon.coral.service#UnrecognizedClientException","Message":"The token is invalid."}'
    error = read_aws_error(400, {}, body)
    assert (error.type, error.message) == ("UnrecognizedClientException", "The token is invalid.")
    assert classify(ProviderType.BEDROCK, error).category is C.PROVIDER_AUTHENTICATION


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"Message": 7, "__type": []}'])
def test_anything_is_some_error(body: bytes) -> None:
    assert read_aws_error(500, {}, body).status == 500

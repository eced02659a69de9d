import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.policy.google_addresses import check_vertex, google_address


@pytest.mark.parametrize(
    ("provider", "given", "called"),
    [
        (ProviderType.GEMINI, "https://generativelanguage.googleapis.com", "/v1beta"),
        (ProviderType.GEMINI, "https://generativelanguage.googleapis.com/v1alpha", "/v1alpha"),
        (ProviderType.VERTEX, "https://proxy.example", ""),
        (ProviderType.OPENAI, "https://api.example", ""),
    ],
)
def test_the_gemini_api_has_a_version(provider: ProviderType, given: str, called: str) -> None:
    assert google_address(provider, parse_base_url(given)).path == called


@pytest.mark.parametrize(
    "url",
    [
        "https://europe-west4-aiplatform.googleapis.com/v1/projects/p-1/locations/europe-west4",
        "https://us-central1-aiplatform.googleapis.com/v1beta1/projects/p-1/locations/us-central1/",
        "https://aiplatform.googleapis.com/v1/projects/example.com:p/locations/global",
        "https://aiplatform.googleapis.com/v1",
        "https://aiplatform.eu.rep.googleapis.com/v1/projects/p-1/locations/eu",
        "https://vertex.internal.example/anything",
    ],
)
def test_addresses_that_fit_together_are_taken(url: str) -> None:
    check_vertex(parse_base_url(url))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://aiplatform.googleapis.com", "no project and location"),
        ("https://aiplatform.googleapis.com/v1/projects/p", "no project and location"),
        ("https://us-east1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4", "in us-east1"),
        ("https://aiplatform.googleapis.com/v1/projects/p/locations/europe-west4", "serves 'global' only"),
        ("https://generativelanguage.googleapis.com/v1beta", "not Vertex AI's"),
    ],
)
def test_addresses_that_nobody_would_answer_are_refused_with_the_right_form(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        check_vertex(parse_base_url(url))
    assert "europe-west4-aiplatform.googleapis.com/v1/projects/PROJECT" in str(refused.value)

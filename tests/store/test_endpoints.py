from typing import Any

import pytest

from ai_gateway.domain.config import Endpoint, ProviderType, RateLimits, Reach, Timeouts
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.store.endpoints import EndpointCompiler
from store.rows_for_tests import a_config, a_secret, open_as_text

MOCK = parse_base_url("http://127.0.0.1:9000")
COMPILER = EndpointCompiler(unseal=open_as_text, mock_url=MOCK, environment={"GOOD": " sk-env ", "BLANK": "  "})
SECRETS = {
    "one": a_secret(name="one", ciphertext=b"sk-1"),
    "bad": a_secret(name="bad", ciphertext=b"broken"),
}


def compiled(compiler: EndpointCompiler = COMPILER, **changes: Any) -> Endpoint:
    endpoint = compiler.compile(a_config(**changes), SECRETS)
    assert endpoint is not None
    return endpoint


@pytest.mark.parametrize(
    ("provider", "endpoint_url", "address"),
    [
        ("openai", None, "https://api.openai.com/v1"),
        ("openai", "https://eu.example/openai/v1/", "https://eu.example/openai/v1"),
        ("openai", "https://eu.example", "https://eu.example"),
        ("anthropic", None, "https://api.anthropic.com"),
        ("anthropic", "https://proxy.example/v1", "https://proxy.example"),
        ("anthropic", "https://proxy.example/anthropic/v1/", "https://proxy.example/anthropic"),
        ("openai_compatible", "http://vllm:8000/v1", "http://vllm:8000/v1"),
        ("cohere", None, "https://api.cohere.com"),
        ("cohere", "https://api.cohere.com/v2", "https://api.cohere.com"),
        ("bedrock", "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com", None),
        ("groq", None, "https://api.groq.com/openai/v1"),
        ("ollama", None, "http://localhost:11434/v1"),
        ("azure_openai", "https://r.openai.azure.com/openai/v1/", "https://r.openai.azure.com"),
        ("gemini", None, "https://generativelanguage.googleapis.com/v1beta"),
        ("gemini", "https://generativelanguage.googleapis.com", "https://generativelanguage.googleapis.com/v1beta"),
        ("gemini", "https://proxy.example/google/v1", "https://proxy.example/google/v1"),
        ("vertex", "https://aiplatform.googleapis.com/v1", "https://aiplatform.googleapis.com/v1"),
    ],
)
def test_an_endpoint_is_called_at_its_url_or_the_providers(provider: str, endpoint_url: Any, address: Any) -> None:
    endpoint = compiled(provider=provider, endpoint_url=endpoint_url, api_key_secret_name="one")
    found = (endpoint.base_url.text, endpoint.reach, endpoint.credential_problem)
    assert found == (address or endpoint_url, Reach.CHECKED, None)


@pytest.mark.parametrize(
    ("region", "address"),
    [
        ("eu-west-1", "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_bedrock_has_an_address_for_each_region(region: str, address: str) -> None:
    endpoint = compiled(provider="bedrock", endpoint_url=None, region=region, api_key_secret_name="one")
    assert (endpoint.base_url.text, endpoint.credential_problem) == (address, None)
    assert endpoint.payees == ("aws", "bedrock")


@pytest.mark.parametrize("region", [None, "eu", "x.evil.test/", "us-east-1\n"])
def test_bedrock_without_a_region_is_called_nowhere(region: str | None) -> None:
    endpoint = compiled(provider="bedrock", endpoint_url=None, region=region, api_key_secret_name="one")
    assert "endpoint_url" in (endpoint.credential_problem or "")
    assert endpoint.base_url.host.endswith(".invalid")


def test_each_configured_type_is_prepared_for() -> None:
    prepared: list[ProviderType] = []
    compiled(EndpointCompiler(open_as_text, MOCK, {}, prepared.append), provider="cohere", endpoint_url=None)
    assert prepared == [ProviderType.COHERE]


@pytest.mark.parametrize(
    ("provider", "endpoint_url", "address"),
    [
        ("openai", "mock://openai", "http://127.0.0.1:9000/v1"),
        ("openai_compatible", "mock://openai", "http://127.0.0.1:9000/v1"),
        ("mistral", "mock://mistral", "http://127.0.0.1:9000/v1"),
        ("azure_openai", "mock://azure", "http://127.0.0.1:9000"),
        ("anthropic", "mock://anthropic", "http://127.0.0.1:9000"),
        ("mock", None, "http://127.0.0.1:9000"),
        ("mock", "http://elsewhere.example", "http://127.0.0.1:9000"),
    ],
)
def test_the_mock_needs_no_key_and_never_sees_one(provider: str, endpoint_url: Any, address: str) -> None:
    endpoint = compiled(provider=provider, endpoint_url=endpoint_url, api_key_secret_name="one")
    assert (endpoint.base_url.text, endpoint.reach) == (address, Reach.BUILT_IN)
    assert (endpoint.api_key, endpoint.credential_problem) == (None, None)


def test_a_mock_that_is_switched_off_says_so() -> None:
    endpoint = compiled(EndpointCompiler(unseal=open_as_text), provider="mock")
    assert endpoint.credential_problem == "The built-in mock provider is not switched on."
    assert endpoint.base_url.host.endswith(".invalid")


def test_the_key_is_unsealed_for_its_own_tenant_and_name() -> None:
    endpoint = compiled(endpoint_url=None, api_key_secret_name="one")
    assert endpoint.api_key is not None
    assert endpoint.api_key.reveal() == "t1/one/sk-1"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"endpoint_url": None}, "The provider config 'pc_1' has no API key."),
        (
            {"endpoint_url": None, "api_key_secret_name": "two"},
            "The secret 'two' of the provider config 'pc_1'",
        ),
        ({"endpoint_url": None, "api_key_secret_name": "bad"}, "The secret 'bad' cannot be decrypted"),
        ({"endpoint_url": None, "api_key_secret_name": "env:BLANK"}, "no value for the secret 'env:BLANK'"),
        ({"endpoint_url": None, "api_key_secret_name": "env:GONE"}, "no value for the secret 'env:GONE'"),
        ({"endpoint_url": None, "provider": "openai_compatible"}, "The provider config 'pc_1' has no endpoint_url."),
        ({"endpoint_url": None, "provider": "vertex"}, "The provider config 'pc_1' has no endpoint_url."),
        ({"endpoint_url": "http://u@h", "api_key_secret_name": "one"}, "must not carry a user or a password"),
    ],
)
def test_what_is_missing_is_kept_as_a_sentence(changes: dict[str, Any], problem: str) -> None:
    endpoint = compiled(**changes)
    assert endpoint.api_key is None
    assert endpoint.credential_problem is not None
    assert problem in endpoint.credential_problem
    assert "sk-1" not in endpoint.credential_problem


def test_a_compatible_server_of_ones_own_needs_no_key() -> None:
    endpoint = compiled(provider="openai_compatible", endpoint_url="http://vllm:8000/v1")
    assert (endpoint.api_key, endpoint.credential_problem) == (None, None)


def test_what_a_type_wants_to_know_beside_an_address_is_kept_with_it() -> None:
    azure = {"provider": "azure_openai", "api_key_secret_name": "one"}
    said = {"api_version": "2025-04-01-preview"}
    assert compiled(**azure, endpoint_url="https://r.example", options=said).options == said
    assert compiled(**azure, endpoint_url="https://r.example/openai/v1").options == {"surface": "v1"}


def test_options_that_the_type_has_not_are_kept_as_a_sentence() -> None:
    endpoint = compiled(api_key_secret_name="one", endpoint_url=None, options={"surface": "v1"})
    assert endpoint.credential_problem == (
        "The options of the provider config 'pc_1': surface: the type openai has no options."
    )
    assert (endpoint.api_key, endpoint.options) == (None, {})


@pytest.mark.parametrize("provider", ["ollama", "vllm", "lm-studio"])
def test_programs_on_ones_own_machine_need_no_key(provider: str) -> None:
    endpoint = compiled(provider=provider, endpoint_url=None)
    assert (endpoint.api_key, endpoint.credential_problem) == (None, None)


def test_a_key_may_come_out_of_the_environment_that_was_handed_in() -> None:
    endpoint = compiled(endpoint_url=None, api_key_secret_name="env:GOOD")
    assert endpoint.api_key is not None
    assert endpoint.api_key.reveal() == "sk-env"


def test_numbers_go_through() -> None:
    endpoint = compiled(
        rate_limits={"requests_per_minute": 600, "max_concurrent": 100},
        timeouts={"connect": 1.0, "total": 30.0, "unheard_of": 1.0},
        region="eu",
        priority=3,
        weight=7,
        default_max_output=99,
    )
    assert endpoint.rate_limits == RateLimits(requests_per_minute=600, max_concurrent=100)
    assert endpoint.timeouts == Timeouts(connect=1.0, total=30.0)
    assert (endpoint.region, endpoint.priority, endpoint.weight, endpoint.default_max_output) == ("eu", 3, 7, 99)


def test_a_type_of_a_newer_version_is_left_out() -> None:
    assert COMPILER.compile(a_config(provider="replicate"), {}) is None


def test_every_type_has_a_default_or_must_be_given_one() -> None:
    for provider in ProviderType:
        assert compiled(provider=provider.value, endpoint_url=None).base_url.host

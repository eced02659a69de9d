import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers import Auth
from ai_gateway.providers.azure import AZURE, AzureOptions, Login, Surface, address_of, kind_for, options_of
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.kinds import KINDS
from providers.calls import a_shaped
from support.builders import an_endpoint

VERSION = "?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("options", "operation", "path"),
    [
        ({}, Operation.CHAT, f"/openai/deployments/my%2Fgpt/chat/completions{VERSION}"),
        ({}, Operation.EMBEDDINGS, f"/openai/deployments/my%2Fgpt/embeddings{VERSION}"),
        ({}, Operation.COMPLETIONS, f"/openai/deployments/my%2Fgpt/completions{VERSION}"),
        ({}, Operation.IMAGES, f"/openai/deployments/my%2Fgpt/images/generations{VERSION}"),
        (
            {"api_version": "2025-04-01-preview"},
            Operation.CHAT,
            "/openai/deployments/my%2Fgpt/chat/completions?api-version=2025-04-01-preview",
        ),
        ({"surface": "v1"}, Operation.CHAT, "/openai/v1/chat/completions"),
        (
            {"surface": "v1", "api_version": "preview"},
            Operation.CHAT,
            "/openai/v1/chat/completions?api-version=preview",
        ),
    ],
)
def test_a_deployment_is_called_on_either_surface(options: dict[str, str], operation: Operation, path: str) -> None:
    request = kind_for(options).codecs[Dialect.OPENAI].encode(a_shaped(operation, '{"model":"m"}'), "my/gpt")
    assert (request.path, request.body) == (path, b'{"model":"my/gpt"}')


def test_a_conversation_of_another_dialect_reaches_a_deployment_too() -> None:
    asked = a_shaped(Operation.MESSAGES, '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}')
    request = kind_for({}).translated[Operation.MESSAGES].encode(asked, "mine")
    assert request.path == f"/openai/deployments/mine/chat/completions{VERSION}"
    assert b'"max_completion_tokens":9' in bytes(request.body)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "auth", "check"),
    [
        ({}, Auth.API_KEY, f"/openai/models{VERSION}"),
        ({"auth": "entra"}, Auth.BEARER, f"/openai/models{VERSION}"),
        ({"surface": "v1"}, Auth.API_KEY, "/openai/v1/models"),
    ],
)
def test_a_key_and_a_token_go_where_azure_wants_them(options: dict[str, str], auth: Auth, check: str) -> None:
    kind = kind_for(options)
    assert (kind.auth, kind.free_check) == (auth, check)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"api_version": "latest&x=1"}, "api_version"),
        ({"api_version": "v2"}, "api_version"),
        ({"surface": "v2"}, "surface"),
        ({"auth": "password"}, "auth"),
        ({"deployment": "x"}, "deployment"),
    ],
)
def test_what_is_no_option_is_refused_by_name(options: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}: "):
        options_of(options)


def test_options_have_defaults() -> None:
    assert options_of({}) == AzureOptions(Surface.DEPLOYMENTS, "2024-10-21", Login.API_KEY)
    assert options_of({"surface": "v1"}).api_version is None


@pytest.mark.parametrize(
    ("url", "base", "options"),
    [
        ("https://r.openai.azure.com", "https://r.openai.azure.com", {}),
        ("https://r.openai.azure.com/openai", "https://r.openai.azure.com", {}),
        ("https://r.openai.azure.com/openai/v1", "https://r.openai.azure.com", {"surface": "v1"}),
        ("https://gate.azure-api.net/team/openai/v1/", "https://gate.azure-api.net/team", {"surface": "v1"}),
        ("https://r.cognitiveservices.azure.com", "https://r.cognitiveservices.azure.com", {}),
    ],
)
def test_an_address_may_be_copied_from_where_it_is_shown(url: str, base: str, options: dict[str, str]) -> None:
    address, said = address_of(parse_base_url(url), {})
    assert (address.text, said) == (base, options)


def test_an_option_that_was_given_is_worth_more_than_the_address() -> None:
    _, said = address_of(parse_base_url("https://r.example/openai/v1"), {"surface": "deployments"})
    assert said == {"surface": "deployments"}


def test_an_endpoints_options_make_its_row() -> None:
    endpoint = msgspec.structs.replace(an_endpoint(provider=ProviderType.AZURE_OPENAI), options={"auth": "entra"})
    assert KINDS[ProviderType.AZURE_OPENAI].of(endpoint).auth is Auth.BEARER
    assert AZURE.auth is Auth.API_KEY
    openai = KINDS[ProviderType.OPENAI]
    assert openai.of(an_endpoint()) is openai
    with pytest.raises(ValueError, match=r"^auth: the type openai has no options\.$"):
        openai.with_options({"auth": "entra"})


@pytest.mark.parametrize(
    ("status", "body", "category"),
    [
        (401, b'{"error":{"code":"401","message":"Access denied due to invalid subscription key"}}', "provider_auth"),
        (404, b'{"error":{"code":"DeploymentNotFound","message":"The API deployment does not exist."}}', "not_found"),
        (429, b'{"error":{"code":"429","message":"Requests have exceeded token rate limit."}}', "rate_limit"),
        (
            400,
            b'{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI\'s content '
            b'management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":'
            b'{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true}}}}}',
            "content_filter",
        ),
    ],
)
def test_codes_are_strings_of_all_kinds(status: int, body: bytes, category: str) -> None:
    fault = classify(ProviderType.AZURE_OPENAI, read_error(status, {}, body))
    assert fault.category.value.startswith(category)


def test_an_answer_that_a_filter_cut_is_an_answer() -> None:
    body = (
        b'{"choices":[{"index":0,"finish_reason":"content_filter","message":{"role":"assistant","content":""},'
        b'"content_filter_results":{"violence":{"filtered":true}}}],"usage":{"prompt_tokens":3,"total_tokens":3}}'
    )
    reading = AZURE.codecs[Dialect.OPENAI].read_reply(Operation.CHAT, body)
    assert reading.error is None
    assert reading.usage is not None


def test_a_200_that_is_nothing_but_a_filters_error_is_a_refusal() -> None:
    body = b'{"error":{"code":"content_filter","message":"The prompt was filtered."}}'
    reading = AZURE.codecs[Dialect.OPENAI].read_reply(Operation.CHAT, body)
    assert reading.error is not None
    assert classify(ProviderType.AZURE_OPENAI, reading.error).category.value == "content_filter"

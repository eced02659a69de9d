import base64
import json
from urllib.parse import quote

import pytest

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import BaseUrl
from ai_gateway.domain.secret import Secret
from ai_gateway.policy.discretion import freed, freed_text, loggable, names_a_provider, secrets_in
from support.builders import an_endpoint

KEY = "plain/Canary+Key=without~a.known:shape"
ENDPOINT = an_endpoint(api_key=Secret(KEY), base_url=BaseUrl("http", "gpu.canary-host.example", 8443, "/v1"))


@pytest.mark.parametrize(
    "echo",
    [
        KEY,
        quote(KEY, safe=""),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(f"user:{KEY}".encode()).decode(),
        KEY.encode().hex(),
        "http://gpu.canary-host.example:8443/v1/chat",
        "GPU.Canary-Host.example",
    ],
)
def test_what_a_provider_says_is_freed_of_key_and_host_in_every_member(echo: str) -> None:
    said = ProviderError(400, f"you sent {echo} to me", f"t {echo}", f"c {echo}", f"p {echo}", 3.0)
    clean = freed(said, ENDPOINT)
    for text in (clean.message, clean.type, clean.code, clean.param):
        assert text is not None
        assert "[redacted]" in text
        assert echo not in text
        assert "canary" not in text.lower()
    assert (clean.status, clean.retry_after_seconds) == (400, 3.0)


def test_what_has_neither_in_it_is_the_same() -> None:
    said = ProviderError(400, "The model is not there.", "t", "c")
    assert freed(said, ENDPOINT) is said
    assert freed(said, an_endpoint(api_key=None)) is said
    assert freed_text("notgpu.canary-host.example.org", ENDPOINT) == "notgpu.canary-host.example.org"


def test_of_a_file_of_keys_its_secrets_are_taken_out_and_its_names_are_not() -> None:
    file = {
        "type": "service_account",
        "project_id": "a-project-of-ours",
        "private_key": "-----BEGIN PRIVATE KEY-----\nnever sent\n",
        "secret_access_key": "canary0secret0access0key",
        "token_uri": "https://oauth2.example/token",
        "number": 5,
    }
    assert secrets_in(json.dumps(file)) == ("canary0secret0access0key",)
    assert secrets_in("{no json") == ("{no json",)
    endpoint = an_endpoint(api_key=Secret(json.dumps(file)))
    assert freed_text("a-project-of-ours canary0secret0access0key", endpoint) == "a-project-of-ours [redacted]"


@pytest.mark.parametrize(
    "text",
    [
        "CannotConnect: gpu.canary-host.example:8443: [Errno 111] Connect call failed ('203.0.113.9', 8443)",
        "CannotConnect: gpu.canary-host.example cannot be resolved: [Errno -2] Name or service not known",
        "CannotConnect: Connect call failed ('2001:db8:0:1::5', 443, 0, 0)",
    ],
)
def test_a_log_has_no_address_in_it(text: str) -> None:
    told = loggable(text, ENDPOINT)
    assert told.startswith("CannotConnect: ")
    for address in ("canary-host", "203.0.113.9", "2001:db8"):
        assert address not in told


@pytest.mark.parametrize("text", ["Ask OpenAI", "gpt-4", "on Amazon Bedrock", "Claude", "x.ai", "an LM Studio"])
def test_a_provider_is_found_where_it_is_named(text: str) -> None:
    assert names_a_provider(text)


@pytest.mark.parametrize("text", ["The AI provider failed", "cannot be used together", "ask your administrator", "max"])
def test_none_is_found_where_none_is(text: str) -> None:
    assert not names_a_provider(text)

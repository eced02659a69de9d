import pytest

from ai_gateway.domain.config import BaseUrl, Endpoint, ProviderType
from ai_gateway.domain.faults import ProviderKeyRefused
from ai_gateway.domain.secret import Secret
from ai_gateway.domain.traffic import Header
from ai_gateway.providers import UpstreamRequest
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.credentials import NO_TOKENS, Signer, Tokens, needs_token, prepare, sign
from support.builders import PROVIDER_KEY, an_endpoint
from support.clock import FakeClock

HEADERS = (("accept", "application/json"),)
BEDROCK = BaseUrl("https", "bedrock-runtime.us-east-1.amazonaws.com", 443, "")


def signed(endpoint: Endpoint, tokens: Tokens = NO_TOKENS) -> tuple[Header, ...]:
    request = UpstreamRequest("POST", "/model/m/converse", HEADERS, b"{}")
    return sign(HEADERS, KINDS[endpoint.provider], endpoint, request, FakeClock(), tokens=tokens)


@pytest.mark.parametrize(
    ("provider", "added"),
    [
        (ProviderType.OPENAI, (("authorization", f"Bearer {PROVIDER_KEY}"),)),
        (ProviderType.OPENAI_COMPATIBLE, (("authorization", f"Bearer {PROVIDER_KEY}"),)),
        (ProviderType.ANTHROPIC, (("x-api-key", PROVIDER_KEY),)),
        (ProviderType.COHERE, (("authorization", f"Bearer {PROVIDER_KEY}"),)),
        (ProviderType.BEDROCK, (("authorization", f"Bearer {PROVIDER_KEY}"),)),
        (ProviderType.AZURE_OPENAI, (("api-key", PROVIDER_KEY),)),
        (ProviderType.GROQ, (("authorization", f"Bearer {PROVIDER_KEY}"),)),
        (ProviderType.GEMINI, (("x-goog-api-key", PROVIDER_KEY),)),
        (ProviderType.VERTEX, (("x-goog-api-key", PROVIDER_KEY),)),
        (ProviderType.MOCK, ()),
    ],
)
def test_the_key_is_put_where_the_provider_wants_it(provider: ProviderType, added: tuple[tuple[str, str], ...]) -> None:
    assert signed(an_endpoint(provider=provider)) == (*HEADERS, *added)


def test_who_needs_no_key_sends_none() -> None:
    assert signed(an_endpoint(provider=ProviderType.OPENAI_COMPATIBLE, api_key=None)) == HEADERS


def test_a_key_that_cannot_be_used_is_never_left_out_silently() -> None:
    endpoint = an_endpoint(api_key=None, credential_problem="the secret 'x' is gone")
    with pytest.raises(ProviderKeyRefused) as refused:
        signed(endpoint)
    assert (refused.value.code, refused.value.detail) == ("provider_key_unavailable", "the secret 'x' is gone")
    assert "secret 'x'" not in refused.value.message


def test_an_access_key_of_aws_signs_the_request_at_the_gateways_time() -> None:
    key = Secret('{"access_key_id": "AKID", "secret_access_key": "S", "session_token": "T"}')
    headers = dict(signed(an_endpoint(provider=ProviderType.BEDROCK, base_url=BEDROCK, api_key=key)))
    date = headers["x-amz-date"]
    assert headers["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential=AKID/{date[:8]}/us-east-1/bedrock/")
    assert headers["x-amz-security-token"] == "T"


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        ('{"access_key_id": "AKID"}', BEDROCK),
        ('{"access_key_id": "AKID", "secret_access_key": "S"}', BaseUrl("https", "proxy.test", 443, "")),
    ],
)
def test_an_access_key_without_its_half_or_a_region_is_refused(text: str, base_url: BaseUrl) -> None:
    with pytest.raises(ProviderKeyRefused) as refused:
        signed(an_endpoint(provider=ProviderType.BEDROCK, base_url=base_url, api_key=Secret(text)))
    assert refused.value.code == "provider_key_unavailable"
    assert "AKID" not in str(refused.value.detail)


@pytest.mark.parametrize("provider", ProviderType)
def test_every_type_can_be_prepared_for(provider: ProviderType) -> None:
    prepare(provider)


ACCOUNT = Secret('{"type":"service_account"}')
VERTEX = KINDS[ProviderType.VERTEX]


class OneToken:
    def token_for(self, key: Secret) -> Secret | None:
        return Secret("ya29.token") if key == ACCOUNT else None

    async def ready(self, key: Secret, seconds: float) -> None:
        return


def test_a_service_accounts_file_never_leaves_its_token_does() -> None:
    endpoint = an_endpoint(provider=ProviderType.VERTEX, api_key=ACCOUNT)
    assert signed(endpoint, OneToken()) == (*HEADERS, ("authorization", "Bearer ya29.token"))
    with pytest.raises(ProviderKeyRefused) as refused:
        signed(endpoint)
    assert refused.value.code == "provider_key_unavailable"


def test_only_an_account_needs_a_token() -> None:
    assert needs_token(VERTEX, ACCOUNT)
    assert not needs_token(VERTEX, Secret(PROVIDER_KEY))
    assert not needs_token(KINDS[ProviderType.OPENAI], ACCOUNT)


async def test_who_has_no_tokens_keeps_nobody_waiting() -> None:
    await NO_TOKENS.ready(ACCOUNT, 1.0)
    assert NO_TOKENS.token_for(ACCOUNT) is None


@pytest.mark.parametrize("provider", [ProviderType.OPENAI, ProviderType.ANTHROPIC, ProviderType.AZURE_OPENAI])
def test_the_same_headers_are_signed_once(provider: ProviderType) -> None:
    endpoint = an_endpoint(provider=provider)
    signer = Signer(KINDS[provider], endpoint)
    request = UpstreamRequest("POST", "/model/m/converse", HEADERS, b"{}")
    first = signer.sign(HEADERS, request, FakeClock(), NO_TOKENS)
    assert first == signed(endpoint)
    assert signer.sign((("accept", "application/json"),), request, FakeClock(), NO_TOKENS) is first
    others = (*HEADERS, ("traceparent", "00-1"))
    assert signer.sign(others, request, FakeClock(), NO_TOKENS) == (*others, *first[1:])


def test_a_token_is_asked_for_each_time() -> None:
    """It is not the key that is sent, and it gets old."""
    signer = Signer(VERTEX, an_endpoint(provider=ProviderType.VERTEX, api_key=ACCOUNT))
    request = UpstreamRequest("POST", "/", HEADERS, b"{}")
    assert signer.awaited is ACCOUNT
    assert signer.sign(HEADERS, request, FakeClock(), OneToken()) == (*HEADERS, ("authorization", "Bearer ya29.token"))
    with pytest.raises(ProviderKeyRefused):
        signer.sign(HEADERS, request, FakeClock(), NO_TOKENS)


def test_a_key_that_cannot_be_used_is_refused_each_time() -> None:
    signer = Signer(KINDS[ProviderType.OPENAI], an_endpoint(credential_problem="it cannot be read"))
    request = UpstreamRequest("POST", "/", HEADERS, b"{}")
    for _ in range(2):
        with pytest.raises(ProviderKeyRefused):
            signer.sign(HEADERS, request, FakeClock(), NO_TOKENS)

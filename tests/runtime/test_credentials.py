import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import ProviderKeyRefused
from ai_gateway.domain.secret import Secret
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.credentials import NO_TOKENS, needs_token, sign
from support.builders import PROVIDER_KEY, an_endpoint

HEADERS = (("accept", "application/json"),)


@pytest.mark.parametrize(
    ("provider", "added"),
    [
        (ProviderType.OPENAI, (("authorization", f"Bearer {PROVIDER_KEY}"),)),
        (ProviderType.OPENAI_COMPATIBLE, (("authorization", f"Bearer {PROVIDER_KEY}"),)),
        (ProviderType.ANTHROPIC, (("x-api-key", PROVIDER_KEY),)),
        (ProviderType.GEMINI, (("x-goog-api-key", PROVIDER_KEY),)),
        (ProviderType.VERTEX, (("x-goog-api-key", PROVIDER_KEY),)),
        (ProviderType.MOCK, ()),
    ],
)
def test_the_key_is_put_where_the_provider_wants_it(provider: ProviderType, added: tuple[tuple[str, str], ...]) -> None:
    assert sign(HEADERS, KINDS[provider], an_endpoint(provider=provider)) == (*HEADERS, *added)


def test_who_needs_no_key_sends_none() -> None:
    kind = KINDS[ProviderType.OPENAI_COMPATIBLE]
    assert sign(HEADERS, kind, an_endpoint(api_key=None)) == HEADERS


def test_a_key_that_cannot_be_used_is_never_left_out_silently() -> None:
    endpoint = an_endpoint(api_key=None, credential_problem="the secret 'x' is gone")
    with pytest.raises(ProviderKeyRefused) as refused:
        sign(HEADERS, KINDS[ProviderType.OPENAI], endpoint)
    assert (refused.value.code, refused.value.detail) == ("provider_key_unavailable", "the secret 'x' is gone")
    assert "secret 'x'" not in refused.value.message


ACCOUNT = Secret('{"type":"service_account"}')
VERTEX = KINDS[ProviderType.VERTEX]


class OneToken:
    def token_for(self, key: Secret) -> Secret | None:
        return Secret("ya29.token") if key == ACCOUNT else None

    async def ready(self, key: Secret, seconds: float) -> None:
        return


def test_a_service_accounts_file_never_leaves_its_token_does() -> None:
    endpoint = an_endpoint(provider=ProviderType.VERTEX, api_key=ACCOUNT)
    assert sign(HEADERS, VERTEX, endpoint, OneToken()) == (*HEADERS, ("authorization", "Bearer ya29.token"))
    with pytest.raises(ProviderKeyRefused) as refused:
        sign(HEADERS, VERTEX, endpoint)
    assert refused.value.code == "provider_key_unavailable"


def test_only_an_account_needs_a_token() -> None:
    assert needs_token(VERTEX, ACCOUNT)
    assert not needs_token(VERTEX, Secret(PROVIDER_KEY))
    assert not needs_token(KINDS[ProviderType.OPENAI], ACCOUNT)


async def test_who_has_no_tokens_keeps_nobody_waiting() -> None:
    await NO_TOKENS.ready(ACCOUNT, 1.0)
    assert NO_TOKENS.token_for(ACCOUNT) is None

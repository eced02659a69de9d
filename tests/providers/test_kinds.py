import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.providers import Auth, ProviderKind
from ai_gateway.providers.kinds import KINDS


def test_every_provider_type_has_its_row() -> None:
    assert set(KINDS) == set(ProviderType)
    assert all(kind.type is name for name, kind in KINDS.items())


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_codec_stands_under_its_own_dialect(kind: ProviderKind) -> None:
    for dialect, codec in kind.codecs.items():
        assert codec.dialect is dialect


@pytest.mark.parametrize(
    ("provider", "url", "auth"),
    [
        (ProviderType.OPENAI, "https://api.openai.com/v1", Auth.BEARER),
        (ProviderType.ANTHROPIC, "https://api.anthropic.com", Auth.X_API_KEY),
        (ProviderType.OPENAI_COMPATIBLE, None, Auth.BEARER),
        (ProviderType.GEMINI, "https://generativelanguage.googleapis.com/v1beta", Auth.X_GOOG_API_KEY),
        (ProviderType.VERTEX, None, Auth.GOOGLE_CLOUD),
        (ProviderType.MOCK, None, Auth.NONE),
    ],
)
def test_where_and_how_a_provider_is_called(provider: ProviderType, url: str | None, auth: Auth) -> None:
    kind = KINDS[provider]
    assert (kind.default_url.text if kind.default_url else None, kind.auth) == (url, auth)

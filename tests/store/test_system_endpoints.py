from ai_gateway.domain.config import Ownership, ProviderType
from ai_gateway.domain.secret import Secret
from ai_gateway.store.system_endpoints import SYSTEM_MODELS, system_endpoints


def test_only_keys_that_are_there_make_configs() -> None:
    (endpoint,) = system_endpoints({ProviderType.OPENAI: None, ProviderType.ANTHROPIC: Secret("sk-ant")})
    assert (endpoint.name, endpoint.ownership) == ("anthropic", Ownership.SYSTEM)
    assert endpoint.base_url.text == "https://api.anthropic.com"
    assert endpoint.models == SYSTEM_MODELS[ProviderType.ANTHROPIC]
    assert endpoint.api_key == Secret("sk-ant")

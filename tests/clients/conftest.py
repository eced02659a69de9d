"""One development gateway for all client tests of a worker: they only read what it seeds, or make what is their own.
What a provider did to one test is forgiven before the next."""

from collections.abc import Iterator

import pytest

from support.gateway import Gateway, running_gateway


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("clients") / "data") as running:
        put_behind(running, "openai", "gpt-4o")
        put_behind(running, "anthropic", "claude-sonnet-4-5")
        yield running


def put_behind(gateway: Gateway, provider: str, model: str) -> None:
    """A pool `behind-...` of one endpoint, which is the mock and speaks just the dialect of this provider."""
    name = f"only-{provider}"
    config = {"name": name, "provider": provider, "endpoint_url": f"mock://{provider}", "models": [model]}
    gateway.create("/providers", config)
    pool = {"group_name": f"behind-{provider}", "providers": [{"name": name, "model": model}]}
    gateway.create("/router/load-balancer/pools", pool)


@pytest.fixture(autouse=True)
def forgiven(gateway: Gateway) -> None:
    gateway.forgive()

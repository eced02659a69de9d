"""One development gateway for all client tests of a worker: they only read what it seeds, or make what is their own.
What a provider did to one test is forgiven before the next."""

from collections.abc import Iterator

import pytest

from support.gateway import Gateway, running_gateway


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("clients") / "data") as running:
        yield running


@pytest.fixture(autouse=True)
def forgiven(gateway: Gateway) -> None:
    gateway.forgive()

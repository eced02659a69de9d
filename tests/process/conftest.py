"""Gateways as processes. The one that is shared by a worker is only for tests that leave it as it was."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateway import Gateway, running_gateway
from support.postgres import a_cluster, a_database

_numbers = itertools.count()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("shared") / "data") as gateway:
        yield gateway


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Gateway]:
    """A development gateway of the test's own, that nobody has used."""
    with running_gateway(tmp_path / "data") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    base = tmp_path_factory.getbasetemp()
    with a_cluster(base if worker_id == "master" else base.parent) as url:
        yield url


@pytest.fixture
def database(cluster: str, worker_id: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with a_database(cluster, f"process_{worker_id}_{next(_numbers)}") as url:
        yield url

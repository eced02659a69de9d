"""Before any test: the environment cannot spend money, reach somebody's database or route through somebody's proxy.

It is done at import, once for the whole run and in every worker, because a variable that one test forgot to remove is
read by the module that another test imports. Nothing here is autouse: a test sees what it asks for.
"""

import os
import re
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.gateway import Gateway

SCRUBBED = re.compile(
    r".*_API_KEY|.*_TOKEN|.*_SECRET|.*_BASE_URL|DATABASE_URL|REDIS_URL|AI_GATEWAY_(?!TEST_).*|OTEL_.*|HOST|PORT|LOG_LEVEL"
    r"|AWS_.*|AZURE_.*|GOOGLE_.*|PG[A-Z]+|(HTTP|HTTPS|ALL|NO)_PROXY",
    re.IGNORECASE,
)


def names_to_scrub(names: Iterable[str]) -> list[str]:
    return [name for name in names if SCRUBBED.fullmatch(name)]


for _name in names_to_scrub(tuple(os.environ)):
    del os.environ[_name]

# Laws that say nothing else are tried so often; AI_GATEWAY_TEST_EXAMPLES=1000 looks longer.
EXAMPLES = int(os.environ.get("AI_GATEWAY_TEST_EXAMPLES", "35"))
settings.register_profile("here", deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the test: no `.env` of a developer's is in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# What takes ten seconds or more, and what waits for processes: two workers end together if the short ones come last.
LONG = (
    "process",
    "recorded/test_translated.py",
    "recorded/test_over_sockets.py",
    "admin/test_fuzz.py",
    "clients",
    "docs",
    "providers/translation/test_pairs_laws.py",
    "gateway/test_funding.py",
    "simulation",
    "store/test_refresh.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    long = tuple(folder / it for it in LONG)
    is_long = {path: any(path.is_relative_to(it) for it in long) for path in {item.path for item in items}}
    items.sort(key=lambda item: not is_long[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed shows what the gateways of its fixtures said; what `with` opens notes it itself."""
    report = yield
    if report.failed:
        used = getattr(item, "funcargs", {}).items()
        said = [(name, value.last_words()) for name, value in used if isinstance(value, Gateway)]
        report.sections.extend(said)
    return report

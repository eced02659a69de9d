"""Every block of the readme, the status page, the operations page, the page of providers and that of rules which is
marked `run` is run, in the order of the page, against a gateway of that page's own: a fresh development gateway, for
operations a `serve` one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docs.pages import DOCS, ROOT, Block, pages, runnable
from docs.running import a_readers_place, hold, run
from support.gateway import Gateway, a_secret_environment, running_gateway, serving_gateway

README, STATUS, OPERATIONS = ROOT / "README.md", DOCS / "PHASE1_STATUS.md", DOCS / "operations.md"
PROVIDERS = DOCS / "bedrock-and-cohere.md"
RULES = DOCS / "rules.md"
PAGES = (README, STATUS, OPERATIONS, PROVIDERS, RULES)

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="the documents' commands need curl and bash"
)


@contextmanager
def place_of(page: Path, folder: Path) -> Iterator[tuple[Gateway, dict[str, str]]]:
    """A gateway for a page, and what is set in the reader's shell."""
    with a_readers_place(folder / "reader") as environment:
        if page == OPERATIONS:
            secrets = a_secret_environment()
            with serving_gateway(folder / "data", secrets) as gateway:
                yield gateway, {**environment, **secrets}
        else:
            with running_gateway(folder / "data") as gateway:
                yield gateway, dict(environment)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path):
    with place_of(page, tmp_path) as (gateway, environment):
        for block in runnable(page):
            run(block, gateway, tmp_path / "reader", environment)


def test_no_other_page_promises_commands_that_nothing_runs():
    promising = {page for page in pages() if runnable(page)}
    assert promising == set(PAGES)


def test_every_curl_of_a_runnable_block_says_its_status():
    for page in PAGES:
        for block in runnable(page):
            calls = sum(line.count("curl -") for line in block.text.splitlines())
            named = [line for line in block.text.splitlines() if line.startswith("# -> ")]
            assert len(named) == calls, block.name


@pytest.mark.parametrize(
    ("code", "out", "err"),
    [
        (1, "one two", "-> 200\n"),
        (0, "one two", "-> 500\n"),
        (0, "one two", ""),
        (0, "two one", "-> 200\n"),
        (0, "one", "-> 200\n"),
    ],
)
def test_a_block_that_does_something_else_is_noticed(code: int, out: str, err: str):
    block = Block(STATUS, 1, "sh", True, "curl -s x\n# -> 200\n# prints: one\n# prints: two")
    hold(block, 0, "one two", "-> 200\n")
    with pytest.raises(AssertionError):
        hold(block, code, out, err)

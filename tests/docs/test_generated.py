"""What the documents say about settings, errors, metrics and addresses is what the code says."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import anthropic
import httpx2
import openai
import pytest

from ai_gateway.cli.commands import app
from ai_gateway.domain.faults import ALL_FAULTS, Category, Fault, every_kind
from ai_gateway.gateway.answers import gateway_of, headers_of
from ai_gateway.runtime.languages import read_english
from ai_gateway.runtime.telemetry import Telemetry, render
from ai_gateway.settings import SETTINGS
from docs.pages import DOCS, ROOT, anchors, prose
from support.gateway import running_gateway

DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
HEADINGS = ["Context", "Decision", "Consequences", "Not chosen"]


@pytest.fixture(scope="module")
def make_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date(make_docs: ModuleType):
    stale = [path.name for path, text in make_docs.pages().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "Run .venv/bin/python scripts/make_docs.py"


def test_a_changed_table_would_be_noticed(make_docs: ModuleType, tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- generated: settings -->\nold\n<!-- end -->\nafter\n")
    written = make_docs._with_part(page, "settings", "new")
    assert written == "before\n<!-- generated: settings -->\nnew\n<!-- end -->\nafter\n"
    with pytest.raises(SystemExit):
        make_docs._with_part(page, "another", "new")


def test_every_error_links_to_a_heading_of_its_own():
    there = anchors(DOCS / "ERROR_HANDLING.md")
    assert {str(category) for category in Category} <= there
    for fault in ALL_FAULTS:
        path, _, anchor = str(gateway_of(fault(), "req")["docs"]).partition("#")
        assert (ROOT / path).is_file()
        assert anchor in there


@pytest.fixture(scope="module")
def error_codes(make_docs: ModuleType) -> ModuleType:
    """Beside make_docs, which says where that is."""
    return importlib.import_module("error_codes")


@pytest.fixture(scope="module")
def errors_page(make_docs: ModuleType) -> ModuleType:
    return importlib.import_module("errors_page")


def test_codes_are_read_from_where_they_are_raised(error_codes: ModuleType):
    codes = error_codes.stable_codes()
    assert set(codes) == set(Category)
    assert codes[Category.INVALID_REQUEST]["method_not_allowed"] == {405}
    assert codes[Category.INVALID_REQUEST]["unsupported_parameter"] == {400}
    assert codes[Category.GATEWAY_FAULT]["ledger_unavailable"] == {503}
    assert codes[Category.PROVIDER_ERROR]["provider_stream_cut"] == {502}, "which is a constant with a name"
    assert codes[Category.PROVIDER_ERROR]["continuation_failed"] == {502}, "which is the default of a parameter"
    for kind in every_kind():
        assert kind.default_code in codes[kind.category]


def test_every_code_that_is_raised_is_in_the_english_language_file(error_codes: ModuleType):
    codes = {code for of_category in error_codes.stable_codes().values() for code in of_category}
    english = read_english()
    assert set(english.texts.codes) == codes
    assert set(english.texts.categories) == set(Category)


def test_every_code_and_category_is_on_the_page():
    text = (DOCS / "ERROR_HANDLING.md").read_text(encoding="utf-8")
    assert [code for code in read_english().texts.codes if f"| `{code}` |" not in text] == []
    assert [category for category in Category if f"\n## {category}\n" not in text] == []


@pytest.mark.parametrize("kind", every_kind())
def test_a_fault_that_is_not_worth_a_retry_says_so_to_sdks(kind: type[Fault]):
    if kind.retryable:
        assert ("x-should-retry", "false") not in headers_of(kind())


def test_sdks_raise_what_the_errors_page_says(errors_page: ModuleType):
    for status, (of_openai, of_anthropic) in errors_page.SDK_CLASSES.items():
        error = {"error": {"type": "x", "message": "x"}}
        answers = httpx2.MockTransport(lambda _, status=status, error=error: httpx2.Response(status, json=error))
        client = httpx2.Client(transport=answers)
        with pytest.raises(openai.APIStatusError) as first:
            openai.OpenAI(api_key="x", base_url="http://here", max_retries=0, http_client=client).models.list()
        with pytest.raises(anthropic.APIStatusError) as second:
            anthropic.Anthropic(api_key="x", base_url="http://here", max_retries=0, http_client=client).models.list()
        assert (type(first.value).__name__, type(second.value).__name__) == (of_openai, of_anthropic)


def test_every_setting_is_documented():
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert [row.name for row in SETTINGS if f"| `{row.name}` |" not in text] == []


def test_every_metric_is_documented_and_no_other(tmp_path: Path):
    with running_gateway(tmp_path / "data") as gateway:
        named = metric_names(gateway.request("GET", "/metrics").body)
    text = "\n".join(prose(DOCS / "operations.md"))
    assert set(re.findall(r"^\| `(ai_gateway_\w+)` \|", text, re.MULTILINE)) == named
    assert metric_names(render(Telemetry(), 0, dict)) < named


def metric_names(text: bytes) -> set[str]:
    return {line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE ai_gateway_")}


def test_every_command_is_documented():
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    commands = [it.name or (it.callback.__name__ if it.callback else "") for it in app.registered_commands]
    groups = [it.typer_instance.info.name for it in app.registered_groups if it.typer_instance]
    assert {"serve", "doctor"} <= set(commands)
    assert [name for name in (*commands, *groups) if f"| `ai-gateway {name}` |" not in text] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_four_headings_and_fits_on_half_a_page(page: Path):
    lines = page.read_text(encoding="utf-8").splitlines()
    number = int(page.name[:4])
    assert lines[0].startswith(f"# {number}. ")
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == HEADINGS
    assert len(lines) <= 40


def test_decisions_are_numbered_without_a_gap():
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))

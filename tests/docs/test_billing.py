"""The page about bills names tests that are there, and all that have an id of its rows in their names."""

import re
from typing import Final

import pytest

from docs.pages import DOCS, ROOT

PAGE: Final = (DOCS / "billing.md").read_text(encoding="utf-8")
ROWS: Final = dict(re.findall(r"^\| B-(\d\d) \|(.*)$", PAGE, re.MULTILINE))
NAMED: Final = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")
WITH_AN_ID: Final = re.compile(r"def (test_(?:b\d\d_)+\w+)")
NOT_HERE: Final = {"03", "04", "05", "17"}


@pytest.mark.parametrize("number", ROWS)
def test_every_row_names_tests_that_are_there_and_have_its_id(number: str) -> None:
    named = NAMED.findall(ROWS[number])
    assert named
    for name, path in named:
        assert f"b{number}_" in name
        assert re.search(rf"def {name}\(", (ROOT / path).read_text(encoding="utf-8")), name


def test_every_test_with_an_id_is_in_its_row() -> None:
    files = (ROOT / "tests").rglob("test_*.py")
    found = {name for file in files for name in WITH_AN_ID.findall(file.read_text(encoding="utf-8"))}
    missing = [
        name
        for name in sorted(found)
        for number in re.findall(r"b(\d\d)_", name)
        if f"`{name}`" not in ROWS.get(number, "")
    ]
    assert not missing


def test_all_rows_are_there() -> None:
    assert set(ROWS) == {f"{number:02}" for number in range(1, 21)} - NOT_HERE

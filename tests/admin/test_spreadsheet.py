import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.admin.spreadsheet import Cell, write_line, write_lines

_CELLS = st.none() | st.integers(-(2**63), 2**63) | st.text(st.characters(codec="utf-8"))


@given(st.lists(_CELLS, min_size=2))  # a line of one empty cell is an empty line
def test_what_was_written_is_read_back_and_no_text_begins_a_formula(cells: list[Cell]) -> None:
    (read,) = csv.reader(io.StringIO(write_line(cells), newline=""), strict=True)
    for cell, text in zip(cells, read, strict=True):
        if isinstance(cell, str):
            assert text.removeprefix("'") == cell or text == cell
            assert not text.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        else:
            assert text == ("" if cell is None else str(cell))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")'])
def test_a_formula_becomes_text(text: str) -> None:
    (read,) = csv.reader(io.StringIO(write_line([text]), newline=""))
    assert read == ["'" + text]


def test_numbers_of_ours_stay_numbers() -> None:
    rows: list[list[Cell]] = [[-5, Decimal("-0.000000005"), None], [7, Decimal("12.50"), "a,b"]]
    assert write_lines(rows) == b'-5,-0.000000005,\r\n7,12.50,"a,b"\r\n'

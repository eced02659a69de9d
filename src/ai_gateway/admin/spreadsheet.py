"""Tables for spreadsheets: CSV (RFC 4180) in which no cell is a formula.

A spreadsheet runs a cell that begins with =, +, -, @, a tab or a return, and a model's name or a config's comes from
whoever could write it. Such a text gets an apostrophe before it, which a spreadsheet takes as "this is text"; numbers
are ours and stay numbers.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_NEEDS_QUOTES: Final = (",", '"', "\r", "\n")

Cell = str | int | Decimal | None


def write_line(cells: Iterable[Cell]) -> str:
    return ",".join(map(_written, cells)) + "\r\n"


def write_lines(rows: Sequence[Iterable[Cell]]) -> bytes:
    return "".join(map(write_line, rows)).encode()


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int | Decimal):
        return format(cell, "d" if isinstance(cell, int) else "f")
    text = f"'{cell}" if cell.startswith(_STARTS_A_FORMULA) else cell
    if any(sign in text for sign in _NEEDS_QUOTES):
        return '"' + text.replace('"', '""') + '"'
    return text

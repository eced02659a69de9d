"""Rows of the ledger as columns, which is how many are written at once.

Receipts come as they are: for a row each of them to become a LedgerRow first cost as much as half of what SQLite does
with it. What C can do for all rows at once (take them apart, turn them over, compare a column with its first value) is
left to it; only what a database cannot take, members of enums, is translated value by value.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from msgspec.structs import astuple

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.traffic import Receipt
from ai_gateway.store.rows import LedgerRow

Entries = Sequence[Receipt] | Sequence[LedgerRow]
"""What is to be written: receipts, or rows as they are read."""
Columns = Sequence[Sequence[Any]]

COLUMNS: Final = tuple(name for name in LedgerRow.__struct_fields__ if name != "id")
PLACES: Final = {name: place for place, name in enumerate(COLUMNS)}

_TOLD: Final = (*Receipt.__struct_fields__, *Usage.__struct_fields__)
_TAKEN: Final = tuple(_TOLD.index(name) for name in COLUMNS)
_MEMBERS: Final = tuple(PLACES[name] for name in ("provider", "credential", "outcome", "operation", "service_tier"))


def columns_of(entries: Entries) -> Columns:
    """One for each of COLUMNS; at least one entry, all of a kind."""
    if isinstance(entries[0], LedgerRow):
        return list(zip(*map(astuple, entries), strict=True))[1:]
    receipts = cast(Sequence[Receipt], entries)
    told = list(zip(*[astuple(it) + astuple(it.usage) for it in receipts], strict=True))
    columns: list[Sequence[Any]] = [told[place] for place in _TAKEN]
    for place in _MEMBERS:
        members = columns[place]
        columns[place] = (
            (members[0]._value_,) * len(members) if is_one_value(members) else [member._value_ for member in members]
        )
    return columns


def is_one_value(column: Sequence[Any]) -> bool:
    """Whether all of a column is the same."""
    first = column[0]
    return bool(column[-1] == first) and column.count(first) == len(column)

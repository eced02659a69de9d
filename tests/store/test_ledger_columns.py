import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.traffic import Receipt
from ai_gateway.store.ledger_columns import COLUMNS, columns_of, is_one_value
from ai_gateway.store.receipts import row_of
from store.rows_for_tests import a_ledger_row


@given(st.lists(st.from_type(Receipt), min_size=1, max_size=5))
def test_receipts_are_the_columns_of_their_rows(receipts: list[Receipt]) -> None:
    """Spelled apart, so that neither can lose a field; and plain values, which is what a database takes."""
    rows = [msgspec.structs.asdict(row_of(receipt)) for receipt in receipts]
    columns = dict(zip(COLUMNS, columns_of(receipts), strict=True))
    assert {name: list(column) for name, column in columns.items()} == {
        name: [row[name] for row in rows] for name in COLUMNS
    }
    assert {type(value) for column in columns.values() for value in column} <= {str, int, float, bool, type(None)}


def test_rows_are_columns_too() -> None:
    rows = [a_ledger_row("att_1"), a_ledger_row("att_2", day=7)]
    columns = dict(zip(COLUMNS, columns_of(rows), strict=True))
    assert (columns["attempt_id"], columns["day"]) == (("att_1", "att_2"), (rows[0].day, 7))


@pytest.mark.parametrize(
    ("column", "expected"),
    [((None,), True), (("a", "a"), True), ((1, 1, 2), False), ((1, 2, 1), False), ((None, 1), False)],
)
def test_a_column_of_one_value(column: tuple[object, ...], *, expected: bool) -> None:
    assert is_one_value(column) is expected

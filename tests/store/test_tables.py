import msgspec
import pytest

from ai_gateway.store.rows import NOUNS, ApiKeyRow, EnhancedProviderConfig, Row
from ai_gateway.store.tables import TABLES, column_of, row_of, values_of
from store.rows_for_tests import ONE_OF_EACH


def test_each_noun_has_its_table() -> None:
    assert [table.name for table in TABLES.values()] == [kind.noun for kind in NOUNS]
    assert TABLES[EnhancedProviderConfig].name == "provider_configs_v2"


@pytest.mark.parametrize("kind", NOUNS, ids=lambda kind: kind.noun)
def test_a_column_may_be_null_where_the_field_may_be_none(kind: type[Row]) -> None:
    for field in msgspec.structs.fields(kind):
        may_be_none = type(None) in getattr(field.type, "__args__", ()) and field.name != "tenant_id"
        assert TABLES[kind].c[field.name].nullable == may_be_none, field.name


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.noun)
def test_a_row_becomes_columns_and_a_row_again(row: Row) -> None:
    columns = values_of(row)
    assert row_of(type(row), [columns[name] for name in type(row).__struct_fields__]) == row


def test_a_column_that_is_none_is_a_mistake() -> None:
    assert column_of(TABLES[ApiKeyRow], "digest").name == "digest"
    with pytest.raises(ValueError, match="no column dijest"):
        column_of(TABLES[ApiKeyRow], "dijest")

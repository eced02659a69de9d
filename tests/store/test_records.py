from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.records import ANY_TENANT, AnyTenant, Conflict, Store
from ai_gateway.store.sql import SqlStore


def test_every_store_has_every_door_of_the_contract() -> None:
    doors = {name for name in vars(Store) if not name.startswith("_")}
    for store in (MemoryStore, SqlStore):
        assert doors <= set(vars(store))


def test_a_conflict_names_the_noun_and_the_column() -> None:
    conflict = Conflict("pools", "group_name")
    assert str(conflict) == "pools: group_name is taken"


def test_no_string_means_any_tenant() -> None:
    """A scope out of a request is text: no text may widen it."""
    assert not isinstance("ANY_TENANT", AnyTenant)
    assert ANY_TENANT != "*"

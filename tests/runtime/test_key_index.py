import msgspec

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.runtime.key_index import KeyIndex
from support.builders import a_key, a_snapshot

LIMIT = Limit(("key", "key_2"), Window.DAILY, Unit.USD, 5)
PLAIN, LIMITED, FOREIGN = a_key(), a_key("key_2", limits=(LIMIT,)), a_key("key_3", "t2", limits=(LIMIT,))


def test_keys_are_found_by_id_and_those_with_limits_by_tenant() -> None:
    snapshot = a_snapshot(keys={"a": PLAIN, "b": LIMITED, "c": FOREIGN})
    index = KeyIndex()
    assert index.find(snapshot, "key_2") is LIMITED
    assert index.find(snapshot, "key_9") is None
    assert list(index.limited(snapshot, "t1")) == [LIMITED]
    assert list(index.limited(snapshot, "t3")) == []


def test_another_configuration_is_looked_at_anew_only_where_its_keys_are_others() -> None:
    index = KeyIndex()
    before = a_snapshot(keys={"a": PLAIN})
    assert index.find(before, "key_1") is PLAIN
    same = msgspec.structs.replace(before, revision=8)
    assert index.find(same, "key_1") is PLAIN
    assert index.find(a_snapshot(keys={"b": LIMITED}), "key_1") is None
    assert index.find(same, "key_1") is PLAIN

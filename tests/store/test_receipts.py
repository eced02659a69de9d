import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.traffic import Receipt
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.receipts import LedgerHistory, receipt_of, row_of
from ai_gateway.store.records import StoreUnavailable
from store.rows_for_tests import a_compiler
from support.builders import a_receipt


@given(receipt=st.from_type(Receipt))
def test_a_receipt_that_became_a_row_comes_back_the_same(receipt: Receipt) -> None:
    assert receipt_of(row_of(receipt)) == receipt


async def test_the_attempts_of_a_request_come_oldest_first_and_only_the_tenants_own() -> None:
    store = MemoryStore(a_compiler())
    first, second = a_receipt("att_1"), a_receipt("att_2")
    others = [a_receipt("att_3", tenant_id="t2"), a_receipt("att_4", request_id="req_2")]
    await store.append_ledger([row_of(it) for it in (first, second, *others)])

    assert await LedgerHistory(store).receipts_of("t1", "req_1") == [first, second]
    assert await LedgerHistory(store).receipts_of("t1", "nothing") == []


async def test_a_ledger_that_is_away_is_a_lost_connection() -> None:
    class Away(MemoryStore):  # type: ignore[misc]
        async def page_ledger(self, *_: object, **__: object) -> list:  # type: ignore[override, type-arg]
            raise StoreUnavailable

    with pytest.raises(ConnectionError):
        await LedgerHistory(Away(a_compiler())).receipts_of("t1", "req_1")

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.faults import GatewayFault
from ai_gateway.runtime.journal import Journal
from support.builders import a_receipt


def test_nobody_is_admitted_while_it_is_full_and_everybody_after() -> None:
    journal = Journal(capacity=2)
    journal.append(a_receipt("att_1"))
    journal.admit()
    journal.append(a_receipt("att_2"))

    with pytest.raises(GatewayFault) as full:
        journal.admit()
    assert (full.value.code, full.value.status) == ("ledger_unavailable", 503)

    journal.drop(journal.peek(1))
    journal.admit()


def test_who_was_admitted_before_it_was_full_is_still_written() -> None:
    journal = Journal(capacity=1)
    journal.append(a_receipt("att_1"))
    journal.append(a_receipt("att_2"))
    assert journal.depth == 2


def test_what_was_seen_stays_until_it_is_let_go() -> None:
    journal = Journal()
    receipts = [a_receipt(f"att_{number}") for number in range(5)]
    for receipt in receipts:
        journal.append(receipt)

    seen = journal.peek(3)

    assert (seen, journal.depth) == (receipts[:3], 5)
    journal.drop(seen)
    assert journal.peek(10) == receipts[3:]


@given(steps=st.lists(st.tuples(st.sampled_from(["append", "peek", "drop"]), st.integers(0, 1), st.integers(1, 4))))
def test_two_who_drain_at_the_same_time_lose_nothing(steps: list[tuple[str, int, int]]) -> None:
    """Whatever two drainers do in whatever order, a receipt is let go only by one who has seen it."""
    journal = Journal()
    appended = 0
    written: set[str] = set()
    seen: list[list[object]] = [[], []]
    for step, drainer, count in steps:
        if step == "append":
            journal.append(a_receipt(f"att_{appended}"))
            appended += 1
        elif step == "peek":
            seen[drainer] = list(journal.peek(count))
        else:
            written |= {it.attempt_id for it in seen[drainer]}  # type: ignore[attr-defined]
            journal.drop(seen[drainer])  # type: ignore[arg-type]
    waiting = {it.attempt_id for it in journal.peek(appended)}
    assert waiting | written == {f"att_{number}" for number in range(appended)}


def test_only_a_tenants_own_are_found() -> None:
    journal = Journal()
    mine, theirs, other = a_receipt("a"), a_receipt("b", tenant_id="t2"), a_receipt("c", request_id="req_2")
    for receipt in (mine, theirs, other):
        journal.append(receipt)
    assert journal.find("t1", "req_1") == [mine]


async def test_who_waits_is_woken_by_the_first_and_waits_again_after_the_last() -> None:
    journal = Journal()
    waiting = asyncio.ensure_future(journal.wait())
    await asyncio.sleep(0)
    assert not waiting.done()

    journal.append(a_receipt())
    await waiting
    journal.drop(journal.peek(10))

    again = asyncio.ensure_future(journal.wait())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()

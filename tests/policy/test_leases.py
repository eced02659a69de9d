"""Slices of a limit: large while there is much, one hold at the end, never more than there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.leases import Pot, Verdict, Want
from ai_gateway.policy.leases import Numbers, decide, watermark

POT = Pot("t", "key", "key_1", "D:2026-11-26", "usd")


def a_want(limit: int = 1_000, spent: int = 0, held: int = 0, asked: int = 0, least: int = 0) -> Want:
    return Want(POT, limit, spent=spent, held=held, asked=asked, least=least)


@pytest.mark.parametrize(
    ("want", "numbers", "granted", "verdict"),
    [
        # A tenth of what nobody has: 1,000 / 10; (1,000 - 400 - 100) / 10.
        (a_want(), Numbers(), 100, Verdict.ENOUGH),
        (a_want(), Numbers(settled=400, others=100), 50, Verdict.ENOUGH),
        # One hold where that is more, and only what it lacks: 30 of 100 + 50 are free, 120 are asked.
        (a_want(asked=300), Numbers(), 300, Verdict.ENOUGH),
        (a_want(spent=70, asked=120), Numbers(settled=70, granted=100, used=70), 190, Verdict.ENOUGH),
        # What is idle here counts towards the tenth: 1,000 - 60 left, 94 - 60.
        (a_want(), Numbers(granted=60), 94, Verdict.ENOUGH),
        (a_want(), Numbers(granted=200), 200, Verdict.ENOUGH),
        # The last hold fits to the nano-dollar, one more does not: others hold it, or it is gone.
        (a_want(asked=100), Numbers(settled=900), 100, Verdict.ENOUGH),
        (a_want(asked=101), Numbers(settled=900), 0, Verdict.EXHAUSTED),
        (a_want(asked=101), Numbers(settled=800, others=100), 0, Verdict.CONTENDED),
        # What lies in a lost lease will not come back by waiting, what lies in a live one may.
        (a_want(asked=101), Numbers(settled=800, others=100, lost=100), 0, Verdict.EXHAUSTED),
        # What this process spent and the ledger does not have yet is as good as settled.
        (a_want(spent=100, asked=101), Numbers(settled=800, granted=100), 100, Verdict.EXHAUSTED),
        (a_want(spent=50, held=50, asked=101), Numbers(settled=800, granted=100), 100, Verdict.CONTENDED),
        # Who can make do with less is refused the whole and gets all that is left.
        (a_want(asked=500, least=20), Numbers(settled=950), 50, Verdict.EXHAUSTED),
        (a_want(asked=500, least=51), Numbers(settled=950), 0, Verdict.EXHAUSTED),
        (a_want(asked=500, least=40), Numbers(settled=400, others=560), 40, Verdict.CONTENDED),
        # Where others have more than there is, who can make do with what it has keeps all of it.
        (a_want(limit=783, asked=3, least=1), Numbers(granted=2, others=782), 2, Verdict.CONTENDED),
        # A limit that was lowered below what is spent gives nothing and takes nothing.
        (a_want(limit=10), Numbers(settled=50, granted=5), 5, Verdict.ENOUGH),
        (a_want(limit=10, asked=1), Numbers(settled=50, granted=5), 5, Verdict.ENOUGH),
        (a_want(limit=10, asked=6), Numbers(settled=50, granted=5), 5, Verdict.EXHAUSTED),
        # More was spent than was held: the debt is asked for along with the hold (120 - 100 + 10).
        (a_want(spent=120, asked=10), Numbers(settled=0, granted=100), 190, Verdict.ENOUGH),
    ],
)
def test_a_slice(want: Want, numbers: Numbers, granted: int, verdict: Verdict) -> None:
    grant = decide(want, numbers)
    assert (grant.granted, grant.verdict) == (granted, verdict)


amounts = st.integers(0, 1_000)


@given(amounts, amounts, amounts, amounts, amounts, amounts, amounts, amounts, st.integers(0, 2_000))
def test_what_is_settled_and_leased_never_passes_the_limit_by_a_grant(
    settled: int, granted: int, used: int, others: int, undrained: int, held: int, asked: int, least: int, limit: int
) -> None:
    want = a_want(limit, used + undrained, held, asked, min(least, asked))
    grant = decide(want, Numbers(settled=settled + used, granted=granted, used=used, others=others))
    before = settled + used + others + max(0, granted - used)
    assert grant.granted >= granted
    assert grant.settled + grant.leased <= max(limit, before)
    if grant.verdict is Verdict.ENOUGH and asked:
        assert grant.granted - want.spent - held >= asked
    if grant.verdict is not Verdict.ENOUGH:
        assert grant.granted == granted or grant.granted - want.spent - held >= want.least > 0
    if grant.verdict is Verdict.EXHAUSTED:
        assert settled + want.spent + asked > limit, "402 is true whatever others give back"


def test_a_top_up_is_due_at_half_of_a_slice_and_never_where_nothing_is_free() -> None:
    assert (watermark(100), watermark(1), watermark(0), watermark(-5)) == (50, 0, 0, 0)

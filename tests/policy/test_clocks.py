import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.clocks import MOST_SLEW, Verdict, judge, slew

NOON = 1_795_694_400.0


@pytest.mark.parametrize(
    ("off_by", "verdict"),
    [
        (0.0, Verdict.AGREES),
        (60.0, Verdict.AGREES),
        (-60.0, Verdict.AGREES),
        (61.0, Verdict.OFF),
        (-61.0, Verdict.OFF),
        (-10 * 86_400.0, Verdict.OFF),  # behind: the shared time is taken, and yesterday's budget is not spent again
        (86_400.0, Verdict.OFF),
        (86_401.0, Verdict.FAR_AHEAD),
    ],
)
def test_a_clock_is_believed_put_right_or_refused(off_by: float, verdict: Verdict) -> None:
    assert judge(NOON + off_by, NOON) is verdict


@given(st.floats(-1e6, 1e6), st.floats(0, 1e4))
def test_a_running_clock_comes_nearer_and_never_jumps(off_by: float, elapsed: float) -> None:
    moved = slew(NOON + off_by, NOON, elapsed)
    assert abs(moved) <= MOST_SLEW * elapsed
    assert abs(off_by + moved) <= abs(off_by) + 1e-6

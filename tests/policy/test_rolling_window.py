from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.rolling_window import BUCKETS, RollingWindow

GAPS = st.sampled_from([0.0, 0.25, 1.0, 3.5, BUCKETS - 1.0, float(BUCKETS), 100.0])


@given(st.lists(st.tuples(GAPS, st.booleans()), min_size=1, max_size=80))
def test_it_knows_what_was_sent_and_what_failed_in_the_last_buckets(events: list[tuple[float, bool]]) -> None:
    """Buckets of a second; a failure is noted in the bucket in which it is heard of."""
    window, ends, now = RollingWindow(float(BUCKETS)), 1.0, 0.0
    sent: list[int] = []
    failed: list[int] = []
    for number, (gap, fails) in enumerate(events, start=1):
        now += gap
        if now >= ends:
            ends = window.roll(ends, now, number - 1)
        sent.append(int(now))
        if fails:
            window.note_failure()
            failed.append(int(now))
        assert ends == int(now) + 1
        oldest = int(now) - BUCKETS + 1
        lately = [bucket for bucket in sent if bucket >= oldest]
        assert window.totals(number) == (len(lately), sum(bucket >= oldest for bucket in failed))
        assert window.most(number) == max(lately.count(bucket) for bucket in set(lately))


def test_once_cleared_only_what_comes_counts() -> None:
    window = RollingWindow(10.0)
    window.note_failure()
    window.roll(0.5, 0.7, 3)
    window.clear(3)
    assert window.totals(3) == (0, 0)
    assert window.totals(5) == (2, 0)
    assert window.width == 10.0 / BUCKETS

"""A short storm; `python -m process.storm 10000` is a long one."""

from process.storm import storm
from support.gateway import Gateway


def test_a_storm_of_random_requests_leaves_nothing_behind(fresh: Gateway) -> None:
    outcome = storm(fresh, 600, seed=7)
    assert outcome.seen.wrong == []
    assert outcome.left_behind == []
    assert outcome.rows > 300
    assert {"whole", "stream, whole", "stream, error", "the caller left", "502 provider_error"} <= set(
        outcome.seen.ends
    )

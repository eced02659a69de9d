"""Arithmetic of the table, with numbers that can be checked by hand."""

import pytest
from benchmarks.figures import AtLeast, AtMost, Bar, Row, figure, ratios, slope


def test_a_figure_is_the_median_with_its_range() -> None:
    shown = figure([3.0, 1.0, 10.0, 2.0, 4.0])

    assert shown is not None
    assert (shown.value, shown.low, shown.high, shown.blocks) == (3.0, 1.0, 10.0, 5)
    assert figure([]) is None


def test_ratios_are_formed_within_a_round() -> None:
    """Round two ran on a machine half as fast: both doubled, and the ratio did not move."""
    assert ratios([80.0, 160.0], [20.0, 40.0]) == [4.0, 4.0]


def test_a_slope_does_not_see_what_every_request_costs() -> None:
    assert slope([(1.0, 100.5), (100.0, 150.0), (400.0, 300.0)]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("value", "bar", "verdict"),
    [
        (80.0, AtMost(80), "holds"),
        (80.1, AtMost(80), "missed"),
        (12.0, AtLeast(12), "holds"),
        (11.9, AtLeast(12), "missed"),
        (5.0, None, ""),
    ],
)
def test_a_bar_is_held_or_missed(value: float, bar: Bar | None, verdict: str) -> None:
    assert Row("p", "w", "x", figure([value]), bar).verdict == verdict


def test_what_was_not_measured_is_never_held() -> None:
    assert Row("p", "w", "x", None, AtMost(1)).verdict == "not measured"

"""The page never mixes runs without saying so, and says what was void."""

from xml.etree import ElementTree

from benchmarks.figures import AtMost, Row, figure
from benchmarks.report import Dated, Results, Run, merge, page, plot

ORDER = ("small", "drain")


def a_run(at: str, *voided: str) -> Run:
    machine = {"cores": "2", "processor": "any", "memory": "8 GiB", "kernel": "6.1"}
    return Run(at, "abc1234", machine, {"nginx": "1.22.1"}, [], list(voided), 60.0)


def a_row(part: str, value: float) -> Row:
    return Row(part, f"{part} request", "CPU-µs", figure([value]), AtMost(80))


def test_a_part_that_is_run_again_replaces_its_rows_and_no_others() -> None:
    first, second = a_run("monday"), a_run("tuesday")
    earlier = Results([Dated(a_row("small", 70), first), Dated(a_row("drain", 90), first)])

    merged = merge(earlier, second, [a_row("small", 60)], ORDER)

    assert [(it.row.part, it.run.at) for it in merged.rows] == [("small", "tuesday"), ("drain", "monday")]
    assert [it.row.figure and it.row.figure.value for it in merged.rows] == [60, 90]


def test_rows_of_a_part_that_is_gone_are_dropped() -> None:
    assert merge(Results([Dated(a_row("old", 1), a_run("monday"))]), a_run("x"), [], ORDER).rows == []


def test_the_page_names_each_run_what_it_voided_and_what_missed() -> None:
    run = a_run("monday", "governed: 3 of 4 answers are right")
    text = page(Results([Dated(a_row("small", 81), run), Dated(Row("drain", "gone", "x", None), run)]))

    assert "| small request | **81** CPU-µs | 81 | 81 | 1 | ≤ 80 | missed | 1 |" in text
    assert "| gone | | | | 0 |  | not measured | 1 |" in text
    assert "1 blocks were void: governed: 3 of 4 answers are right" in text
    assert "monday" in text
    assert "nginx 1.22.1" in text


def test_the_plot_is_well_formed_and_a_longer_bar_costs_more() -> None:
    rows = [("nginx proxy_pass", 18.0), ("LiteLLM, bare", 7000.0)]
    drawn = plot(Results([Dated(Row("small", what, "CPU-µs", figure([value])), a_run("x")) for what, value in rows]))

    bars = [float(it.attrib["width"]) for it in ElementTree.fromstring(drawn).iter() if it.attrib.get("height") == "22"]
    assert len(bars) == 2
    assert 0 < bars[0] < bars[1] < 480

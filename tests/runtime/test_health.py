from ai_gateway.policy.health import Finding, Override, Source, Thresholds, Verdict
from ai_gateway.runtime.health import Healths

BAD, GOOD = Finding.BAD, Finding.GOOD


def after_checks(healths: Healths, *findings: Finding) -> Healths:
    for at, finding in enumerate(findings):
        healths.checked("pc_1", finding, at, "no answer")
    return healths


def test_nobody_is_out_at_first_and_asking_makes_nobody_known() -> None:
    healths = Healths()
    assert healths.verdict("pc_1", 1) == Verdict(healthy=True, source=Source.TRAFFIC)
    assert healths.out == set()


def test_checks_take_an_endpoint_out_and_bring_it_back() -> None:
    healths = after_checks(Healths(), BAD, BAD, BAD)
    assert (healths.out, healths.withdrawn) == ({"pc_1"}, set())
    after_checks(healths, GOOD, GOOD)
    assert healths.out == set()


def test_the_thresholds_are_the_ones_that_were_handed_in() -> None:
    assert after_checks(Healths(Thresholds(bad_checks=1)), BAD).out == {"pc_1"}


def test_an_open_breaker_is_unhealthy_but_not_out_so_that_it_gets_its_probe() -> None:
    healths = Healths()
    assert healths.opened("pc_1", 1, "5 failures").healthy is False
    assert healths.out == set()
    assert healths.closed("pc_1", 2).healthy is True


def test_one_that_was_served_is_back_at_once() -> None:
    healths = after_checks(Healths(), BAD, BAD, BAD)
    healths.served("pc_1", 9)
    assert healths.out == set()


def test_whom_an_operator_takes_out_is_withdrawn_until_he_says_otherwise() -> None:
    healths = Healths()
    healths.override("pc_1", Override(healthy=False), 1)
    assert (healths.out, healths.withdrawn) == ({"pc_1"}, {"pc_1"})
    assert healths.lapse(1e12) == []
    healths.override("pc_1", None, 2)
    assert (healths.out, healths.withdrawn) == (set(), set())


def test_an_operator_can_keep_in_what_the_checks_would_take_out() -> None:
    healths = after_checks(Healths(), BAD, BAD, BAD)
    healths.override("pc_1", Override(healthy=True), 4)
    assert healths.out == set()
    healths.override("pc_1", None, 5)
    assert healths.out == {"pc_1"}


def test_a_word_for_some_time_ends_at_the_first_look_behind_it() -> None:
    healths = Healths()
    healths.override("pc_1", Override(healthy=False, until=10.0), 1)
    assert healths.lapse(9.9) == []
    assert healths.lapse(10.0) == ["pc_1"]
    assert (healths.out, healths.withdrawn) == (set(), set())
    assert healths.lapse(11.0) == []


def test_an_endpoint_that_is_gone_is_forgotten_whole() -> None:
    healths = after_checks(Healths(), BAD, BAD, BAD)
    healths.override("pc_2", Override(healthy=False, until=5.0), 1)
    healths.keep_only(["pc_3"])
    assert (healths.out, healths.withdrawn, healths.lapse(9)) == (set(), set(), [])
    assert healths.verdict("pc_1", 9).healthy is True

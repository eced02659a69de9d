import pytest

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.policy.unpriced import is_priced, priced_only
from support.builders import a_book, a_candidate, a_course, a_price, a_tier, an_endpoint

KNOWN, NEW = a_candidate(model="known"), a_candidate(an_endpoint("up-2"), model="new")
BOOK = a_book(a_price("known"), a_price("later", effective_from=100.0))


def test_a_course_that_is_priced_is_the_very_same() -> None:
    course = a_course("fast", KNOWN)
    assert priced_only(course, a_book(), BOOK, 0.0) is course


def test_what_nobody_priced_is_left_out_of_every_tier() -> None:
    course = a_course("fast", tiers=(a_tier(KNOWN, NEW, pool="fast"), a_tier(NEW, pool="backup")))
    left = priced_only(course, a_book(), BOOK, 0.0)
    assert [tier.candidates for tier in left.tiers] == [(KNOWN,), ()]
    assert (left.name, left.pool, left.retries) == (course.name, course.pool, course.retries)


def test_where_nothing_remains_the_caller_is_told_what_to_do() -> None:
    """B-10: an unknown price is refused, never taken for 0."""
    with pytest.raises(InvalidRequest) as refused:
        priced_only(a_course("fast", NEW), a_book(), BOOK, 0.0)
    assert (refused.value.code, refused.value.status, refused.value.param) == ("price_unknown", 400, "model")
    assert "ceiling" in refused.value.action


def test_a_price_of_0_is_a_price() -> None:
    free = a_book(a_price("new", input_pico=0, output_pico=0))
    assert priced_only(a_course("fast", NEW), free, BOOK, 0.0).name == "fast"


@pytest.mark.parametrize(("at", "priced"), [(99.0, False), (100.0, True)])
def test_a_price_counts_from_its_instant_on(at: float, priced: bool) -> None:
    assert is_priced(a_candidate(model="later"), a_book(), BOOK, at) is priced


def test_a_declared_ceiling_lets_a_model_through() -> None:
    ceiling = an_endpoint("up-3", ceiling=a_price(""))
    course = a_course("fast", a_candidate(ceiling, model="new"))
    assert priced_only(course, a_book(), a_book(), 0.0) is course

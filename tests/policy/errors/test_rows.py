import re

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.faults import QuotaExceeded
from ai_gateway.policy.errors.rows import LONGEST_READ, Row, Words, marks, statuses


def words(message: str = "", type: str | None = None, code: str | None = None, wait: float | None = None) -> Words:
    return Words(ProviderError(429, message, type, code, retry_after_seconds=wait))


def test_a_row_holds_where_its_status_and_one_of_its_words_are() -> None:
    row = Row(QuotaExceeded, statuses(None, 429), marks("spent"), ("all used up",), re.compile("used .* up"))
    assert row.holds(words(type="SPENT"), 429)
    assert row.holds(words(code="spent"), None)
    assert row.holds(words("It is ALL USED up."), 429)
    assert row.holds(words("used it up"), 429)
    assert not row.holds(words("spent"), 429), "a mark is a type or a code, not a word of the message"
    assert not row.holds(words(type="spent"), 400)
    assert not row.holds(words(), 429)


def test_a_row_without_words_holds_for_its_status_alone() -> None:
    row = Row(QuotaExceeded, statuses(498))
    assert row.holds(words("whatever"), 498)
    assert not row.holds(words("whatever"), 429)


def test_a_row_may_hold_only_where_no_time_is_named() -> None:
    row = Row(QuotaExceeded, statuses(429), phrases=("quota",), unless_it_waits=True)
    assert row.holds(words("quota"), 429)
    assert not row.holds(words("quota", wait=3.0), 429)


def test_a_code_that_is_a_status_is_read_as_one() -> None:
    assert words(code="502").status_in_code == 502
    assert [words(code=code).status_in_code for code in ("200", "4001", "x", None)] == [None] * 4


def test_only_so_much_of_a_message_is_read() -> None:
    assert len(words("x" * 10 * LONGEST_READ).message) == LONGEST_READ

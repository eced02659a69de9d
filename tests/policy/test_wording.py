from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.faults import BudgetExceeded, Fault, InvalidRequest, QuotaExceeded, RateLimited
from ai_gateway.domain.wording import Text, Texts, Wording
from ai_gateway.policy.refusals import exhausted
from ai_gateway.policy.wording import (
    ENGLISH_BUDGET,
    LONGEST_MESSAGE,
    OF_BUDGETS,
    OF_LANGUAGES,
    USUAL,
    check,
    fill,
    placeholders,
    read_language,
    reworded,
    texts_of,
)
from ai_gateway.runtime.languages import read_english
from ai_gateway.store.zones import zone_named
from support.languages import GERMAN

DOLLAR = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("All is well.", None),
        ("Id ${request_id}, ${category}, ${retry_after_seconds} s", None),
        ("It costs $5 or {5}", None),
        ("", "is empty; leave it out instead."),
        (" ", "is empty; leave it out instead."),
        ("x" * 1001, "has 1001 characters, at most 1000."),
        ("two\nlines", "has a character that cannot be shown, such as a line break."),
        ("${nobody}", "has the unknown placeholder ${nobody}; known here are"),
        ("${limit}", "has the unknown placeholder ${limit}; known here are"),
        ("${Request_id}", "has a '${' that begins no placeholder; known here are"),
        ("${", "has a '${' that begins no placeholder; known here are"),
        ("${request_id", "has a '${' that begins no placeholder; known here are"),
        ("${ request_id }", "has a '${' that begins no placeholder; known here are"),
        ("${${request_id}}", "has a '${' that begins no placeholder; known here are"),
    ],
)
def test_a_text_is_checked_before_it_is_taken(text: str, wrong: str | None) -> None:
    found = check(text, USUAL, LONGEST_MESSAGE)
    assert found == wrong or (found is not None and wrong is not None and found.startswith(wrong))


def test_limits_may_be_quoted_where_there_is_one() -> None:
    assert placeholders("budget") == placeholders("budget_exceeded") == USUAL | OF_BUDGETS
    assert placeholders("quota") == USUAL
    assert check("${limit} ${current} ${resets} ${window} ${unit} ${could_cost}", placeholders("budget"), 100) is None


def test_what_was_put_in_is_never_read_again() -> None:
    assert fill("${a} and ${b}", {"a": "${b}", "b": "${a}"}) == "${b} and ${a}"
    assert fill("$${a}", {"a": "5"}) == "$5"
    assert fill("${a}", {}) is None


@given(st.text(max_size=80), st.dictionaries(st.sampled_from(["request_id", "category"]), st.text(max_size=20)))
def test_a_text_that_was_taken_is_filled_in_one_pass(text: str, values: dict[str, str]) -> None:
    if check(text, USUAL, 100) is None and "${retry" not in text:
        whole = {"request_id": "", "category": ""} | values
        filled = fill(text, whole)
        assert filled is not None
        assert len(filled) <= len(text) + sum(map(len, whole.values())) * text.count("${")


def own(**changes: Any) -> Wording:
    return Wording(Texts(**changes))


def test_the_words_of_a_code_go_before_those_of_its_category_and_those_before_ours() -> None:
    fault = RateLimited("Too many for the key 'x'.", code="queue_full", retry_after_seconds=2.5)
    both = own(categories={"rate_limit": Text("category", "act")}, codes={"queue_full": Text("code ${category}")})
    assert reworded(fault, "req_1", both) == ("code rate_limit", "act")
    assert reworded(RateLimited("particular"), "req_1", both) == ("category", "act")
    assert reworded(InvalidRequest("particular"), "req_1", both) == ("particular", InvalidRequest.default_action)


def test_a_text_whose_value_is_not_known_is_passed_over() -> None:
    wording = own(
        categories={"rate_limit": Text("Busy.")},
        codes={"rate_limit_exceeded": Text("Wait ${retry_after_seconds} s, ${request_id}.")},
    )
    assert reworded(RateLimited(retry_after_seconds=1.2), "req_1", wording)[0] == "Wait 2 s, req_1."
    assert reworded(RateLimited(), "req_1", wording)[0] == "Busy."


def test_the_tenant_goes_before_the_language_and_that_before_english() -> None:
    fault = InvalidRequest("'n' is missing.", code="missing_field")
    german = Wording(Texts(), GERMAN)
    assert reworded(fault, "r", german) == ("Die Anfrage ist ungültig: 'n' is missing.", fault.action)
    assert reworded(QuotaExceeded(), "r", german) == (
        "Der KI-Anbieter hat sein Kontingent erreicht.",
        "Zahlungsmittel beim Anbieter hinterlegen.",
    )
    over = Wording(Texts(codes={"missing_field": Text("Mine.")}), GERMAN)
    assert reworded(fault, "r", over) == ("Mine.", fault.action)
    assert reworded(RateLimited("in English"), "r", german)[0] == "in English", "no time is known, so not in German"


def a_limit(unit: Unit, window: Window, amount: int) -> Limit:
    return Limit(("team", "team_1"), window, unit, amount, name="Red")


LIMITS = [
    (Unit.USD, Window.DAILY, 50 * DOLLAR, 52_340_000_000, 20_000_000),
    (Unit.USD, Window.DAILY, 50 * DOLLAR, 49 * DOLLAR, 20_000_000),
    (Unit.USD, Window.MONTHLY, DOLLAR, DOLLAR, 1),
    (Unit.TOKENS, Window.TOTAL, 12_000, 11_000, 4_000),
    (Unit.REQUESTS, Window.MONTHLY, 1_000, 1_000, 1),
]


@pytest.mark.parametrize(("unit", "window", "amount", "spent", "asked"), LIMITS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_the_english_file_says_of_a_limit_what_the_code_says(
    unit: Unit, window: Window, amount: int, spent: int, asked: int, zone: str
) -> None:
    """So that a translator who follows the file loses no number."""
    resets = None if window is Window.TOTAL else 1_800_000_000
    fault = exhausted(a_limit(unit, window, amount), spent, asked, resets, zone_named(zone))
    english = read_english()
    assert english.budget == ENGLISH_BUDGET
    assert reworded(fault, "r", Wording(Texts(), english))[0] == fault.message


def test_the_customers_sentences_keep_their_numbers_in_another_language() -> None:
    fault = exhausted(a_limit(Unit.USD, Window.DAILY, 50 * DOLLAR), 52_340_000_000, 20_000_000, 1_800_000_000)
    assert fault.message == "Daily cost limit exceeded. Limit: $50.00, Current: $52.34. Resets at midnight UTC."
    assert reworded(fault, "r", Wording(Texts(), GERMAN))[0] == (
        "Tagesgrenze für Kosten überschritten. Grenze: 50,00 $, verbraucht: 52,34 $. Beginnt um Mitternacht UTC neu."
    )
    below = exhausted(
        a_limit(Unit.TOKENS, Window.MONTHLY, 12_000), 11_000, 4_000, 1_800_000_000, zone_named("Asia/Tokyo")
    )
    assert reworded(below, "r", Wording(Texts(), GERMAN))[0] == (
        "Monatsgrenze für Token überschritten. Grenze: 12.000 Token, verbraucht: 11.000 Token. "
        "Beginnt am 2027-01-15 um Mitternacht in Asia/Tokyo neu. Diese Anfrage könnte bis zu 4.000 Token kosten."
    )


def test_a_tenants_own_words_may_quote_the_numbers() -> None:
    fault = exhausted(a_limit(Unit.USD, Window.DAILY, 50 * DOLLAR), 49 * DOLLAR, 2 * DOLLAR, 1_800_000_000)
    wording = own(codes={"budget_exceeded": Text("${unit}: ${current} of ${limit}, up to ${could_cost}. ${resets}")})
    assert reworded(fault, "r", wording)[0] == "cost: $49.00 of $50.00, up to $2.00. Resets at midnight UTC."
    assert reworded(BudgetExceeded("no numbers"), "r", wording)[0] == "no numbers"


def test_stored_words_are_read_and_what_is_unknown_is_passed_over() -> None:
    stored = {"codes": {"queue_full": {"message": "m", "later": 1}}, "categories": {"quota": {}}, "more": 1}
    assert texts_of(stored) == Texts({"quota": Text()}, {"queue_full": Text("m")})
    assert texts_of({}) == Texts({}, {})


def encoded(**changes: Any) -> bytes:
    return msgspec.json.encode({"tag": "de", "name": "Deutsch", "texts": {}} | changes)


def test_a_language_file_is_read() -> None:
    assert read_language(msgspec.json.encode(GERMAN), read_english()) == GERMAN
    assert read_language(encoded(), read_english()).texts == Texts({}, {})


@dataclass
class Wrong:
    raw: bytes
    says: str


GERMAN_BUDGET = msgspec.to_builtins(GERMAN.budget)


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong(b"{", "it is not a language file"),
        Wrong(encoded(tag="Deutsch!"), "'tag' is 'Deutsch!'"),
        Wrong(encoded(texts={"categories": {"nope": {"message": "m"}}}), "'categories.nope' is not known"),
        Wrong(encoded(texts={"codes": {"nope": {"message": "m"}}}), "'codes.nope' is not known"),
        Wrong(
            encoded(texts={"codes": {"draining": {"message": "${limit}"}}}), "'codes.draining.message' has the unknown"
        ),
        Wrong(
            encoded(texts={"codes": {"draining": {"suggested_action": ""}}}),
            "'codes.draining.suggested_action' is empty",
        ),
        Wrong(encoded(budget=GERMAN_BUDGET | {"windows": {}}), "'budget.windows.daily' is missing."),
        Wrong(encoded(budget=GERMAN_BUDGET | {"zone": "${day}"}), "'budget.zone' has the unknown placeholder"),
    ],
    ids=lambda wrong: wrong.says,
)
def test_a_language_file_that_cannot_be_used_says_why(wrong: Wrong) -> None:
    with pytest.raises(ValueError) as refused:
        read_language(wrong.raw, read_english())
    assert wrong.says in str(refused.value)


def test_everything_that_is_wrong_with_a_file_is_said_at_once() -> None:
    texts = {"codes": {"nope": {}, "draining": {"message": ""}}, "categories": {"neither": {}}}
    with pytest.raises(ValueError) as refused:
        read_language(encoded(texts=texts), read_english())
    assert str(refused.value).count(";") >= 2


def test_languages_may_say_the_english_sentence_and_tenants_may_not() -> None:
    assert "message" in OF_LANGUAGES
    assert "message" not in USUAL


def test_a_fault_is_not_changed_by_being_reworded() -> None:
    fault: Fault = QuotaExceeded()
    before = dict(vars(fault))
    reworded(fault, "r", Wording(Texts(), GERMAN))
    assert vars(fault) == before

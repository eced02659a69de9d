from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.cli.document import DocumentError, read_document, write_document


def problems_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(DocumentError) as refused:
        read_document(text, environ or {})
    return refused.value.problems


@pytest.mark.parametrize(
    "text",
    ['{"providers": [{"name": "a", "weight": 2, "price": 0.10}]}', "providers:\n- {name: a, weight: 2, price: 0.10}"],
)
def test_yaml_and_json_read_the_same_and_money_keeps_its_digits(text: str) -> None:
    assert read_document(text, {}) == {"providers": [{"name": "a", "weight": 2, "price": Decimal("0.10")}]}
    assert str(read_document(text, {})["providers"][0]["price"]) == "0.10"


def test_references_are_resolved_wherever_a_text_stands() -> None:
    text = "providers:\n- api_key: ${KEY}\n  url: https://${HOST}/v1"
    assert read_document(text, {"KEY": "sk-1", "HOST": "x.example"}) == {
        "providers": [{"api_key": "sk-1", "url": "https://x.example/v1"}]
    }


def test_variables_of_rules_are_the_gateways_own() -> None:
    text = "routes:\n- rules:\n  - {text: 'For ${tenant_id} by ${KEY}'}\nname: ${tenant_id}"
    read = read_document(text, {"KEY": "me", "tenant_id": "shell"})
    assert read == {"routes": [{"rules": [{"text": "For ${tenant_id} by me"}]}], "name": "shell"}


def test_a_value_never_becomes_structure() -> None:
    assert read_document("a: ${X}", {"X": "1\nb: [2]"}) == {"a": "1\nb: [2]"}


def test_a_resolved_value_is_not_resolved_again() -> None:
    assert read_document("a: ${X}", {"X": "${Y}", "Y": "no"}) == {"a": "${Y}"}


def test_every_unset_or_blank_reference_is_named_with_its_place() -> None:
    problems = problems_of("providers:\n- {api_key: '${NOT_SET}'}\n- {api_key: '${BLANK}'}", {"BLANK": " "})
    assert len(problems) == 2
    assert "providers[0].api_key" in problems[0]
    assert "NOT_SET" in problems[0]
    assert "providers[1].api_key" in problems[1]


@pytest.mark.parametrize("reference", ["${}", "${A-B}", "${1A}", "${A:-x}"])
def test_a_reference_that_names_no_variable_is_refused(reference: str) -> None:
    (problem,) = problems_of(f"a: '{reference}'", {"A": "x"})
    assert "names no variable" in problem


def test_two_dollars_stand_for_the_characters() -> None:
    assert read_document("a: $${KEY} costs $5", {}) == {"a": "${KEY} costs $5"}


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        '{"a": 1',
        '{"a": NaN}',
        '{"a": 1, "a": 2}',
        "a: 1\na: 2",
        "a: .nan",
        "a: .inf",
        "a: 190:20:30.15",
        "a: !!python/object/apply:os.system [true]",
        "- a",
        "[1]",
        "",
        "just text",
        "[" * 100_000,
    ],
)
def test_what_cannot_be_meant_is_refused_for_people(text: str) -> None:
    assert problems_of(text)


def test_the_same_name_may_stand_in_two_objects() -> None:
    assert read_document("a: {x: 1}\nb: {x: 2}", {}) == {"a": {"x": 1}, "b": {"x": 2}}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=("Cs", "Cc")))
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6)
    | st.sampled_from(["${KEY}", "$${KEY}", "$$", "${", "1.5", "yes", "null", "2026-01-01"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.sampled_from("abc_")), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["providers", "pools"]), values))
def test_what_is_written_is_read_back(document: dict[str, object]) -> None:
    assert read_document(write_document(document), {}) == document

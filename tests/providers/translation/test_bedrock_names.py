import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.translation.bedrock_names import DocumentNames, call_id_of, is_tool_name

ALLOWED = re.compile(r"(?!.*\s\s)[A-Za-z0-9\s\-()\[\]]{1,200}")


@given(st.lists(st.text(max_size=300) | st.none() | st.sampled_from(["a", "a (2)", "A b"]), max_size=8))
def test_names_are_allowed_and_different(titles: list[str | None]) -> None:
    names = DocumentNames()
    given_names = [names.name(title) for title in titles]
    assert all(ALLOWED.fullmatch(name) for name in given_names)
    assert len(set(given_names)) == len(given_names)


@given(st.lists(st.text(max_size=20), max_size=6), st.lists(st.text(max_size=20), max_size=6))
def test_a_longer_conversation_keeps_the_names_of_its_beginning(before: list[str], after: list[str]) -> None:
    short, long = DocumentNames(), DocumentNames()
    first = [short.name(title) for title in before]
    assert [long.name(title) for title in before + after][: len(before)] == first


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Report 2024", "Report 2024"),
        ("report.v2.pdf", "report-v2-pdf"),
        ("two  spaces\n", "two spaces"),
        ("Übersicht", "bersicht"),
        ("...", "document"),
        (None, "document"),
    ],
)
def test_a_title_stays_as_near_as_it_can(title: str | None, name: str) -> None:
    assert DocumentNames().name(title) == name


@given(st.text(max_size=100))
def test_a_calls_id_is_one_that_bedrock_takes(told: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", call_id_of(told))
    assert call_id_of(told) == call_id_of(call_id_of(told))


def test_ids_that_fit_stay_and_others_stay_apart() -> None:
    assert call_id_of("tooluse_A-1.b:c") == "tooluse_A-1.b:c"
    assert call_id_of("call|1") != call_id_of("call|2")


def test_names_of_tools() -> None:
    assert [is_tool_name(name) for name in ("get_weather-2", "a.b", "", "x" * 65)] == [True, False, False, False]

"""Citations of every kind come back as they were."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import Citation, CitedUnit
from ai_gateway.providers.translation.anthropic_citations import is_anthropics, read_citation, write_citation

KINDS: list[dict[str, Any]] = [
    {
        "type": "char_location",
        "cited_text": "x",
        "document_index": 1,
        "document_title": "t",
        "start_char_index": 3,
        "end_char_index": 9,
    },
    {
        "type": "page_location",
        "cited_text": "x",
        "document_index": 0,
        "document_title": None,
        "start_page_number": 1,
        "end_page_number": 2,
        "file_id": "file_1",
    },
    {
        "type": "content_block_location",
        "cited_text": "x",
        "document_index": 0,
        "document_title": "t",
        "start_block_index": 0,
        "end_block_index": 1,
    },
    {
        "type": "search_result_location",
        "cited_text": "x",
        "source": "https://a",
        "title": "t",
        "search_result_index": 2,
        "start_block_index": 0,
        "end_block_index": 1,
    },
    {
        "type": "web_search_result_location",
        "cited_text": "x",
        "url": "https://a",
        "title": "t",
        "encrypted_index": "e",
    },
    {"type": "location_of_tomorrow", "cited_text": "x", "galaxy": 7},
]


@pytest.mark.parametrize("said", KINDS, ids=lambda it: it["type"])
def test_a_citation_is_written_as_it_was_read(said: dict[str, Any]) -> None:
    citation = read_citation(said)
    assert citation is not None
    assert write_citation(citation) == said


@pytest.mark.parametrize("said", KINDS[:5], ids=lambda it: it["type"])
def test_what_anthropic_wrote_it_takes_back(said: dict[str, Any]) -> None:
    citation = read_citation(said)
    assert citation is not None
    assert is_anthropics(citation)


def test_a_place_has_its_unit() -> None:
    assert read_citation(KINDS[0]) == Citation(
        title="t", cited_text="x", document=1, unit=CitedUnit.CHARACTERS, source_start=3, source_end=9
    )


def test_a_citation_of_another_maker_is_one_of_the_web_and_keeps_its_span() -> None:
    foreign = Citation(url="https://a", title="t", answer_start=0, answer_end=5)
    said = write_citation(foreign)
    assert said == {
        "type": "web_search_result_location",
        "cited_text": "",
        "url": "https://a",
        "title": "t",
        "encrypted_index": "",
        "answer_start": 0,
        "answer_end": 5,
    }
    assert not is_anthropics(foreign)
    again = read_citation(said)
    assert again is not None
    assert (again.url, again.answer_start, again.answer_end) == ("https://a", 0, 5)


@pytest.mark.parametrize("said", [None, [], "x", {"cited_text": "x"}, {"type": 3}])
def test_what_has_no_type_is_none(said: object) -> None:
    assert read_citation(said) is None

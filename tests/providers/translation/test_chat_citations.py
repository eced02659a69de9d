"""Sources of an answer as annotations."""

from typing import Any

import pytest
from hypothesis import given

from ai_gateway.domain.conversation import Citation
from ai_gateway.providers.translation.chat_citations import addresses_in, read_annotation, write_annotation
from tests.providers.translation.chat_made import CITATIONS


@given(CITATIONS)
def test_a_source_is_read_as_it_was_written(citation: Citation) -> None:
    assert read_annotation(write_annotation(citation, 0, 9)) == citation


def test_a_source_without_a_place_covers_its_text() -> None:
    assert write_annotation(Citation(url="u", title="t"), 3, 9) == {
        "type": "url_citation",
        "url_citation": {"url": "u", "title": "t", "start_index": 3, "end_index": 9},
    }


def test_a_document_of_the_request_has_its_number_as_address() -> None:
    said = {"url": "document:1", "title": "", "document_index": 1, "content": "x", "start_index": 0, "end_index": 2}
    written = write_annotation(Citation(document=1, cited_text="x"), 0, 2)
    assert written == {"type": "url_citation", "url_citation": said}
    read = read_annotation(written)
    assert read is not None
    assert (read.url, read.document) == (None, 1)


@pytest.mark.parametrize("annotation", [None, 7, {}, {"type": "file_path"}])
def test_what_is_no_source_is_none(annotation: Any) -> None:
    assert read_annotation(annotation) is None


def test_a_list_of_addresses_has_the_titles_of_what_was_found() -> None:
    found = [{"url": "https://b.example", "title": "B"}, {"url": 7}, 7, {"url": "https://a.example", "title": 7}]
    assert addresses_in(["https://a.example", "https://b.example", 7], found) == [
        Citation(url="https://a.example"),
        Citation(url="https://b.example", title="B"),
    ]
    assert addresses_in(None, None) == []

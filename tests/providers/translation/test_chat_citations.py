"""Sources of an answer as annotations."""

from typing import Any

import pytest
from hypothesis import given

from ai_gateway.domain.conversation import Citation
from ai_gateway.providers.translation.chat_citations import read_annotation, write_annotation
from tests.providers.translation.chat_made import CITATIONS


@given(CITATIONS)
def test_a_source_is_read_as_it_was_written(citation: Citation) -> None:
    assert read_annotation(write_annotation(citation, 0, 9)) == citation


def test_a_source_without_a_place_covers_its_text() -> None:
    assert write_annotation(Citation(url="u", title="t"), 3, 9) == {
        "type": "url_citation",
        "url_citation": {"url": "u", "title": "t", "start_index": 3, "end_index": 9},
    }


def test_a_document_of_the_request_is_no_web_address() -> None:
    assert write_annotation(Citation(document=1, cited_text="x"), 0, 2) == {
        "type": "file_citation",
        "file_citation": {"document_index": 1, "content": "x", "start_index": 0, "end_index": 2},
    }


@pytest.mark.parametrize("annotation", [None, 7, {}, {"type": "file_path"}])
def test_what_is_no_source_is_none(annotation: Any) -> None:
    assert read_annotation(annotation) is None

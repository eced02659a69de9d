"""Bytes of Google's become characters of the text part that cites."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import Citation
from ai_gateway.providers.translation.google_grounding import citations_of, recited

WEB = {"web": {"uri": "https://a.example", "title": "A"}}
MAPS = {"maps": {"uri": "https://maps.example", "title": "M", "placeId": "p1"}}
FILE = {"retrievedContext": {"text": "words", "title": "F"}}


def a_support(segment: dict[str, Any], *chunks: int) -> dict[str, Any]:
    return {"segment": segment, "groundingChunkIndices": list(chunks)}


@pytest.mark.parametrize(
    ("texts", "segment", "place"),
    [
        ({0: "Paris is big."}, {"endIndex": 5, "text": "Paris"}, (0, 0, 5)),
        ({0: "Où? Là-bas."}, {"startIndex": 5, "endIndex": 13, "text": "Là-bas."}, (0, 4, 11)),
        ({0: "Où? Là-bas."}, {"startIndex": 1, "endIndex": 2}, (0, None, None)),  # in the middle of a letter
        ({1: "one ", 3: "two"}, {"startIndex": 4, "endIndex": 7, "text": "two"}, (3, 0, 3)),
        ({1: "one ", 3: "two"}, {"startIndex": 90, "endIndex": 93, "text": "two"}, (3, 0, 3)),
        ({1: "one ", 3: "two"}, {"startIndex": 90, "endIndex": 93, "text": "six"}, (3, None, None)),
        ({2: "one"}, {}, (2, None, None)),
    ],
)
def test_a_segment_is_found(texts: dict[int, str], segment: dict[str, Any], place: tuple[Any, ...]) -> None:
    ((part, citation),) = citations_of({"groundingChunks": [WEB], "groundingSupports": [a_support(segment, 0)]}, texts)
    assert (part, citation.answer_start, citation.answer_end) == place
    assert (citation.url, citation.title) == ("https://a.example", "A")


def test_a_support_of_several_sources_cites_each_and_sources_that_nothing_names_cite_the_whole() -> None:
    said = {"groundingChunks": [WEB, MAPS, FILE], "groundingSupports": [a_support({"endIndex": 2}, 0, 1, 9)]}
    assert list(citations_of(said, {0: "text"})) == [
        (0, Citation(url="https://a.example", title="A", answer_start=0, answer_end=2)),
        (0, Citation(url="https://maps.example", title="M", answer_start=0, answer_end=2, extra={"placeId": "p1"})),
        (0, Citation(title="F", cited_text="words")),
    ]


@pytest.mark.parametrize("name", ["citations", "citationSources"])
def test_works_that_are_recited_are_cited(name: str) -> None:
    said = {name: [{"startIndex": 1, "endIndex": 3, "uri": "u", "license": "MIT"}]}
    ((part, citation),) = recited(said, {0: "abcd"})
    assert (part, citation) == (0, Citation(url="u", answer_start=1, answer_end=3, extra={"license": "MIT"}))


@pytest.mark.parametrize("said", [None, [], {"groundingChunks": 1}, {"groundingSupports": [1, {"segment": []}]}])
def test_nonsense_cites_nothing(said: object) -> None:
    assert list(citations_of(said, {0: "a"})) == []
    assert list(citations_of({"groundingChunks": [WEB]}, {})) == []
    assert list(recited(said, {0: "a"})) == []

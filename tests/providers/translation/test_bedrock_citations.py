import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.conversation import Citation, CitedUnit
from ai_gateway.providers.translation.bedrock_citations import citation_block, citation_of, is_whole


@pytest.mark.parametrize(
    ("said", "citation"),
    [
        (
            {
                "title": "T",
                "sourceContent": [{"text": "a"}, {"text": "b"}],
                "location": {"documentChar": {"documentIndex": 0, "start": 3, "end": 9}},
            },
            Citation(title="T", cited_text="ab", document=0, unit=CitedUnit.CHARACTERS, source_start=3, source_end=9),
        ),
        (
            {"location": {"documentPage": {"documentIndex": 1, "start": 2, "end": 2}}},
            Citation(document=1, unit=CitedUnit.PAGES, source_start=2, source_end=2),
        ),
        (
            {"source": "s", "location": {"searchResultLocation": {"searchResultIndex": 4, "start": 0, "end": 1}}},
            Citation(
                document=4,
                unit=CitedUnit.BLOCKS,
                source_start=0,
                source_end=1,
                extra={"source": "s", "place": "searchResultLocation"},
            ),
        ),
        ({"location": {"web": {"url": "https://x.test"}}}, Citation(url="https://x.test")),
    ],
)
def test_a_citation_goes_both_ways(said: dict[str, object], citation: Citation) -> None:
    assert citation_of(said) == citation
    assert citation_of(citation_block(citation)) == citation
    assert is_whole(citation)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda it: st.lists(it) | st.dictionaries(st.text(), it)))
def test_anything_is_some_citation(said: object) -> None:
    assert isinstance(citation_of(said), Citation)


def test_another_apis_secrets_are_not_whole() -> None:
    assert not is_whole(Citation(url="https://x.test", extra={"encrypted_index": "x"}))

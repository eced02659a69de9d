"""Citations as `annotations` of the chat dialect: OpenAI's `url_citation`, with what others say besides.

Clients check these against OpenAI's document, which has web addresses only. So a source that is a document of the
request has an address that says its number ("document:2"). Positions count characters of the whole answer.
"""

from typing import Final

from ai_gateway.domain.conversation import Citation, CitedUnit, Json
from ai_gateway.providers.decoding import as_list, as_object

_KIND: Final = "url_citation"
_DOCUMENT: Final = "document:"


def write_annotation(citation: Citation, start: int, end: int) -> Json:
    """`start` and `end`: the text part that cites, within the answer."""
    number = "" if citation.document is None else citation.document
    said: dict[str, Json] = {
        "url": f"{_DOCUMENT}{number}" if citation.url is None else citation.url,
        "title": citation.title or "",
        "start_index": start if citation.answer_start is None else start + citation.answer_start,
        "end_index": end if citation.answer_end is None else start + citation.answer_end,
        "content": citation.cited_text,
        "document_index": citation.document,
        "unit": None if citation.unit is None else citation.unit.value,
        "source_start": citation.source_start,
        "source_end": citation.source_end,
        "extra": citation.extra or None,
    }
    return {"type": _KIND, _KIND: {name: value for name, value in said.items() if value is not None}}


def read_annotation(annotation: object) -> Citation | None:
    """None for what is no citation."""
    outer = as_object(annotation)
    if outer.get("type") != _KIND:
        return None
    said = as_object(outer.get(_KIND)) or outer
    url, title = said.get("url"), said.get("title") or None
    content, unit = said.get("content"), said.get("unit")
    return Citation(
        url=url if isinstance(url, str) and not url.startswith(_DOCUMENT) else None,
        title=title if isinstance(title, str) else None,
        cited_text=content if isinstance(content, str) else None,
        document=_count(said.get("document_index")),
        unit=CitedUnit(unit) if isinstance(unit, str) and unit in _UNITS else None,
        source_start=_count(said.get("source_start")),
        source_end=_count(said.get("source_end")),
        answer_start=_count(said.get("start_index")),
        answer_end=_count(said.get("end_index")),
        extra=as_object(said.get("extra")),
    )


def addresses_in(citations: object, search_results: object) -> list[Citation]:
    """Perplexity's list of sources, to which the text refers by number; their titles are in what was found."""
    found = [as_object(result) for result in as_list(search_results)]
    titles = {result.get("url"): result.get("title") for result in found if isinstance(result.get("url"), str)}
    addresses = [address for address in as_list(citations) if isinstance(address, str)]
    return [
        Citation(url=address, title=title if isinstance(title := titles.get(address), str) else None)
        for address in addresses
    ]


_UNITS = frozenset(unit.value for unit in CitedUnit)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

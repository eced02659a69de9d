"""Citations as `annotations` of the chat dialect: OpenAI's `url_citation`, with what others say besides.

A source without a web address (a document of the request) has no form of OpenAI's in this dialect; it is a
`file_citation`, named as in their other APIs. Positions count characters of the whole answer.
"""

from ai_gateway.domain.conversation import Citation, CitedUnit, Json
from ai_gateway.providers.decoding import as_object


def write_annotation(citation: Citation, start: int, end: int) -> Json:
    """`start` and `end`: the text part that cites, within the answer."""
    said: dict[str, Json] = {
        "url": citation.url,
        "title": citation.title,
        "start_index": start if citation.answer_start is None else start + citation.answer_start,
        "end_index": end if citation.answer_end is None else start + citation.answer_end,
        "content": citation.cited_text,
        "document_index": citation.document,
        "unit": None if citation.unit is None else citation.unit.value,
        "source_start": citation.source_start,
        "source_end": citation.source_end,
        "extra": citation.extra or None,
    }
    kind = "file_citation" if citation.url is None else "url_citation"
    return {"type": kind, kind: {name: value for name, value in said.items() if value is not None}}


def read_annotation(annotation: object) -> Citation | None:
    """None for what is no citation."""
    outer = as_object(annotation)
    kind = outer.get("type")
    if kind not in ("url_citation", "file_citation"):
        return None
    said = as_object(outer.get(kind)) or outer
    url, title = said.get("url"), said.get("title") or said.get("filename")
    content, unit = said.get("content"), said.get("unit")
    return Citation(
        url=url if isinstance(url, str) else None,
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


_UNITS = frozenset(unit.value for unit in CitedUnit)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

"""Citations in Anthropic's dialect: five kinds of places, each with members of its own.

What a kind has in common with the others stands in our fields. Members that only it has, and the name of a kind that
the fields do not tell, ride along in `extra` and are given back.
"""

from typing import Final

from ai_gateway.domain.conversation import Citation, CitedUnit, Json
from ai_gateway.providers.decoding import as_object

_UNITS: Final = {
    "char_location": (CitedUnit.CHARACTERS, "start_char_index", "end_char_index"),
    "page_location": (CitedUnit.PAGES, "start_page_number", "end_page_number"),
    "content_block_location": (CitedUnit.BLOCKS, "start_block_index", "end_block_index"),
    "search_result_location": (CitedUnit.BLOCKS, "start_block_index", "end_block_index"),
}
_KIND_OF_UNIT: Final = {
    CitedUnit.CHARACTERS: "char_location",
    CitedUnit.PAGES: "page_location",
    CitedUnit.BLOCKS: "content_block_location",
}
_SEARCHED: Final = "search_result_location"
_FROM_WEB: Final = "web_search_result_location"


def read_citation(said: object) -> Citation | None:
    """None: no object with a type."""
    left: dict[str, Json] = dict(as_object(said))
    kind = left.pop("type", None)
    if not isinstance(kind, str):
        return None
    cited = _text(left, "cited_text") or None
    answer_start, answer_end = _number(left, "answer_start"), _number(left, "answer_end")
    if kind == _FROM_WEB:
        return Citation(
            url=_text(left, "url"),
            title=_text(left, "title"),
            cited_text=cited,
            answer_start=answer_start,
            answer_end=answer_end,
            extra={name: value for name, value in left.items() if value},
        )
    if kind not in _UNITS:
        return Citation(cited_text=cited, extra={**left, "type": kind})
    unit, start, end = _UNITS[kind]
    if kind == _SEARCHED:
        url, title, document = _text(left, "source"), _text(left, "title"), _number(left, "search_result_index")
        left["type"] = kind
    else:
        url, title, document = None, _text(left, "document_title"), _number(left, "document_index")
    return Citation(
        url=url,
        title=title,
        cited_text=cited,
        document=document,
        unit=unit,
        source_start=_number(left, start),
        source_end=_number(left, end),
        answer_start=answer_start,
        answer_end=answer_end,
        extra={name: value for name, value in left.items() if value is not None},
    )


def write_citation(citation: Citation) -> dict[str, Json]:
    """Any citation, as callers get it. Where a span of the answer is told, it rides along: the dialect cites whole
    blocks."""
    kind = kind_of(citation)
    said: dict[str, Json] = {"type": kind, "cited_text": citation.cited_text or ""}
    if kind in _UNITS:
        _, start, end = _UNITS[kind]
        said |= {start: citation.source_start or 0, end: citation.source_end or 0}
        if kind == _SEARCHED:
            said |= {
                "source": citation.url or "",
                "title": citation.title,
                "search_result_index": citation.document or 0,
            }
        else:
            said |= {"document_index": citation.document or 0, "document_title": citation.title}
    elif kind == _FROM_WEB:
        said |= {"url": citation.url or "", "title": citation.title, "encrypted_index": ""}
    if citation.answer_start is not None:
        said["answer_start"] = citation.answer_start
    if citation.answer_end is not None:
        said["answer_end"] = citation.answer_end
    return said | citation.extra


def kind_of(citation: Citation) -> str:
    told = citation.extra.get("type")
    if isinstance(told, str):
        return told
    return _FROM_WEB if citation.unit is None else _KIND_OF_UNIT[citation.unit]


def is_anthropics(citation: Citation) -> bool:
    """Whether Anthropic's API takes it back: one of the web needs its index, which only Anthropic's search makes."""
    if kind_of(citation) == _FROM_WEB:
        return bool(citation.extra.get("encrypted_index"))
    return citation.document is not None and citation.answer_start is None


def _text(left: dict[str, Json], name: str) -> str | None:
    value = left.pop(name, None)
    return value if isinstance(value, str) else None


def _number(left: dict[str, Json], name: str) -> int | None:
    value = left.pop(name, None)
    return value if isinstance(value, int) and not isinstance(value, bool) else None

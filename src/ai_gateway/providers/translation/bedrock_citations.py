"""Citations between Converse's words and ours. Its locations count characters, pages or chunks of a document, or blocks
of a search result; which of the two last it was is kept, since both are blocks to us."""

from typing import Final

from ai_gateway.domain.conversation import Citation, CitedUnit, Json
from ai_gateway.providers.decoding import as_list, as_object

_UNITS: Final = {
    "documentChar": CitedUnit.CHARACTERS,
    "documentPage": CitedUnit.PAGES,
    "documentChunk": CitedUnit.BLOCKS,
    "searchResultLocation": CitedUnit.BLOCKS,
}
_PLACES: Final = {
    CitedUnit.CHARACTERS: "documentChar",
    CitedUnit.PAGES: "documentPage",
    CitedUnit.BLOCKS: "documentChunk",
}
_OURS: Final = frozenset({"source", "place"})


def citation_of(said: object) -> Citation:
    """What a citation of an answer says; anything may be absent."""
    told = as_object(said)
    cited = [text for it in as_list(told.get("sourceContent")) if isinstance(text := as_object(it).get("text"), str)]
    extra: dict[str, Json] = {}
    if isinstance(source := told.get("source"), str):
        extra["source"] = source
    location = as_object(told.get("location"))
    place = next((name for name in _UNITS if name in location), None)
    where = as_object(location.get(place)) if place is not None else {}
    if place == "searchResultLocation":
        extra["place"] = place
    return Citation(
        url=_text(as_object(location.get("web")).get("url")),
        title=_text(told.get("title")),
        cited_text="".join(cited) or None,
        document=_count(where.get("searchResultIndex" if place == "searchResultLocation" else "documentIndex")),
        unit=_UNITS[place] if place is not None else None,
        source_start=_count(where.get("start")),
        source_end=_count(where.get("end")),
        extra=extra,
    )


def citation_block(citation: Citation) -> dict[str, object]:
    block: dict[str, object] = {}
    if citation.title is not None:
        block["title"] = citation.title
    if isinstance(source := citation.extra.get("source"), str):
        block["source"] = source
    if citation.cited_text is not None:
        block["sourceContent"] = [{"text": citation.cited_text}]
    if citation.unit is not None:
        place = "searchResultLocation" if citation.extra.get("place") else _PLACES[citation.unit]
        index = "searchResultIndex" if place == "searchResultLocation" else "documentIndex"
        where = {index: citation.document, "start": citation.source_start, "end": citation.source_end}
        block["location"] = {place: {name: value for name, value in where.items() if value is not None}}
    elif citation.url is not None:
        block["location"] = {"web": {"url": citation.url}}
    return block


def is_whole(citation: Citation) -> bool:
    """Whether Converse can say all of it."""
    return citation.extra.keys() <= _OURS


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

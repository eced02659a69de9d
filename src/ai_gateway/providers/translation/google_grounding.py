"""Where Google's answers are from, as citations of the text.

Google counts bytes of the text where callers count characters, and a stream tells all of it in its last pieces, so it
is worked out at the end, when the text is whole. A segment that does not lie where it says it does is looked for by its
words; one that is not found cites the answer as a whole.
"""

from collections.abc import Iterator, Mapping, Sequence

from ai_gateway.domain.conversation import Citation, Json
from ai_gateway.providers.decoding import as_list, as_object

Texts = Mapping[int, str]
"""The text parts of an answer by their numbers, in order."""


def citations_of(grounding: object, texts: Texts) -> Iterator[tuple[int, Citation]]:
    """Of `groundingMetadata`: which text part, and what. Sources that nothing names cite the answer as a whole."""
    if not texts:
        return
    said = as_object(grounding)
    chunks = [_source(as_object(it)) for it in as_list(said.get("groundingChunks"))]
    named: set[int] = set()
    for support in map(as_object, as_list(said.get("groundingSupports"))):
        part, start, end = _place(as_object(support.get("segment")), texts)
        for index in as_list(support.get("groundingChunkIndices")):
            if isinstance(index, int) and 0 <= index < len(chunks):
                named.add(index)
                yield part, _at(chunks[index], start, end)
    for index, chunk in enumerate(chunks):
        if index not in named:
            yield max(texts), chunk


def recited(metadata: object, texts: Texts) -> Iterator[tuple[int, Citation]]:
    """Of `citationMetadata`: works that the answer has words of."""
    said = as_object(metadata)
    for it in map(as_object, as_list(said.get("citations")) or as_list(said.get("citationSources"))):
        if texts:
            part, start, end = _place(it, texts)
            extra = {name: it[name] for name in ("license", "publicationDate") if name in it}
            yield (
                part,
                Citation(
                    url=_text(it.get("uri")),
                    title=_text(it.get("title")),
                    answer_start=start,
                    answer_end=end,
                    extra=extra,
                ),
            )


def _source(chunk: dict[str, object]) -> Citation:
    kind = next((name for name in ("web", "maps", "retrievedContext") if name in chunk), "")
    source = as_object(chunk.get(kind))
    extra: dict[str, Json] = {name: source[name] for name in ("placeId", "fileSearchStore", "domain") if name in source}
    return Citation(
        url=_text(source.get("uri")),
        title=_text(source.get("title")),
        cited_text=_text(source.get("text")),
        extra=extra,
    )


def _at(source: Citation, start: int | None, end: int | None) -> Citation:
    return Citation(
        url=source.url,
        title=source.title,
        cited_text=source.cited_text,
        answer_start=start,
        answer_end=end,
        extra=source.extra,
    )


def _place(segment: dict[str, object], texts: Texts) -> tuple[int, int | None, int | None]:
    """The text part and the characters of it. Bytes are of the part, or of all text together."""
    start, end = _count(segment.get("startIndex")) or 0, _count(segment.get("endIndex"))
    words = _text(segment.get("text"))
    if end is not None:
        for part, before, text in _candidates(texts):
            found = _characters(text, start - before, end - before)
            if found is not None and (words is None or text[found[0] : found[1]] == words):
                return part, *found
    if words is not None:
        for part, text in texts.items():
            if (at := text.find(words)) >= 0:
                return part, at, at + len(words)
    return max(texts), None, None


def _candidates(texts: Texts) -> Sequence[tuple[int, int, str]]:
    """Each text part as counted from its own beginning, then as counted from that of the whole text."""
    parts = [(part, 0, text) for part, text in texts.items()]
    before = 0
    for part, text in texts.items():
        parts.append((part, before, text))
        before += len(text.encode("utf-8", "surrogatepass"))
    return parts


def _characters(text: str, start: int, end: int) -> tuple[int, int] | None:
    if text.isascii():
        return (start, end) if 0 <= start <= end <= len(text) else None
    data = text.encode("utf-8", "surrogatepass")
    if not 0 <= start <= end <= len(data):
        return None
    try:
        first = len(data[:start].decode())
        return first, first + len(data[start:end].decode())
    except UnicodeDecodeError:
        return None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

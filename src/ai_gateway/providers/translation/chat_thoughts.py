"""Thoughts in messages of the chat dialect: `reasoning_details` as OpenRouter has them.

OpenAI's dialect has no place for a thought that its maker wants back with its signature; this one is the most spread.
An entry is of one type (text, summary, encrypted), so a thought of ours may be two entries of one index and id.
"""

from ai_gateway.domain.conversation import Json, Maker, Thinking
from ai_gateway.providers.decoding import as_object
from ai_gateway.providers.translation.chat_words import format_of, maker_of

_SUMMARISED = frozenset({Maker.OPENAI, Maker.XAI})


def write_details(thoughts: list[Thinking]) -> list[Json]:
    return [entry for index, thought in enumerate(thoughts) for entry in _entries(thought, index)]


def text_entry(maker: Maker, index: int, text: str | None, signature: str | None = None) -> dict[str, Json]:
    """What of a thought can be read, or its signature, or both. Makers who show a summary only have it called so."""
    is_summary = maker in _SUMMARISED
    entry: dict[str, Json] = {"type": "reasoning.summary" if is_summary else "reasoning.text"}
    if text is not None:
        entry["summary" if is_summary else "text"] = text
    if signature is not None:
        entry["signature"] = signature
    return entry | {"format": format_of(maker), "index": index}


def encrypted_entry(maker: Maker, index: int, data: str) -> dict[str, Json]:
    return {"type": "reasoning.encrypted", "data": data, "format": format_of(maker), "index": index}


def read_details(details: list[object], maker: Maker = Maker.UNKNOWN) -> tuple[Thinking, ...]:
    """`maker`: of entries without a format. What is no entry is left out."""
    thoughts = ThoughtKeys()
    found: dict[int, Thinking] = {}
    for entry in filter(None, map(as_object, details)):
        number = thoughts.number_of(entry, entry.get("index"))
        before = found.get(number) or Thinking(maker=maker_of(entry.get("format"), maker), id=_text(entry.get("id")))
        found[number] = _grown(before, entry)
    return tuple(found.values())


class ThoughtKeys:
    """Which thought an entry belongs to, in messages and in deltas alike: that of its index and id; without an id, the
    first of its index; without an index, the last one."""

    __slots__ = ("_by_index", "_by_key", "_count")

    def __init__(self) -> None:
        self._by_key: dict[tuple[object, object], int] = {}
        self._by_index: dict[object, int] = {}
        self._count = 0

    def number_of(self, entry: dict[str, Json], index: object) -> int:
        """Numbers begin with 0; a new one is one more than the last."""
        own = _text(entry.get("id"))
        index = index if isinstance(index, int) else None
        number = self._by_key.get((index, own))
        if number is None and own is None:
            number = self._count - 1 if index is None and self._count else self._by_index.get(index)
        if number is None:
            number = self._count
            self._count += 1
            self._by_key[(index, own)] = number
            self._by_index.setdefault(index, number)
        return number


def said_by(entry: dict[str, Json]) -> tuple[str, str, str]:
    """Text, signature and encrypted data of an entry, each empty where it has none."""
    said = entry.get("summary") if entry.get("type") == "reasoning.summary" else entry.get("text")
    return _text(said) or "", _text(entry.get("signature")) or "", _text(entry.get("data")) or ""


def _grown(thought: Thinking, entry: dict[str, Json]) -> Thinking:
    text, signature, encrypted = said_by(entry)
    return Thinking(
        thought.text + text,
        ((thought.signature or "") + signature) or None,
        ((thought.encrypted or "") + encrypted) or None,
        thought.maker,
        thought.id,
    )


def _entries(thought: Thinking, index: int) -> list[dict[str, Json]]:
    maker, own = thought.maker, {} if thought.id is None else {"id": thought.id}
    entries: list[dict[str, Json]] = []
    if thought.text or thought.signature or not thought.encrypted:
        entries.append(text_entry(maker, index, thought.text, thought.signature) | own)
    if thought.encrypted:
        entries.append(encrypted_entry(maker, index, thought.encrypted) | own)
    return entries


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None

"""Which names mean a model: the clauses that published price books have, and nothing more.

Vendors sell one model under many names (dated, regional, "latest"), so a book says `starts_with` where a list would be
old within weeks. Names are compared in lower case; a `regex` is searched for, as the books that have one mean it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, cast

import msgspec

Kind = Literal["equals", "starts_with", "ends_with", "contains", "regex", "or", "and"]

_KINDS: Final = frozenset({"equals", "starts_with", "ends_with", "contains", "regex", "or", "and"})
MOST_TEXT: Final = 500
MOST_PARTS: Final = 500
MOST_DEPTH: Final = 4


class Clause(msgspec.Struct, frozen=True):
    """`text` of a plain clause is in lower case (a regex is as written); `parts` are those of an "or" or an "and"."""

    kind: Kind
    text: str = ""
    parts: tuple["Clause", ...] = ()

    def matches(self, name: str) -> bool:
        """`name` in lower case."""
        if self.kind == "equals":
            return name == self.text
        if self.kind == "starts_with":
            return name.startswith(self.text)
        if self.kind == "ends_with":
            return name.endswith(self.text)
        if self.kind == "contains":
            return self.text in name
        if self.kind == "regex":
            return re.search(self.text, name) is not None
        if self.kind == "or":
            return any(part.matches(name) for part in self.parts)
        return all(part.matches(name) for part in self.parts)

    def alternatives(self) -> Iterator["Clause"]:
        """What it takes one of: the parts of an "or", or itself."""
        if self.kind == "or":
            for part in self.parts:
                yield from part.alternatives()
        else:
            yield self


def clause_of(said: Mapping[str, Any], depth: int = 0) -> Clause:
    """From its JSON: {"starts_with": "gpt-4o"}, {"or": [...]}. Raises ValueError with a text for people."""
    if len(said) != 1 or depth > MOST_DEPTH:
        raise ValueError("must be one clause, such as {'starts_with': 'gpt-4o'}.")
    (kind, value), *_ = said.items()
    if kind in {"or", "and"}:
        parts = cast("list[object]", value) if isinstance(value, list) else []
        clauses = [cast("dict[str, Any]", part) for part in parts if isinstance(part, dict)]
        if not 1 <= len(parts) <= MOST_PARTS or len(clauses) != len(parts):
            raise ValueError(f"'{kind}' must be a list of clauses.")
        return Clause(cast(Kind, kind), parts=tuple(clause_of(part, depth + 1) for part in clauses))
    if kind not in _KINDS:
        raise ValueError(f"must be one of {', '.join(sorted(_KINDS))}.")
    if not isinstance(value, str) or not 1 <= len(value) <= MOST_TEXT:
        raise ValueError(f"'{kind}' must be text of 1 to {MOST_TEXT} characters.")
    if kind == "regex":
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"'regex' is none: {error}.") from None
        return Clause("regex", value)
    return Clause(cast(Kind, kind), value.lower())


def has_regex(clause: Clause) -> bool:
    return clause.kind == "regex" or any(has_regex(part) for part in clause.parts)


def shown(clause: Clause) -> dict[str, Any]:
    """Back to its JSON."""
    if clause.kind in {"or", "and"}:
        return {clause.kind: [shown(part) for part in clause.parts]}
    return {clause.kind: clause.text}

"""A row of a table of refusals: the words in which something is said, and which ending of ours it is.

Rows are tried in order and the first that holds decides, so a table is read from the particular to the general. Words
are lower case: `marks` are a type or a code, exactly; `phrases` and `pattern` are a part of the message. A row without
words holds for its statuses alone: what the provider documents that a status means there.
"""

import re
from typing import Final

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.faults import Fault

Statuses = frozenset[int | None]

LONGEST_READ: Final = 4096
IN_STREAM: Final[Statuses] = frozenset({None})
"""An error without a status: inside a stream, or under a 200."""
REFUSALS: Final[Statuses] = frozenset({None, *range(400, 500)})
FAILURES: Final[Statuses] = frozenset({None, *range(500, 600)})
ANY: Final[Statuses] = frozenset({None, *range(100, 1000)})
OF_THE_REQUEST: Final[Statuses] = REFUSALS - {401, 404, 408, 429}
"""Where the content or the length of a request may be what is wrong: "request too large ... tokens per min" under 429
is a rate, and a 5xx is never the caller's."""


class Row(msgspec.Struct, frozen=True):
    """`unless_it_waits`: not where the provider names a time to wait, since then it is a matter of time only."""

    means: type[Fault]
    statuses: Statuses
    marks: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    unless_it_waits: bool = False

    def holds(self, words: "Words", status: int | None) -> bool:
        if status not in self.statuses or (self.unless_it_waits and words.waits):
            return False
        if not (self.marks or self.phrases or self.pattern):
            return True
        return (
            not self.marks.isdisjoint(words.marks)
            or any(phrase in words.message for phrase in self.phrases)
            or (self.pattern is not None and self.pattern.search(words.message) is not None)
        )


Rows = tuple[Row, ...]


class Words:
    """An error's words, made comparable once."""

    def __init__(self, error: ProviderError) -> None:
        self.marks = {mark.lower() for mark in (error.type, error.code) if mark}
        self.message = error.message[:LONGEST_READ].lower()
        self.waits = error.retry_after_seconds is not None
        code = error.code or ""
        self.status_in_code = int(code) if re.fullmatch("[45][0-9]{2}", code) else None


def marks(*names: str) -> frozenset[str]:
    return frozenset(names)


def statuses(*numbers: int | None) -> Statuses:
    return frozenset(numbers)

"""Names that Bedrock restricts, made of those that callers use: deterministic, so that a conversation that is sent
again is the same bytes (which caches of prompts want), and a call and its result still find each other.
"""

import hashlib
import re
from typing import Final, final

LONGEST_NAME: Final = 180
"""Of 200 characters, so that a number fits behind it."""

_CALL_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9\s\-()\[\]]+")
_SPACES: Final = re.compile(r"\s+")


def call_id_of(told: str) -> str:
    """The id itself where Bedrock takes it, else one made of its hash."""
    return told if _CALL_ID.fullmatch(told) else f"call_{hashlib.sha256(told.encode()).hexdigest()[:32]}"


def is_tool_name(name: str) -> bool:
    return _TOOL_NAME.fullmatch(name) is not None


@final
class DocumentNames:
    """Names of one request's documents: ASCII letters and digits, single spaces, hyphens, parentheses and brackets, and
    no two the same. Numbered in the conversation's order, so that a longer one keeps the names of its beginning."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def name(self, title: str | None) -> str:
        plain = _SPACES.sub(" ", _NOT_A_NAME.sub("-", title or "")).strip(" -")[:LONGEST_NAME].rstrip()
        wanted = plain or "document"
        name, number = wanted, self._taken.get(wanted, 0)
        while number:
            number += 1
            name = f"{wanted} ({number})"
            if name not in self._taken:
                break
        self._taken[wanted] = max(number, 1)
        self._taken.setdefault(name, 1)
        return name

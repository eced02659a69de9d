"""A list of turns, and what is said in one: opened as far as roles, changed where a rule adds words.

A turn that no rule touches keeps its bytes, and so do the blocks of one to which words are added: what a provider has
cached of a conversation stays cached up to the first new word.
"""

from typing import Final

import msgspec

from ai_gateway.domain.rules import Json, RuleError, Where
from ai_gateway.providers.decoding import as_object, decode_any
from ai_gateway.providers.shaping.raw_json import Items, is_null, items_of, members_of, raw_of, text_of

SYSTEM: Final = "system"
DEVELOPER: Final = "developer"
USER: Final = "user"
BETWEEN: Final = "\n\n"
"""What stands between a rule's words and those that were there."""


class Turn(msgspec.Struct, gc=False):
    """Who speaks; `type` is that of an item of a response."""

    role: str | None = None
    type: str | None = None


class Words(msgspec.Struct, frozen=True, gc=False):
    """What a rule says, and where: `part` is the type of a part that is text; a part of the type `behind` is never
    behind the words."""

    text: str
    where: Where
    part: str
    behind: str | None = None


def is_system(turn: Turn) -> bool:
    """Whether it is a part of the system prompt: not tools that are said in its name."""
    role = turn.role
    is_said = role in _SYSTEM or (role is not None and role not in _SPEAKERS and role.strip().lower() in _SYSTEM)
    return is_said and (turn.type is None or turn.type == "message")


_SYSTEM: Final = (SYSTEM, DEVELOPER)
_END: Final = Where.END
_SPEAKERS: Final = (USER, "assistant", "tool")
_TURNS: Final = msgspec.json.Decoder(list[Turn])
_TURN: Final = msgspec.json.Decoder(Turn)


def items_in(raw: msgspec.Raw | None) -> Items:
    """The bytes of every turn; none where there is nothing. Raises RuleError where it is no list."""
    items = None if raw is None else items_of(raw)
    if items is not None:
        return items
    if raw is None or is_null(raw):
        return []
    raise RuleError("the conversation is no list of turns")


def turns_of(raw: msgspec.Raw | None) -> tuple[list[Turn], Items]:
    """The same, and who speaks in each."""
    items = items_in(raw)
    try:
        return _TURNS.decode(raw) if raw is not None and items else [], items
    except (ValueError, RecursionError):
        return [turn_of(item) for item in items], items


def spoken(turns: list[Turn], items: Items) -> Items:
    """Those that are no part of the system prompt."""
    return [item for turn, item in zip(turns, items, strict=True) if turn.role in _SPEAKERS or not is_system(turn)]


def leading(items: Items) -> int:
    """How many turns of the system prompt the conversation begins with."""
    for number, item in enumerate(items):
        if not is_system(turn_of(item)):
            return number
    return len(items)


def last_of_user(turns: list[Turn]) -> int | None:
    for number in range(len(turns) - 1, -1, -1):
        if turns[number].role == USER:
            return number
    return None


def joined(said: str, where: Where, text: str) -> str:
    if not said or not text:
        return said or text
    return f"{text}{BETWEEN}{said}" if where is Where.START else f"{said}{BETWEEN}{text}"


def with_text(content: msgspec.Raw | None, words: Words) -> Json:
    """A content, text or parts, with words before or after it. Raises RuleError where it is neither."""
    said = text_of(content)
    if said is not None:
        return joined(said, words.where, words.text)
    parts = None if content is None else items_of(content)
    if parts is None:
        raise RuleError("a content is neither a text nor a list of parts")
    part = {"type": words.part, "text": words.text}
    if words.where is _END:
        return [*parts, part]
    at = 0
    while words.behind is not None and at < len(parts) and turn_of(parts[at]).type == words.behind:
        at += 1
    return [*parts[:at], part, *parts[at:]]


def with_words(items: Items, number: int, words: Words) -> msgspec.Raw:
    """The turns, of which one says more, as a list again."""
    members = members_of(items[number]) or {}
    said = {**members, "content": with_text(members.get("content"), words)}
    return raw_of([*items[:number], said, *items[number + 1 :]])


def turn_of(item: msgspec.Raw) -> Turn:
    try:
        return _TURN.decode(item)
    except (ValueError, RecursionError):
        told = as_object(decode_any(item))
        return Turn(*[it if isinstance(it := told.get(name), str) else None for name in ("role", "type")])

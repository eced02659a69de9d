"""The words of a condition, read before any parser sees them.

CEL knows more than a rule may say, and says it late: a name that nobody knows is an error of every request, and a deep
expression is the parser's own stack. So the words are walked once when a rule is saved. What may be in a condition is
listed here, what is not listed is refused with its place, and what is left is small and flat: no bracket deeper than
MOST_DEPTH, no loop in a loop, no clock, no map, no regular expression (CEL would compile one for every request: 0.1 to
100 ms were measured).
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NoReturn, final

import msgspec

from ai_gateway.domain.rules import FACTS

MOST_CHARACTERS: Final = 1_024
MOST_DEPTH: Final = 32
MOST_WORDS: Final = 400
MOST_LOOPS: Final = 4

LOOPS: Final = frozenset({"all", "exists", "exists_one", "map", "filter"})
CALLS: Final = frozenset(
    {
        "size",
        "contains",
        "startsWith",
        "endsWith",
        "string",
        "int",
        "double",
        "timestamp",
        "duration",
        "getFullYear",
        "getMonth",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
    }
)
"""Pure, and of a cost that the text of the condition bounds."""

_ROOTS: Final = tuple(dict.fromkeys(name.partition(".")[0] for name in FACTS))
_CONSTANTS: Final = frozenset({"true", "false", "null", "in"})
_MEANT: Final[Mapping[str, str]] = MappingProxyType(
    {"and": "&&", "or": "||", "not": "!", "True": "true", "False": "false", "None": "null", "nil": "null"}
)
_WHY_NOT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "has": "every fact is there; one that is not known is null, so compare it with null",
        "matches": "regular expressions are for texts ('redact', 'block'); use startsWith, endsWith, contains or ==",
        "now": "there is no clock; request.date is the day",
    }
)
_WORD: Final = re.compile(
    r"""
      (?P<space>[ \t\r\n\f]+)
    | (?P<text>[rR](?:"[^"\r\n]*"|'[^'\r\n]*')|"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)[uU]?)
    | (?P<sign>==|!=|<=|>=|&&|\|\||[<>!?:+\-*/%.,()\[\]])
    """,
    re.VERBOSE | re.ASCII,
)
_CLOSES: Final[Mapping[str, str]] = MappingProxyType({")": "(", "]": "["})


class ConditionRefused(Exception):
    """`at` is the character, from 1, where it goes wrong; None where it is no single one."""

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message if at is None else f"{message} (at character {at})")


class Words(msgspec.Struct, frozen=True):
    """What a condition reads: names of FACTS in the order of their first use, and the variables of its loops."""

    facts: tuple[str, ...]
    variables: frozenset[str]


class _Word(msgspec.Struct, frozen=True):
    kind: str
    text: str
    at: int


class _Bracket(msgspec.Struct, frozen=True):
    sign: str
    at: int
    variable: str | None


_END: Final = _Word("end", "", 0)


def read_words(text: str) -> Words:
    """Raises ConditionRefused."""
    if len(text) > MOST_CHARACTERS:
        raise ConditionRefused(f"is longer than {MOST_CHARACTERS:,} characters")
    words = list(_split(text))
    if not words:
        raise ConditionRefused("is empty; leave 'when' out where a rule always holds")
    if len(words) > MOST_WORDS:
        raise ConditionRefused(f"has more than {MOST_WORDS} words and signs")
    return _Walk(words).done()


def _split(text: str) -> Iterator[_Word]:
    place = 0
    while place < len(text):
        found = _WORD.match(text, place)
        if found is None:
            _refuse_character(text, place)
        kind, word = found.lastgroup or "", found.group()
        if kind == "text" and text[found.end() : found.end() + 1] in {"'", '"'}:
            raise ConditionRefused("has a text directly behind a text; triple quotes are not known here", place + 1)
        if word == "/" and text.startswith("//", place):
            raise ConditionRefused("has a comment; the rule's 'name' is the place for one", place + 1)
        if kind != "space":
            yield _Word(kind, word, place + 1)
        place = found.end()


def _refuse_character(text: str, place: int) -> NoReturn:
    sign = text[place]
    why = {
        "'": "has a text that does not end",
        '"': "has a text that does not end",
        "=": "has a single '='; equality is '=='",
        "&": "has a single '&'; 'and' is '&&'",
        "|": "has a single '|'; 'or' is '||'",
        "{": "has a '{'; maps are not known here",
    }.get(sign, "has a character that means nothing here")
    raise ConditionRefused(why, place + 1)


@final
class _Walk:
    """One pass over the words, with the brackets that are open."""

    def __init__(self, words: list[_Word]) -> None:
        self._words = words
        self._open: list[_Bracket] = []
        self._facts: dict[str, None] = {}
        self._variables: set[str] = set()
        self._loops = 0

    def done(self) -> Words:
        place = 0
        while place < len(self._words):
            word = self._words[place]
            if word.kind == "name":
                place = self._name(place, word)
            elif word.text in {"(", "["}:
                self._opened(word, None)
            elif word.text in _CLOSES:
                self._closed(word)
            place += 1
        if self._open:
            raise ConditionRefused(f"has a '{self._open[-1].sign}' that is never closed", self._open[-1].at)
        return Words(tuple(self._facts), frozenset(self._variables))

    def _word(self, place: int) -> _Word:
        return self._words[place] if 0 <= place < len(self._words) else _END

    def _opened(self, word: _Word, variable: str | None) -> None:
        if len(self._open) >= MOST_DEPTH:
            raise ConditionRefused(f"has brackets deeper than {MOST_DEPTH}", word.at)
        self._open.append(_Bracket(word.text, word.at, variable))

    def _closed(self, word: _Word) -> None:
        if not self._open or self._open[-1].sign != _CLOSES[word.text]:
            raise ConditionRefused(f"has a '{word.text}' that closes nothing", word.at)
        self._open.pop()

    def _name(self, place: int, word: _Word) -> int:
        """The place of the last word that belongs to this name."""
        is_member, is_call = self._word(place - 1).text == ".", self._word(place + 1).text == "("
        if is_call:
            return self._call(place, word) if is_member else self._free_call(place, word)
        if is_member:
            raise ConditionRefused(f"asks for '.{word.text}' of something that has no members", word.at)
        if word.text in _ROOTS:
            return self._fact(place, word)
        if word.text not in _CONSTANTS and not any(one.variable == word.text for one in self._open):
            _refuse_name(word)
        return place

    def _fact(self, place: int, word: _Word) -> int:
        member = self._word(place + 2)
        name = f"{word.text}.{member.text}"
        if self._word(place + 1).text != "." or member.kind != "name":
            known = ", ".join(one for one in FACTS if one.startswith(f"{word.text}."))
            raise ConditionRefused(f"names '{word.text}' alone; there are: {known}", word.at)
        if name not in FACTS:
            known = ", ".join(one for one in FACTS if one.startswith(f"{word.text}."))
            raise ConditionRefused(f"names '{name}', which is not known; there are: {known}", word.at)
        if self._word(place + 3).text == "(":
            raise ConditionRefused(f"calls '{name}', which is a value", word.at)
        self._facts[name] = None
        return place + 2

    def _free_call(self, place: int, word: _Word) -> int:
        if word.text in LOOPS:
            raise ConditionRefused(f"'{word.text}' goes behind a list: request.tools.{word.text}(t, ...)", word.at)
        return self._call(place, word)

    def _call(self, place: int, word: _Word) -> int:
        """A function or method; the bracket behind it is opened here, as a loop's variable lives in it."""
        variable = self._loop_variable(place, word) if word.text in LOOPS else None
        if variable is None and word.text not in CALLS:
            why = _WHY_NOT.get(word.text) or f"there are: {', '.join(sorted(CALLS | LOOPS))}"
            raise ConditionRefused(f"calls '{word.text}', which is not known; {why}", word.at)
        self._opened(self._word(place + 1), variable)
        return place + 1 if variable is None else place + 2

    def _loop_variable(self, place: int, word: _Word) -> str:
        variable = self._word(place + 2)
        self._loops += 1
        if any(one.variable is not None for one in self._open):
            raise ConditionRefused(f"has '{word.text}' inside another loop", word.at)
        if self._loops > MOST_LOOPS:
            raise ConditionRefused(f"has more than {MOST_LOOPS} loops (all, exists, exists_one, map, filter)", word.at)
        if variable.kind != "name" or self._word(place + 3).text != ",":
            raise ConditionRefused(f"'{word.text}' needs a name first: .{word.text}(t, ...)", word.at)
        if variable.text in _ROOTS or variable.text in _CONSTANTS:
            raise ConditionRefused(f"'{variable.text}' cannot be the name of an element", variable.at)
        self._variables.add(variable.text)
        return variable.text


def _refuse_name(word: _Word) -> NoReturn:
    if word.text in _MEANT:
        raise ConditionRefused(f"has '{word.text}'; write '{_MEANT[word.text]}'", word.at)
    raise ConditionRefused(
        f"names '{word.text}', which is not known; there are {', '.join(_ROOTS)} with their members, "
        "and texts need quotes",
        word.at,
    )

"""A pattern's structure, to answer what RE2 does not say: which beginnings of a match are not yet the whole of it?

A stream may give out everything but a tail that could still become a match. Holding back as many characters as a match
may be long is right and slow; a second pattern that finds *open* tails is as right and holds back only what is one:

    open(c)      = nothing              a character is begun by nothing of it
    open(\\b)     = nothing              what decides about it is the next character
    open(xy)     = open(x) | x open(y)
    open(x|y)    = open(x) | open(y)
    open(x{m,n}) = x{0,n-1} open(x)

`(?:open(p))\\z` matches at each place from which a longer text could match further than this one; RE2 reads it
backwards from the end and gives up at the first character that fits no tail. Single characters and classes stay the
text that they are, so this page and RE2 cannot differ about them; RE2 has accepted a pattern before it comes here.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from ai_gateway.policy.scanning.engine import Refused

_FLAGS: Final = re.compile(r"\(\?([imsU]*(?:-[imsU]+)?)([:)])")
_NAMED: Final = re.compile(r"\(\?P?<\w+>")
_COUNT: Final = re.compile(r"\{(\d+)(,(\d*))?\}")
_ESCAPE: Final = re.compile(
    r"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[0-9A-Fa-f]+\}|..)|0[0-7]{0,2}|[1-7][0-7]{1,2}|.)", re.DOTALL
)
_POSIX: Final = re.compile(r"\[:\^?\w+:\]")
_MOST_DEEP: Final = 100


class Atom(msgspec.Struct, frozen=True):
    """One character, as the pattern writes it."""

    text: str


class Mark(msgspec.Struct, frozen=True):
    """No character, but a condition on the place: ^ $ \\b \\B \\A \\z."""

    text: str


class Seq(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]


class Alt(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]


class Repeat(msgspec.Struct, frozen=True):
    node: "Node"
    low: int
    high: int | None


class Flagged(msgspec.Struct, frozen=True):
    """`flags` as in (?flags:node)."""

    flags: str
    node: "Node"


Node = Atom | Mark | Seq | Alt | Repeat | Flagged


def parse(pattern: str) -> Node:
    """Of a pattern that RE2 accepts. Raises Refused for what is unusual enough to be asked to be written differently:
    flags in the middle, single bytes."""
    node, at = _alternatives(pattern, 0, 0)
    assert at == len(pattern), "RE2 has seen that parentheses are closed"
    return node


def text_of(node: Node) -> str:
    match node:
        case Atom(text) | Mark(text):
            return text
        case Seq(parts):
            return "".join(map(text_of, parts))
        case Alt(parts):
            return f"(?:{'|'.join(map(text_of, parts))})"
        case Repeat(inner, low, high):
            return _repeated(text_of(inner), low, high)
        case Flagged(flags, inner):
            return f"(?{flags}:{text_of(inner)})"


def may_be_empty(node: Node) -> bool:
    match node:
        case Atom():
            return False
        case Mark():
            return True
        case Seq(parts):
            return all(map(may_be_empty, parts))
        case Alt(parts):
            return any(map(may_be_empty, parts))
        case Repeat(inner, low, _):
            return low == 0 or may_be_empty(inner)
        case Flagged(_, inner):
            return may_be_empty(inner)


def longest(node: Node) -> int | None:
    """Characters of the longest match; None where there is no longest."""
    match node:
        case Atom():
            return 1
        case Mark():
            return 0
        case Seq(parts):
            lengths = [longest(part) for part in parts]
            return None if None in lengths else sum(length or 0 for length in lengths)
        case Alt(parts):
            lengths = [longest(part) for part in parts]
            return None if None in lengths else max(length or 0 for length in lengths)
        case Repeat(inner, _, high):
            length = longest(inner)
            return 0 if length == 0 else None if length is None or high is None else length * high
        case Flagged(_, inner):
            return longest(inner)


def shortest(node: Node) -> int:
    match node:
        case Atom():
            return 1
        case Mark():
            return 0
        case Seq(parts):
            return sum(map(shortest, parts))
        case Alt(parts):
            return min(map(shortest, parts))
        case Repeat(inner, low, _):
            return shortest(inner) * low
        case Flagged(_, inner):
            return shortest(inner)


def first_of(node: Node) -> str:
    """A pattern of the one character that a match can begin with."""
    return f"(?:{'|'.join(_firsts(node))})"


def open_tail(node: Node) -> str:
    """A pattern that finds, leftmost, where at the end of a text a match may be in progress."""
    return f"(?:{_open(node) or ''})\\z"


def _open(node: Node) -> str | None:
    """None: nothing that is begun by it is not the whole of it."""
    match node:
        case Atom() | Mark():
            return ""
        case Seq(parts):
            return _open_sequence(parts)
        case Alt(parts):
            return _either([_open(part) for part in parts])
        case Repeat(inner, _, high):
            begun = _open(inner)
            if begun is None or high == 0:
                return None
            return _repeated(text_of(inner), 0, None if high is None else high - 1) + begun
        case Flagged(flags, inner):
            begun = _open(inner)
            return None if begun is None else f"(?{flags}:{begun})"


def _open_sequence(parts: tuple[Node, ...]) -> str | None:
    """In halves, so that a long sequence is no deep nesting."""
    if not parts:
        return None
    if len(parts) == 1:
        return _open(parts[0])
    middle = len(parts) // 2
    second = _open_sequence(parts[middle:])
    further = None if second is None else "".join(map(text_of, parts[:middle])) + second
    return _either([_open_sequence(parts[:middle]), further])


def _either(texts: list[str | None]) -> str | None:
    some = list(dict.fromkeys(text for text in texts if text is not None))
    if not some:
        return None
    return some[0] if len(some) == 1 and "|" not in some[0] else f"(?:{'|'.join(some)})"


def _repeated(text: str, low: int, high: int | None) -> str:
    count = f"{{{low},{'' if high is None else high}}}"
    return f"(?:{text}){count}"


def _firsts(node: Node) -> list[str]:
    match node:
        case Atom(text):
            return [text]
        case Mark():
            return []
        case Seq(parts):
            found: list[str] = []
            for part in parts:
                found += _firsts(part)
                if not may_be_empty(part):
                    break
            return found
        case Alt(parts):
            return [text for part in parts for text in _firsts(part)]
        case Repeat(inner, _, high):
            return [] if high == 0 else _firsts(inner)
        case Flagged(flags, inner):
            return [f"(?{flags}:{text})" for text in _firsts(inner)]


def _alternatives(pattern: str, at: int, depth: int) -> tuple[Node, int]:
    if depth > _MOST_DEEP:
        raise Refused(f"its parentheses are nested more than {_MOST_DEEP} deep")
    choices: list[Node] = []
    while True:
        node, at = _sequence(pattern, at, depth)
        choices.append(node)
        if at >= len(pattern) or pattern[at] != "|":
            return (choices[0] if len(choices) == 1 else Alt(tuple(choices))), at
        at += 1


def _sequence(pattern: str, at: int, depth: int) -> tuple[Node, int]:
    parts: list[Node] = []
    while at < len(pattern) and pattern[at] not in "|)":
        if pattern.startswith("\\Q", at):
            literal, closed, _ = pattern[at + 2 :].partition("\\E")
            parts += [Atom(re.escape(char)) for char in literal]
            at += 2 + len(literal) + len(closed)
            continue
        flags = _FLAGS.match(pattern, at)
        if flags and flags[2] == ")":
            if at != 0:
                raise Refused(
                    f"'{flags[0]}' at character {at + 1} has to stand at the start, or be '(?{flags[1]}:...)'"
                )
            rest, at = _alternatives(pattern, flags.end(), depth + 1)
            return Flagged(flags[1], rest), at
        node, at = _single(pattern, at, depth)
        node, at = _counted(pattern, at, node)
        parts.append(node)
    return (parts[0] if len(parts) == 1 else Seq(tuple(parts))), at


def _single(pattern: str, at: int, depth: int) -> tuple[Node, int]:
    char = pattern[at]
    if char == "(":
        return _group(pattern, at, depth)
    if char == "[":
        end = _class_end(pattern, at)
        return Atom(pattern[at:end]), end
    if char in "^$":
        return Mark(char), at + 1
    if char != "\\":
        return Atom(re.escape(char) if char in "{}" else char), at + 1
    escape = _ESCAPE.match(pattern, at)
    assert escape is not None, "RE2 has seen that something follows a backslash"
    if escape[0] == "\\C":
        raise Refused(f"'\\C' at character {at + 1} would cut characters in pieces; use '.'")
    return (Mark if escape[0] in {"\\b", "\\B", "\\A", "\\z"} else Atom)(escape[0]), escape.end()


def _group(pattern: str, at: int, depth: int) -> tuple[Node, int]:
    wrap: Callable[[Node], Node] = _same
    flags = _FLAGS.match(pattern, at)
    named = _NAMED.match(pattern, at)
    if flags:
        start = flags.end()
        if flags[1]:
            wrap = _flagging(flags[1])
    else:
        start = named.end() if named else at + 1
    node, end = _alternatives(pattern, start, depth + 1)
    return wrap(node), end + 1


def _same(node: Node) -> Node:
    return node


def _flagging(flags: str) -> Callable[[Node], Node]:
    return lambda node: Flagged(flags, node)


def _counted(pattern: str, at: int, node: Node) -> tuple[Node, int]:
    """Lazy or greedy makes no difference to what can be begun."""
    while at < len(pattern):
        count = _COUNT.match(pattern, at)
        if count:
            low, high, end = int(count[1]), int(count[1]), count.end()
            if count[2]:
                high = int(count[3]) if count[3] else None
        elif pattern[at] in "*+?":
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[pattern[at]]
            end = at + 1
        else:
            break
        at = end + 1 if end < len(pattern) and pattern[end] == "?" else end
        node = Repeat(node, low, high)
    return node, at


def _class_end(pattern: str, at: int) -> int:
    end = at + 2 if pattern.startswith("[^", at) else at + 1
    if pattern[end] == "]":
        end += 1
    while pattern[end] != "]":
        posix = _POSIX.match(pattern, end)
        escape = _ESCAPE.match(pattern, end)
        end = posix.end() if posix else escape.end() if escape else end + 1
    return end + 1

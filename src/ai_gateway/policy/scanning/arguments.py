"""Arguments of tool calls, which come as pieces of a JSON text: strings are decoded, go through pipes of their own and
are written back, so that what comes out is JSON again and no escape (\\u0040 for @) hides anything.

Structure passes as it comes. A number waits for what follows it, for it may be changed. Whatever JSON does not allow at
its place makes the text a plain one from there on, which goes through one pipe to its end: a text is never passed on
unscanned because it is broken. Then escapes of ASCII characters are still read, as the client may be more tolerant.

A secret that is split over several strings, or over a name and a value, is not put together here: what a tool makes of
its arguments is its own affair.
"""

import json
import re
from enum import Enum, auto
from typing import Final, final

from ai_gateway.domain.rules import TextPipe
from ai_gateway.policy.scanning.rewriting import MakeText, Names, rewrite_number, through
from ai_gateway.policy.scanning.strings import JsonString, encoded

_SPACES: Final = re.compile(r"[ \t\n\r]*+")
_SCALAR: Final = re.compile(r"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)([ \t\n\r]*)")
_SCALAR_RUN: Final = re.compile(r"[-+.0-9A-Za-z]*+[ \t\n\r]*+")
_LONGEST_SCALAR: Final = 4_000
"""Python reads integers of at most 4,300 digits; no tool is called with one of them."""
_SCALAR_STARTS: Final = frozenset("-0123456789tfn")
_WORDS: Final = frozenset({"true", "false", "null"})
_PLAIN_ESCAPE: Final = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_PLAIN_PARTIAL: Final = re.compile(r"\\(?:u(?:0(?:0[2-7]?)?)?)?\Z")


class _Wants(Enum):
    VALUE = auto()
    VALUE_OR_END = auto()
    NAME = auto()
    NAME_OR_END = auto()
    COLON = auto()
    NEXT = auto()
    NOTHING = auto()


_VALUES: Final = frozenset({_Wants.VALUE, _Wants.VALUE_OR_END})
_NAMES: Final = frozenset({_Wants.NAME, _Wants.NAME_OR_END})


def arguments_pipe(make: MakeText) -> TextPipe:
    """JSON in pieces comes in and goes out; decoded, it is what `rewrite_json` makes of the decoded text."""
    return _ArgumentsPipe(make)


@final
class _ArgumentsPipe:
    __slots__ = ("_make", "_plain", "_scalar", "_stack", "_string", "_wants")

    def __init__(self, make: MakeText) -> None:
        self._make: Final = make
        self._wants = _Wants.VALUE
        self._stack: Final[list[Names | None]] = []
        """The containers around; None for a list."""
        self._string: JsonString | None = None
        self._scalar = ""
        self._plain: _Plain | None = None

    def feed(self, text: str) -> str:
        out: list[str] = []
        at = 0
        while at < len(text):
            if self._plain is not None:
                out.append(self._plain.feed(text[at:]))
                break
            if self._string is not None:
                at = self._string.take(text, at, out)
                if self._string.is_closed:
                    self._string = None
            elif self._scalar:
                at = self._scalar_on(text, at, out)
            else:
                at = self._structure(text, at, out)
        return "".join(out)

    def end(self) -> str:
        if self._string is not None:
            return self._string.end()
        out: list[str] = []
        if self._scalar:
            if not self._stack and _SCALAR.fullmatch(self._scalar):
                self._write_scalar(out)
            else:
                out.append(self._break())
        if self._plain is not None:
            out.append(self._plain.end())
        return "".join(out)

    def _structure(self, text: str, at: int, out: list[str]) -> int:
        """One sign of JSON, with the space before it."""
        spaces = _SPACES.match(text, at)
        assert spaces is not None, "it matches nothing too"
        begin, at = at, spaces.end()
        if at == len(text):
            out.append(text[begin:])
            return at
        char, wants = text[at], self._wants
        if wants in _VALUES and char in _SCALAR_STARTS:
            out.append(text[begin:at])
            return self._scalar_on(text, at, out)
        if not self._takes(char, wants):
            out.append(text[begin:at])
            self._break()
            return at
        out.append(text[begin : at + 1])
        return at + 1

    def _takes(self, char: str, wants: _Wants) -> bool:
        if char == '"' and (wants in _VALUES or wants in _NAMES):
            self._string = JsonString(self._make, self._stack[-1] if wants in _NAMES else None)
            if wants in _NAMES:
                self._wants = _Wants.COLON
            else:
                self._has_value()
        elif char in "{[" and wants in _VALUES:
            self._stack.append(Names() if char == "{" else None)
            self._wants = _Wants.NAME_OR_END if char == "{" else _Wants.VALUE_OR_END
        elif char == ":" and wants is _Wants.COLON:
            self._wants = _Wants.VALUE
        elif char == "," and wants is _Wants.NEXT:
            self._wants = _Wants.VALUE if self._stack[-1] is None else _Wants.NAME
        elif self._is_close(char, wants):
            self._stack.pop()
            self._has_value()
        else:
            return False
        return True

    def _is_close(self, char: str, wants: _Wants) -> bool:
        if not self._stack:
            return False
        if self._stack[-1] is None:
            return char == "]" and wants in {_Wants.NEXT, _Wants.VALUE_OR_END}
        return char == "}" and wants in {_Wants.NEXT, _Wants.NAME_OR_END}

    def _has_value(self) -> None:
        self._wants = _Wants.NEXT if self._stack else _Wants.NOTHING

    def _scalar_on(self, text: str, at: int, out: list[str]) -> int:
        """A number or a word, and space behind it: written when something comes that may follow it."""
        run = _SCALAR_RUN.match(text, at)
        assert run is not None, "it matches nothing too"
        self._scalar += run[0]
        at = run.end()
        if len(self._scalar) > _LONGEST_SCALAR:
            out.append(self._break())
        elif at < len(text):
            follows = text[at] in ",]}" and bool(self._stack)
            if follows and _SCALAR.fullmatch(self._scalar):
                self._write_scalar(out)
            else:
                out.append(self._break())
        return at

    def _write_scalar(self, out: list[str]) -> None:
        scalar = _SCALAR.fullmatch(self._scalar)
        assert scalar is not None, "this was asked before"
        self._scalar = ""
        self._has_value()
        out += (scalar[1] if scalar[1] in _WORDS else self._number(scalar[1]), scalar[2])

    def _number(self, written: str) -> str:
        """Scanned as its value is written usually, and as it is written here: digits that a value does not have are
        not passed on if they are something that is found."""
        value = json.loads(written)
        made = rewrite_number(value, self._make)
        if isinstance(made, str):
            return f'"{encoded(made)}"'
        usual = json.dumps(value)
        return written if written == usual or through(self._make, written) == written else usual

    def _break(self) -> str:
        """This is no JSON: what waits and all that follows is text."""
        is_new = not self._stack and self._wants is _Wants.VALUE
        self._plain = _Plain(self._make(), _PLAIN_PARTIAL if not is_new else None)
        scalar, self._scalar = self._scalar, ""
        return self._plain.feed(scalar) if scalar else ""


@final
class _Plain:
    """Text; where it was JSON before, escapes of printable ASCII characters become what they stand for."""

    __slots__ = ("_partial", "_pipe", "_rest")

    def __init__(self, pipe: TextPipe, partial: re.Pattern[str] | None) -> None:
        self._pipe = pipe
        self._partial = partial
        self._rest = ""

    def feed(self, text: str) -> str:
        if self._partial is not None:
            text = self._rest + text
            partial = self._partial.search(text)
            self._rest = partial[0] if partial else ""
            text = _PLAIN_ESCAPE.sub(_ascii, text.removesuffix(self._rest) if self._rest else text)
        return self._pipe.feed(text) if text else ""

    def end(self) -> str:
        rest = self._pipe.feed(self._rest) if self._rest else ""
        return rest + self._pipe.end()


def _ascii(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))

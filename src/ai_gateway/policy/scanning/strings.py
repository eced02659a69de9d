"""One string literal of a JSON text that comes in pieces: decoded, through a pipe, encoded again.

It is read as JavaScript reads it, since clients are tolerant: an escape that JSON does not know is the character behind
the backslash, a line may end inside. Half of a surrogate pair waits for the other half, and stays an escape where none
comes, as text with halves cannot be sent."""

import re
from json.encoder import encode_basestring
from typing import Final, final

from ai_gateway.policy.scanning.rewriting import MakeText, Names

_INSIDE: Final = re.compile(r'(?:[^"\\]|\\.)*+', re.DOTALL)
_HEX: Final = "[0-9a-fA-F]"
_FIRST_HALF: Final = rf"[dD][89abAB]{_HEX}{{2}}"
_SECOND_HALF: Final = rf"[dD][c-fC-F]{_HEX}{{2}}"
_WHOLE: Final = rf"u({_FIRST_HALF})\\u({_SECOND_HALF})|u({_HEX}{{4}})|(.)"
_PARTIAL: Final = rf"u{_FIRST_HALF}(?:\\(?:u(?:[dD](?:[c-fC-F]{_HEX}?)?)?)?)?\Z|u{_HEX}{{0,3}}\Z|\Z"
_CLOSED_ESCAPE: Final = re.compile(rf"\\(?:{_WHOLE})", re.DOTALL)
_OPEN_ESCAPE: Final = re.compile(rf"\\(?:(?:{_PARTIAL})|{_WHOLE})", re.DOTALL)
_NAMED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_HALVES: Final = re.compile("[\ud800-\udfff]")


@final
class JsonString:
    """What stands between two quotes. `names` are those of the object whose member it names; None: it is a value."""

    __slots__ = ("_decoded", "_names", "_pipe", "_rest", "_written", "is_closed")

    def __init__(self, make: MakeText, names: Names | None) -> None:
        self._pipe: Final = make()
        self._names: Final = names
        self._decoded: Final[list[str]] = []
        self._written: Final[list[str]] = []
        self._rest = ""
        """An escape that is not whole yet."""
        self.is_closed = False

    def take(self, text: str, at: int, out: list[str]) -> int:
        """What is certain of it, and its closing quote, goes to `out`; the place behind what was read."""
        if self._rest:
            before = len(self._rest)
            text, self._rest = self._rest + text[at:], ""
            return at - before + self.take(text, 0, out)
        inside = _INSIDE.match(text, at)
        assert inside is not None, "it matches nothing too"
        end = inside.end()
        self.is_closed = text.startswith('"', end)
        decoded = self._decode(text[at : end if self.is_closed else len(text)])
        written = self._pipe.feed(decoded) if decoded else ""
        if self.is_closed:
            written += self._pipe.end()
        if self._names is not None:
            self._decoded.append(decoded)
            self._written.append(written)
            if self.is_closed:
                written += self._names.behind("".join(self._decoded), "".join(self._written))
        if written:
            out.append(encoded(written))
        if not self.is_closed:
            return len(text)
        out.append('"')
        return end + 1

    def end(self) -> str:
        """The text ended before the string did."""
        decoded = _CLOSED_ESCAPE.sub(_character, self._rest)
        return encoded((self._pipe.feed(decoded) if decoded else "") + self._pipe.end())

    def _decode(self, text: str) -> str:
        if "\\" not in text:
            return text
        if self.is_closed:
            return _CLOSED_ESCAPE.sub(_character, text)
        return _OPEN_ESCAPE.sub(self._character_or_wait, text)

    def _character_or_wait(self, escape: re.Match[str]) -> str:
        if escape.lastindex is None:
            self._rest = escape[0]
            return ""
        return _character(escape)


def _character(escape: re.Match[str]) -> str:
    first, second, code, char = escape.groups()
    if first:
        return chr(0x10000 + ((int(first, 16) - 0xD800) << 10) + int(second, 16) - 0xDC00)
    if code:
        return chr(int(code, 16))
    return _NAMED.get(char, char)


def encoded(text: str) -> str:
    """As it stands between quotes."""
    inside = encode_basestring(text)[1:-1]
    return inside if inside.isascii() else _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", inside)

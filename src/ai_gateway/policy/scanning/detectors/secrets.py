"""Secrets that are known by where they stand: private keys, tokens in headers, values of things called password.

What is around the secret stays (`password = "[redacted]"`, `https://me:[redacted]@host`), so code stays code. A private
key is taken from its first line to its last, at most 32,768 characters: it is swallowed as it comes, and a first line
without a last one does not swallow a whole book. Tokens are swallowed as far as their characters go. Values without
quotes are taken where the name is in capitals, as in environment files: `password=password` is what code says. Values
that begin like a placeholder ($, {, <, *, %, .) are none.
"""

import re
from typing import Final, final

from ai_gateway.policy.scanning.detectors.shape import Detector, Run, Shape, Span

_MOST_SWALLOWED: Final = 32_768
_LONGEST_LAST_LINE: Final = 80
_LAST_LINE: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}-----")


@final
class _Block:
    """To the line that ends a private key."""

    __slots__ = ("_before", "_left")

    def __init__(self, _matched: bytes) -> None:
        self._before = ""
        self._left = _MOST_SWALLOWED

    def take(self, text: str, start: int) -> int | None:
        piece = text[start : start + self._left]
        searched = self._before + piece
        last = _LAST_LINE.search(searched)
        if last:
            return start + last.end() - len(self._before)
        if len(piece) < len(text) - start:
            return start + len(piece)
        self._left -= len(piece)
        self._before = searched[-_LONGEST_LAST_LINE:]
        return None


@final
class _Value:
    """To the quote that closes a value, or the end of the line. A value that a backslash opened with its quote (JSON in
    a text) is closed by a backslash; in others it takes the next character's meaning away."""

    __slots__ = ("_ends", "_escapes", "_skips")

    def __init__(self, matched: bytes) -> None:
        before, quote = matched[-6:-5], matched[-5:-4].decode("latin-1")
        self._escapes = before != b"\\"
        self._ends = _ENDS[quote]
        self._skips = self._escapes and _ends_in_escape(matched[-4:])

    def take(self, text: str, start: int) -> int | None:
        at = start
        while at < len(text):
            if self._skips:
                self._skips = False
                at += 1
                continue
            end = self._ends.search(text, at)
            if end is None:
                return None
            if end[0] != "\\" or not self._escapes:
                return end.start()
            self._skips = True
            at = end.end()
        return None


def _ends_in_escape(written: bytes) -> bool:
    return (len(written) - len(written.rstrip(b"\\"))) % 2 == 1


_ENDS: Final = {
    '"': re.compile('["\u201c\u201d\uff02\\\\\r\n]'),
    "'": re.compile("['\u2018\u2019\uff07\\\\\r\n]"),
    "`": re.compile("[`\uff40\\\\\r\n]"),
}


def _bearer(data: bytes, start: int, end: int) -> Span | None:
    """The token is behind the last space; words of a sentence have no digits and no capitals inside."""
    token = data.rindex(b" ", start, end) + 1
    written = data[token:end]
    return None if written[1:].islower() and not any(char in b"0123456789" for char in written) else Span(token, end)


def _value(data: bytes, start: int, end: int) -> Span | None:
    return Span(end - 4, end)


def _password(data: bytes, start: int, end: int) -> Span | None:
    """user:password@ of an address; the last character is the @."""
    return Span(data.index(b":", data.index(b"://", start) + 3, end) + 1, end - 1)


_NAMES: Final = (
    r"pass(?:word|wd|phrase)|pwd|secret|token|credentials?"
    r"|(?:api|access|auth|private|secret|signing|encryption|account)[_\- ]?key"
)
_FIRST: Final = r"[^ \"'`\\\r\n\t${<*%.\[()]"
_T: Final = r"[A-Za-z0-9_\-]"
_ENVIRONMENT: Final = r"(?:PASS(?:WORD|WD|PHRASE)?|PWD|SECRET|TOKEN|(?:API|ACCESS|AUTH|PRIVATE|SECRET|SIGNING)_?KEY)"

SECRET: Final = Detector(
    "secret",
    "private keys, JSON web tokens, bearer tokens, values of passwords and secrets, passwords in addresses",
    (
        Shape(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----", tail=_Block),
        Shape(rf"\beyJ{_T}{{10,200}}\.{_T}{{8}}", tail=Run(r"A-Za-z0-9_.\-=")),
        Shape(r"\b(?i:bearer) {1,3}[A-Za-z0-9._~+/=\-]{16}", _bearer, Run(r"A-Za-z0-9._~+/=\-")),
        Shape(
            r"\b(?i:authorization)[\"']?[ ]?[:=][ ]?[\"']?(?i:basic|token|bearer|apikey) {1,3}[A-Za-z0-9._~+/=\-]{8}",
            _bearer,
            Run(r"A-Za-z0-9._~+/=\-"),
        ),
        Shape(
            rf"(?i:{_NAMES})(?:\\?[\"'`])?[ \t]{{0,3}}(?::=|=>|==?|:)[ \t]{{0,3}}"
            rf"[rbf]?\\?(?:\"{_FIRST}[^\"\r\n]{{3}}|'{_FIRST}[^'\r\n]{{3}}|`{_FIRST}[^`\r\n]{{3}})",
            _value,
            _Value,
        ),
        Shape(
            rf"\b(?:[A-Z0-9]{{1,24}}_){{0,4}}{_ENVIRONMENT}[ ]?=[ ]?{_FIRST}[^ \"'`\r\n\t()]{{3}}",
            _value,
            Run("!#-&*-_a-z{-~\u0080-\U0010ffff"),
        ),
        Shape(r"\b[A-Za-z][A-Za-z0-9+.\-]{1,20}://[^ /@:\"'\r\n\t<>]{0,64}:[^ /@\"'\r\n\t<>${*]{1,100}@", _password),
    ),
)

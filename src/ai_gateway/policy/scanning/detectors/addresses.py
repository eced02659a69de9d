"""Where somebody is reached: e-mail and IP addresses.

email: the part before the @ is at most 64 characters of a-z, digits and . _ % + - or letters of other alphabets; more
than that is no address, but its last 64 are taken, for something is hidden there. Domains may be of any script, their
end is a top-level domain of letters, behind which no digit stands. In scripts without spaces the part before the @
cannot be told from the sentence before it: its last four characters are taken. No address: `git@host`, which is the
same for everyone; names of files (icon@2x.png).

ip_address: four numbers from 0 to 255, or IPv6. Four parts of a version look the same (Windows 10.0.19041.1 does not:
19041 is too large) and are taken, unless a letter stands before them (v1.2.3.4), or they end in .0.0.0 as browsers'
versions do. This machine (127.x, ::1) and no machine (0.0.0.0, ::) are nobody's address.
"""

import ipaddress
from typing import Final

from ai_gateway.policy.scanning.detectors.shape import BEHIND, LETTERS, UNSPACED, WORDS, Detector, Shape, Span
from ai_gateway.policy.scanning.lens import WORD

_FILES: Final = frozenset(
    b"png jpg jpeg gif webp svg ico pdf js jsx ts tsx mjs css scss html json yml yaml xml txt csv toml lock whl".split()
)


def _mailbox(data: bytes, start: int, end: int) -> Span | None:
    at = data.index(b"@", start)
    top = data[data.rindex(b".", at, end) + 1 : end]
    if data[end : end + 1].isalnum() or top.lower() in _FILES or _is_git(data, start, at):
        return None
    return Span(start, end)


def _is_git(data: bytes, start: int, at: int) -> bool:
    """Also what is left of it when it was no address."""
    local = data[start:at]
    return local == b"git" or (local in {b"it", b"t"} and data[start - 1 : start] in {b"g", b"i"})


def _ip4(data: bytes, start: int, end: int) -> Span | None:
    parts = data[start:end].split(b".")
    if len(parts) != 4:
        return None
    numbers = [int(part) for part in parts]
    if max(numbers) > 255 or numbers[0] in {0, 127} or numbers[1:] == [0, 0, 0]:
        return None
    return Span(start, end)


def _ip6(data: bytes, start: int, end: int) -> Span | None:
    text = data[start:end].decode("latin-1")
    if data[end : end + 1] == b":" or ("::" in text and not _is_sure(text)):
        return None
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return None if address.is_loopback or address.is_unspecified else Span(start, end)


def _is_sure(text: str) -> bool:
    """`a::b` is a name in C++ and Rust too: an address of few groups has digits, and begins as networks do."""
    groups = [group for group in text.split(":") if group]
    return any(char.isdigit() for char in text) and (len(groups) >= 4 or (len(groups) >= 2 and len(groups[0]) >= 3))


_LOCAL: Final = rf"[{WORDS}_][{WORDS}_.%+\-]{{0,63}}"
_DOMAIN: Final = rf"[{WORDS}{UNSPACED}](?:\.?[{WORDS}{UNSPACED}\-]){{0,75}}"
_TOP: Final = (
    rf"(?:xn--[A-Za-z0-9\-]{{2,20}}|[{LETTERS}]{{1,23}}[A-Za-z]{BEHIND}|[{LETTERS}]{{1,23}}{WORD}|{UNSPACED}{{1,8}})"
)
_HEX: Final = "[0-9A-Fa-f]"

EMAIL: Final = Detector(
    "email",
    "e-mail addresses, also of domains in other scripts",
    (Shape(rf"(?:{_LOCAL}|{UNSPACED}{{1,4}})@{_DOMAIN}\.{_TOP}", _mailbox),),
)
IP_ADDRESS: Final = Detector(
    "ip_address",
    "IPv4 and IPv6 addresses, but those of the machine itself; four-part versions look the same",
    (
        Shape(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:\.[0-9]{1,9})?\b", _ip4, not_behind=r".\-"),
        Shape(rf"\b{_HEX}{{1,4}}(?:::?{_HEX}{{1,4}}){{1,7}}\b", _ip6, not_behind=":."),
    ),
)

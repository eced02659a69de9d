"""One spelling for every path, or none.

Access is decided by path, so a path that two programs can read in two ways is not repaired but refused: whatever is
normalised here might be normalised differently by a proxy before us or a router behind us. After this check a decoded
path has exactly one reading, and it is the one that was checked.
"""

import re

from ai_gateway.domain.faults import InvalidRequest

_LONGEST_PATH = 2048

# Segments that neither begin with a dot nor need decoding: nearly every request, settled by one match.
_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*)+/?|/")
_ALLOWED = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})+")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_STILL_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")


def canonical_path(raw_path: bytes) -> str:
    """The decoded path, which has one reading only. `raw_path` is the request target up to its '?'.

    Raises InvalidRequest (400) for absolute targets, dot segments, empty segments, ';', backslashes, encoded slashes,
    control characters, characters outside ASCII, broken or doubled escapes, and more than 2 KiB.
    """
    if len(raw_path) > _LONGEST_PATH:
        raise _refused(f"it is longer than {_LONGEST_PATH} bytes")
    if _PLAIN.fullmatch(raw_path):
        return raw_path.decode("ascii")
    if not raw_path.startswith(b"/"):
        raise _refused("it must begin with '/', without scheme and host")
    if not _ALLOWED.fullmatch(raw_path):
        raise _refused("it contains a character or an escape that is not allowed in a path")
    decoded = _ESCAPE.sub(_unescape, raw_path).decode("ascii")
    if _STILL_ESCAPED.search(decoded):
        raise _refused("it is percent-encoded twice")
    segments = decoded.split("/")[1:]
    if any(segment in (".", "..") for segment in segments):
        raise _refused("it contains a dot segment")
    if "" in segments[:-1]:
        raise _refused("it contains an empty segment")
    return decoded


def _unescape(escape: re.Match[bytes]) -> bytes:
    """Raises InvalidRequest for what would change the path's structure or cannot be printed."""
    character = bytes([int(escape[1], 16)])
    if character in b"/\\;" or not 0x20 <= character[0] < 0x7F:
        raise _refused(f"the escape '{escape[0].decode('ascii')}' is not allowed in a path")
    return character


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(f"The path of the request is not valid: {why}.", code="invalid_path")

"""How large an image is, by its first bytes: what it costs a model depends on its pixels, not on its bytes.

Base64 can be read anywhere (each four letters are three bytes of their own), so a picture of megabytes is not decoded
to find the few bytes that say its size. A JPEG has them behind segments of any length, which are stepped over.
"""

import binascii
import struct
from typing import Final

import msgspec

MOST_SEGMENTS: Final = 200
_SIZED: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})


class Pixels(msgspec.Struct, frozen=True):
    width: int
    height: int


def pixels_of(base64: str) -> Pixels | None:
    """Of a PNG, GIF, WebP or JPEG; None for what is none of them, or is cut."""
    try:
        found = _read(base64)
    except (struct.error, ValueError):
        return None
    return found if found is not None and found.width > 0 and found.height > 0 else None


def bytes_of(base64: str) -> int:
    """How many bytes it stands for, near enough."""
    return len(base64) * 3 // 4


def _read(base64: str) -> Pixels | None:
    head = _bytes(base64, 0, 30)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Pixels(*struct.unpack(">II", head[16:24]))
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Pixels(*struct.unpack("<HH", head[6:10]))
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp(head)
    return _jpeg(base64) if head.startswith(b"\xff\xd8") else None


def _webp(head: bytes) -> Pixels | None:
    """Its three kinds: lossy, lossless and extended (Google's WebP Container Specification)."""
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return Pixels(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", head[21:25])
        return Pixels((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        return Pixels(int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1)
    return None


def _jpeg(base64: str) -> Pixels | None:
    """The frame header, behind whatever else comes first (ITU T.81, B.1 and B.2)."""
    at = 2
    for _ in range(MOST_SEGMENTS):
        head = _bytes(base64, at, 9)
        if len(head) < 4 or head[0] != 0xFF:
            return None
        marker = head[1]
        if marker in _SIZED:
            height, width = struct.unpack(">HH", head[5:9])
            return Pixels(width, height)
        if marker == 0xFF:
            at += 1
        elif marker in _BARE:
            at += 2
        else:
            at += 2 + int.from_bytes(head[2:4])
    return None


def _bytes(base64: str, start: int, count: int) -> bytes:
    first = start // 3
    letters = base64[first * 4 : (first + (count + start % 3 + 2) // 3) * 4]
    decoded = binascii.a2b_base64(letters.encode("ascii"))
    return decoded[start % 3 : start % 3 + count]

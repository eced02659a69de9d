"""The size of a picture, by the first bytes of its base64."""

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.media_size import Pixels, bytes_of, pixels_of

SIDES = st.integers(1, 16_383)


def png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + bytes(40)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(30)


def webp(kind: bytes, said: bytes) -> bytes:
    return b"RIFF" + bytes(4) + b"WEBP" + kind + bytes(4) + said + bytes(20)


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def extended(width: int, height: int) -> bytes:
    return webp(b"VP8X", bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


def jpeg(width: int, height: int, before: bytes = b"", frame: int = 0xC0) -> bytes:
    start = b"\xff\xd8" + before + b"\xff\xff" + bytes([frame]) + struct.pack(">HBHH", 17, 8, height, width)
    return start + bytes(20)


def segment(length: int, marker: int = 0xE1) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", length) + b"\xff" * (length - 2)


def size_of(picture: bytes) -> Pixels | None:
    return pixels_of(base64.b64encode(picture).decode())


@given(SIDES, SIDES)
def test_each_kind_says_its_size(width: int, height: int) -> None:
    for kind in (png, gif, lossy, lossless, extended, jpeg):
        assert size_of(kind(width, height)) == Pixels(width, height), kind.__name__


@given(st.lists(st.integers(2, 65_535), max_size=5), st.sampled_from([0xC0, 0xC1, 0xC2, 0xCF]))
def test_a_jpeg_says_it_behind_any_segments(lengths: list[int], frame: int) -> None:
    before = b"".join(segment(length) for length in lengths) + b"\xff\x01" + segment(9, 0xC4)
    assert size_of(jpeg(640, 480, before, frame)) == Pixels(640, 480)


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"no picture at all, but long enough to be one",
        png(640, 480)[:20],
        gif(0, 5),
        webp(b"VP9 ", bytes(30)),
        b"\xff\xd8",
        b"\xff\xd8" + segment(60_000),
        b"\xff\xd8" + segment(2) * 300 + jpeg(5, 5)[2:],
        b"\xff\xd8not a segment",
    ],
)
def test_what_is_none_or_cut_has_no_size(picture: bytes) -> None:
    assert size_of(picture) is None


@given(st.text(max_size=80))
def test_no_text_raises(text: str) -> None:
    pixels_of(text)
    pixels_of("/9j/" + text)


@given(st.binary(max_size=200))
def test_bytes_are_known_without_decoding(data: bytes) -> None:
    assert 0 <= bytes_of(base64.b64encode(data).decode()) - len(data) <= 2

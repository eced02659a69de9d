"""Answers as bytes, with what they mean: every way that HTTP/1.1 has to say where a body ends."""

from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st


class Said(NamedTuple):
    """`kept`: the connection may carry another answer. `until_close`: the body ends with the connection."""

    raw: bytes
    status: int
    body: bytes
    kept: bool
    until_close: bool = False


VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
TOKENS = st.text(st.sampled_from("abcxyzABC019-_"), min_size=1, max_size=8)
VALUES = st.text(VISIBLE, max_size=12)
BODIES = st.binary(max_size=60) | st.sampled_from([b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n" * 5, bytes(300)])
SIZES = st.sampled_from(["{:x}", "{:X}", "{:04x}"])
TRAILERS = st.sampled_from(["", "T: 1\r\n", "A: 1\r\nB: 2\r\n"])
EXTENSIONS = st.sampled_from(["", ";a", ";a=b", ';a="b c"'])


@st.composite
def said(draw: st.DrawFn) -> Said:
    """A well-formed answer."""
    interim = draw(st.lists(st.sampled_from([100, 102, 103]), max_size=2))
    version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]))
    headers = [(f"X-{name}", value) for name, value in draw(st.lists(st.tuples(TOKENS, VALUES), max_size=3))]
    framing = draw(st.sampled_from(["length", "chunked", "bodiless", "close"]))
    kept = version == "HTTP/1.1" and framing != "close"
    if kept and draw(st.booleans()):
        headers.append(("Connection", "close"))
        kept = False
    body = b"" if framing == "bodiless" else draw(BODIES)
    status = draw(st.sampled_from([204, 304] if framing == "bodiless" else [200, 201, 400, 429, 503]))
    wire = body
    if framing == "length":
        headers.append(("Content-Length", str(len(body))))
    elif framing == "chunked" and version == "HTTP/1.1":
        headers.append(("Transfer-Encoding", draw(st.sampled_from(["chunked", "Chunked"]))))
        wire = _chunked(draw, body)
    lines = [f"{version} {status} {draw(st.sampled_from(['OK', 'Some Reason', '']))}"]
    lines += [f"{name}: {value}" for name, value in headers]
    before = b"".join(b"HTTP/1.1 %d Interim\r\nLink: a\r\n\r\n" % it for it in interim)
    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    framed = framing in ("length", "bodiless") or (framing == "chunked" and version == "HTTP/1.1")
    return Said(before + head + wire, status, body, kept, until_close=not framed)


def pieces_of(raw: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes, cut at these places (counted around the length)."""
    places = [0, *sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]
    return [raw[a:b] for a, b in pairwise(places)]


SPOILING = [b"", b"\r", b"\n", b"\r\n", b" ", b":", b"0", b"ffffffff", b"-1", b"\0", b"\xff", b";", b"chunked", b"HTTP"]
CUTS = st.lists(st.integers(0, 10_000), max_size=12)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """An answer in which a few bytes are missing, doubled, or others."""
    raw = draw(said()).raw
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        until = at + draw(st.integers(0, 4))
        raw = raw[:at] + draw(st.sampled_from(SPOILING) | st.binary(max_size=3)) + raw[until:]
    return raw


def _chunked(draw: st.DrawFn, body: bytes) -> bytes:
    chunks = [it for it in pieces_of(body, draw(CUTS)) if it]
    sizes = [draw(SIZES).format(len(it)) + draw(EXTENSIONS) for it in chunks]
    sent = [f"{size}\r\n".encode() + chunk + b"\r\n" for size, chunk in zip(sizes, chunks, strict=True)]
    return b"".join(sent) + f"0{draw(EXTENSIONS)}\r\n{draw(TRAILERS)}\r\n".encode()

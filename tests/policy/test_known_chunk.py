"""What is taken for one whole chunk: exactly what a parser would have read as one, and nothing that it would not."""

from itertools import pairwise

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.known_chunk import body_of_chunk

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Heard:
    """What a parser says of a body in chunks."""

    def __init__(self) -> None:
        self.said: list[bytes | str] = []

    def on_body(self, body: bytes) -> None:
        self.said.append(body)

    def on_chunk_header(self) -> None:
        self.said.append("header")

    def on_chunk_complete(self) -> None:
        self.said.append("complete")


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


def read(*pieces: bytes) -> list[bytes | str]:
    heard = Heard()
    parser = httptools.HttpResponseParser(heard)
    for piece in (HEAD, *pieces):
        parser.feed_data(piece)
    return heard.said


@pytest.mark.parametrize("size", [*range(1, 300), 2039, 2040])
def test_a_whole_chunk_of_any_size_is_known(size: int) -> None:
    body = b"x" * size
    assert body_of_chunk(chunk(body)) == body


@pytest.mark.parametrize("size", [2041, 4096, 1 << 16])
def test_what_is_longer_than_events_are_is_the_parser_s(size: int) -> None:
    assert body_of_chunk(chunk(b"x" * size)) is None


@given(st.binary(min_size=1, max_size=300))
def test_what_is_known_is_what_a_parser_reads_and_it_stands_between_two_chunks(body: bytes) -> None:
    known = body_of_chunk(chunk(body))
    assert known == body
    assert read(chunk(body)) == ["header", known, "complete"]


PIECES = st.sampled_from(
    [b"", b"1", b"5", b"a", b"A", b"0", b"10", b"\r", b"\n", b"\r\n", b";x", b" ", b"+1", b"x", b"abcde", b".", b"0x"]
)


@given(st.lists(PIECES, max_size=9).map(b"".join) | st.binary(max_size=40))
def test_whatever_is_known_a_parser_reads_so(data: bytes) -> None:
    known = body_of_chunk(data)
    if known is not None:
        assert known != b""
        assert read(data) == ["header", known, "complete"]


@given(st.binary(min_size=1, max_size=60), st.data())
def test_nothing_but_one_whole_chunk_is_known(body: bytes, data: st.DataObject) -> None:
    whole = chunk(body)
    assert body_of_chunk(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None
    assert body_of_chunk(whole + data.draw(st.binary(min_size=1, max_size=9))) is None
    assert body_of_chunk(whole + whole) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0\r\n\r\n",
        b"05\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"5;a\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\r\nhello\n\n",
        b"5\r\nhello\r\r",
        b"4\r\nhello\r\n",
        b"6\r\nhello\r\n",
        b"\r\n\r\n" * 5 + b"\n",
        b"A\r\n" + b"x" * 10 + b"\r\n",
        b"." * 19 + b"\r\n",
        b"." * 2047,
    ],
)
def test_another_way_to_write_a_chunk_is_the_parser_s(data: bytes) -> None:
    assert body_of_chunk(data) is None


def test_each_length_belongs_to_one_size_or_to_none() -> None:
    lengths = [len(chunk(bytes(size))) for size in range(1, 600)]
    assert all(one < other for one, other in pairwise(lengths))

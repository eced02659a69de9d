"""The generator's reader: whatever pieces an answer arrives in, it is the same answer."""

from itertools import pairwise

import msgspec
import pytest
from benchmarks.wire import STREAMED, AnswerReader, Malformed, body_length, chat_body, encode_request
from hypothesis import given
from hypothesis import strategies as st


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def read(pieces: list[bytes]) -> tuple[AnswerReader, bytes]:
    reader = AnswerReader()
    return reader, b"".join(part for piece in pieces for part in reader.feed(piece))


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=12))
def test_a_body_with_a_length_is_the_same_in_any_pieces(body: bytes, places: list[int]) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nx: y\r\n\r\n%b" % (len(body), body)

    reader, got = read(cut(answer, places))

    assert (reader.status, reader.done, got) == (200, True, body)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.lists(st.integers(0, 10_000), max_size=20))
def test_a_chunked_body_is_the_same_in_any_pieces(chunks: list[bytes], places: list[int]) -> None:
    encoded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"

    reader, got = read(cut(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n" + encoded, places))

    assert (reader.status, reader.done, got) == (503, True, b"".join(chunks))


@given(st.integers(0, 60))
def test_an_answer_that_is_cut_short_is_not_done(left_out: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    reader, _ = read([answer[: len(answer) - 1 - left_out]])

    assert not reader.done


def test_a_reader_that_is_reset_reads_the_next_answer() -> None:
    reader, _ = read([b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"])
    reader.reset()

    assert reader.feed(b"HTTP/1.1 429 Wait\r\ncontent-length: 2\r\n\r\nbc") == [b"bc"]
    assert (reader.status, reader.done) == (429, True)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab", b"SSH-2.0\r\n\r\n"])
def test_what_is_not_http_is_malformed(answer: bytes) -> None:
    with pytest.raises(Malformed):
        AnswerReader().feed(answer)


def test_a_request_says_how_long_it_is() -> None:
    request = encode_request("POST", "127.0.0.1:1", "/v1", {"a": "b"}, b"12345")

    head, _, body = request.partition(b"\r\n\r\n")
    assert (body_length(head), body) == (5, b"12345")


@pytest.mark.parametrize("size", [0, 60, 4_000, 4_001, 400_000])
def test_a_prompt_has_the_size_that_was_asked_for_and_ends_with_the_user(size: int) -> None:
    body = msgspec.json.decode(chat_body("m", size, streamed=False))

    assert sum(len(message["content"]) for message in body["messages"]) == size
    assert body["messages"][-1]["role"] == "user"


def test_only_a_streamed_request_is_taken_for_one() -> None:
    assert STREAMED.search(chat_body("m", 10, streamed=True))
    assert not STREAMED.search(chat_body("m", 10, streamed=False))

"""What is taken for the message that was read before: exactly that, with another body behind another length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.known_head import begun_head, known_head

LINES = (b"POST /v1/chat/completions HTTP/1.1", b"Host: x", b"Content-Length: %d", b"Authorization: Bearer sk-1")


def message(body: bytes, lines: tuple[bytes, ...] = LINES) -> bytes:
    head = b"\r\n".join((*lines, b"", b""))
    return (head % len(body) if b"%d" in head else head) + body


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_another_body_behind_the_same_head_is_known_whole(first: bytes, second: bytes) -> None:
    known = known_head(message(first))
    assert known is not None
    assert known.body_of(message(second)) == second


@given(st.binary(max_size=60), st.data())
def test_nothing_but_one_whole_message_is_known(body: bytes, data: st.DataObject) -> None:
    """Any cut of it, and anything behind it, is the parser's."""
    known = known_head(message(b"{}"))
    assert known is not None
    whole = message(body)
    assert known.body_of(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None
    assert known.body_of(whole + data.draw(st.binary(min_size=1, max_size=9))) is None


@pytest.mark.parametrize("size", [0, 1, 8, 9, 10, 98, 99, 100, 998, 999, 1_000, 9_999])
def test_of_messages_of_any_size_one_byte_more_or_less_is_not_known(size: int) -> None:
    """Behind 9, 99, 999 bytes one more has no length that fits: nothing is left of the message before."""
    known = known_head(message(b"{}"))
    assert known is not None
    whole = message(b"x" * size)
    for _ in range(2):
        assert known.body_of(whole) == b"x" * size
        assert known.body_of(whole + b"x") is None
        assert known.body_of(whole) == b"x" * size
        assert known.body_of(whole[:-1]) is None


def test_heads_are_the_same_that_have_the_same_bytes_around_the_length() -> None:
    heads = [known_head(message(body, lines)) for body in (b"", b"1", b"22") for lines in (LINES, LINES[:3])]
    assert len(set(heads)) == 2
    assert heads[0] != b"HTTP"


@given(st.integers(0, len(message(b"{}")) - 3), st.integers(1, 255))
def test_a_head_that_differs_in_any_byte_is_not_known(at: int, by: int) -> None:
    """But for the digits, where another one is another length, which is then not that of the body."""
    known = known_head(message(b"{}"))
    assert known is not None
    other = bytearray(message(b"{}"))
    other[at] ^= by
    assert known.body_of(bytes(other)) is None


@pytest.mark.parametrize("digits", [b"+2", b" 2", b"2 ", b"0x2", b"2,2", b"", b"-2", b"\xb2", b"2_0", b"00000000002"])
def test_a_length_is_digits_and_nothing_else(digits: bytes) -> None:
    known = known_head(message(b"{}"))
    assert known is not None
    assert known.body_of(message(b"{}").replace(b"Content-Length: 2", b"Content-Length: " + digits)) is None


@pytest.mark.parametrize(
    "lines",
    [
        LINES[:2],
        (*LINES, b"content-length: %d"),
        (*LINES[:2], b"Transfer-Encoding: chunked"),
        (*LINES[:2], b"Content-Length : %d"),
        (b"POST /content-length: HTTP/1.1", b"Host: x"),
    ],
)
def test_a_head_without_one_plain_length_is_not_remembered(lines: tuple[bytes, ...]) -> None:
    heads = b"\r\n".join((*lines, b"", b"")).replace(b"%d", b"2")
    assert known_head(heads + b"{}") is None


@pytest.mark.parametrize("more", [b"x", b"POST / HTTP/1.1\r\n\r\n"])
def test_a_message_that_was_not_alone_is_not_remembered(more: bytes) -> None:
    assert known_head(message(b"{}") + more) is None
    assert known_head(message(b"{}")[:-1]) is None


@given(st.binary(max_size=60), st.data())
def test_a_message_that_has_begun_says_where_its_body_begins_and_ends(body: bytes, data: st.DataObject) -> None:
    """Once its head is whole; until then it says nothing."""
    known, whole = known_head(message(b"{}")), message(body)
    assert known is not None
    begin = len(whole) - len(body)
    cut = data.draw(st.integers(0, len(whole)))
    begun = begun_head(whole[:cut])
    assert known.begin_of(whole[:cut]) == ((begin, len(body)) if cut >= begin else None)
    assert begun == ((known, len(whole)) if cut >= begin else None)

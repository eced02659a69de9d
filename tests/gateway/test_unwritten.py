"""Bytes that are written once, before anybody has seen them."""

from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.gateway.unwritten import unwritten


@given(st.binary(min_size=1, max_size=5000), st.data())
def test_what_is_written_to_the_room_is_what_the_bytes_are(content: bytes, data: st.DataObject) -> None:
    made, room = unwritten(len(content))
    assert (type(made), len(made), len(room)) == (bytes, len(content), len(content))
    cut = data.draw(st.integers(0, len(content)))
    room[:cut] = content[:cut]
    room[cut:] = content[cut:]
    assert made == content
    assert hash(made) == hash(content)


def test_no_two_have_the_same_room() -> None:
    """A single byte neither, of which Python has one for everybody."""
    for size in (1, 2, 100_000):
        one, other = unwritten(size), unwritten(size)
        one[1][:] = b"a" * size
        other[1][:] = b"b" * size
        assert (one[0], other[0]) == (b"a" * size, b"b" * size)
    assert bytes([0x61]) == b"a"


def test_nothing_is_written_behind_the_end() -> None:
    made, room = unwritten(10)
    room[:] = b"0123456789"
    assert room.nbytes == len(made)
    assert not room.readonly
    assert made + b"!" == b"0123456789!"

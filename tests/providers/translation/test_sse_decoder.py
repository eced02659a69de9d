"""Every reader gets the same whole events, however the bytes came."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.reply import Alive, Ended, Event, Failed, Piece
from ai_gateway.providers.sse import EVENT_LIMIT_BYTES
from ai_gateway.providers.translation.sse_decoder import SseDecoder


class NamingReader:
    """Every event is a piece that says what was read; `[DONE]` ends."""

    def read(self, name: bytes, data: bytes) -> list[Event]:
        return [Ended()] if data == b"[DONE]" else [Piece(0, 0, f"{name.decode()}={data.decode()}")]

    def finish(self) -> list[Event]:
        return [Piece(0, 0, "cut")]


STREAM = (
    "\ufeffdata: 1\r\n\r\n: alive\n\nevent: a\ndata: 2é\n\n"
    "event:b\ndata:3\ndata: 4\nid: 9\n\n\n\ndata: [DONE]\n\ndata: 5\n\n"
).encode()
READ: list[Event] = [Piece(0, 0, "=1"), Alive(), Piece(0, 0, "a=2é"), Piece(0, 0, "b=3\n4"), Ended()]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_partition_gives_the_same_events(cuts: list[int]) -> None:
    decoder = SseDecoder(NamingReader())
    places = [0, *sorted(cuts), len(STREAM)]
    events = [event for start, end in pairwise(places) for event in decoder.feed(STREAM[start:end])]
    assert [*events, *decoder.end()] == READ


def test_a_body_that_ends_without_a_blank_line_is_read_to_its_end() -> None:
    decoder = SseDecoder(NamingReader())
    assert decoder.feed(b"data: 1\n") == []
    assert decoder.end() == [Piece(0, 0, "=1"), Piece(0, 0, "cut")]
    assert decoder.end() == []


def test_an_event_without_end_fails_the_stream() -> None:
    decoder = SseDecoder(NamingReader())
    (failed,) = decoder.feed(b"data: " + b"x" * EVENT_LIMIT_BYTES)
    assert isinstance(failed, Failed)
    assert decoder.feed(b"\n\n") == decoder.end() == []

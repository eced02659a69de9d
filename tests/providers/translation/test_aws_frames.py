"""Frames come out of any partition of the bytes, and a broken one is told from a whole one."""

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.sse import EVENT_LIMIT_BYTES
from ai_gateway.providers.translation.aws_frames import BadFrame, Frame, FrameSplitter
from providers.translation.aws_wire import a_frame, an_event, an_exception
from providers.translation.partitions import CUTS, pieces_of

BODY = an_event("messageStart", role="assistant") + an_exception("throttlingException", "slow down")
FRAMES = [
    Frame("event", "messageStart", b'{"role": "assistant", "p": "abcdefgh"}'),
    Frame("exception", "throttlingException", b'{"message": "slow down"}'),
]


def split(*chunks: bytes) -> list[Frame]:
    splitter, frames = FrameSplitter(), list[Frame]()
    for chunk in chunks:
        splitter.feed(chunk, frames)
    return frames


@given(CUTS)
def test_frames_are_the_same_for_every_partition(cuts: list[int]) -> None:
    assert split(*pieces_of(BODY, cuts)) == FRAMES


def test_the_bytes_of_these_tests_are_what_botocore_reads() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(BODY)
    assert [message.payload for message in buffer] == [frame.payload for frame in FRAMES]


def test_frames_whose_headers_were_there_before_are_read_as_the_first_was() -> None:
    frames = [an_event("contentBlockDelta", delta={"text": str(number)}) for number in range(3)]
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(frames))
    expected = [Frame("event", "contentBlockDelta", message.payload) for message in buffer]
    assert split(*frames) == expected
    damaged = bytearray(frames[2])
    damaged[-8] ^= 1
    with pytest.raises(BadFrame):
        split(*frames[:2], bytes(damaged))


def test_any_number_of_different_headers_is_read() -> None:
    frames = [an_event(f"event{number}") for number in range(100)]
    assert [frame.name for frame in split(*frames, *frames)] == [f"event{number}" for number in range(100)] * 2


@pytest.mark.parametrize("at", range(len(BODY)))
def test_a_flipped_bit_anywhere_is_found(at: int) -> None:
    damaged = bytearray(BODY)
    damaged[at] ^= 1
    frames = list[Frame]()
    with pytest.raises(BadFrame):
        FrameSplitter().feed(bytes(damaged), frames)
    assert frames == FRAMES[: len(frames)]


def test_an_error_frame_has_its_words_in_headers() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "it broke"}
    assert split(a_frame(headers)) == [Frame("error", "InternalFailure", b"", "it broke")]


def test_a_length_that_nobody_means_is_refused_before_it_is_waited_for() -> None:
    from struct import pack
    from zlib import crc32

    for length, headers in ((EVENT_LIMIT_BYTES + 1, 0), (15, 0), (100, 90)):
        prelude = pack("!II", length, headers)
        with pytest.raises(BadFrame):
            split(prelude + pack("!I", crc32(prelude)))


def test_half_a_frame_is_waited_for() -> None:
    splitter, frames = FrameSplitter(), list[Frame]()
    splitter.feed(BODY[:40], frames)
    assert (frames, splitter.is_empty) == ([], False)


@given(st.binary(max_size=200))
def test_anything_else_is_no_stream(hostile: bytes) -> None:
    try:
        split(hostile)
    except BadFrame:
        return
    assert len(hostile) < 12

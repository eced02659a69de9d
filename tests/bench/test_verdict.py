"""Who judges answers must see every way in which one can be wrong, and forgive what is only written differently."""

import json

import pytest
from benchmarks.plan import Ask
from benchmarks.upstream import PROMPT_TOKENS, stream_frames, unary_body
from benchmarks.verdict import Judge

UNARY = Ask(size=5)
STREAM = Ask(streamed=True, size=3)


def test_the_providers_own_bytes_are_right() -> None:
    assert Judge(UNARY).complaint(200, unary_body(5)) is None
    assert Judge(STREAM).complaint(200, b"".join(stream_frames(3))) is None


def test_the_same_answer_written_anew_is_right() -> None:
    rewritten = json.dumps(json.loads(unary_body(5)), indent=2).encode()
    judge = Judge(UNARY)

    assert judge.complaint(200, rewritten) is None
    assert judge.complaint(200, unary_body(5)) is None, "what was right once is not forgotten"


def test_a_stream_with_other_line_ends_and_keys_is_right() -> None:
    frames = [frame.replace(b'"object":', b'"provider":"x","object":') for frame in stream_frames(3)]

    assert Judge(STREAM).complaint(200, b": hello\r\n\r\n" + b"".join(frames).replace(b"\n", b"\r\n")) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, unary_body(5)),
        (200, b""),
        (200, b"{}"),
        (200, b"<html>"),
        (200, unary_body(4)),
        (200, unary_body(5).replace(b'"prompt_tokens":%d' % PROMPT_TOKENS, b'"prompt_tokens":1')),
        (200, unary_body(5).replace(b"gateway", b"getaway")),
    ],
)
def test_a_wrong_answer_is_told(status: int, body: bytes) -> None:
    assert Judge(UNARY).complaint(status, body)


@pytest.mark.parametrize(
    "frames",
    [
        stream_frames(2),
        stream_frames(3)[:-1],
        stream_frames(3)[:2] + stream_frames(3)[3:],
        [stream_frames(3)[0], stream_frames(3)[2], stream_frames(3)[1], *stream_frames(3)[3:]],
        stream_frames(3)[:-2] + stream_frames(3)[-1:],
    ],
    ids=["fewer words", "no [DONE]", "a frame lost", "two frames swapped", "no usage"],
)
def test_a_wrong_stream_is_told(frames: list[bytes]) -> None:
    assert Judge(STREAM).complaint(200, b"".join(frames))

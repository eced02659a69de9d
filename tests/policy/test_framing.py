"""Every form of framing that was ever read two ways, and what is answered to it."""

import pytest

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.policy.framing import body_too_large, judge_framing, malformed

HOST = (b"host", b"gateway.example:8000")


@pytest.mark.parametrize(
    "headers",
    [
        [HOST],
        [HOST, (b"content-length", b"100")],
        [HOST, (b"transfer-encoding", b"chunked")],
        [HOST, (b"transfer-encoding", b"Chunked")],
        [HOST, (b"content-encoding", b"identity")],
        [(b"host", b"[::1]:8000"), (b"x-anything", b"\xff")],
    ],
)
def test_plain_framing_is_let_through(headers: list[tuple[bytes, bytes]]) -> None:
    judge_framing(headers, "1.1", 100)


@pytest.mark.parametrize(
    ("headers", "version", "status"),
    [
        ([], "1.1", 400),
        ([HOST, HOST], "1.1", 400),
        ([(b"host", b"a@b")], "1.1", 400),
        ([(b"host", b"a b")], "1.1", 400),
        ([HOST, (b"transfer-encoding", b"gzip, chunked")], "1.1", 400),
        ([HOST, (b"transfer-encoding", b"xchunked")], "1.1", 400),
        ([HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], "1.1", 400),
        ([HOST, (b"transfer-encoding", b"chunked")], "1.0", 400),
        ([HOST, (b"content-length", b"101")], "1.1", 413),
        ([HOST, (b"content-encoding", b"gzip")], "1.1", 415),
    ],
)
def test_what_can_be_read_two_ways_is_refused(headers: list[tuple[bytes, bytes]], version: str, status: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        judge_framing(headers, version, 100)
    assert refused.value.status == status


def test_http_1_0_needs_no_host() -> None:
    judge_framing([], "1.0", 100)


def test_refusals_say_what_was_wrong() -> None:
    assert "is not a host" in malformed("its Host header is not a host").message
    assert "100 bytes" in body_too_large(100).message

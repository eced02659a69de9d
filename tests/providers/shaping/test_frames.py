import pytest

from ai_gateway.providers.shaping.frames import splice, split, text_span, write


@pytest.mark.parametrize(
    ("events", "found"),
    [
        (b"data: 1\n\n", [b"data: 1\n\n"]),
        (b"data: 1\n\ndata: 2\n\n", [b"data: 1\n\n", b"data: 2\n\n"]),
        (b"data: 1\r\n\r\n: hi\r\n\r\n", [b"data: 1\r\n\r\n", b": hi\r\n\r\n"]),
        (b"data: 1\r\rdata: 2\r\r", [b"data: 1\r\r", b"data: 2\r\r"]),
        (b"data: 1\n\ndata: 2", [b"data: 1\n\n", b"data: 2"]),
        (b"data: 1", [b"data: 1"]),
        (b"", []),
    ],
)
def test_events_are_told_apart(events: bytes, found: list[bytes]) -> None:
    assert split(events) == found


@pytest.mark.parametrize(
    ("like", "written"),
    [
        (b"data: {}\n\n", b"data: [1]\n\n"),
        (b"data: {}\r\n\r\n", b"data: [1]\r\n\r\n"),
        (b"event: a\ndata: {}\n\n", b"event: a\ndata: [1]\n\n"),
        (b"id: 7\nevent: a\r\ndata: {\ndata: }\n\n", b"event: a\ndata: [1]\n\n"),
        (b"data:{}\r\r", b"data: [1]\r\r"),
        (b"", b"data: [1]\n\n"),
    ],
)
def test_an_event_is_framed_as_another(like: bytes, written: bytes) -> None:
    assert write(like, [1]) == written


def test_an_event_of_another_name() -> None:
    assert write(b"event: a\r\ndata: {}\r\n\r\n", [1], b"b") == b"event: b\r\ndata: [1]\r\n\r\n"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (b'{"content":"a"}', b"a"),
        (b'{"content" : "a"}', b"a"),
        (rb'{"content":"a \" \\"}', rb"a \" \\"),
        (b'{"content":""}', b""),
        (b'{"content":"a","x":{"content":"b"}}', None),
        (b'{"content":7}', None),
        (b'{"content":"never ends', None),
        (b'{"x":"\\"content\\":1"}', None),
    ],
)
def test_a_text_is_found_where_there_is_one(event: bytes, text: bytes | None) -> None:
    span = text_span(event, "content")
    assert (None if span is None else event[slice(*span)]) == text


def test_a_text_is_spliced_in() -> None:
    event = b'{"content":"a","b":1.0}'
    span = text_span(event, "content")
    assert span is not None
    assert splice(event, span, 'say "é"\n') == '{"content":"say \\"é\\"\\n","b":1.0}'.encode()

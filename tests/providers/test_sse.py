"""Laws of the splitter: no byte is lost, and the split of the bytes does not matter."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.sse import Event, EventSplitter, data_of, line_end_of, read_event, terminate

NASTY = "\u0085\u2028\u2029\v\f\x1c\x1d\x1e\U0001f600"


def split(*chunks: bytes) -> tuple[list[bytes], bytes]:
    splitter = EventSplitter()
    events = [event for chunk in chunks for event in splitter.feed(chunk)]
    more, unterminated = splitter.rest()
    return events + more, unterminated


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Lines of any kind with any mixture of line ends."""
    lines = draw(
        st.lists(
            st.one_of(
                st.just(b""),
                st.sampled_from([b"data: {}", b"data:x", b": hello", b"event: ping", b"id: 1", b"data"]),
                st.text(alphabet="ab" + NASTY, max_size=5).map(lambda text: b"data: " + text.encode()),
            ),
            max_size=14,
        )
    )
    ends = draw(st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=len(lines), max_size=len(lines)))
    return b"".join(itertools.chain.from_iterable(zip(lines, ends, strict=True))) + draw(st.sampled_from([b"", b"da"]))


@st.composite
def partitions(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    return [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]


@given(st.data())
def test_no_byte_is_lost_and_no_partition_matters(data: st.DataObject) -> None:
    whole = data.draw(streams())
    events, rest = split(*data.draw(partitions(whole)))
    assert b"".join(events) + rest == whole
    assert (events, rest) == split(whole)


@given(streams())
def test_byte_by_byte_gives_the_same_events(whole: bytes) -> None:
    assert split(*(whole[i : i + 1] for i in range(len(whole)))) == split(whole)


@given(streams())
def test_events_are_where_the_standard_says(whole: bytes) -> None:
    """A second, slow implementation: lines by the standard's grammar, an event at each empty line."""
    lines, line, at = [], b"", 0
    while at < len(whole):
        if whole[at : at + 2] == b"\r\n":
            lines.append((line, b"\r\n"))
            line, at = b"", at + 2
        elif whole[at : at + 1] in (b"\r", b"\n"):
            lines.append((line, whole[at : at + 1]))
            line, at = b"", at + 1
        else:
            line, at = line + whole[at : at + 1], at + 1
    events, current = [], b""
    previous = b"start"
    for text, end in lines:
        current += text + end
        if not text and previous != b"start":
            events.append(current)
            current, previous = b"", b"start"
        else:
            previous = end
    assert split(whole) == (events, current + line)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_framing_is_understood(end: bytes) -> None:
    one, two = b"data: 1" + end * 2, b"data: 2" + end * 2
    assert split(one + two) == ([one, two], b"")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_event_is_given_as_soon_as_it_is_whole(end: bytes) -> None:
    assert EventSplitter().feed(b"data: 1" + end * 2) == [b"data: 1" + end * 2]


@pytest.mark.parametrize("character", list(NASTY))
def test_characters_that_str_splitlines_splits_at_stay_in_their_line(character: str) -> None:
    event = f'data: {{"t":"a{character}b"}}\n\n'.encode()
    assert split(event) == ([event], b"")
    assert read_event(event).data == event[6:-2]


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (b"data: x\n\n", b"", b"x"),
        (b"data:x\n\n", b"", b"x"),
        (b"data:  x\n\n", b"", b" x"),
        (b"data: a\ndata: b\n\n", b"", b"a\nb"),
        (b"data\n\n", b"", b""),
        (b"event: error\r\ndata: x\r\n\r\n", b"error", b"x"),
        (b"event:error\rdata:x\r\r", b"error", b"x"),
        (b"id: 7\nretry: 100\ndata: x\n\n", b"", b"x"),
        (b": comment\n\n", b"", None),
        (b": comment\ndata: x\n\n", b"", b"x"),
        (b"\xef\xbb\xbfdata: x\n\n", b"", b"x"),
        (b"\ndata: x\n\n", b"", b"x"),
        (b"database: x\n\n", b"", None),
        (b"\n\n", b"", None),
    ],
)
def test_what_an_event_says(event: bytes, name: bytes, data: bytes | None) -> None:
    assert read_event(event) == Event(name, data)


def test_an_event_beyond_the_limit_overflows_and_is_not_kept() -> None:
    splitter = EventSplitter(limit_bytes=10)
    assert splitter.feed(b"data: 1\n\n") == [b"data: 1\n\n"]
    assert splitter.feed(b"data: 1234567890") == []
    assert splitter.overflowed
    assert splitter.is_empty
    assert splitter.feed(b"\n\ndata: 1\n\n") == []


def test_a_whole_event_beyond_the_limit_overflows_as_well() -> None:
    splitter = EventSplitter(limit_bytes=10)
    assert splitter.feed(b"data: 1\n\ndata: 1234567890\n\n") == [b"data: 1\n\n"]
    assert splitter.overflowed


def test_is_empty_between_events_only() -> None:
    splitter = EventSplitter()
    splitter.feed(b"data: 1\n")
    assert not splitter.is_empty
    splitter.feed(b"\n")
    assert splitter.is_empty


@pytest.mark.parametrize(
    ("event", "end", "whole"),
    [
        (b"data: x", b"\n", b"data: x\n\n"),
        (b"data: x\n", b"\n", b"data: x\n\n"),
        (b"data: x\r\n", b"\r\n", b"data: x\r\n\r\n"),
        (b"data: x\r", b"\r\n", b"data: x\r\r\n"),
        (b"data: x\r", b"\n", b"data: x\r\n\n"),
        (b"data: x", b"\r", b"data: x\r\r"),
    ],
)
def test_an_unterminated_event_is_ended(event: bytes, end: bytes, whole: bytes) -> None:
    assert terminate(event, end) == whole
    assert split(whole) == ([whole], b"")


def test_the_line_end_of_a_stream() -> None:
    ends = [line_end_of(event) for event in (b"a\n\n", b"a\r\n\r\n", b"a\r\r", b"a")]
    assert ends == [b"\n", b"\r\n", b"\r", b"\n"]


@pytest.mark.parametrize(
    "event",
    [
        b"data: {}\n\n",
        b"data: {}",
        b"data: \n\n",
        b"event: a\ndata: {}\n\n",
        b"event: a\ndata: {}",
        b"data:{}\n\n",
        b"data: a\ndata: b\n\n",
        b"data:a\ndata: b\n\n",
        b"event: a\ndata: b\nid: 3\n\n",
        b"data: a\r\n\r\n",
        b"data: a\r\r",
        b": data: x\n\n",
        b": x\n\n",
        b"\n\n",
        b"",
    ],
)
def test_the_data_is_what_the_whole_event_says(event: bytes) -> None:
    assert data_of(event) == read_event(event).data


@given(
    st.lists(st.sampled_from([b"data: a", b"data:b", b"event: c", b": d", b"\r", b"\n", b"\r\n", b"x"]), max_size=14)
)
def test_short_ways_lead_where_the_long_ones_do(pieces: list[bytes]) -> None:
    """Line ends of all forms, in any order: by the rule of the specification, and by what is faster."""
    stream = b"".join(pieces)
    splitter = EventSplitter()
    whole = splitter.feed(stream) + splitter.rest()[0]
    expected, start = [], 0
    for match in re.finditer(rb"(?>\r\n|\n|\r){2}", stream):
        expected.append(stream[start : match.end()])
        start = match.end()
    assert whole == expected
    assert [data_of(event) for event in whole] == [read_event(event).data for event in whole]

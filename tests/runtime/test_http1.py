"""Framing, byte by byte: what is an end, what is none, and what is not HTTP at all. Without sockets; that real ones
show the same is in test_http1_beside_aiohttp.py."""

import gzip
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.policy.known_chunk import body_of_chunk
from ai_gateway.runtime.http1 import HEAD_BYTES, IDLE_BYTES, MOST_HEADS, SWITCHING_PROTOCOLS, Heads
from ai_gateway.runtime.http1_answer import BUFFER_BYTES, Http1Answer
from ai_gateway.runtime.upstream import Broken, TooSlow, UpstreamError
from support.answers import CUTS, Said, mutated, pieces_of, said
from support.transport import Asked, AtOnce, Line, Told, answer_to

LONG = 30.0
MOST = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
Heard = tuple[int, bytes] | None


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Basin:
    """A sink that remembers what it was given, and with which bytes of the wire."""

    def __init__(self) -> None:
        self.poured: list[bytes] = []
        self.chunks: list[bytes | None] = []
        self.ends: list[UpstreamError | None] = []
        self.ticks = 0

    def pour(self, data: bytes) -> None:
        self._keep(data, None)

    def take(self, read: bytes) -> bool:
        body = body_of_chunk(read)
        if body is not None:
            self._keep(body, read)
        return body is not None

    def tick(self) -> None:
        self.ticks += 1

    def close(self, error: UpstreamError | None) -> None:
        self.ends.append(error)

    def _keep(self, data: bytes, chunk: bytes | None) -> None:
        assert not self.ends, "nothing is poured behind an end"
        self.poured.append(data)
        self.chunks.append(chunk)


def heard(line: Line, *pieces: bytes) -> Heard:
    """Status and body of an answer that is said in these pieces, after which the provider hangs up; None: Broken."""
    answer = line.ask()
    line.say(*pieces)
    line.hang_up()
    return read(answer)


def read(answer: Http1Answer) -> Heard:
    """Never waits: when the connection is gone, everything has been decided."""
    try:
        answer_to(answer.head(LONG))
        return answer.status, answer_to(answer.read(MOST, LONG))
    except Broken:
        return None


def told(line: Line, *pieces: bytes) -> Heard:
    """The same for somebody who does not wait but is told, which happens once whatever it was."""
    answer = line.ask()
    it = Told(answer, MOST, LONG)
    line.say(*pieces)
    line.hang_up()
    line.loop.turn()
    assert it.count == 1
    if it.body is None:
        assert read(answer) is None, "what cannot be taken whole has failed, and it is said how"
        return None
    return answer.status, it.body


@given(said() | mutated().map(lambda raw: Said(raw, 0, b"", kept=False)), CUTS, st.booleans())
@settings(max_examples=400)
def test_who_is_told_has_what_he_would_have_read(it: Said, cuts: list[int], is_known: bool) -> None:
    lines = Line(), Line()
    for line in lines if is_known else ():
        line.ask()
        line.say(OK + b"Content-Length: 2\r\n\r\nok")
        line.ended.clear()
    one, other = lines
    assert told(one, *pieces_of(it.raw, cuts)) == heard(other, *pieces_of(it.raw, cuts))
    assert one.ended == other.ended
    assert one.transport.aborted == other.transport.aborted
    assert one.loop.mistakes == []


def asked_at_once(line: Line, takes: bool, *pieces: bytes) -> Heard:
    """And for somebody who asked at once."""
    it = AtOnce(MOST, takes=takes)
    assert line.ask_at_once(it)
    line.say(*pieces)
    line.hang_up()
    line.loop.turn()
    assert it.count == 1
    if it.body is None:
        assert it.answer is not None
        assert read(cast(Http1Answer, it.answer)) is None
        return None
    return it.status, it.body


@given(said() | mutated().map(lambda raw: Said(raw, 0, b"", kept=False)), CUTS, st.booleans(), st.booleans())
@settings(max_examples=400)
def test_who_asks_at_once_has_what_he_would_have_been_told(
    it: Said, cuts: list[int], is_known: bool, takes: bool
) -> None:
    lines = Line(), Line()
    for line in lines if is_known else ():
        line.ask()
        line.say(OK + b"Content-Length: 2\r\n\r\nok")
        line.ended.clear()
    one, other = lines
    assert asked_at_once(one, takes, *pieces_of(it.raw, cuts)) == told(other, *pieces_of(it.raw, cuts))
    assert one.ended == other.ended
    assert one.transport.aborted == other.transport.aborted
    assert one.loop.mistakes == []


@given(said(), CUTS)
def test_an_answer_is_the_same_however_its_bytes_arrive(it: Said, cuts: list[int]) -> None:
    assert heard(Line(), *pieces_of(it.raw, cuts)) == (it.status, it.body)


@given(said())
@settings(max_examples=30)
def test_an_answer_is_the_same_byte_by_byte(it: Said) -> None:
    assert heard(Line(), *(it.raw[at : at + 1] for at in range(len(it.raw)))) == (it.status, it.body)


@given(st.lists(said(), min_size=1, max_size=5), CUTS)
def test_answers_follow_each_other_on_one_connection(several: list[Said], cuts: list[int]) -> None:
    line = Line()
    for it in several:
        answer = line.ask()
        line.say(*pieces_of(it.raw, cuts))
        if it.until_close:
            line.hang_up()
        assert read(answer) == (it.status, it.body)
        assert line.ended.pop() is it.kept
        assert line.transport.aborted is not it.kept
        if not it.kept:
            line = Line()


@given(said().filter(lambda it: not it.until_close), st.integers(1, 10_000), CUTS)
def test_an_answer_that_is_cut_anywhere_is_broken(it: Said, missing: int, cuts: list[int]) -> None:
    kept = it.raw[: -(1 + missing % len(it.raw))]
    assert heard(Line(), *pieces_of(kept, cuts)) is None


@given(said(), st.integers(0, 10_000))
def test_a_connection_that_is_lost_with_an_error_is_never_an_end(it: Said, taken: int) -> None:
    line = Line()
    answer = line.ask()
    raw = it.raw if it.until_close else it.raw[: taken % len(it.raw)]
    line.say(raw)
    line.lose(ConnectionResetError())
    assert read(answer) is None


@given(mutated(), CUTS)
@settings(max_examples=400)
def test_what_is_not_http_ends_in_the_same_way_however_it_arrives(raw: bytes, cuts: list[int]) -> None:
    whole, split = Line(), Line()
    assert heard(whole, raw) == heard(split, *pieces_of(raw, cuts))
    for line in (whole, split):
        assert line.loop.mistakes == []
        assert line.ended.count(False) == 1, "the connection is gone, and said so once"


@given(st.binary(max_size=200), CUTS)
def test_noise_is_broken(raw: bytes, cuts: list[int]) -> None:
    assert heard(Line(), *pieces_of(raw, cuts)) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000 High\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nwhatever",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        OK + b"Content-Le",
        OK + b"Content-Length: 3\r\n\r\nok",
        OK + b"Content-Length: x\r\n\r\nok",
        OK + b"Content-Length: -1\r\n\r\nok",
        OK + b"Content-Length: 18446744073709551616\r\n\r\nok",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nokk\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nok",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\n\r\nok",
        OK + b"no colon\r\n\r\n",
        OK + b"a b: c\r\nContent-Length: 0\r\n\r\n",
        OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
        OK + b"X: " + b"x" * (HEAD_BYTES + 1) + b"\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_is_not_a_whole_answer_is_broken(raw: bytes) -> None:
    assert heard(Line(), raw) is None


@pytest.mark.parametrize(
    "endless",
    [
        OK + b"X: ",
        b"HTTP/1.1 200 ",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1;",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: ",
    ],
    ids=["header", "reason", "interim", "chunk extension", "trailer"],
)
def test_what_carries_nothing_and_never_ends_is_broken_before_it_fills_the_memory(endless: bytes) -> None:
    line = Line()
    answer = line.ask()
    line.say(endless)
    filler = endless if endless.endswith(b"\r\n\r\n") else b"x" * 1_024
    said = 0
    while not line.transport.aborted:
        line.say(filler)
        said += len(filler)
        assert said <= IDLE_BYTES + len(filler)
    assert read(answer) is None


def test_a_long_stream_of_small_pieces_is_not_taken_for_one_that_carries_nothing() -> None:
    line = Line()
    answer = line.ask()
    line.say(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    count = IDLE_BYTES // 6 + 10
    for _ in range(count):
        line.say(b"1\r\nx\r\n")
    line.say(b"0\r\n\r\n")
    assert read(answer) == (200, b"x" * count)


@pytest.mark.parametrize("behind", [b"H", b"\r\n\r\nHTTP", OK, OK + b"Content-Length: 7\r\n\r\nforeign", b"\0"])
def test_bytes_behind_an_answer_are_never_the_next_one(behind: bytes) -> None:
    """In the same read, and in one of its own: the answer is whole, the connection is gone."""
    first = OK + b"Content-Length: 2\r\n\r\nok"
    for pieces in ((first + behind,), (first, behind)):
        line = Line()
        answer = line.ask()
        line.say(*pieces)
        assert read(answer) == (200, b"ok")
        assert line.ended[-1] is False
        assert line.transport.aborted


def test_a_body_where_none_may_be_is_not_the_next_answer() -> None:
    line = Line()
    answer = line.ask()
    line.say(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")
    assert read(answer) == (204, b"")
    assert line.transport.aborted


def test_trailers_are_no_headers() -> None:
    line = Line()
    answer = line.ask()
    line.say(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: 1\r\n\r\n")
    assert read(answer) == (200, b"")
    assert answer.headers == {"transfer-encoding": "chunked"}


def test_headers_of_an_interim_answer_are_not_those_of_the_answer() -> None:
    line = Line()
    answer = line.ask()
    line.say(b"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n" + OK + b"X-Real: 1\r\nContent-Length: 0\r\n\r\n")
    assert answer.headers == {"x-real": "1", "content-length": "0"}
    assert answer.status == 200


def test_switching_protocols_is_refused_at_its_head() -> None:
    line = Line()
    asked = Asked(line.ask().head(LONG))
    line.say(b"HTTP/1.1 %d Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n" % SWITCHING_PROTOCOLS)
    assert asked.went_on()
    assert isinstance(asked.error, Broken)
    assert line.ended == [False]


def test_an_answer_before_the_request_was_sent_whole_is_delivered_and_the_connection_not_used_again() -> None:
    line = Line()
    answer = line.ask()
    line.transport.unsent = 1
    line.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
    assert read(answer) == (413, b"no")
    assert line.ended == [False]
    assert line.transport.aborted


def test_an_early_answer_that_ends_with_the_connection_does_not_wait_for_the_rest_of_the_request() -> None:
    line = Line()
    answer = line.ask()
    line.transport.unsent = 1
    line.say(b"HTTP/1.1 413 Too Large\r\n\r\nno")
    assert line.connection.eof_received() is False
    assert read(answer) == (413, b"no")
    assert line.transport.aborted


@pytest.mark.parametrize("size", [0, BUFFER_BYTES, BUFFER_BYTES + 1])
def test_a_request_leaves_whole_and_a_small_one_in_one_write(size: int) -> None:
    line = Line()
    line.connection.ask(b"head", b"x" * size)
    assert b"".join(line.transport.written) == b"head%d\r\n\r\n" % size + b"x" * size
    assert len(line.transport.written) == (1 if size <= BUFFER_BYTES else 2)


def test_a_request_in_pieces_leaves_in_pieces() -> None:
    line = Line()
    line.connection.ask(b"head", (b'{"a":', memoryview(b"1"), b"}"))
    assert line.transport.written == [b"head7\r\n\r\n", b'{"a":', b"1", b"}"]


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EVENT = b'data: {"x":1}\n\n'
ONE_READ = st.one_of(
    st.binary(min_size=1, max_size=20).map(chunk),
    st.just(chunk(EVENT)),
    st.lists(st.sampled_from([chunk(EVENT), chunk(b"5\r\nhello\r\n")]), min_size=2, max_size=3).map(b"".join),
    st.sampled_from([b"05\r\nhello\r\n", b"5;a=b\r\nhello\r\n", b"A\r\n0123456789\r\n", b"0\r\n\r\n", b"0\r\n"]),
    st.sampled_from([b"1", b"5", b"10", b"\r", b"\n", b"\r\n", b"5\r\n", b"hello", b"hello\r\n", b"T: 1\r\n", b";a"]),
    st.tuples(st.integers(1, 20), st.sampled_from([EVENT, b"3\r\nabc\r\n"])).map(lambda it: chunk(it[1])[: it[0]]),
    st.tuples(st.integers(1, 20), st.sampled_from([EVENT, b"3\r\nabc\r\n"])).map(lambda it: chunk(it[1])[it[0] :]),
)


@given(st.lists(ONE_READ, max_size=12), st.sampled_from([b"", chunk(EVENT), chunk(EVENT)[:9]]), st.booleans())
@settings(max_examples=300)
def test_what_is_poured_is_what_a_parser_alone_would_read_whatever_comes(
    reads: list[bytes], first: bytes, another: bool
) -> None:
    """One connection is poured from, where whole chunks go by the parser; the other is read by the parser only."""
    lines, sinks = (Line(), Line()), (Basin(), Basin())
    for line, sink in zip(lines, sinks, strict=True):
        answer = line.ask()
        line.say(CHUNKED + first)
        answer.pour_into(sink, LONG, LONG)
        if line is lines[1]:
            line.connection.chunk_sink = None
    for it in reads:
        for line in lines:
            if line.connection.answer is not None:
                line.say(it)
        assert sinks[0].poured == sinks[1].poured
        assert lines[0].ended == lines[1].ended
    if another and lines[0].ended == [True]:  # no surplus behind the end, for which it would have been cut
        assert [_asked_again(line) for line in lines] == [(200, b"next")] * 2
    for line in lines:
        line.hang_up()
    assert [type(it) for it in sinks[0].ends] == [type(it) for it in sinks[1].ends]
    assert lines[0].transport.aborted == lines[1].transport.aborted
    assert lines[0].loop.mistakes == []


def _asked_again(line: Line) -> Heard:
    answer = line.ask()
    line.say(CHUNKED + chunk(b"ne") + chunk(b"xt") + b"0\r\n\r\n")
    return read(answer)


@pytest.mark.parametrize("split", range(1, len(chunk(EVENT))))
def test_a_chunk_is_handed_over_with_its_bytes_once_the_parser_is_between_two_again(split: int) -> None:
    line, sink, whole = Line(), Basin(), chunk(EVENT)
    answer = line.ask()
    line.say(CHUNKED + whole)
    answer.pour_into(sink, LONG, LONG)
    line.say(whole, whole[:split], whole[split:], whole, whole + whole, whole, b"0\r\n\r\n")
    assert b"".join(sink.poured) == EVENT * 7
    assert [it for it in sink.chunks if it is not None] == [whole] * 3
    assert sink.ends == [None]
    assert line.ended == [True]


@pytest.mark.parametrize("size", [b"1", b"10", b"5;a=", b"0"])
def test_a_chunk_behind_a_part_of_a_size_is_the_parser_s(size: bytes) -> None:
    line, sink, whole = Line(), Basin(), chunk(EVENT)
    answer = line.ask()
    line.say(CHUNKED + whole)
    answer.pour_into(sink, LONG, LONG)
    line.say(whole + size, whole)
    assert sink.chunks == [None] * len(sink.chunks)


def test_chunks_that_are_encoded_are_decoded_and_never_handed_over_as_they_came() -> None:
    line, sink = Line(), Basin()
    answer = line.ask()
    packed = gzip.compress(EVENT * 3)
    line.say(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + chunk(packed[:10]))
    answer.pour_into(sink, LONG, LONG)
    line.say(chunk(packed[10:]), b"0\r\n\r\n")
    assert b"".join(sink.poured) == EVENT * 3
    assert sink.chunks == [None] * len(sink.chunks)
    assert sink.ends == [None]


def test_a_sink_that_is_left_is_not_poured_into_and_the_connection_is_kept_at_its_end() -> None:
    line, sink, whole = Line(), Basin(), chunk(EVENT)
    answer = line.ask()
    line.say(CHUNKED + whole)
    answer.pour_into(sink, LONG, LONG)
    line.say(whole)
    answer.leave(LONG)
    line.say(whole, whole, b"0\r\n\r\n")
    assert sink.poured == [EVENT] * 2
    assert line.ended == [True]
    assert _asked_again(line) == (200, b"next")


def test_a_body_of_another_answer_that_looks_like_a_chunk_is_none() -> None:
    line, sink, whole = Line(), Basin(), chunk(EVENT)
    line.ask()
    line.say(CHUNKED + whole, b"0\r\n\r\n")
    answer = line.ask()
    line.say(OK + b"Content-Length: %d\r\n\r\n" % len(whole))
    answer.pour_into(sink, LONG, LONG)
    line.say(whole)
    assert (sink.poured, sink.chunks, sink.ends) == ([whole], [None], [None])


def test_a_chunk_that_is_handed_over_is_a_sign_of_life() -> None:
    line, sink, whole = Line(), Basin(), chunk(EVENT)
    answer = line.ask()
    line.say(CHUNKED + whole)
    answer.pour_into(sink, 5, LONG)
    line.say(whole)
    answer.expire(line.loop.now + 4.9)
    answer.expire(line.loop.now + 9.8)
    assert sink.ends == []
    answer.expire(line.loop.now + 9.9)
    assert len(sink.ends) == 1
    assert sink.ticks == 1


@pytest.mark.parametrize("head", [OK + b"Content-Length: 99\r\n\r\n", CHUNKED + chunk(b"first")])
def test_a_mistake_of_our_own_is_said_and_is_not_taken_for_one_of_the_provider(head: bytes) -> None:
    class Clumsy:
        closed: object = "not yet"

        def pour(self, data: bytes) -> None:
            if data != b"first":
                raise KeyError("ours")

        def take(self, read: bytes) -> bool:
            raise KeyError("ours")

        def tick(self) -> None: ...

        def close(self, error: object) -> None:
            self.closed = error

    line, sink = Line(), Clumsy()
    answer = line.ask()
    line.say(head)
    answer.pour_into(sink, LONG, LONG)
    line.say(chunk(EVENT))
    assert [type(it) for it in line.loop.mistakes] == [KeyError]
    assert isinstance(sink.closed, Broken)
    assert line.ended == [False]
    assert line.transport.aborted


def test_a_connection_that_died_on_the_way_is_not_adopted_and_never_heard_of() -> None:
    line = Line()
    told: list[bool] = []
    fresh = type(line.connection)(line.loop, Heads())  # type: ignore[arg-type]
    fresh.connection_made(line.transport)
    line.transport.aborted = True
    assert not fresh.adopt(lambda _, reusable: told.append(reusable))
    fresh.connection_lost(None)
    assert told == []


def test_an_idle_connection_on_which_something_arrives_is_gone() -> None:
    line = Line()
    line.say(OK)
    assert line.ended == [False]
    assert line.transport.aborted
    assert not line.connection.is_usable(line.loop.now)


def test_a_connection_says_once_that_it_is_gone() -> None:
    line = Line()
    line.ask()
    line.connection.cut()
    line.connection.cut()
    line.hang_up()
    assert line.ended == [False]


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=2, max_size=6), CUTS)
def test_answers_that_begin_alike_are_each_themselves(bodies: list[bytes], cuts: list[int]) -> None:
    """A head that was read before is not read again, but where the answer comes in pieces or the head differs."""
    line = Line()
    for place, body in enumerate([*bodies, b"odd", *bodies]):
        answer = line.ask()
        kind = b"text" if body == b"odd" else b"json"
        raw = OK + b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(body), body)
        line.say(*(pieces_of(raw, cuts) if place % 3 == 2 else [raw]))
        assert read(answer) == (200, body)
        assert answer.headers["content-type"] == kind.decode()
        assert line.ended.pop() is True


def test_bytes_behind_an_answer_that_is_known_are_never_the_next_one() -> None:
    line = Line()
    raw = OK + b"Content-Length: 2\r\n\r\nok"
    for _ in range(3):
        answer = line.ask()
        line.say(raw)
        assert read(answer) == (200, b"ok")
    line.ask()
    line.say(raw + raw)
    assert line.transport.aborted


def test_a_body_that_looks_like_the_answer_that_is_known_is_a_body() -> None:
    line = Line()
    raw = OK + b"Content-Length: 2\r\n\r\nok"
    for _ in range(3):
        answer = line.ask()
        line.say(raw)
        assert read(answer) == (200, b"ok")
    answer = line.ask()
    line.say(OK + b"Content-Length: %d\r\n\r\n" % len(raw), raw)
    assert read(answer) == (200, raw)


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.booleans()), min_size=1, max_size=8), CUTS)
def test_who_is_told_of_answers_that_begin_alike_has_each(
    answers: list[tuple[bytes, bool, bool]], cuts: list[int]
) -> None:
    line = Line()
    for body, is_split, is_odd in answers:
        it = Told(line.ask(), MOST, LONG)
        raw = OK + b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (b"a" if is_odd else b"b", len(body), body)
        line.say(*(pieces_of(raw, cuts) if is_split else [raw]))
        line.loop.turn()
        assert (it.count, it.body) == (1, body)
        assert line.ended.pop() is True


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.booleans()), min_size=1, max_size=8), CUTS)
def test_who_asks_at_once_has_each_of_the_answers_that_begin_alike(
    answers: list[tuple[bytes, bool, bool]], cuts: list[int]
) -> None:
    line = Line()
    known: set[bytes] = set()
    for body, is_split, is_odd in answers:
        kind = b"a" if is_odd else b"b"
        raw = OK + b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(body), body)
        pieces = [it for it in pieces_of(raw, cuts) if it] if is_split else [raw]
        it = AtOnce()
        assert line.ask_at_once(it)
        line.say(*pieces)
        line.loop.turn()
        assert (it.count, it.status, it.headers["content-type"].encode(), it.body) == (1, 200, kind, body)
        assert line.ended.pop() is True
        assert it.taken is (known == {kind} and len(pieces) == 1)
        if len(pieces) == 1:
            known = {kind}


def known_line() -> Line:
    """On which OK with a length was heard already."""
    line = Line()
    line.ask()
    line.say(OK + b"Content-Length: 2\r\n\r\nok")
    line.ended.clear()
    return line


def test_who_asked_at_once_and_wants_to_hear_nothing_more_hands_on_what_comes() -> None:
    line, it = known_line(), AtOnce()
    line.ask_at_once(it)
    answer = line.connection.unhand()
    line.say(OK + b"Content-Length: 2\r\n\r\nok")
    line.loop.turn()
    assert (it.count, it.answer) == (0, None)
    assert read(answer) == (200, b"ok")
    assert line.ended == [True]


def test_what_is_not_taken_is_there_for_whoever_takes_over() -> None:
    line, it = known_line(), AtOnce(takes=False)
    line.ask_at_once(it)
    line.say(OK + b"Content-Length: 2\r\n\r\nok")
    assert line.ended == [True]
    assert it.answer is not None
    it.answer.unhand()
    line.loop.turn()
    assert it.count == 0
    assert read(cast(Http1Answer, it.answer)) == (200, b"ok")


def test_who_asked_at_once_may_ask_anew_on_the_same_connection_as_soon_as_he_hears() -> None:
    line = known_line()
    heard: list[bytes | None] = []

    def ask() -> None:
        if askers:
            heard.append(askers[-1].body)
        askers.append(AtOnce())
        askers[-1].tell = ask
        assert line.ask_at_once(askers[-1])

    askers: list[AtOnce] = []
    ask()
    for text in (b"one", b"two", b"three"):
        line.say(OK + b"Content-Length: %d\r\n\r\n%b" % (len(text), text))
    assert heard == [b"one", b"two", b"three"]


def test_an_answer_to_what_was_not_sent_whole_at_once_is_taken_and_the_connection_not_used_again() -> None:
    line, it = known_line(), AtOnce()
    line.ask_at_once(it)
    line.transport.unsent = 1
    line.say(OK + b"Content-Length: 2\r\n\r\nok")
    assert (it.taken, it.body) == (True, b"ok")
    assert line.ended == [False]
    assert line.transport.aborted


def test_what_was_asked_at_once_is_waited_for_so_long_and_no_longer() -> None:
    line, it = known_line(), AtOnce()
    line.ask_at_once(it, seconds=5.0)
    assert not line.connection.is_usable(line.loop.now)
    assert line.connection.until == line.loop.now + 5
    line.loop.now += 5
    line.connection.expire(line.loop.now)
    line.loop.turn()
    assert (it.count, it.body) == (1, None)
    assert it.answer is not None
    with pytest.raises(TooSlow):
        answer_to(it.answer.head(LONG))
    assert line.transport.aborted


def test_an_answer_that_begins_unusually_has_what_is_left_of_the_time() -> None:
    line, it = known_line(), AtOnce()
    line.ask_at_once(it, seconds=5.0)
    line.loop.now += 2
    line.say(OK)
    assert it.seconds == 3
    assert isinstance(it.answer, Http1Answer)
    it.answer.expire(line.loop.now + 2.9)
    assert not line.transport.aborted
    it.answer.expire(line.loop.now + 3)
    assert line.transport.aborted


def test_who_asked_at_once_hears_that_the_connection_was_lost() -> None:
    line, it = known_line(), AtOnce()
    line.ask_at_once(it)
    line.lose(ConnectionResetError())
    line.loop.turn()
    assert (it.count, it.body) == (1, None)
    assert it.answer is not None
    with pytest.raises(Broken, match="the connection was lost"):
        answer_to(it.answer.head(LONG))


def test_what_is_longer_than_is_wanted_is_not_as_usual() -> None:
    line, it = known_line(), AtOnce(most=4)
    raw = OK + b"Content-Length: 5\r\n\r\nlarge"
    line.ask_at_once(it, most=4)
    line.say(raw)
    line.loop.turn()
    assert (it.count, it.body, it.taken) == (1, None, False)


def test_an_idle_connection_that_has_gone_is_not_asked() -> None:
    line, it = known_line(), AtOnce()
    line.transport.aborted = True
    assert not line.ask_at_once(it)
    line.hang_up()
    assert not line.ask_at_once(it)
    assert it.count == 0


def test_a_known_answer_that_is_packed_is_unpacked() -> None:
    line = Line()
    for text in (b"one" * 9, b"two" * 9):
        packed = gzip.compress(text, mtime=0)
        it = Told(line.ask(), MOST, LONG)
        line.say(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed))
        line.loop.turn()
        assert (it.count, it.body) == (1, text)


def test_a_known_answer_before_the_request_was_sent_whole_is_taken_and_the_connection_not_used_again() -> None:
    line = Line()
    raw = OK + b"Content-Length: 2\r\n\r\nok"
    line.ask()
    line.say(raw)
    it = Told(line.ask(), MOST, LONG)
    line.transport.unsent = 1
    line.say(raw)
    assert (it.count, it.body) == (1, b"ok")
    assert line.ended == [True, False]
    assert line.transport.aborted


@pytest.mark.parametrize("is_known", [True, False])
def test_who_is_told_may_ask_anew_and_bytes_behind_the_first_answer_are_not_the_second(is_known: bool) -> None:
    line = Line()
    raw = OK + b"Content-Length: 2\r\n\r\nok"
    seconds: list[Http1Answer] = []
    for _ in range(2 if is_known else 0):
        line.ask()
        line.say(raw)

    def ask_anew() -> None:
        assert first.take_whole() == b"ok"
        if line.connection.is_usable(line.loop.now):
            seconds.append(line.ask())

    first = line.ask()
    first.when_whole(MOST, LONG, ask_anew)
    line.say(raw + raw)
    line.loop.turn()
    assert seconds == []
    assert line.transport.aborted


def test_who_is_told_may_ask_anew_on_the_same_connection() -> None:
    line = Line()
    raw = OK + b"Content-Length: 2\r\n\r\nok"
    answers: list[Http1Answer] = []
    taken: list[bytes | None] = []

    def ask() -> None:
        taken.extend(it.take_whole() for it in answers[-1:])
        answers.append(line.ask())
        answers[-1].when_whole(MOST, LONG, ask)

    ask()
    for _ in range(4):
        line.say(raw)
        line.loop.turn()
    assert taken == [b"ok"] * 4
    assert line.ended == [True] * 4


def test_a_known_answer_resumes_what_was_paused() -> None:
    line = Line()
    raw = OK + b"Content-Length: 2\r\n\r\nok"
    line.ask()
    line.say(raw)
    answer = line.ask()
    answer.pause()
    line.say(raw)
    assert read(answer) == (200, b"ok")
    assert not line.transport.paused


def test_connections_to_one_place_share_what_a_head_was_read_as() -> None:
    heads = Heads()
    lines = Line(heads), Line(heads)
    seen: list[dict[str, str]] = []
    for size in (1, 2, 3):
        for line in lines:
            answer = line.ask()
            line.say(OK + b"X: 1\r\nContent-Length: %d\r\n\r\n%b" % (size, b"x" * size))
            assert read(answer) == (200, b"x" * size)
            seen.append(answer.headers)
    assert all(it is seen[0] for it in seen[2:])


def test_no_more_heads_are_kept_than_may_be() -> None:
    heads = Heads()
    for number in range(2 * MOST_HEADS + 1):
        line = Line(heads)
        for _ in range(2):
            answer = line.ask()
            line.say(OK + b"X: %d\r\nContent-Length: 0\r\n\r\n" % number)
            assert answer.headers["x"] == str(number)
    assert len(heads._known) <= MOST_HEADS

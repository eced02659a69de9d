"""What an answer promises to whoever waits for it: nothing is forgotten, nothing is held without bound, nobody is
blamed for a silence that we asked for. Time is a number here, and the connection is by hand."""

import gzip
import weakref
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.runtime.http1_answer import BUFFER_BYTES, NEVER, Http1Answer
from ai_gateway.runtime.upstream import Broken, TooSlow, UpstreamError
from support.answers import CUTS, Said, pieces_of, said
from support.transport import Asked, Line, Told, answer_to

LONG = 30.0
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Basin:
    """A sink that remembers. `after` bytes it asks the answer to pause, as a caller does that reads slowly."""

    def __init__(self, answer: Http1Answer | None = None, after: int = 1 << 60) -> None:
        self.poured: list[bytes] = []
        self.ends: list[UpstreamError | None] = []
        self.ticks = 0
        self._answer = answer
        self._after = after

    def take(self, read: bytes) -> bool:
        return False

    def tick(self) -> None:
        self.ticks += 1

    def pour(self, data: bytes) -> None:
        assert not self.ends, "nothing is poured behind an end"
        self.poured.append(data)
        if self._answer is not None and sum(map(len, self.poured)) >= self._after:
            self._answer.pause()

    def close(self, error: UpstreamError | None) -> None:
        self.ends.append(error)


def begun(line: Line) -> Http1Answer:
    answer = line.ask()
    line.say(CHUNKED)
    assert answer.status == 200
    return answer


def waiting(answer: Http1Answer, verb: str) -> Asked[bytes] | Asked[None]:
    """Somebody who waits for five seconds at most."""
    if verb == "head":
        return Asked(answer.head(5))
    return Asked(answer.next(5) if verb == "next" else answer.read(100, 5))


# Waiting


def test_who_waits_for_the_head_is_woken_by_it() -> None:
    line = Line()
    answer = line.ask()
    asked = Asked(answer.head(LONG))
    line.say(OK)
    assert not asked.went_on()
    line.say(b"Content-Length: 0\r\n\r\n")
    assert asked.went_on()
    assert asked.error is None


def test_who_waits_for_a_part_has_the_first_that_comes() -> None:
    line = Line()
    asked = Asked(begun(line).next(LONG))
    line.say(chunk(b"one"))
    line.say(chunk(b"two"))
    assert asked.went_on()
    assert asked.value == b"onetwo"


def test_who_waits_for_the_whole_is_not_woken_by_a_part() -> None:
    line = Line()
    asked = Asked(begun(line).read(100, LONG))
    line.say(chunk(b"one"))
    assert not asked.went_on()
    line.say(chunk(b"two") + LAST)
    assert asked.went_on()
    assert asked.value == b"onetwo"


@pytest.mark.parametrize("size", [99, 100, 101])
def test_a_body_above_the_limit_is_refused_when_it_is_above_and_not_at_its_end(size: int) -> None:
    line = Line()
    asked = Asked(begun(line).read(100, LONG))
    line.say(chunk(b"x" * size))
    assert asked.went_on() is (size > 100)
    assert line.transport.aborted is (size > 100)


def test_what_was_already_there_counts_towards_the_limit() -> None:
    line = Line()
    answer = begun(line)
    line.say(chunk(b"x" * 101) + LAST)
    with pytest.raises(Broken):
        answer_to(answer.read(100, LONG))


@pytest.mark.parametrize("verb", ["head", "next", "read"])
def test_a_deadline_ends_each_wait_with_its_own_stage(verb: str) -> None:
    line = Line()
    answer = line.ask() if verb == "head" else begun(line)
    asked = waiting(answer, verb)
    answer.expire(line.loop.now + 4.99)
    assert not asked.went_on()
    answer.expire(line.loop.now + 5)
    assert asked.went_on()
    assert isinstance(asked.error, TooSlow)
    assert asked.error.stage == ("first byte" if verb == "head" else "between bytes")
    assert line.ended == [False]
    assert line.transport.aborted


def test_bytes_that_come_do_not_give_the_whole_more_time() -> None:
    line = Line()
    answer = begun(line)
    asked = Asked(answer.read(100, 5))
    line.loop.now += 4
    line.say(chunk(b"x"))
    line.loop.now += 1
    answer.expire(line.loop.now)
    assert asked.went_on()
    assert isinstance(asked.error, TooSlow)


def test_nobody_waits_so_nothing_is_late() -> None:
    line = Line()
    answer = begun(line)
    line.say(chunk(b"one"))
    assert answer_to(answer.next(5)) == b"one"
    answer.expire(line.loop.now + 1_000_000)
    line.say(chunk(b"two"))
    assert answer_to(answer.next(5)) == b"two"


@pytest.mark.parametrize("verb", ["head", "next", "read"])
def test_giving_up_a_wait_cuts_the_connection_at_once(verb: str) -> None:
    line = Line()
    answer = line.ask() if verb == "head" else begun(line)
    asked = waiting(answer, verb)
    asked.give_up()
    assert line.transport.aborted
    assert line.ended == [False]


@pytest.mark.parametrize("verb", ["head", "next", "read"])
@pytest.mark.parametrize("end", ["closed", "lost", "ended"])
def test_nobody_who_waits_is_forgotten(verb: str, end: str) -> None:
    line = Line()
    answer = line.ask() if verb == "head" else begun(line)
    asked = waiting(answer, verb)
    if end == "closed":
        answer.close()
    elif end == "lost":
        line.hang_up()
    else:
        line.connection.end("the gateway is closing")
    assert asked.went_on()
    assert isinstance(asked.error, Broken)


def test_asking_a_closed_answer_is_an_error_and_not_a_wait_for_ever() -> None:
    answer = begun(Line())
    answer.close()
    for asked in (Asked(answer.next(5)), Asked(answer.read(100, 5))):
        assert isinstance(asked.error, Broken)


def test_parts_that_came_before_a_cut_are_had_before_the_error() -> None:
    line = Line()
    answer = begun(line)
    line.say(chunk(b"one"))
    line.hang_up()
    assert answer_to(answer.next(5)) == b"one"
    with pytest.raises(Broken):
        answer_to(answer.next(5))


def test_the_end_can_be_asked_for_again() -> None:
    line = Line()
    answer = begun(line)
    line.say(LAST)
    assert [answer_to(answer.next(5)) for _ in range(2)] == [b"", b""]
    answer.close()
    assert line.ended == [True]
    assert not line.transport.aborted


# Room


def test_what_nobody_takes_is_bounded() -> None:
    line = Line()
    answer = begun(line)
    for _ in range(BUFFER_BYTES // 1_024):
        line.say(chunk(b"x" * 1_024))
    assert not line.transport.paused
    line.say(chunk(b"x"))
    assert line.transport.paused
    assert len(answer_to(answer.next(5))) == BUFFER_BYTES + 1
    assert not line.transport.paused


def test_a_whole_body_is_read_on_although_more_than_a_buffer_waits() -> None:
    line = Line()
    answer = begun(line)
    line.say(chunk(b"x" * (BUFFER_BYTES + 1)))
    assert line.transport.paused
    asked = Asked(answer.read(1 << 20, 5))
    assert not line.transport.paused
    line.say(chunk(b"y") + LAST)
    assert asked.went_on()
    assert asked.value == b"x" * (BUFFER_BYTES + 1) + b"y"


def test_an_answer_that_ends_while_it_is_paused_leaves_a_connection_that_is_read() -> None:
    line = Line()
    answer = begun(line)
    line.say(chunk(b"x" * (BUFFER_BYTES + 1)) + LAST)
    assert line.ended == [True]
    assert not line.transport.paused
    assert len(answer_to(answer.read(1 << 20, 5))) == BUFFER_BYTES + 1


# Pouring


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(0, 400), CUTS)
def test_a_sink_has_every_byte_once_and_in_order_whenever_it_comes(
    chunks: list[bytes], before: int, cuts: list[int]
) -> None:
    line = Line()
    answer = begun(line)
    raw = b"".join(map(chunk, chunks)) + LAST
    at = before % (len(raw) + 1)
    line.say(*pieces_of(raw[:at], cuts))
    sink = Basin()
    assert answer.pour_into(sink, LONG, LONG)
    line.say(*pieces_of(raw[at:], cuts))
    assert b"".join(sink.poured) == b"".join(chunks)
    assert sink.ends == [None]
    assert line.ended == [True]


@pytest.mark.parametrize("before", [True, False])
def test_a_cut_closes_the_sink_with_an_error_behind_what_came(before: bool) -> None:
    line = Line()
    answer = begun(line)
    sink = Basin()
    if not before:
        answer.pour_into(sink, LONG, LONG)
    line.say(chunk(b"one"))
    line.hang_up()
    if before:
        answer.pour_into(sink, LONG, LONG)
    assert sink.poured == [b"one"]
    (end,) = sink.ends
    assert isinstance(end, Broken)


def test_a_silence_closes_the_sink_and_a_byte_puts_it_off() -> None:
    line = Line()
    answer = begun(line)
    sink = Basin()
    answer.pour_into(sink, 5, 100)
    sweep(line, answer, tenths=40)
    line.say(chunk(b"one"))
    sweep(line, answer, tenths=49)
    assert sink.ends == []
    sweep(line, answer, tenths=3)  # late by a sweep or two at the most
    assert [type(it) for it in sink.ends] == [TooSlow]
    assert line.transport.aborted


def sweep(line: Line, answer: Http1Answer, tenths: int) -> None:
    """As the upstream looks at its answers, ten times a second."""
    for _ in range(tenths):
        line.loop.now += 0.1
        answer.expire(line.loop.now)


def test_a_sink_is_told_at_the_next_look_that_something_has_come() -> None:
    line = Line()
    answer = begun(line)
    sink = Basin()
    answer.pour_into(sink, 5, 100)
    sweep(line, answer, tenths=3)
    assert sink.ticks == 0
    line.say(chunk(b"one"), chunk(b"two"))
    sweep(line, answer, tenths=3)
    assert sink.ticks == 1
    line.say(chunk(b"three"))
    answer.pause()
    sweep(line, answer, tenths=1)
    assert sink.ticks == 2


def test_a_mistake_of_our_own_at_a_look_is_said_and_ends_that_answer_alone() -> None:
    class Clumsy(Basin):
        def tick(self) -> None:
            raise KeyError("ours")

    line, sink = Line(), Clumsy()
    answer = begun(line)
    answer.pour_into(sink, LONG, LONG)
    line.say(chunk(b"one"))
    answer.expire(line.loop.now)
    assert [type(it) for it in line.loop.mistakes] == [KeyError]
    assert [type(it) for it in sink.ends] == [Broken]
    assert line.transport.aborted


def test_the_total_closes_the_sink_whatever_comes() -> None:
    line = Line()
    answer = begun(line)
    sink = Basin()
    answer.pour_into(sink, 5, 10)
    for _ in range(10):
        line.say(chunk(b"x"))
        line.loop.now += 1
        assert sink.ends == []
        answer.expire(line.loop.now)
    assert [type(it) for it in sink.ends] == [TooSlow]


def test_a_silence_that_we_asked_for_is_nobodys_fault() -> None:
    line = Line()
    answer = begun(line)
    sink = Basin()
    answer.pour_into(sink, 5, 100)
    answer.pause()
    assert line.transport.paused
    line.loop.now += 50
    answer.expire(line.loop.now)
    assert sink.ends == []
    answer.resume()
    assert not line.transport.paused
    answer.expire(line.loop.now + 4.9)
    assert sink.ends == []
    answer.expire(line.loop.now + 5)
    assert [type(it) for it in sink.ends] == [TooSlow]


def test_what_was_read_before_a_pause_does_not_start_the_clock_of_the_silence() -> None:
    line = Line()
    answer = begun(line)
    sink = Basin(answer, after=3)
    answer.pour_into(sink, 5, 100)
    line.say(chunk(b"one") + chunk(b"two"))
    assert sink.poured == [b"one", b"two"]
    line.loop.now += 50
    answer.expire(line.loop.now)
    assert sink.ends == []


def test_a_pause_does_not_stop_the_total() -> None:
    line = Line()
    answer = begun(line)
    sink = Basin()
    answer.pour_into(sink, 5, 10)
    answer.pause()
    answer.expire(line.loop.now + 10)
    assert [type(it) for it in sink.ends] == [TooSlow]


def test_a_sink_that_is_full_at_once_stays_paused() -> None:
    line = Line()
    answer = begun(line)
    line.say(chunk(b"one"))
    answer.pour_into(Basin(answer, after=1), LONG, LONG)
    assert line.transport.paused


def test_closing_a_poured_answer_says_nothing_to_its_sink() -> None:
    line = Line()
    answer = begun(line)
    sink = Basin()
    answer.pour_into(sink, LONG, LONG)
    answer.close()
    answer.close()
    assert sink.ends == []
    assert line.transport.aborted
    assert line.ended == [False]


# Leaving


def test_an_answer_that_was_left_gives_its_connection_back_at_its_end() -> None:
    line = Line()
    answer = begun(line)
    answer.pour_into(Basin(), LONG, LONG)
    answer.leave(1)
    answer.close()
    assert not line.transport.aborted
    line.say(chunk(b"more"), LAST)
    assert line.ended == [True]
    answer.expire(NEVER)
    assert not line.transport.aborted


def test_an_answer_that_was_left_and_does_not_end_is_cut() -> None:
    line = Line()
    answer = begun(line)
    answer.leave(1)
    answer.close()
    line.say(chunk(b"more"))
    answer.expire(line.loop.now + 0.9)
    assert not line.transport.aborted
    answer.expire(line.loop.now + 1)
    assert line.transport.aborted
    assert line.ended == [False]


def test_what_comes_after_leaving_is_dropped_and_never_paused() -> None:
    line = Line()
    answer = begun(line)
    line.say(chunk(b"x" * (BUFFER_BYTES + 1)))
    assert line.transport.paused
    answer.leave(1)
    for _ in range(100):
        line.say(chunk(b"x" * 10_000))
        assert not line.transport.paused
    line.say(LAST)
    assert line.ended == [True]


def test_leaving_an_answer_that_has_ended_is_nothing() -> None:
    line = Line()
    answer = begun(line)
    line.say(LAST)
    answer.leave(1)
    answer.expire(NEVER)
    assert line.ended == [True]
    assert not line.transport.aborted


# Being told


def test_who_is_told_is_told_once_and_not_of_a_part() -> None:
    line = Line()
    it = Told(begun(line), 100, LONG)
    line.say(chunk(b"one"))
    line.loop.turn()
    assert it.count == 0
    line.say(chunk(b"two") + LAST)
    line.loop.turn()
    line.hang_up()
    line.loop.turn()
    assert (it.count, it.body) == (1, b"onetwo")


def test_who_comes_when_all_is_there_is_told_later_and_not_within_his_call() -> None:
    line = Line()
    answer = begun(line)
    line.say(chunk(b"one") + LAST)
    it = Told(answer, 100, LONG)
    line.loop.turn()
    assert (it.count, it.body) == (1, b"one")


@pytest.mark.parametrize("size", [99, 100, 101])
@pytest.mark.parametrize("ends", [True, False])
def test_who_is_told_of_a_body_above_the_limit_reads_that_it_is(size: int, ends: bool) -> None:
    line = Line()
    answer = begun(line)
    it = Told(answer, 100, LONG)
    line.say(chunk(b"x" * size) + LAST * ends)
    line.loop.turn()
    assert it.count == (1 if ends or size > 100 else 0)
    assert (it.body is not None) is (ends and size <= 100)
    if size > 100:
        with pytest.raises(Broken):
            answer_to(answer.read(100, LONG))
        assert line.transport.aborted is not ends


def test_a_known_body_above_the_limit_is_not_whole() -> None:
    line = Line()
    raw = OK + b"Content-Length: 5\r\n\r\nhello"
    line.ask()
    line.say(raw)
    answer = line.ask()
    it = Told(answer, 4, LONG)
    line.say(raw)
    assert (it.count, it.body) == (1, None)
    with pytest.raises(Broken):
        answer_to(answer.read(4, LONG))


@pytest.mark.parametrize("has_head", [True, False])
def test_a_time_that_is_over_is_told_and_says_what_was_missing(has_head: bool) -> None:
    line = Line()
    answer = line.ask()
    it = Told(answer, 100, 5)
    line.loop.now += 2
    if has_head:
        line.say(CHUNKED + chunk(b"one"))
    answer.expire(line.loop.now + 2.9)
    line.loop.turn()
    assert it.count == 0
    answer.expire(line.loop.now + 3)
    line.loop.turn()
    assert (it.count, it.body) == (1, None)
    assert line.ended == [False]
    with pytest.raises(TooSlow) as slow:
        answer_to(answer.read(100, LONG) if has_head else answer.head(LONG))
    assert slow.value.stage == ("between bytes" if has_head else "first byte")


@pytest.mark.parametrize("has_head", [True, False])
@pytest.mark.parametrize("end", ["closed", "lost", "ended", "not HTTP", "packed"])
def test_who_is_told_hears_of_every_failure_once(has_head: bool, end: str) -> None:
    line = Line()
    answer = begun(line) if has_head else line.ask()
    it = Told(answer, 100, LONG)
    if end == "closed":
        answer.close()
    elif end == "lost":
        line.hang_up()
    elif end == "ended":
        line.connection.end("the gateway is closing")
    elif end == "not HTTP" or has_head:
        line.say(b"zz\r\n")
    else:
        line.say(OK + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx")
    assert it.count == 0, "what is told may do anything, so it is not within the call that failed"
    line.loop.turn()
    line.hang_up()
    line.loop.turn()
    assert (it.count, it.body) == (1, None)
    with pytest.raises(Broken):
        answer_to(answer.read(100, LONG) if has_head else answer.head(LONG))


def test_an_answer_that_was_left_and_ends_is_told() -> None:
    line = Line()
    answer = begun(line)
    it = Told(answer, 100, LONG)
    answer.leave(LONG)
    line.say(chunk(b"one") + LAST)
    line.loop.turn()
    assert it.count == 1
    assert line.ended == [True]


@given(said().filter(lambda it: not it.until_close), st.integers(0, 10_000), CUTS, st.sampled_from(["read", "next"]))
def test_whoever_takes_over_has_what_he_would_have_had(it: Said, at: int, cuts: list[int], verb: str) -> None:
    line = Line()
    answer = line.ask()
    told = Told(answer, 1 << 20, LONG)
    at %= len(it.raw)
    line.say(*pieces_of(it.raw[:at], cuts))
    answer.unhand()
    line.loop.turn()
    head = Asked(answer.head(LONG))
    line.say(*pieces_of(it.raw[at:], cuts))
    line.loop.turn()
    assert head.went_on()
    assert head.error is None
    assert told.count == 0
    assert (answer.status, whole(answer, verb)) == (it.status, it.body)
    assert line.ended == [it.kept]


def whole(answer: Http1Answer, verb: str) -> bytes:
    if verb == "read":
        return answer_to(answer.read(1 << 20, LONG))
    body = b""
    while part := answer_to(answer.next(LONG)):
        body += part
    return body


def test_who_is_not_to_be_told_any_more_is_not_although_it_is_due() -> None:
    line = Line()
    answer = begun(line)
    it = Told(answer, 100, LONG)
    line.say(chunk(b"one") + LAST)
    answer.unhand()
    line.loop.turn()
    assert it.count == 0
    assert answer_to(answer.read(100, LONG)) == b"one"


def test_nobody_is_late_who_takes_over() -> None:
    line = Line()
    answer = line.ask()
    Told(answer, 100, 5)
    answer.unhand()
    answer.expire(line.loop.now + 6)
    head = Asked(answer.head(5))
    line.say(CHUNKED)
    assert head.went_on()
    assert head.error is None


def test_what_waits_for_whoever_takes_over_is_bounded() -> None:
    line = Line()
    answer = begun(line)
    Told(answer, 1 << 20, LONG)
    line.say(chunk(b"x" * (BUFFER_BYTES + 1)))
    assert not line.transport.paused
    answer.unhand()
    assert line.transport.paused
    assert not line.transport.aborted
    assert len(answer_to(answer.next(LONG))) == BUFFER_BYTES + 1
    assert not line.transport.paused


def test_what_comes_for_whoever_takes_over_is_bounded() -> None:
    line = Line()
    answer = begun(line)
    Told(answer, 1 << 20, LONG)
    line.say(chunk(b"x" * BUFFER_BYTES))
    answer.unhand()
    assert not line.transport.paused
    line.say(chunk(b"x"))
    assert line.transport.paused


@pytest.mark.parametrize("most", [BUFFER_BYTES, 1 << 20])
def test_who_comes_when_a_part_is_there_has_the_rest_or_is_told_that_it_is_too_long(most: int) -> None:
    line = Line()
    answer = begun(line)
    line.say(chunk(b"x" * (BUFFER_BYTES + 1)))
    assert line.transport.paused
    it = Told(answer, most, LONG)
    line.loop.turn()
    assert it.count == (most == BUFFER_BYTES)
    assert line.transport.paused is (most == BUFFER_BYTES)


@pytest.mark.parametrize("is_known", [True, False])
def test_nobody_is_held_who_was_told(is_known: bool) -> None:
    line = Line()
    raw = OK + b"Content-Length: 2\r\n\r\nok"
    if is_known:
        line.ask()
        line.say(raw)
    answer = line.ask()
    it = Told(answer, 100, LONG)
    line.say(raw)
    line.loop.turn()
    assert it.count == 1
    held = weakref.ref(it)
    del it
    assert held() is None


def test_whoever_takes_over_can_pour() -> None:
    line = Line()
    answer = begun(line)
    it = Told(answer, 100, LONG)
    line.say(chunk(b"one"))
    answer.unhand()
    sink = Basin()
    assert answer.pour_into(sink, LONG, LONG)
    line.say(chunk(b"two") + LAST)
    line.loop.turn()
    assert (sink.poured, sink.ends, it.count) == ([b"one", b"two"], [None], 0)


@given(st.binary(max_size=2_000), CUTS, st.booleans())
def test_who_is_told_of_what_was_compressed_has_it_decoded(text: bytes, cuts: list[int], is_cut: bool) -> None:
    packed = gzip.compress(text)[: -9 if is_cut else None]
    line = Line()
    it = Told(line.ask(), 1 << 20, LONG)
    line.say(OK + f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode())
    line.say(*pieces_of(packed, cuts))
    line.loop.turn()
    assert (it.count, it.body) == (1, None if is_cut else text)


# Compression


@given(st.binary(max_size=2_000), CUTS, st.sampled_from(["gzip", "deflate"]))
def test_what_was_compressed_is_poured_decoded(text: bytes, cuts: list[int], encoding: str) -> None:
    packed = gzip.compress(text) if encoding == "gzip" else zlib.compress(text)
    line = Line()
    answer = line.ask()
    line.say(OK + f"Content-Encoding: {encoding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode())
    sink = Basin()
    answer.pour_into(sink, LONG, LONG)
    line.say(*pieces_of(packed, cuts))
    assert b"".join(sink.poured) == text
    assert all(sink.poured), "a piece that decodes to nothing yet is not poured"
    assert sink.ends == [None]


def test_compression_that_breaks_while_it_is_poured_closes_the_sink_with_an_error() -> None:
    line = Line()
    answer = line.ask()
    line.say(OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
    sink = Basin()
    answer.pour_into(sink, LONG, LONG)
    line.say(chunk(b"not gzip"))
    assert [type(it) for it in sink.ends] == [Broken]
    assert line.ended == [False]


def test_compression_that_is_cut_at_a_proper_end_is_broken() -> None:
    line = Line()
    answer = line.ask()
    line.say(OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
    sink = Basin()
    answer.pour_into(sink, LONG, LONG)
    line.say(chunk(gzip.compress(b"hello" * 9)[:-9]), LAST)
    assert [type(it) for it in sink.ends] == [Broken]


def test_an_encoding_that_was_not_asked_for_is_broken_at_its_head() -> None:
    line = Line()
    asked = Asked(line.ask().head(LONG))
    line.say(OK + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx")
    assert asked.went_on()
    assert isinstance(asked.error, Broken)
    assert line.transport.aborted

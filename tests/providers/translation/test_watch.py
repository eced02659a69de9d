"""The promises of a StreamWatch, kept by one that translates."""

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.reply import Alive, Began, Counted, Ended, Event, Failed, Piece
from ai_gateway.providers import StreamEnd
from ai_gateway.providers.translation.watch import TranslatedWatch
from tests.providers.translation.scripted import ScriptedDecoder, WritingEncoder

ERROR = ProviderError(status=None, message="overloaded")
SCRIPT: dict[str, list[Event]] = {
    "b": [Began("r1", usage=Usage(input_tokens=2))],
    "a": [Piece(0, 0, "a")],
    "p": [Alive()],
    "c": [Counted(Usage(2, 5))],
    "x": [Failed(ERROR)],
    "e": [Ended()],
    "m": [Piece(0, 0, "m"), Ended(), Piece(0, 0, "never")],
}


def a_watch(at_end: list[Event] | None = None) -> TranslatedWatch:
    return TranslatedWatch(ScriptedDecoder(SCRIPT, at_end), WritingEncoder())


def test_what_opens_an_answer_waits_for_content() -> None:
    watch = a_watch()
    assert (watch.feed(b"bp"), watch.started) == (b"", False)
    assert (watch.feed(b"a"), watch.started) == (b"<a", True)


def test_an_error_before_content_gives_nothing_to_the_caller() -> None:
    watch = a_watch()
    assert watch.feed(b"bx") == b""
    assert (watch.error, watch.started) == (ERROR, False)


def test_an_error_after_content_is_kept_and_ends_the_reading() -> None:
    watch = a_watch()
    assert watch.feed(b"bax") == b"<a"
    assert watch.error == ERROR
    assert watch.feed(b"a") == b""
    assert watch.end() == StreamEnd(b"", complete=False)


def test_the_end_is_kept_until_it_is_asked_for() -> None:
    watch = a_watch()
    assert watch.feed(b"bm") == b"<m"
    assert watch.finished
    assert watch.end() == StreamEnd(b">", complete=True)


def test_a_body_that_is_over_before_the_answer_is_a_cut() -> None:
    watch = a_watch()
    watch.feed(b"ba")
    assert watch.end() == StreamEnd(b"", complete=False)


def test_an_answer_that_is_whole_without_a_goodbye_ends_well() -> None:
    watch = a_watch([Piece(0, 0, "z"), Ended()])
    watch.feed(b"ba")
    assert watch.end() == StreamEnd(b"z>", complete=True)


def test_a_stream_without_content_is_an_error() -> None:
    watch = a_watch()
    watch.feed(b"b")
    assert watch.end() == StreamEnd(b"", complete=False)
    assert watch.error is not None


def test_the_last_count_is_the_usage() -> None:
    watch = a_watch()
    watch.feed(b"ba")
    assert watch.usage == Usage(input_tokens=2)
    watch.feed(b"c")
    assert watch.usage == Usage(2, 5)

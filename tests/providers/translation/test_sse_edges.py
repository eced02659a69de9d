"""The 25 edge cases of event streams, each for both dialects passed through and for both directions of translation.

What an edge is about is in the name of its test; the numbers are those of the project's catalogue (E-01 to E-25).
"""

import gzip
import json

import pytest

from ai_gateway.domain.conversation import Text, Thinking
from ai_gateway.domain.reply import Stop
from ai_gateway.providers.sse import read_event
from ai_gateway.runtime.decompression import decoder_for
from tests.providers.translation.edges import WAYS, ChatWire, Way, calls_of, framed, text_of
from tests.providers.translation.speakers import CALLERS

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
chat_callers = pytest.mark.parametrize("way", [it for it in WAYS.values() if it.caller == "chat"])
chat_providers = pytest.mark.parametrize("way", [it for it in WAYS.values() if isinstance(it.wire, ChatWire)])
STRANGE = "a\u2028b\u2029c\u0085d\u00e9\U0001f600"


@every_way
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_e01_any_partition_of_the_bytes_within_letters_and_line_ends(way: Way, line_end: bytes) -> None:
    body = framed(way.answer(STRANGE, "b"), [line_end])
    whole = way.hear(body).whole
    assert text_of(way.read(whole).choices[0]) == STRANGE + "b"
    assert way.hear(*[body[at : at + 1] for at in range(len(body))]).whole == whole
    for at in range(len(body)):
        assert way.hear(body[:at], body[at:]).whole == whole


@every_way
@pytest.mark.parametrize("line_ends", [[b"\n", b"\r\n"], [b"\r\n", b"\r", b"\n"], [b"\r"]], ids=str)
def test_e02_line_ends_of_every_kind_mixed(way: Way, line_ends: list[bytes]) -> None:
    got = way.hear(framed(way.answer("a", "b", "c"), line_ends))
    assert got.end.complete
    assert text_of(way.read(got.whole).choices[0]) == "abc"


@every_way
def test_e03_a_byte_order_mark(way: Way) -> None:
    body = b"\xef\xbb\xbf" + b"".join(way.answer("a"))
    for chunks in ([body], [body[:1], body[1:2], body[2:]]):
        got = way.hear(*chunks)
        assert got.end.complete
        assert text_of(way.read(got.whole).choices[0]) == "a"


@every_way
def test_e04_comments_before_and_within(way: Way) -> None:
    begin, text, *rest = way.answer("a")
    watch = way.watch()
    watch.feed(b": PROCESSING\n\n:\n\n")
    assert not watch.started
    got = way.hear(b": PROCESSING\n\n", begin, b": alive\n\n", b": inside\n" + text, b":\n\n", *rest)
    assert got.end.complete
    assert text_of(way.read(got.whole).choices[0]) == "a"


@every_way
def test_e05_data_without_a_space_on_several_lines_and_with_ids(way: Way) -> None:
    def odd(event: bytes) -> bytes:
        said = read_event(event)
        lines = (said.data or b"").replace(b', "', b',\n"').split(b"\n")
        named = [b"event:" + said.name] if said.name else []
        return b"\n".join([b"id: 7", b"retry:100", *named, *(b"data:" + line for line in lines)]) + b"\n\n"

    body = b"".join(odd(it + b"\n\n") for it in b"".join(way.answer("a", "b")).split(b"\n\n") if it)
    got = way.hear(body)
    assert got.end.complete
    assert text_of(way.read(got.whole).choices[0]) == "ab"


@every_way
def test_e06_line_separators_of_unicode_are_text(way: Way) -> None:
    text = f"{STRANGE}\v\f\x1c\x1d\x1e"
    got = way.hear(b"".join(way.answer(text)))
    assert text_of(way.read(got.whole).choices[0]) == text


@every_way
def test_e07_the_terminal_event_is_missing(way: Way) -> None:
    *body, _ = way.answer("a")
    got = way.hear(*body)
    assert got.end.complete
    assert got.whole.count(way.terminal) == 1
    assert text_of(way.read(got.whole).choices[0]) == "a"


@every_way
@pytest.mark.parametrize("missing", [1, 2])
def test_e08_the_last_blank_line_is_missing(way: Way, missing: int) -> None:
    *events, terminal = way.answer("a")
    for body in ([*events, terminal], events):
        got = way.hear(b"".join(body)[:-missing])
        read = way.read(got.whole)
        assert got.end.complete
        assert got.whole.endswith(b"\n\n")
        assert text_of(read.choices[0]) == "a"
        assert read.usage is not None
        assert read.usage.output_tokens == 5


@every_way
def test_e09_an_error_as_the_first_event_commits_to_nothing(way: Way) -> None:
    for before in (b"", b": PROCESSING\n\n"):
        watch = way.watch()
        assert watch.feed(before + way.wire.error).strip() in (b"", before.strip())
        assert (watch.started, watch.error is not None) == (False, True)
        assert watch.error is not None
        assert watch.error.message == "overloaded"
        assert not watch.end().complete


@every_way
def test_e10_an_error_in_the_middle_is_kept_and_nothing_looks_ended(way: Way) -> None:
    watch = way.watch()
    given_back = watch.feed(way.wire.begin() + way.wire.text("a") + way.wire.error + b"".join(way.answer("z")))
    end = watch.end()
    assert (watch.started, end.tail, end.complete) == (True, b"", False)
    assert b'"a"' in given_back
    assert watch.error is not None
    assert way.terminal not in given_back
    assert b'"z"' not in given_back
    assert b'"stop"' not in given_back
    assert b'"end_turn"' not in given_back


@every_way
def test_e11_a_connection_that_breaks_within_an_event(way: Way) -> None:
    """Nobody calls `end`; what was given back are whole events, and no end."""
    body = b"".join(way.answer("a", "b"))
    for at in range(len(body) - 1):
        watch = way.watch()
        given_back = watch.feed(body[:at])
        assert given_back == b"" or given_back.endswith(b"\n\n")
        assert way.terminal not in given_back
        assert way.fold(given_back) is None or body[:at].count(way.wire.terminal[:20]) or not watch.finished


@chat_callers
def test_e12_usage_on_a_chunk_of_its_own_goes_to_who_asked_for_it(way: Way) -> None:
    asked = way.hear(*way.answer("a")).whole
    silent = way.hear(*way.answer("a"), stream_options=None).whole
    assert json.loads(asked.split(b"data: ")[-2])["choices"] == []
    usage = way.read(asked).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (9, 5, 4)
    assert b"prompt_tokens" not in silent
    assert way.read(silent).usage is None


@chat_providers
def test_e12_usage_is_asked_of_the_provider_whether_the_caller_wants_it_or_not(way: Way) -> None:
    sent = way.codec.encode(CALLERS[way.caller].call(stream_options=None), "m").body
    body = sent if isinstance(sent, bytes) else b"".join(sent)
    assert json.loads(body)["stream_options"]["include_usage"] is True
    watch = way.watch(stream_options=None)
    for event in way.answer("a"):
        watch.feed(event)
    assert watch.usage is not None
    assert watch.usage.input_tokens == 9


@every_way
def test_e13_a_tool_call_before_any_text(way: Way) -> None:
    wire = way.wire
    said = [wire.call(0, "f"), wire.arguments(0, '{"a"'), wire.arguments(0, ":1}"), wire.called(0)]
    begun = [wire.begin()] if way.is_native or way.caller == "chat" else []  # some begin with the call itself
    got = way.hear(*begun, *said, *wire.stop("tool_calls" if isinstance(wire, ChatWire) else "tool_use"), wire.terminal)
    first = got.whole.split(b"\n\n")[0]
    assert b'"assistant"' in first
    assert b'"f"' not in first
    choice = way.read(got.whole).choices[0]
    assert (calls_of(choice), choice.stop) == ({"f": '{"a":1}'}, Stop.TOOL_CALLS)


@every_way
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_e14_calls_whose_arguments_come_mixed_in_pieces_of_a_letter(way: Way, order: tuple[int, int]) -> None:
    wire = way.wire
    arguments = {0: '{"city":"Zürich \\"x\\""}', 1: '{"n":[1,2]}'}
    body = [wire.begin(), *(wire.call(place, f"f{place}") for place in order)]
    for at in range(max(map(len, arguments.values()))):
        body += [wire.arguments(it, arguments[it][at]) for it in order if at < len(arguments[it])]
    word = "tool_calls" if isinstance(wire, ChatWire) else "tool_use"
    got = way.hear(*body, *(wire.called(it) for it in order), *wire.stop(word), wire.terminal)
    told = {name: json.loads(it) for name, it in calls_of(way.read(got.whole).choices[0]).items()}
    assert told == {f"f{place}": json.loads(it) for place, it in arguments.items()}


@every_way
def test_e15_thoughts_with_signatures_and_hidden_ones(way: Way) -> None:
    wire = way.wire
    got = way.hear(wire.begin(), *wire.thought(), wire.text("a"), *wire.stop(), wire.terminal)
    choice = way.read(got.whole).choices[0]
    thoughts = [part for part in choice.parts if isinstance(part, Thinking)]
    assert [(it.text, it.signature, it.encrypted) for it in thoughts] == [("hm", "sig", None), ("", None, "enc")]
    assert isinstance(choice.parts[-1], Text)


STOPS = {
    "chat": {"stop": Stop.END, "length": Stop.LENGTH, "tool_calls": Stop.TOOL_CALLS, "content_filter": None},
    "messages": {
        "end_turn": Stop.END,
        "max_tokens": Stop.LENGTH,
        "tool_use": Stop.TOOL_CALLS,
        "refusal": None,
        "pause_turn": None,
        "stop_sequence": Stop.STOP_SEQUENCE,
    },
}
"""None: the dialects have no word for the same; it must not look like an end that was meant."""


@every_way
def test_e16_why_it_stopped(way: Way) -> None:
    wire = way.wire
    for word, stop in STOPS["chat" if isinstance(wire, ChatWire) else "messages"].items():
        calls = [wire.call(0, "f"), wire.arguments(0, "{}"), wire.called(0)] if stop is Stop.TOOL_CALLS else []
        got = way.hear(wire.begin(), wire.text("a"), *calls, *wire.stop(word), wire.terminal)
        read = way.read(got.whole).choices[0].stop
        assert read is stop if stop is not None else read not in (None, Stop.END, Stop.TOOL_CALLS), word


@every_way
def test_e17_cached_tokens_are_counted_once(way: Way) -> None:
    """Chat's 9 include the 4 that were cached; Anthropic's 5 come beside them."""
    watch = way.watch()
    got = b"".join([watch.feed(it) for it in way.answer("a")]) + watch.end().tail
    usage = way.read(got).usage
    assert usage is not None
    assert watch.usage == usage
    assert (usage.input_tokens, usage.cache_read_tokens, usage.output_tokens) == (9, 4, 5)


@every_way
def test_e18_pings(way: Way) -> None:
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    watch = way.watch()
    watch.feed(ping)
    assert (watch.started, watch.error) == (False, None)
    begin, text, *rest = way.answer("a")
    got = way.hear(begin, ping, text, ping, *rest)
    assert got.end.complete
    assert text_of(way.read(got.whole).choices[0]) == "a"


@chat_providers
def test_e19_several_choices(way: Way) -> None:
    """A message is one: of a provider that gives more all the same, it is the first."""
    wire = ChatWire()
    said = [wire.chunk({"role": "assistant", "content": letter}, index) for index, letter in ((0, "a"), (1, "b"))]
    more = [wire.chunk({"content": letter}, index) for index, letter in ((1, "y"), (0, "x"))]
    stops = [wire.chunk({}, 1, "length"), *wire.stop()]
    asked = {"n": 2} if way.caller == "chat" else {}
    got = way.hear(*said, *more, *stops, wire.terminal, **asked)
    texts = [(text_of(it), it.stop) for it in way.read(got.whole).choices]
    assert texts == [("ax", Stop.END), ("by", Stop.LENGTH)][: len(asked) + 1]


@every_way
def test_e20_one_event_of_more_than_64_kib(way: Way) -> None:
    text = "é" * 100_000
    body = b"".join(way.answer(text))
    pieces = [body[at : at + 4096] for at in range(0, len(body), 4096)]
    assert text_of(way.read(way.hear(*pieces).whole).choices[0]) == text


@every_way
def test_e21_content_after_the_finish_is_told_and_after_the_end_is_not(way: Way) -> None:
    wire = way.wire
    got = way.hear(wire.begin(), wire.text("a"), *wire.stop(), wire.text("b"), wire.terminal, wire.text("z"))
    assert got.end.complete
    assert got.whole.count(way.terminal) == 1
    assert b'"z"' not in got.whole
    assert text_of(way.read(got.whole).choices[0]) == "ab"


@every_way
def test_e22_a_compressed_stream(way: Way) -> None:
    packed = gzip.compress(b"".join(way.answer("a", "b")))
    decode = decoder_for("gzip")
    assert decode is not None
    got = way.hear(*[decode(packed[at : at + 1]) for at in range(len(packed))])
    assert text_of(way.read(got.whole).choices[0]) == "ab"


@every_way
def test_e23_ends_that_come_twice(way: Way) -> None:
    wire = way.wire
    got = way.hear(wire.begin(), wire.text("a"), *wire.stop(), *wire.stop(), wire.terminal, wire.terminal)
    assert got.end.complete
    assert got.whole.count(way.terminal) == 1
    assert way.read(got.whole).choices[0].stop is Stop.END


@every_way
@pytest.mark.parametrize("odd", [b'"odd": NaN', b'"odd": -Infinity', b'"odd": "a\tb"', b'"odd": 1, "odd": 2'], ids=str)
def test_e24_json_that_strict_readers_refuse_loses_no_text(way: Way, odd: bytes) -> None:
    wire = way.wire
    event = wire.text("b", odd="HERE").replace(b'"odd": "HERE"', odd)
    assert odd in event
    got = way.hear(wire.begin(), wire.text("a"), event, *wire.stop(), wire.terminal)
    assert got.end.complete
    assert b'"b"' in got.whole


@every_way
def test_e24_an_event_that_is_no_json_is_left_out(way: Way) -> None:
    wire = way.wire
    got = way.hear(wire.begin(), wire.text("a"), wire.broken, wire.text("b"), *wire.stop(), wire.terminal)
    assert got.end.complete
    assert text_of(way.read(got.whole).choices[0]) == "ab"


@every_way
def test_e25_who_left_before_the_answer_began_has_begun_nothing(way: Way) -> None:
    """What is asked of a codec: that nothing was committed. tests/process/test_disconnect.py has the sockets."""
    watch = way.watch()
    assert (watch.started, watch.finished, watch.error, watch.usage) == (False, False, None, None)
    end = watch.end()
    assert (end.tail, end.complete, watch.started) == (b"", False, False)

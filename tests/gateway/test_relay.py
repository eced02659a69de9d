"""The relay on its own: read up to the commit point, hand on, and never make a cut answer look complete. Its dialogues
with a caller are in test_line.py, those about what follows a broken stream in test_continuing.py."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ai_gateway.domain.chat import Dialect, Operation, ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Blocked, Fault, ProviderFailed, ProviderOverloaded
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.gateway import relay
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.marks import Marks
from ai_gateway.gateway.purse import Purse, Steps
from ai_gateway.policy.error_handler import classify
from ai_gateway.policy.known_chunk import body_of_chunk
from ai_gateway.providers.continuation import Delivered, Way, continue_by, delivered_for
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.shaping.codec import ShapedWatch, ShapingCodec
from ai_gateway.providers.shaping.tables import texts_of_events
from ai_gateway.providers.short_end import Bill
from ai_gateway.runtime.upstream import Broken, Sink, TooSlow, UpstreamError
from providers.halves import message_event, text_delta
from providers.shaping.adding_up import said_in
from providers.shaping.pipes import literal
from providers.shaping.responding import event
from support.builders import a_call, a_head, a_shaped
from support.clock import FakeClock
from support.upstream import EVENTS, JSON, Script, ScriptedAnswer, Step
from support.wire import CHAT_ERROR_EVENT, CHAT_REPLY, DONE, chat_events

CODEC = KINDS[ProviderType.OPENAI].codecs[Dialect.OPENAI]


def said(error: ProviderError) -> Fault:
    return classify(ProviderType.OPENAI, error)


def an_answer(*body: Step, status: int = 200, headers: dict[str, str] | None = None) -> ScriptedAnswer:
    return ScriptedAnswer(Script(status, JSON if headers is None else headers, body), FakeClock())


DEADLINES = SimpleNamespace(first=lambda: 30.0, between=lambda: 30.0, left=lambda: 600.0)
CALL = a_shaped(a_call(stream=True))


def a_stream(*body: Step, **more: Any) -> relay.Streaming:
    return a_streaming(an_answer(*body, headers=EVENTS), **more)


def a_streaming(answer: Any, codec: Any = CODEC, clock: FakeClock | None = None, **more: Any) -> relay.Streaming:
    marks = Marks(clock or FakeClock(), lambda: None)
    return relay.Streaming(answer, codec, CALL, said, DEADLINES, marks=marks, **more)


class Ruled:
    """A codec whose streams go through a rule that keeps all text back after the first event, and blocks one word."""

    def __init__(self, blocks: bytes = b"forbidden") -> None:
        self._blocks = blocks
        self._kept = b""
        self._has_begun = False

    def watch(self, shaped: Any) -> ShapedWatch:
        return ShapedWatch(CODEC.watch(shaped), self)

    def feed(self, events: bytes) -> bytes:
        if self._blocks in events:
            raise Blocked
        if self._has_begun:
            self._kept += events
            return b""
        self._has_begun = True
        return events

    def end(self) -> bytes:
        return self._kept


class PouringAnswer:
    """An answer that has all its bytes at once for a sink, and then ends as it is told."""

    def __init__(self, first: bytes, rest: bytes, ending: UpstreamError | None) -> None:
        self._first, self._rest, self._ending = first, rest, ending
        self.left = False

    async def next(self, seconds: float) -> bytes:
        return self._first

    def pour_into(self, sink: Sink, between_seconds: float, total_seconds: float) -> bool:
        sink.pour(self._rest)
        sink.close(self._ending)
        return True

    def leave(self, seconds: float) -> None:
        self.left = True


class ChunkedAnswer:
    """An answer whose events come one by one, each in a chunk that may go on as it is; `before` and `after` are called
    for each, and `ending` is its end."""

    def __init__(
        self,
        events: list[bytes],
        before: Callable[[], None] = lambda: None,
        after: Callable[[Sink], None] = lambda sink: None,
        ending: UpstreamError | None = None,
    ) -> None:
        self._first, *self._rest = events
        self._before, self._after = before, after
        self._ending = ending
        self.headers = EVENTS

    async def next(self, seconds: float) -> bytes:
        return self._first

    def pour_into(self, sink: Sink, between_seconds: float, total_seconds: float) -> bool:
        for it in self._rest:
            self._before()
            if not sink.take(chunk(it)):
                sink.pour(it)
            self._after(sink)
        sink.close(self._ending)
        return True

    def leave(self, seconds: float) -> None:
        """It has ended."""

    def close(self) -> None:
        """It has ended."""


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Caller:
    """A Watch that takes frames, and the ASGI side of the same connection. `heard` is what the chunks carried;
    `chunks` are those that went on as they were."""

    def __init__(self) -> None:
        self.lost = self.is_blocked = False
        self.takes_frames = True
        self.on_lost = self.on_blocked = None
        self.heard: list[bytes] = []
        self.chunks: list[bytes] = []
        self.heads = 0
        self.client = Client({"extensions": {"ai_gateway.watch": self}}, self._receive, self._send)

    def writer(self, chunk: bytes) -> None:
        body = body_of_chunk(chunk)
        assert body is not None
        self.heard.append(body)
        self.chunks.append(chunk)

    def write_frame(self, data: bytes) -> None:
        self.heard.append(data)

    def lighten(self) -> None: ...

    async def _receive(self) -> dict[str, Any]:
        raise AssertionError

    async def _send(self, message: dict[str, Any]) -> None:
        self.heads += message["type"] == "http.response.start"
        self.heard.append(message.get("body", b""))


async def nothing_to_book() -> None:
    return None


def remembered() -> Delivered:
    delivered = delivered_for(CALL)
    assert delivered is not None
    return delivered


async def test_a_stream_that_breaks_while_it_is_poured_is_remembered() -> None:
    one, two, *_ = chat_events("one", "two")
    caller, delivered = Caller(), remembered()
    stream = a_streaming(PouringAnswer(one, two + two[:20], Broken("reset")), delivered=delivered)
    await stream.begin()
    with pytest.raises(Broken):
        await stream.carry(caller.client, (), nothing_to_book)
    assert b"".join(caller.heard) == one + two
    so_far = delivered.so_far()
    assert so_far is not None
    assert so_far.text == "onetwo"


async def test_a_finished_answer_is_whole_though_its_connection_broke() -> None:
    one, finish, usage, done = chat_events("one")
    caller = Caller()
    answer = PouringAnswer(one, finish + usage, Broken("reset"))
    stream = a_streaming(answer)
    await stream.begin()
    await stream.carry(caller.client, (), nothing_to_book)
    assert b"".join(caller.heard) == one + finish + done
    assert answer.left


async def test_whole_events_go_on_in_the_chunks_that_they_came_in_and_all_else_is_written_anew() -> None:
    one, *words, finish, usage, done = chat_events("one", "two", "three", 'say "four"')
    caller = Caller()
    stream = a_streaming(ChunkedAnswer([one, *words, finish, usage, done]))
    await stream.begin()
    await stream.carry(caller.client, (), nothing_to_book)
    assert caller.chunks == [*map(chunk, words)]
    assert b"".join(caller.heard) == b"".join([one, *words, finish, done])
    assert stream.delivered_events == 5


async def test_words_that_went_on_in_their_chunks_are_remembered() -> None:
    one, *words, _, _, _ = chat_events("one", "two", "three", 'say "four"', "five")
    delivered = remembered()
    stream = a_streaming(ChunkedAnswer([one, *words]), delivered=delivered)
    await stream.begin()
    with pytest.raises(ProviderFailed):
        await stream.carry(Caller().client, (), nothing_to_book)
    so_far = delivered.so_far()
    assert so_far is not None
    assert so_far.text == 'onetwothreesay "four"five'


async def test_nothing_is_written_to_a_caller_who_is_lost() -> None:
    one, two, three, *rest = chat_events("one", "two", "three")
    caller = Caller()
    words = iter([False, True])

    def lose() -> None:
        caller.lost = next(words, True)

    stream = a_streaming(ChunkedAnswer([one, two, three, *rest], lose))
    await stream.begin()
    await stream.carry(caller.client, (), nothing_to_book)
    assert caller.chunks == [chunk(two)]


async def test_a_stream_of_words_is_marked_by_their_number() -> None:
    marked: list[int] = []
    marks = Marks(FakeClock(), lambda: marked.append(stream.delivered_events))
    events = chat_events(*(["word"] * 600))
    stream = relay.Streaming(ChunkedAnswer(events), CODEC, CALL, said, DEADLINES, marks=marks)  # type: ignore[arg-type]
    await stream.begin()
    await stream.carry(Caller().client, (), nothing_to_book)
    assert marked == [256, 512]


async def test_a_slow_stream_of_words_is_marked_by_the_time() -> None:
    clock, marked = FakeClock(), list[int]()
    marks = Marks(clock, lambda: marked.append(stream.delivered_events))
    events = chat_events(*(["word"] * 9), usage=False)
    answer = ChunkedAnswer(events, lambda: clock.advance(0.5), lambda sink: sink.tick())
    stream = relay.Streaming(answer, CODEC, CALL, said, DEADLINES, marks=marks)  # type: ignore[arg-type]
    await stream.begin()
    await stream.carry(Caller().client, (), nothing_to_book)
    assert marked == [5, 9]


async def test_a_word_is_life_and_a_trickle_behind_it_counts_from_there() -> None:
    clock = FakeClock()
    stream = a_streaming(an_answer(headers=EVENTS), clock=clock)
    one, two, three, *_ = chat_events("one", "two", "three")
    stream.feed(one + one)
    for word in (two, three):
        clock.advance(29.0)
        assert stream.feed(word) is word
    clock.advance(29.0)
    assert stream.feed(two[:9]) == b""
    clock.advance(2.0)
    with pytest.raises(TooSlow):
        stream.feed(two[9:20])


async def test_where_every_event_may_be_the_last_one_that_is_paid_for_chunks_end_there() -> None:
    purse = Purse(Steps(tokens=4, nano=4), lambda steps: False)
    caller, events = Caller(), chat_events(*(["word"] * 9))

    async def book() -> None:
        purse.bill = Bill(1, 4, "0")

    stream = a_streaming(ChunkedAnswer(events), purse=purse)
    await stream.begin()
    await stream.carry(caller.client, (), book)
    assert caller.chunks == [chunk(events[1])] * 3
    assert caller.heard[-1].endswith(DONE)


async def test_another_stream_goes_on_upon_the_same_connection_without_a_second_head() -> None:
    one, *_ = events = chat_events("one", "two", usage=False)
    caller, delivered = Caller(), remembered()
    first = a_streaming(PouringAnswer(one, b"", Broken("reset")), delivered=delivered)
    await first.begin()
    with pytest.raises(Broken):
        await first.carry(caller.client, (), nothing_to_book)
    so_far = delivered.so_far()
    assert so_far is not None
    again = continue_by(Way.RESTART, so_far, CALL, ProviderType.OPENAI, "m")
    second = a_stream(*events, delivered=delivered, continuation=again)
    await second.begin()
    caller.takes_frames = False
    await second.carry(caller.client, (), nothing_to_book)
    assert b"".join(caller.heard).count(b"one") == b"".join(caller.heard).count(b"two") == 1
    assert b"".join(caller.heard).endswith(DONE)
    assert caller.heads == 1
    assert second.delivered_events == 3


async def test_an_answer_that_is_not_the_rest_diverges_before_anything_of_it_was_sent() -> None:
    delivered = remembered()
    delivered.keep(chat_events("one")[0])
    so_far = delivered.so_far()
    assert so_far is not None
    for body in (chat_events("other"), chat_events("on"), [chat_events("on")[0]]):
        second = a_stream(*body, continuation=continue_by(Way.RESTART, so_far, CALL, ProviderType.OPENAI, "m"))
        with pytest.raises((relay.Diverged, ProviderFailed)):
            await second.begin()


async def test_a_continuation_that_is_refused_inside_its_stream_is_the_provider_s_fault() -> None:
    delivered = remembered()
    delivered.keep(chat_events("one")[0])
    so_far = delivered.so_far()
    assert so_far is not None
    continuation = continue_by(Way.RESTART, so_far, CALL, ProviderType.OPENAI, "m")
    with pytest.raises(ProviderOverloaded):
        await a_stream(CHAT_ERROR_EVENT, continuation=continuation).begin()


async def test_what_a_rule_blocks_before_anything_was_sent_is_a_refusal() -> None:
    stream = a_streaming(an_answer(*chat_events("forbidden"), headers=EVENTS), Ruled())
    with pytest.raises(Blocked):
        await stream.begin()


@pytest.mark.parametrize("is_poured", [True, False])
async def test_what_a_rule_blocks_ends_a_stream_and_counts_what_was_kept_back(is_poured: bool) -> None:
    one, two, three, *_ = chat_events("one", "two", "forbidden")
    answer = PouringAnswer(one, two + three, None) if is_poured else an_answer(one, two, three, headers=EVENTS)
    caller, delivered = Caller(), remembered()
    caller.takes_frames = is_poured
    stream = a_streaming(answer, Ruled(), delivered=delivered)
    await stream.begin()
    with pytest.raises(Blocked):
        await stream.carry(caller.client, (), nothing_to_book)
    assert b"".join(caller.heard) == one
    assert stream.delivered_events == 3


async def test_what_was_kept_back_is_told_at_the_end_and_only_there() -> None:
    events = chat_events("one", "two", "three")
    caller, delivered = Caller(), remembered()
    stream = a_streaming(PouringAnswer(events[0], b"".join(events[1:]), None), Ruled(), delivered=delivered)
    await stream.begin()
    await stream.carry(caller.client, (), nothing_to_book)
    assert caller.heard[0] == b""
    assert caller.heard[1] == events[0]
    assert len(caller.heard) == 3
    assert b"".join(caller.heard).endswith(DONE)
    so_far = delivered.so_far()
    assert so_far is not None
    assert so_far.text == "one"


async def test_a_provider_whose_words_are_kept_back_has_not_stalled() -> None:
    clock = FakeClock()
    stream = a_streaming(an_answer(headers=EVENTS), Ruled(), clock)
    one, two, *_ = chat_events("one", "two")
    stream.feed(one)
    for _ in range(3):
        clock.advance(20.0)
        assert stream.feed(two) == b""
    clock.advance(31.0)
    with pytest.raises(TooSlow):
        stream.feed(two[:20])


OPENING = {"id": "resp_1", "object": "response", "model": "gpt-5", "output": []}
AT = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
RESPONSE = [
    event("response.created", 0, response=OPENING),
    event("response.output_text.delta", 1, **AT, delta="a secret, a se"),
    b"".join(event("response.output_text.delta", number, **AT, delta="c") for number in range(2, 202)),
]
MESSAGE = [
    message_event("message_start", message={"id": "msg_x", "model": "claude", "usage": {"input_tokens": 9}}),
    message_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    text_delta("a secret, a se"),
    text_delta("c") * 200,
]
SHORT = AnswerRules(
    request_id="req_7", hidden_as="ours", pipes=(literal("secret", "[x]"),), appended=" Bye.", names=(str.upper,)
)


@pytest.mark.parametrize(
    ("operation", "dialect", "events"),
    [
        (Operation.CHAT, Dialect.OPENAI, chat_events("a secret, a se", *["c"] * 200)[:201]),
        (Operation.MESSAGES, Dialect.ANTHROPIC, MESSAGE),
        (Operation.RESPONSES, Dialect.OPENAI, RESPONSE),
    ],
)
async def test_where_the_money_ends_a_stream_its_rules_do_what_they_do_at_any_end(
    operation: Operation, dialect: Dialect, events: list[bytes]
) -> None:
    purse = Purse(Steps(200, 1), lambda _: False)
    call = a_call(a_head(operation=operation, dialect=dialect), stream=True)
    answer = an_answer(*events, headers=EVENTS)
    codec = ShapingCodec(KINDS[ProviderType.MOCK].codecs[dialect], SHORT)
    stream = relay.Streaming(
        answer, codec, a_shaped(call), said, DEADLINES, marks=Marks(FakeClock(), lambda: None), purse=purse
    )
    caller = Caller()
    caller.takes_frames = False

    async def book() -> None:
        purse.bill = Bill(9, 6, "0.1")

    await stream.begin()
    await stream.carry(caller.client, (), book)
    given = b"".join(caller.heard)
    assert "".join(texts_of_events(operation, given)).replace("[x]", "secret").startswith("a secret, a se")
    assert b"secret" not in given
    assert b" Bye." in given
    assert b"budget_exceeded" in given
    assert b"gpt" not in given
    assert b"claude" not in given
    if operation is Operation.RESPONSES:
        numbers = [it["sequence_number"] for it in said_in(given)]
        assert numbers == list(range(len(numbers)))


def test_a_whole_answer_says_what_it_used() -> None:
    usage = relay.judge_whole(an_answer(), CHAT_REPLY, CODEC, a_shaped(a_call(a_head())), said).usage
    assert usage is not None
    assert usage.input_tokens == 12


@pytest.mark.parametrize("status", [400, 500, 301, 199])
def test_whatever_is_not_a_2xx_is_a_refusal(status: int) -> None:
    with pytest.raises(Fault):
        relay.judge_whole(an_answer(status=status), CHAT_REPLY, CODEC, a_shaped(a_call(a_head())), said)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":{"message":"x"}}', b'{"choices":[]}'])
def test_a_2xx_without_the_payload_is_a_refusal(body: bytes) -> None:
    with pytest.raises(ProviderFailed):
        relay.judge_whole(an_answer(), body, CODEC, a_shaped(a_call(a_head())), said)


async def test_a_stream_begins_with_its_first_event_of_content() -> None:
    stream = a_stream(b": hi\n", b"\n", *chat_events("one"))
    await stream.begin()
    assert not stream.is_over
    assert stream.usage is None


async def test_a_stream_whose_only_event_lacks_its_blank_line_is_an_answer_all_the_same() -> None:
    only = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}'
    await a_stream(only).begin()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ((), ProviderFailed),
        ((b": ping\n\n",), ProviderFailed),
        ((DONE,), ProviderFailed),
        ((b"<!doctype html>",), ProviderFailed),
        ((CHAT_ERROR_EVENT,), ProviderOverloaded),
        ((b": ping\n\n", CHAT_ERROR_EVENT), ProviderOverloaded),
    ],
)
async def test_what_does_not_begin_is_a_fault_before_anything_was_sent(
    body: tuple[bytes, ...], kind: type[Fault]
) -> None:
    with pytest.raises(kind):
        await a_stream(*body).begin()


def test_only_what_is_on_the_list_is_passed() -> None:
    headers = {
        "content-type": "application/json",
        "openai-processing-ms": "12",
        "x-ratelimit-limit-tokens": "1",
        "anthropic-ratelimit-requests-remaining": "2",
        "set-cookie": "a=b",
        "server": "s",
        "anthropic-organization-id": "o",
        "content-length": "9",
        "content-encoding": "gzip",
        "transfer-encoding": "chunked",
    }
    passed = dict(relay.passed_headers(an_answer(headers=headers)))
    assert set(passed) == {
        "content-type",
        "openai-processing-ms",
        "x-ratelimit-limit-tokens",
        "anthropic-ratelimit-requests-remaining",
    }


def test_a_stream_says_that_it_is_one_also_where_the_provider_did_not() -> None:
    assert relay.stream_headers(an_answer(headers={})) == [relay.EVENT_STREAM]
    assert relay.stream_headers(an_answer(headers={"content-type": "text/event-stream"})) == [
        ("content-type", "text/event-stream")
    ]

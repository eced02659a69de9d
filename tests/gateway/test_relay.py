"""The relay on its own: read up to the commit point, hand on, and never make a cut answer look complete. Its dialogues
with a caller are in test_line.py."""

import pytest

from ai_gateway.domain.chat import Dialect, Operation, ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Fault, ProviderFailed, ProviderOverloaded
from ai_gateway.gateway import relay
from ai_gateway.gateway.marks import Marks
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.upstream import Broken
from support.builders import a_call, a_shaped
from support.clock import FakeClock
from support.upstream import EVENTS, JSON, Script, ScriptedAnswer, Step
from support.wire import CHAT_ERROR_EVENT, CHAT_REPLY, DONE, chat_events

CODEC = KINDS[ProviderType.OPENAI].codecs[Dialect.OPENAI]
ROOM = relay.Room(most_bytes=1 << 20, seconds=30.0)


def said(error: ProviderError) -> Fault:
    return classify(ProviderType.OPENAI, error)


def an_answer(*body: Step, status: int = 200, headers: dict[str, str] | None = None) -> ScriptedAnswer:
    return ScriptedAnswer(Script(status, JSON if headers is None else headers, body), FakeClock())


def a_stream(*body: Step) -> relay.Streaming:
    deadlines = relay.Deadlines(first=lambda: 30.0, between=lambda: 30.0, left=lambda: 600.0)
    answer = an_answer(*body, headers=EVENTS)
    return relay.Streaming(
        answer, CODEC, a_shaped(a_call(stream=True)), said, deadlines, marks=Marks(FakeClock(), lambda: None)
    )


async def test_a_whole_answer_is_its_bytes_and_its_usage() -> None:
    whole = await relay.read_whole(an_answer(CHAT_REPLY[:9], CHAT_REPLY[9:]), CODEC, Operation.CHAT, said, ROOM)
    assert whole.body == CHAT_REPLY
    assert whole.usage is not None
    assert whole.usage.input_tokens == 12


@pytest.mark.parametrize("status", [400, 500, 301, 199])
async def test_whatever_is_not_a_2xx_is_a_refusal(status: int) -> None:
    with pytest.raises(Fault):
        await relay.read_whole(an_answer(CHAT_REPLY, status=status), CODEC, Operation.CHAT, said, ROOM)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":{"message":"x"}}', b'{"choices":[]}'])
async def test_a_2xx_without_the_payload_is_a_refusal(body: bytes) -> None:
    with pytest.raises(ProviderFailed):
        await relay.read_whole(an_answer(body), CODEC, Operation.CHAT, said, ROOM)


async def test_a_whole_answer_has_only_so_much_room() -> None:
    with pytest.raises(Broken):
        await relay.read_whole(an_answer(CHAT_REPLY), CODEC, Operation.CHAT, said, relay.Room(10, 30.0))


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

import asyncio
from typing import Any

import pytest

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.gateway.client import Client, ClientLeft, Interruption
from ai_gateway.gateway.protocol import WATCH, Watch
from support.builders import a_head

Message = dict[str, Any]


def part(body: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


class Wire:
    """What comes in, what went out, and a watch on the connection."""

    def __init__(self, *incoming: Message) -> None:
        self._incoming = list(incoming)
        self.sent: list[Message] = []
        self.watch = Watch()

    def client(self) -> Client:
        return Client({"extensions": {WATCH: self.watch}}, self._receive, self._send)

    async def _receive(self) -> Message:
        return self._incoming.pop(0)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


@pytest.mark.parametrize(
    "messages",
    [(part(b"abcdef"),), (part(b"abc", more=True), part(b"def")), (part(b"", more=True), part(b"abcdef"))],
)
async def test_a_body_is_the_sum_of_its_parts(messages: tuple[Message, ...]) -> None:
    assert await Wire(*messages).client().read_body(6) == b"abcdef"


async def test_a_body_may_be_absent() -> None:
    assert await Wire({"type": "http.request"}).client().read_body(6) == b""


@pytest.mark.parametrize(
    "messages",
    [(part(b"abcdef"),), (part(b"abc", more=True), part(b"def")), (part(b"abcdef", more=True),)],
)
async def test_a_body_above_the_limit_is_refused_as_soon_as_it_is(messages: tuple[Message, ...]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await Wire(*messages).client().read_body(5)
    assert (refused.value.status, refused.value.code) == (413, "request_too_large")


@pytest.mark.parametrize("messages", [(GONE,), (part(b"abc", more=True), GONE)])
async def test_a_caller_who_leaves_while_sending_has_left(messages: tuple[Message, ...]) -> None:
    with pytest.raises(ClientLeft):
        await Wire(*messages).client().read_body(6)


async def test_a_whole_answer_has_its_length_and_what_every_answer_carries() -> None:
    wire = Wire()
    client = wire.client()
    client.introduce(a_head(request_id="req_1"))
    assert not client.answered

    await client.answer(404, (("content-type", "application/json"),), b"{}")

    head, body = wire.sent
    assert head["status"] == client.status == 404
    assert head["headers"] == [
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
        (b"x-request-id", b"req_1"),
        (b"request-id", b"req_1"),
    ]
    assert body == {"type": "http.response.body", "body": b"{}"}
    assert client.answered


async def test_a_stream_is_head_pieces_and_end() -> None:
    wire = Wire()
    client = wire.client()

    await client.begin((), b"one")
    await client.write(b"")
    await client.write(b"two")
    await client.finish(b"end")

    assert [it.get("body") for it in wire.sent] == [None, b"one", b"two", b"end"]
    assert [it.get("more_body", False) for it in wire.sent[1:]] == [True, True, False]
    assert client.status == 200


async def test_a_header_that_latin_1_cannot_say_is_sent_all_the_same() -> None:
    wire = Wire()
    await wire.client().answer(200, (("x-gateway-route", "模型"),), b"")
    assert (b"x-gateway-route", b"??") in wire.sent[0]["headers"]


async def served(client_ready: asyncio.Future[Client], wire: Wire) -> Interruption | None:
    client = wire.client()
    client_ready.set_result(client)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        why = client.take_interruption()
        if why is None:
            raise
        await asyncio.sleep(0)  # the task goes on: it was uncancelled
        return why
    finally:
        client.release()


async def test_a_lost_connection_cancels_the_task_that_serves_it_and_says_why() -> None:
    ready, wire = asyncio.get_running_loop().create_future(), Wire()
    task = asyncio.ensure_future(served(ready, wire))
    await ready

    wire.watch.lose()

    assert await task is Interruption.LEFT


async def test_only_the_first_interruption_counts() -> None:
    ready, wire = asyncio.get_running_loop().create_future(), Wire()
    task = asyncio.ensure_future(served(ready, wire))
    client = await ready

    client.interrupt(Interruption.DRAINED)
    wire.watch.lose()

    assert await task is Interruption.DRAINED


async def test_a_cancellation_that_is_not_ours_stays_one() -> None:
    ready, wire = asyncio.get_running_loop().create_future(), Wire()
    task = asyncio.ensure_future(served(ready, wire))
    await ready

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_after_release_the_connection_is_nobodys_business() -> None:
    wire = Wire()
    client = wire.client()
    client.release()

    wire.watch.lose()
    client.interrupt(Interruption.DRAINED)
    await asyncio.sleep(0)

    assert client.interruption is None


async def test_a_comment_brings_a_status_and_is_no_answer() -> None:
    wire = Wire()
    client = wire.client()
    await client.comment((("content-type", "text/event-stream"),), b": hi\n\n")
    assert (client.answered, client.committed) == (True, False)
    await client.begin((("x-late", "1"),), b"data: 1\n\n")
    assert client.committed
    assert [it["type"] for it in wire.sent] == ["http.response.start", *["http.response.body"] * 2]
    assert wire.sent[0]["headers"] == [(b"content-type", b"text/event-stream")]


async def test_a_whole_answer_and_a_begun_stream_are_committed() -> None:
    for speak in (lambda it: it.answer(200, (), b"{}"), lambda it: it.begin((), b"data: 1\n\n")):
        client = Wire().client()
        await speak(client)
        assert (client.answered, client.committed) == (True, True)

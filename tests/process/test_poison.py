"""Providers that answer with poison, over real sockets: each is a failure that the fallback makes up for, within the
times of the pool, and five of them take the endpoint out."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from process.figures import a_pool, an_account, an_event, posts, state_of, text_of, two_rows
from process.provider import Provider, Respond, a_provider
from support.gateway import Gateway, until

TIMES = {"connect": 2, "first_token": 0.6, "between_tokens": 0.4, "response": 0.6, "total": 20}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
DRIP_SECONDS = 0.05


def saying(*parts: bytes) -> Respond:
    """These bytes, and then the end of the connection."""

    def respond(provider: Provider, caller: socket.socket) -> None:
        for part in parts:
            caller.sendall(part)
        caller.shutdown(socket.SHUT_RDWR)

    return respond


def for_ever(head: bytes, piece: bytes, seconds: float = 0.0) -> Respond:
    """Until whoever asked has had enough."""

    def respond(provider: Provider, caller: socket.socket) -> None:
        caller.sendall(head)
        while True:
            caller.sendall(piece)
            time.sleep(seconds)

    return respond


POISON: dict[str, Respond] = {
    "no HTTP": saying(b"\x00\x01\x02 hello\r\n\r\n"),
    "nothing": saying(b""),
    "headers without end": for_ever(HEAD, b"x-more: " + b"a" * 4096 + b"\r\n"),
    "a page": saying(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>Oh</html>"),
    "no JSON": saying(JSON_HEAD + b'content-length: 9\r\n\r\n{"choices'),
    "another JSON": saying(JSON_HEAD + b'content-length: 13\r\n\r\n{"hello": 1 } '[:-1]),
    "an error under 200": saying(JSON_HEAD + b'content-length: 29\r\n\r\n{"error":{"message":"sorry"}}'),
    "less than was announced": saying(JSON_HEAD + b"content-length: 900\r\n\r\n{}"),
    "a line without end": for_ever(HEAD + b"\r\ndata: ", b"a" * 65536),
    "comments without end": for_ever(HEAD + b"\r\n", b": wait\n\n", DRIP_SECONDS),
    "a byte at a time": for_ever(HEAD + b"\r\ndata: ", b"a", DRIP_SECONDS),
    "silence": for_ever(HEAD + b"\r\n", b"", DRIP_SECONDS),
}


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_poison_is_a_failure_that_the_fallback_makes_up_for(fresh: Gateway, streams: bool) -> None:
    a_fallback(fresh)

    def swallow(name: str) -> tuple[str, set[str], int, str]:
        with a_provider(POISON[name]) as poison:
            account = f"account-{name.replace(' ', '-')}"
            an_account(fresh, account, poison)
            a_pool(fresh, account, account, fallbacks=["behind"], timeouts=TIMES)
            replies = [fresh.chat(account, stream=streams) for _ in range(6)]
            assert {it.status for it in replies} == {200}
            endpoints = {it.headers["x-gateway-endpoint"] for it in replies}
            return name, endpoints, posts(poison), state_of(fresh, account)

    with ThreadPoolExecutor(len(POISON)) as callers:
        assert list(callers.map(swallow, POISON)) == [(name, {"spare"}, 5, "OPEN") for name in POISON]
    assert "Traceback" not in fresh.said()


def test_an_answer_that_goes_on_a_byte_at_a_time_has_stalled(fresh: Gateway) -> None:
    """After two words: the rest comes from elsewhere, long before the request's time is over."""
    a_fallback(fresh)
    whole = fresh.chat("behind").json["choices"][0]["message"]["content"]
    begun = an_event(" ".join(whole.split(" ")[:2]))
    with a_provider(for_ever(HEAD + b"\r\n" + begun + b"data: ", b"a", DRIP_SECONDS)) as dripping:
        an_account(fresh, "dripping", dripping)
        a_pool(fresh, "front", "dripping", fallbacks=["behind"], timeouts={**TIMES, "total": 60})
        reply = fresh.chat("front", stream=True)
    rows = until(lambda: two_rows(fresh, reply.headers["x-request-id"]), "a row of each attempt")

    assert (text_of(reply), reply.body.endswith(b"data: [DONE]\n\n")) == (whole, True)
    assert sorted(row["outcome"] for row in rows) == ["ok", "timeout"]


def a_fallback(gateway: Gateway) -> None:
    gateway.create("/providers", {"name": "spare", "provider": "openai", "endpoint_url": "mock://openai"})
    members = [{"name": "spare", "model": "gpt-4o"}]
    gateway.create("/router/load-balancer/pools", {"group_name": "behind", "providers": members, "fallbacks": []})

"""Providers that misbehave, over real sockets: what the callers of a real process notice of it."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from process.figures import (
    CALLERS,
    REFUSED,
    a_pool,
    an_account,
    an_event,
    heal_under_load,
    kill_while_open,
    poison,
    posts,
    share_by_weights,
    text_of,
    two_rows,
)
from process.provider import COMPLETION, Provider, Respond, a_provider, answering
from support.gateway import Gateway, Reply, until

FEW = 8
PERIOD_SECONDS = 0.5
PERIODS = 8
POOL = "main"
QUICK = {"connect": 2, "first_token": 1, "between_tokens": 1, "response": 0.3, "total": 20}
WORDS = [f"word{number} " for number in range(60)]


def flapping(bad: Respond) -> Respond:
    """Well and ill in turn, from the first request on."""
    began: list[float] = []
    good = answering(200, COMPLETION)

    def respond(provider: Provider, caller: socket.socket) -> None:
        if not provider.asked[-1][0].startswith("POST"):  # a health check, which says nothing of requests
            good(provider, caller)
            return
        began.append(time.monotonic())
        is_well = int((began[-1] - began[0]) / PERIOD_SECONDS) % 2 == 0
        (good if is_well else bad)(provider, caller)

    return respond


def hanging(provider: Provider, caller: socket.socket) -> None:
    """No answer for longer than anybody waits for it."""
    time.sleep(2 * QUICK["response"])
    caller.close()


@pytest.mark.parametrize("bad", [answering(503, REFUSED), hanging], ids=["failing fast", "hanging"])
def test_a_provider_that_flaps_is_not_noticed_while_another_is_well(fresh: Gateway, bad: Respond) -> None:
    with a_provider(flapping(bad)) as primary, a_provider(answering(200, COMPLETION)) as spare:
        an_account(fresh, "primary", primary)
        an_account(fresh, "spare", spare)
        a_pool(fresh, "backup", "spare")
        breaker = {"failure_threshold": 5, "recovery_timeout_seconds": 1, "success_threshold": 2}
        a_pool(fresh, POOL, "primary", fallbacks=["backup"], timeouts=QUICK, circuit_breaker=breaker)
        replies = under_load(fresh, PERIODS * PERIOD_SECONDS)

    assert [it for it in replies if it.status != 200] == []
    calls = posts(primary) + posts(spare)
    assert calls <= 1.1 * len(replies)
    assert {it.headers["x-gateway-endpoint"] for it in replies} == {"primary", "spare"}


def under_load(gateway: Gateway, seconds: float) -> list[Reply]:
    until_then = time.monotonic() + seconds

    def call(_: int) -> list[Reply]:
        heard: list[Reply] = []
        while time.monotonic() < until_then:
            heard.append(gateway.chat(POOL))
        return heard

    with ThreadPoolExecutor(FEW) as callers:
        return [reply for heard in callers.map(call, range(FEW)) for reply in heard]


def test_after_a_kill_an_open_breaker_is_open_still(tmp_path: Path) -> None:
    after = kill_while_open(tmp_path / "data")
    assert after.requests > 0
    assert after.failed == 0
    assert after.calls_to_the_dead <= 1
    assert after.state == "OPEN"


def test_weights_are_shares_under_concurrency(fresh: Gateway) -> None:
    assert share_by_weights(fresh, 300).furthest <= 1.0


def test_a_half_open_endpoint_has_one_probe_however_many_call(fresh: Gateway) -> None:
    probes = heal_under_load(fresh)
    assert probes.failed == 0
    assert probes.most_at_once == 1


def telling(words: int) -> Respond:
    """A stream of so many of sixty words; a whole one ends properly, any other is cut off."""

    def respond(provider: Provider, caller: socket.socket) -> None:
        caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        events = [an_event(word) for word in WORDS[:words]]
        if words == len(WORDS):
            events += [an_event("", "stop"), b"data: [DONE]\n\n"]
        for event in events:
            caller.sendall(b"%x\r\n%b\r\n" % (len(event), event))
        if words == len(WORDS):
            caller.sendall(b"0\r\n\r\n")
        else:
            caller.shutdown(socket.SHUT_RDWR)

    return respond


def test_a_stream_that_is_cut_goes_on_at_another_provider(fresh: Gateway) -> None:
    with a_provider(telling(40)) as cut, a_provider(telling(60)) as whole:
        an_account(fresh, "cut", cut)
        an_account(fresh, "whole", whole)
        a_pool(fresh, "backup", "whole")
        a_pool(fresh, POOL, "cut", fallbacks=["backup"])
        reply = fresh.chat(POOL, stream=True)

    assert text_of(reply) == "".join(WORDS)
    assert reply.body.endswith(b"data: [DONE]\n\n")
    rows = until(lambda: two_rows(fresh, reply.headers["x-request-id"]), "a row of each attempt")
    assert sorted(row["outcome"] for row in rows) == ["cut", "ok"]


def test_a_stream_that_nobody_can_continue_ends_in_an_error_and_not_as_if_whole(fresh: Gateway) -> None:
    with a_provider(telling(40)) as cut:
        an_account(fresh, "cut", cut)
        a_pool(fresh, POOL, "cut", fallbacks=[], retries={"max_attempts": 1})
        reply = fresh.chat(POOL, stream=True)

    assert text_of(reply) == "".join(WORDS[:40])
    assert b"[DONE]" not in reply.body
    last = json.loads(reply.body.rstrip().split(b"\n\n")[-1].removeprefix(b"data: "))
    assert last["error"]["gateway"]["category"] == "provider_error"


def test_a_refused_key_of_one_tenant_leaves_another_alone(fresh: Gateway) -> None:
    both = poison(fresh, seconds=2.0)
    assert set(both.a_statuses) == {502}
    assert both.a_calls <= 2 * CALLERS, "only those that were under way when the first was refused"
    assert both.b_requests > 0
    assert (both.b_failed, both.b_states, both.b_transitions) == (0, {"CLOSED"}, 0)

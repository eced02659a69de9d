"""What breaks here is never the caller's: no fault of the gateway's own is a 401, 402, 403 or 404, wherever it is made
and whichever part of the line is broken."""

import asyncio
import errno
import importlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.faults import Category, GatewayFault, Origin, every_kind
from ai_gateway.gateway.doors import Doors
from ai_gateway.runtime.repeats import Repeats
from ai_gateway.runtime.stored_responses import StoredResponses
from ai_gateway.store.responses import MemoryResponses
from gateway.budgets import DOLLAR, TENANT, a_limit, a_limited_line
from runtime.test_leases import Process
from support.clock import FakeClock
from support.journal import MemoryFolder, a_journal
from support.line import BEARER, Answered, Line, a_line
from support.upstream import JSON, Pause, Script
from support.wire import CHAT_BODY, CHAT_REPLY, CHAT_STREAM_BODY, chat_events

CHAT = "/v1/chat/completions"
BLAMES_THE_CALLER = {401, 402, 403, 404}
CANARY = "canary in an exception"


@pytest.fixture(scope="module")
def error_codes() -> ModuleType:
    scripts = str(Path(__file__).parents[2] / "scripts")
    sys.path.insert(0, scripts)
    try:
        return importlib.import_module("error_codes")
    finally:
        sys.path.remove(scripts)


def test_every_place_that_makes_a_fault_of_ours_gives_it_a_status_of_ours(error_codes: ModuleType) -> None:
    ours = [it for it in error_codes.raised() if it.kind.category is Category.GATEWAY_FAULT]
    assert len(ours) >= 10
    assert {(it.code, it.status) for it in ours if it.status not in (500, 503)} == set()
    assert {it.code for it in ours} >= {
        "budget_unavailable",
        "draining",
        "history_unavailable",
        "idempotency_unavailable",
        "internal_error",
        "ledger_unavailable",
        "responses_unavailable",
        "store_unavailable",
    }


@pytest.mark.parametrize("kind", [*every_kind(GatewayFault), GatewayFault])
def test_every_class_of_it_does_so_too(kind: type[GatewayFault]) -> None:
    assert kind.default_status >= 500
    assert kind.default_origin is not Origin.CLIENT


def assert_ours(answered: Answered, code: str | None = None) -> None:
    assert answered.status in (500, 503), answered.body
    error = answered.error
    assert (error["gateway"]["category"], error["gateway"]["origin"]) == ("gateway_fault", "gateway")
    assert code in (None, error["code"])
    assert answered.headers["x-gateway-error"] == error["code"]
    assert CANARY.encode() not in answered.body
    assert "x-should-retry" not in answered.headers


async def journal_is_full() -> Answered:
    folder = MemoryFolder()
    line = await a_line(journal=a_journal(folder))
    folder.failing_writes = errno.ENOSPC
    return await line.post(CHAT, CHAT_BODY)


async def journal_cannot_grow() -> Answered:
    folder = MemoryFolder()
    line = await a_line(journal=a_journal(folder))
    folder.failing_creates = folder.failing_writes = errno.EIO
    return await line.post(CHAT, CHAT_STREAM_BODY)


async def history_is_away() -> Answered:
    line = await a_line()
    line.history.away = ConnectionError(CANARY)
    return await line.get("/v1/requests/req_1")


async def history_is_silent() -> Answered:
    line = await a_line()
    line.history.silent = True
    return await line.get("/v1/requests/req_1")


class AwayResponses(MemoryResponses):  # type: ignore[misc]
    async def find(self, *_: object) -> None:  # type: ignore[override]
        raise ConnectionError(CANARY)


async def vault_of_responses_is_away() -> Answered:
    clock = FakeClock()
    line = await a_line(responses=StoredResponses(AwayResponses(), clock.wall, lambda what: None, sleep=clock.sleep))
    body = {"model": "gpt-4o-mini", "input": "hi", "previous_response_id": "resp_1"}
    return await line.post("/v1/responses", msgspec.json.encode(body))


async def stored_response_cannot_be_read() -> Answered:
    clock = FakeClock()
    line = await a_line(responses=StoredResponses(AwayResponses(), clock.wall, lambda what: None, sleep=clock.sleep))
    return await line.get("/v1/responses/resp_1")


class AwayReplies:
    async def claim(self, *_: object) -> Any:
        raise ConnectionError(CANARY)


async def vault_of_replies_is_away() -> Answered:
    away: Any = AwayReplies()
    line = await a_line(repeats=Repeats(away, "one", FakeClock().wall, lambda what: None))
    return await line.post(CHAT, CHAT_BODY, BEARER | {"idempotency-key": "k-1"})


class AwayDesk:
    async def grant(self, *_: object) -> Any:
        raise ConnectionError(CANARY)


async def lease_desk_is_away() -> Answered:
    clock = FakeClock()
    process = Process(AwayDesk(), clock)
    line = await a_limited_line(a_limit(TENANT, DOLLAR), meters=process.meters, grants=process.leases)
    visit = line.visit(CHAT, CHAT_BODY).start(line.app)
    for _ in range(3):
        await asyncio.sleep(0)
    with pytest.raises(ConnectionError):
        await process.leases.fetch()
    return await visit.end()


async def process_is_drained() -> Answered:
    from ai_gateway.gateway.http import drain

    line = await a_line()
    line.upstream.will_play(Script(200, JSON, before=(lambda: drained(line), Pause(0.1)), body=(CHAT_REPLY,)))

    def drained(line: Line) -> None:
        drain(line.doors)

    return await line.post(CHAT, CHAT_BODY)


async def line_crashes() -> Answered:
    line = await a_line()
    line.upstream.will_play(Script(200, JSON, before=(ZeroDivisionError(CANARY),)))
    return await line.post(CHAT, CHAT_BODY)


INCIDENTS: list[tuple[Callable[[], Awaitable[Answered]], str]] = [
    (journal_is_full, "ledger_unavailable"),
    (journal_cannot_grow, "ledger_unavailable"),
    (history_is_away, "history_unavailable"),
    (history_is_silent, "history_unavailable"),
    (vault_of_responses_is_away, "responses_unavailable"),
    (stored_response_cannot_be_read, "responses_unavailable"),
    (vault_of_replies_is_away, "idempotency_unavailable"),
    (lease_desk_is_away, "budget_unavailable"),
    (process_is_drained, "draining"),
    (line_crashes, "internal_error"),
]


@pytest.mark.parametrize(("incident", "code"), INCIDENTS, ids=[incident.__name__ for incident, _ in INCIDENTS])
async def test_an_incident_is_a_fault_of_ours(incident: Callable[[], Awaitable[Answered]], code: str) -> None:
    assert_ours(await incident(), code)


class Broken:
    """A part of which nothing works."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(CANARY)

    def __call__(self, *_: object, **__: object) -> Any:
        raise RuntimeError(CANARY)


BEFORE_THE_EDGE = {"clock", "ids", "live", "telemetry"}
"""Without these nothing can be answered at all: the server says 500."""
NUMBERS = {"limits"}


@pytest.mark.parametrize("body", [CHAT_BODY, CHAT_STREAM_BODY], ids=["whole", "stream"])
@pytest.mark.parametrize("name", sorted(set(Doors.__struct_fields__) - BEFORE_THE_EDGE - NUMBERS))
async def test_whichever_part_of_the_line_is_broken_the_caller_is_not_blamed(name: str, body: bytes) -> None:
    line = await a_line(**{name: Broken()})
    events = tuple(chat_events("a")) if body is CHAT_STREAM_BODY else (CHAT_REPLY,)
    kind = "text/event-stream" if body is CHAT_STREAM_BODY else "application/json"
    line.upstream.will_play(Script(200, {"content-type": kind}, events))

    answered = await line.post(CHAT, body)

    assert answered.status not in BLAMES_THE_CALLER
    assert answered.status == 200 or answered.status >= 500
    assert CANARY.encode() not in answered.body
    assert CANARY not in str(answered.headers)
    for _, told in line.crashes:
        assert CANARY not in told


async def test_a_broken_snapshot_source_is_a_fault_of_ours_and_not_an_unknown_key() -> None:
    line = await a_line(snapshots=Broken())
    assert_ours(await line.post(CHAT, CHAT_BODY), "internal_error")

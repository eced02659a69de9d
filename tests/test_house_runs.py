"""The running gateway in one process: the real store, the line, the address space, an orderly end. What only a process
of its own shows (starting, kill, signals from a shell) is in tests/process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import BaseUrl
from ai_gateway.gateway.doors import Doors
from ai_gateway.house import House, HouseDoors
from ai_gateway.jobs.books import Books
from ai_gateway.jobs.settle import settle_all
from ai_gateway.jobs.watch import Histories, Watch, WatchDoors
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.mock.prices import PRICES
from ai_gateway.runtime.board import Board
from ai_gateway.runtime.guardrails import Guardrails
from ai_gateway.runtime.logs import Log
from ai_gateway.runtime.plans import PlanDoors, Plans
from ai_gateway.runtime.repeats import Repeats
from ai_gateway.runtime.snapshot import Snapshots
from ai_gateway.runtime.stored_responses import StoredResponses
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.telemetry import Telemetry
from ai_gateway.runtime.throttles import Throttles
from ai_gateway.runtime.waiting_room import Rooms
from ai_gateway.settings import load
from ai_gateway.store import demo, schema
from ai_gateway.store.breaker_states import SqlBreakerStates
from ai_gateway.store.decisions import SqlDecisions
from ai_gateway.store.health import SqlHealthHistory
from ai_gateway.store.metrics_history import SqlMetricsHistory
from ai_gateway.store.receipts import LedgerHistory
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.replies import SqlReplies
from ai_gateway.store.responses import SqlResponses
from ai_gateway.store.rows import PoolRow
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.snapshots import SnapshotCompiler
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.vault import KeyVault
from store.rows_for_tests import open_as_text
from support.builders import a_candidate, a_course, an_endpoint, digest_key
from support.clock import FakeClock
from support.journal import a_journal
from support.line import ask
from support.raw_http import RawServer
from support.upstream import Gate, ScriptedUpstream
from support.wire import CHAT_BODY, CHAT_REPLY, CHAT_STREAM_BODY, MESSAGES_BODY, MESSAGES_REPLY, chat_events

BEARER = {"authorization": f"Bearer {demo.KEY}"}
CHAT = "/v1/chat/completions"


@dataclass
class Home:
    house: House
    line: Doors
    store: SqlStore
    engine: AsyncEngine
    upstream: ScriptedUpstream
    tasks: Tasks
    away: bool = False

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[list[str]]:
        """Every statement that any connection executes, while the block runs."""
        statements: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement)

        event.listen(self.engine.sync_engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            event.remove(self.engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture
async def make_home(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    homes: list[Home] = []

    async def make(**environ: str) -> Home:
        clock = FakeClock()
        engine = open_engine(database_url(None, tmp_path))
        await schema.migrate(engine)
        compiler = SnapshotCompiler(unseal=open_as_text, mock_url=BaseUrl("http", "127.0.0.1", 9, ""))
        store = SqlStore(engine, compiler, clock.wall)
        await demo.seed_demo(store, digest_key, PRICES, clock.wall())
        snapshots = Snapshots(store)
        await snapshots.load()
        upstream = ScriptedUpstream(clock)
        watch = Watch(
            WatchDoors(
                histories=Histories(
                    SqlHealthHistory(store), SqlBreakerStates(store), SqlMetricsHistory(store), SqlDecisions(store)
                ),
                clock=clock,
                rng=Random(2),
                digest=lambda text: text,
                report=lambda *_: None,
                writer="p1",
            )
        )
        board, tasks, journal = Board(), Tasks(lambda *_: None), a_journal()
        books = Books(journal, store, None)
        line = Doors(
            clock=clock,
            rng=Random(1),
            snapshots=snapshots,
            digest_key=digest_key,
            plans=Plans(PlanDoors(KINDS, clock, watch.breakers, watch.healths, board, Throttles())),
            board=board,
            meters=books.meters,
            journal=journal,
            upstream=upstream,
            guardrails=Guardrails(upstream, clock),
            history=LedgerHistory(store),
            telemetry=Telemetry(),
            kinds=KINDS,
            live=set(),
            rooms=Rooms(clock, asyncio.get_running_loop().call_later),
            tasks=tasks,
            responses=StoredResponses(SqlResponses(store, KeyVault(bytes(32))), clock.wall, lambda _: None),
            repeats=Repeats(SqlReplies(store, KeyVault(bytes(32))), "this process", clock.wall, lambda _: None),
        )
        settings = load("development", {"PORT": "0", "HOST": "127.0.0.1"} | environ, {})

        async def schema_version() -> str | None:
            if homes[-1].away:
                raise StoreUnavailable
            return await schema.current_version(engine)

        house = House(HouseDoors(settings, line, store, watch, tasks, Log("error"), books.close, schema_version))
        homes.append(Home(house, line, store, engine, upstream, tasks))
        return homes[-1]

    yield make
    for home in homes:
        await home.tasks.stop()
        await home.engine.dispose()


@pytest.fixture
async def home(make_home: Callable[..., Any]) -> Home:
    return await make_home()


async def test_no_statement_is_executed_on_the_way_of_a_request_and_none_of_the_loops_behind_them(home: Home) -> None:
    home.upstream.will_answer(CHAT_REPLY)
    home.upstream.will_stream(*chat_events("hi"))
    home.upstream.will_answer(MESSAGES_REPLY)

    async with home.counting() as statements:
        assert (await ask(home.house, "POST", CHAT, BEARER, CHAT_BODY)).status == 200
        assert (await ask(home.house, "POST", CHAT, BEARER, CHAT_STREAM_BODY)).whole
        assert (await ask(home.house, "POST", "/v1/messages", BEARER, MESSAGES_BODY)).status == 200
        assert (await ask(home.house, "GET", "/v1/models", BEARER)).status == 200
        assert (await ask(home.house, "POST", CHAT, {}, CHAT_BODY)).status == 401
        assert statements == []

        assert await settle_all(home.line.journal, home.store) == 3

        assert statements == []  # they were written on the ledger's own connection, by a thread
    async with home.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM ledger"))).scalar() == 3
        assert (await connection.execute(text("SELECT count(*) FROM spending_windows"))).scalar()


async def test_the_statements_are_really_counted(home: Home) -> None:
    async with home.counting() as statements:
        await home.store.ping()
        await ask(home.house, "GET", "/v1/requests/req_1", BEARER)
    assert len([it for it in statements if "SELECT" in it]) >= 2


async def test_a_request_can_be_looked_up_before_and_after_it_was_settled(home: Home) -> None:
    home.upstream.will_answer(CHAT_REPLY)
    request_id = (await ask(home.house, "POST", CHAT, BEARER, CHAT_BODY)).headers["x-request-id"]

    waiting = (await ask(home.house, "GET", f"/v1/requests/{request_id}", BEARER)).json()
    await settle_all(home.line.journal, home.store)
    settled = (await ask(home.house, "GET", f"/v1/requests/{request_id}", BEARER)).json()

    assert waiting == settled
    assert waiting["input_tokens"] == 12
    assert home.line.journal.depth == 0


async def test_a_change_is_live_when_the_refresh_returns_and_what_is_gone_is_forgotten(home: Home) -> None:
    async with home.store.begin() as unit:
        (pool,) = await unit.find(PoolRow, demo.TENANT_ID, group_name="demo-fallback")
        await unit.delete(PoolRow, demo.TENANT_ID, pool.id)
        await unit.bump(demo.TENANT_ID, PoolRow.noun, pool.id)
    gone = home.line.board.of("pc_gone")
    gone.start()
    gone.leave()
    assert gone.requests == 1
    course = a_course("fast", a_candidate(an_endpoint("gone")))
    plan = home.line.plans.of("t1", course, Dialect.OPENAI, Operation.CHAT)

    await home.house.refresh()

    names = [it["id"] for it in (await ask(home.house, "GET", "/v1/models", BEARER)).json()["data"]]
    assert "demo-fallback" not in names
    assert home.line.board.of("pc_gone").requests == 0
    assert home.line.plans.of("t1", course, Dialect.OPENAI, Operation.CHAT) is not plan


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/v1/models", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/admin/tenants", 404),
    ],
)
async def test_every_address_has_its_room(home: Home, method: str, path: str, status: int) -> None:
    assert (await ask(home.house, method, path)).status == status


async def test_metrics_say_what_the_line_knows(home: Home) -> None:
    home.upstream.will_answer(CHAT_REPLY)
    await ask(home.house, "POST", CHAT, BEARER, CHAT_BODY)
    body = (await ask(home.house, "GET", "/metrics")).body
    assert b"ai_gateway_ledger_queue_rows 1.0" in body
    assert b"ai_gateway_open_holds 0.0" in body


async def test_a_database_that_is_away_is_not_ready_but_alive_and_serves_on(home: Home) -> None:
    home.upstream.will_answer(CHAT_REPLY)
    home.away = True

    ready = await ask(home.house, "GET", "/readyz")

    assert (ready.status, ready.json()["missing"]) == (503, {"store": "unavailable"})
    assert (await ask(home.house, "GET", "/healthz")).status == 200
    assert (await ask(home.house, "POST", CHAT, BEARER, CHAT_BODY)).status == 200


async def test_the_control_plane_is_loaded_behind_the_first_answer_and_waited_for(home: Home) -> None:
    async def admin(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    home.house.load_admin_later(lambda: admin)

    assert (await ask(home.house, "GET", "/api/v1/admin/tenants")).status == 204
    assert (await ask(home.house, "GET", "/healthz")).status == 200


async def test_a_signal_ends_it_in_order(make_home: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Unready first, running requests to their end, the rest of the journal into the ledger."""
    home: Home = await make_home()
    gate = Gate()
    home.upstream.will_answer(gate, CHAT_REPLY)
    serving = asyncio.ensure_future(home.house.serve())
    port = await _announced(capsys)
    async with RawServer(port).connect() as client:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: {BEARER['authorization']}\r\n"
        await client.send(f"{head}Content-Length: {len(CHAT_BODY)}\r\n\r\n".encode() + CHAT_BODY)
        await gate.reached()

        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        while (await ask(home.house, "GET", "/readyz")).status == 200:
            pass
        gate.open()

        assert (await client.read_answer()).status == 200
    await serving

    assert home.line.journal.depth == 0
    assert len(await home.store.page_ledger(demo.TENANT_ID)) == 1


async def test_what_does_not_end_by_the_deadline_is_ended_with_a_clear_error(
    make_home: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    home: Home = await make_home(AI_GATEWAY_DRAIN_SECONDS="0")
    gate = Gate()
    home.upstream.will_answer(gate, CHAT_REPLY)
    serving = asyncio.ensure_future(home.house.serve())
    port = await _announced(capsys)
    async with RawServer(port).connect() as client:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: {BEARER['authorization']}\r\n"
        await client.send(f"{head}Content-Length: {len(CHAT_BODY)}\r\n\r\n".encode() + CHAT_BODY)
        await gate.reached()

        os.kill(os.getpid(), signal.SIGTERM)

        answer = await client.read_answer()
        assert (answer.status, answer.headers["x-gateway-error"]) == (503, "draining")
    await serving

    (row,) = await home.store.page_ledger(demo.TENANT_ID)
    assert row.outcome == "cut"


async def _announced(capsys: pytest.CaptureFixture[str]) -> int:
    """The port that the welcome names."""
    seen = ""
    async with asyncio.timeout(20):
        while "Stop" not in seen:
            await asyncio.sleep(0)
            seen += capsys.readouterr().out
    return int(seen.partition("http://127.0.0.1:")[2].partition(" ")[0])

"""The whole data plane in memory: real rooms, fakes for doors, and callers that speak ASGI without a socket."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, final

import msgspec

from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.traffic import Receipt
from ai_gateway.gateway.doors import Doors, LineLimits
from ai_gateway.gateway.http import DataPlane
from ai_gateway.gateway.protocol import WATCH, Watch
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.board import Board
from ai_gateway.runtime.breakers import Breakers
from ai_gateway.runtime.guardrails import Guardrails
from ai_gateway.runtime.health import Healths
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.plans import PlanDoors, Plans
from ai_gateway.runtime.repeats import Repeats
from ai_gateway.runtime.snapshot import Snapshots
from ai_gateway.runtime.stored_responses import StoredResponses
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.telemetry import Ended, Telemetry
from ai_gateway.runtime.throttles import Throttles
from ai_gateway.runtime.waiting_room import Rooms
from ai_gateway.store.replies import MemoryReplies
from ai_gateway.store.responses import MemoryResponses
from support.builders import TOKEN, a_snapshot, digest_key
from support.clock import FakeClock
from support.journal import a_journal
from support.timers import Timers
from support.upstream import ScriptedUpstream

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
BEARER = {"authorization": f"Bearer {TOKEN}"}


@final
class FixedSource:
    """A SnapshotSource that always has the same to say."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    async def load_snapshot(self) -> Snapshot:
        return self.snapshot

    async def changes_since(self, revision: int) -> list[ConfigurationChanged]:
        return []

    async def apply_changes(self, snapshot: Snapshot, changes: Sequence[ConfigurationChanged]) -> Snapshot:
        return snapshot


@final
class MemoryHistory:
    """A History of what a test puts in; `away` is raised, and `gate` waited at, before anything is said."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.away: Exception | None = None
        self.silent = False

    async def receipts_of(self, tenant_id: str, request_id: str) -> list[Receipt]:
        if self.silent:
            await asyncio.Event().wait()
        if self.away is not None:
            raise self.away
        return [it for it in self.receipts if (it.tenant_id, it.request_id) == (tenant_id, request_id)]


@dataclass(frozen=True)
class Answered:
    """What the caller has seen. `whole` False: the answer did not end."""

    status: int
    headers: dict[str, str]
    chunks: list[bytes]
    whole: bool

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json()["error"]


@final
class Visit:
    """One request of one caller, who may leave: `leave` at any time, or `leave_after` so many messages were heard."""

    def __init__(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | Sequence[bytes] = b"",
        *,
        leave_after: int | None = None,
    ) -> None:
        raw_path, _, query = path.partition("?")
        self.watch = Watch()
        self.messages: list[dict[str, Any]] = []
        self._heard = asyncio.Condition()
        self._bodies = [body] if isinstance(body, bytes) else list(body)
        self._leave_after = leave_after
        self._task: asyncio.Task[None] | None = None
        self._scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": raw_path,
            "raw_path": raw_path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()],
            "extensions": {WATCH: self.watch},
        }

    def start(self, app: Asgi) -> "Visit":
        self._task = asyncio.get_running_loop().create_task(app(self._scope, self._receive, self._send))
        return self

    def leave(self) -> None:
        self.watch.lose()

    def cancel(self) -> None:
        """As the end of the process does."""
        assert self._task is not None
        self._task.cancel()

    async def heard(self, count: int) -> None:
        """Until the caller has heard so many messages (the head is one)."""
        async with self._heard:
            await self._heard.wait_for(lambda: len(self.messages) >= count)

    async def end(self) -> Answered:
        assert self._task is not None
        await self._task
        return self.answered

    @property
    def answered(self) -> Answered:
        if not self.messages:
            return Answered(0, {}, [], whole=False)
        head, *bodies = self.messages
        assert head["type"] == "http.response.start"
        return Answered(
            status=head["status"],
            headers={name.decode(): value.decode("latin-1") for name, value in head["headers"]},
            chunks=[it["body"] for it in bodies],
            whole=bool(bodies) and not bodies[-1].get("more_body", False),
        )

    async def _receive(self) -> dict[str, Any]:
        if self.watch.lost:
            return {"type": "http.disconnect"}
        if not self._bodies:
            await asyncio.Event().wait()
        body = self._bodies.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self._bodies)}

    async def _send(self, message: dict[str, Any]) -> None:
        ended = bool(self.messages) and "body" in self.messages[-1] and not self.messages[-1].get("more_body", False)
        assert not ended, "nothing is sent after the end"
        await asyncio.sleep(0)  # as uvicorn does, which waits for a caller to read before it sends, and not behind it
        if self.watch.lost:
            return
        async with self._heard:
            self.messages.append(message)
            self._heard.notify_all()
        if len(self.messages) == self._leave_after:
            self.leave()
            await asyncio.sleep(0)


@dataclass
class Line:
    """The data plane and everything it was handed."""

    clock: FakeClock
    timers: Timers
    upstream: ScriptedUpstream
    history: MemoryHistory
    breakers: Breakers
    throttles: Throttles
    doors: Doors
    app: DataPlane
    ended: list[Ended] = field(default_factory=list)
    crashes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def receipts(self) -> list[Receipt]:
        return list(self.doors.journal.peek(1_000_000))

    def visit(
        self, path: str, body: bytes | Sequence[bytes] = b"", headers: dict[str, str] | None = None, **more: Any
    ) -> Visit:
        return Visit("POST", path, BEARER if headers is None else headers, body, **more)

    async def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answered:
        return await self.visit(path, body, headers).start(self.app).end()

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Answered:
        return await ask(self.app, "GET", path, BEARER if headers is None else headers)

    def assert_at_rest(self) -> None:
        """Nothing is held, running or counted as running once every request is over."""
        assert self.doors.meters.open_holds == 0
        assert self.doors.journal.open_attempts == 0
        assert self.doors.live == set()
        assert self.doors.telemetry.active == 0
        assert [it.waiting for it in self.doors.rooms.standings()].count(0) == len(self.doors.rooms.standings())
        tenants = self.doors.snapshots.current().tenants.values()
        assert [self.doors.board.of(it.id).active for tenant in tenants for it in tenant.endpoints.values()].count(
            0
        ) == sum(len(tenant.endpoints) for tenant in tenants)
        assert all(answer.closed for answer in self.upstream.answers)


async def a_line(snapshot: Snapshot | None = None, **changes: Any) -> Line:
    """`changes` are fields of Doors."""
    clock = FakeClock()
    timers = Timers(clock)
    upstream = ScriptedUpstream(clock)
    history = MemoryHistory()
    snapshots = Snapshots(FixedSource(snapshot or a_snapshot()))
    await snapshots.load()
    ended: list[Ended] = []
    crashes: list[tuple[str, str]] = []
    board, breakers, throttles = Board(), Breakers(clock, Random(2), lambda text: text), Throttles()
    rooms, meters = Rooms(clock, timers.later), Meters()
    meters.freed = lambda _cell: rooms.place_free()
    fields = {
        "clock": clock,
        "rng": Random(1),
        "snapshots": snapshots,
        "digest_key": digest_key,
        "plans": Plans(PlanDoors(KINDS, clock, breakers, Healths(), board, throttles)),
        "board": board,
        "meters": meters,
        "journal": a_journal(),
        "upstream": upstream,
        "history": history,
        "telemetry": Telemetry((ended.append,)),
        "kinds": KINDS,
        "live": set(),
        "repeats": Repeats(MemoryReplies(), "this process", clock.wall, lambda what: crashes.append(("dropped", what))),
        "responses": StoredResponses(
            MemoryResponses(), clock.wall, lambda what: crashes.append(("dropped", what)), sleep=clock.sleep
        ),
        "guardrails": Guardrails(upstream, clock),
        "rooms": rooms,
        "tasks": Tasks(lambda name, error: crashes.append((name, repr(error)))),
        "limits": LineLimits(),
        "sleep": clock.sleep,
    }
    doors = Doors(**fields | changes)
    breakers.listen(lambda _: doors.rooms.look_again())
    breakers.on_reset(lambda _: doors.rooms.look_again())
    app = DataPlane(doors, lambda request_id, stack: crashes.append((request_id, stack)))
    return Line(clock, timers, upstream, history, breakers, throttles, doors, app, ended, crashes)


async def ask(
    app: Asgi, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | Sequence[bytes] = b""
) -> Answered:
    """One request from its first byte to its end."""
    return await Visit(method, path, headers, body).start(app).end()

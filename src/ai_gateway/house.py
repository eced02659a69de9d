"""The running gateway: one address space over the data plane, the probes and the control plane, and an orderly end.

main.py builds what is in here; this file runs it. The control plane is imported in a thread once the data plane
serves, because FastAPI takes longer to import than everything on the line together; a request for it that comes
earlier waits.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final, final

import msgspec

from ai_gateway import __version__
from ai_gateway.domain.config import TenantId
from ai_gateway.domain.faults import Fault
from ai_gateway.domain.traffic import Receipt
from ai_gateway.domain.wording import Language
from ai_gateway.gateway import http
from ai_gateway.gateway.client import Receive, Send
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.ops import PATHS, Ops, OpsDoors
from ai_gateway.gateway.protocol import EdgeDoors, EdgeLimits, protocol_class
from ai_gateway.jobs.large_pages import keep_pages_large
from ai_gateway.jobs.watch import Watch
from ai_gateway.runtime.board import spread
from ai_gateway.runtime.ids import first_request_id
from ai_gateway.runtime.large_pages import LargePages
from ai_gateway.runtime.logs import Log
from ai_gateway.runtime.memory import moving_in
from ai_gateway.runtime.probe import Probe
from ai_gateway.runtime.raised_limits import hear_of_raises
from ai_gateway.runtime.server import Server, allow_open_files, open_sockets
from ai_gateway.runtime.standings import Standings
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.telemetry import render
from ai_gateway.settings import Settings
from ai_gateway.store import demo, schema
from ai_gateway.store.budget_warnings import BudgetWarnings
from ai_gateway.store.leases import LeaseBook
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.vault import KeyVault

if TYPE_CHECKING:
    from ai_gateway.admin.doors import Counted, EndpointView, ProbeResult
    from ai_gateway.domain.events import ConfigurationChanged
    from ai_gateway.runtime.waiting_room import RoomStanding

ADMIN_PREFIX: Final = "/api/v1/admin"
READY_SECONDS: Final = 1.0
BEARER: Final = b"Bearer "

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class HouseDoors(msgspec.Struct, frozen=True):
    settings: Settings
    line: Doors
    store: SqlStore
    watch: Watch
    tasks: Tasks
    log: Log
    close_books: Callable[[], Awaitable[None]]
    schema_version: Callable[[], Awaitable[str | None]]


@final
class House:
    def __init__(self, doors: HouseDoors) -> None:
        self._settings = doors.settings
        self._line = doors.line
        self._store = doors.store
        self._watch = doors.watch
        self._tasks = doors.tasks
        self._log = doors.log
        self._close_books = doors.close_books
        self._schema_version = doors.schema_version
        self._draining = False
        self._data_plane = http.DataPlane(doors.line, self._crashed)
        self._ops = self._open_ops(None if doors.settings.mode == "development" else self._may_scrape)
        self._admin: asyncio.Future[Asgi] | None = None

    async def serve(self) -> None:
        """Until a signal, then drain: unready first, then closed to new requests, then over. Further signals change
        nothing."""
        settings = self._settings
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        allow_open_files()
        sockets = open_sockets(settings.hosts, settings.port)
        server = Server(self, sockets, self._protocol(), settings.drain_seconds + 5)
        running = self._tasks.spawn("server", server.run())
        metrics = await self._serve_metrics()
        await server.started()
        self._announce(server.port)
        self._tasks.keep("large pages", partial(keep_pages_large, LargePages().look))
        await stop.wait()
        self._draining = True
        self._log.info("draining", active=len(self._line.live), seconds=settings.drain_seconds)
        await asyncio.sleep(settings.unready_seconds)
        server.stop()
        finished, _ = await asyncio.wait({running}, timeout=settings.drain_seconds)
        if not finished:
            self._log.warning("drain_deadline", ended=http.drain(self._line))
            await running
        if metrics is not None:
            metrics.stop()
        await self._close_books()
        await self._watch.flush()
        self._log.info("stopped")

    def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
        """The whole address space: `/v1` first, because nearly everything is. What leads nowhere is the data plane's
        to refuse, in the shape of an SDK's error."""
        path: str = scope["path"]
        if not path.startswith("/v1/"):
            if path in PATHS:
                return self._ops(scope, receive, send)
            if self._admin is not None and path.startswith(ADMIN_PREFIX) and b"%" not in scope["raw_path"]:
                return _once_there(self._admin, scope, receive, send)
        return self._data_plane(scope, receive, send)

    async def refresh(self) -> None:
        """Make every committed change live in this process."""
        before = self._line.snapshots.current()
        if await self._line.snapshots.refresh():
            now = self._line.snapshots.current()
            if now.tenants is not before.tenants:
                self.watch_what_is_configured()
            hear_of_raises(self._line.meters, now)

    def watch_what_is_configured(self) -> None:
        """What is known of endpoints that are gone is forgotten, and of the others kept."""
        tenants = self._line.snapshots.current().tenants.values()
        endpoints = [it for tenant in tenants for it in tenant.endpoints.values()]
        names: set[str] = {it.id for it in endpoints}
        self._line.board.keep_only(names)
        self._line.plans.keep_only(names)
        self._watch.configured(endpoints)

    def load_admin_later(self, build: Callable[[], Asgi]) -> None:
        """`build` imports and makes the control plane; it runs in a thread."""
        admin: asyncio.Future[Asgi] = asyncio.get_running_loop().create_future()
        self._admin = admin

        def build_at_once() -> Asgi:
            with moving_in():
                return build()

        async def load() -> None:
            admin.set_result(await asyncio.to_thread(build_at_once))

        self._tasks.spawn("load admin", load())

    async def _missing(self) -> dict[str, str]:
        """What stands between this process and being ready, by name."""
        missing: dict[str, str] = {}
        if self._draining:
            missing["process"] = "draining"
        if self._line.journal.problem is not None:
            missing["journal"] = "cannot be written"
        if not self._line.snapshots.current().revision and self._settings.mode == "development":
            missing["configuration"] = "not loaded"
        try:
            async with asyncio.timeout(READY_SECONDS):
                version = await self._schema_version()
            if version != schema.HEAD:
                missing["schema"] = f"the database is at {version}, this gateway needs {schema.HEAD}"
        except (StoreUnavailable, TimeoutError):
            missing["store"] = "unavailable"
        return missing

    def _open_ops(self, may_scrape: Callable[[bytes], bool] | None) -> Ops:
        return Ops(OpsDoors(readiness=self._missing, metrics=self._metrics, may_scrape=may_scrape, version=__version__))

    def _metrics(self) -> bytes:
        line = self._line
        return render(
            line.telemetry,
            line.journal.booked_nano,
            lambda: {
                "ai_gateway_ledger_queue_rows": line.journal.depth,
                "ai_gateway_open_holds": line.meters.open_holds,
                "ai_gateway_history_dropped_rows": self._watch.dropped(),
                "ai_gateway_configuration_revision": line.snapshots.current().revision,
            },
        )

    def _may_scrape(self, offered: bytes) -> bool:
        token = self._settings.admin_token
        return token is not None and compare_digest(offered, BEARER + token.reveal().encode())

    async def _serve_metrics(self) -> Server | None:
        """/metrics and the probes on a port of their own, where an operator asked for one."""
        if self._settings.metrics_port is None:
            return None
        server = Server(self._open_ops(None), open_sockets(self._settings.hosts, self._settings.metrics_port))
        self._tasks.spawn("metrics server", server.run())
        await server.started()
        return server

    def _protocol(self) -> Any:
        limits = self._settings.limits
        edge = EdgeLimits(
            head_bytes=limits.max_header_bytes,
            head_seconds=limits.header_seconds,
            body_bytes=limits.max_body_bytes,
            body_seconds=limits.body_seconds,
            body_bytes_per_second=limits.min_body_rate,
        )
        return protocol_class(edge, EdgeDoors(clock=self._line.clock, refused=self._turned_away))

    def _turned_away(self, fault: Fault, request_id: str) -> None:
        self._line.telemetry.refused(fault)
        self._log.info("request_refused", request_id=request_id, status=fault.status, code=fault.code)

    def _crashed(self, request_id: str, where: str) -> None:
        self._log.error("crash", request_id=request_id, where=where)

    def _announce(self, port: int) -> None:
        if self._settings.mode != "development":
            self._log.info("serving", hosts=self._settings.hosts, port=port)
            return
        url = f"http://127.0.0.1:{port}"
        sys.stdout.write(WELCOME.format(version=__version__, url=url, key=demo.KEY))
        sys.stdout.flush()


async def _once_there(app: "asyncio.Future[Asgi]", scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await (await asyncio.shield(app))(scope, receive, send)


WELCOME: Final = """
  AI Gateway {version} is running at {url}  (development mode: this machine only)

  Try it, nothing else is needed (a built-in mock answers, with prices, and no account anywhere):

curl {url}/v1/chat/completions -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"model": "gpt-4", "messages": [{{"role": "user", "content": "Hello! What are you?"}}]}}'

  OpenAI SDK      OPENAI_BASE_URL={url}/v1  OPENAI_API_KEY={key}
  Anthropic SDK   ANTHROPIC_BASE_URL={url}  ANTHROPIC_API_KEY={key}
  Admin API       curl {url}/api/v1/admin/providers
  Stop            Ctrl-C

"""


class Control(msgspec.Struct, frozen=True):
    """What the control plane is made of; `build` imports it. `started` (Unix seconds): no request was admitted by this
    process before."""

    settings: Settings
    line: Doors
    store: SqlStore
    watch: Watch
    vault: KeyVault
    digest_token: Callable[[bytes], bytes]
    check_url: Callable[[str], None]
    refresh: Callable[[], Awaitable[None]]
    standings: Standings
    corrected: Callable[[Receipt], None]
    leases: LeaseBook
    process_id: str
    mock_enabled: bool
    started: float
    warnings: BudgetWarnings
    languages: Mapping[str, Language]

    def build(self) -> Asgi:
        from ai_gateway.admin.app import build
        from ai_gateway.admin.doors import AdminDoors, Mode, OnCall, SelfAudit
        from ai_gateway.store.usage import SqlUsage
        from ai_gateway.store.usage_audit import SqlAuditBooks

        development = self.settings.mode == "development"
        return build(
            AdminDoors(
                mode=Mode.DEVELOPMENT if development else Mode.SERVE,
                store=self.store,
                vault=self.vault,
                digest_key=self.line.digest_key,
                digest_token=self.digest_token,
                bootstrap_token=self.settings.admin_token,
                publish=self._publish,
                snapshot=self.line.snapshots.current,
                observe=self._observe,
                probe=self._probe,
                corrected=self.corrected,
                oncall=OnCall(
                    breakers=self.watch.breakers,
                    healths=self.watch.healths,
                    transitions=self.watch.transitions,
                    decisions=self.watch.decisions,
                    health_history=self.watch.histories.health,
                    metrics_history=self.watch.histories.metrics,
                    kept_decisions=self.watch.histories.decisions,
                    save_breakers=self.watch.save_breakers,
                    running=self.line.journal.running,
                    unsettled=self.line.journal.find,
                    waiting=self._waiting,
                ),
                budgets=self.standings,
                usage=SqlUsage(self.store),
                audit=SelfAudit(
                    books=SqlAuditBooks(self.store),
                    counted=self._counted,
                    since_request_id=first_request_id(int(self.started * 1000)),
                    process_id=self.process_id,
                ),
                warnings=self.warnings,
                check_url=self.check_url,
                leases=self.leases,
                mock_enabled=self.mock_enabled,
                now=self.line.clock.wall,
                languages=self.languages,
                default_tenant_id=demo.TENANT_ID if development else None,
            )
        )

    def _counted(self) -> "Counted":
        from ai_gateway.admin.doors import Counted

        journal = self.line.journal
        waiting = sum(receipt.cost_nano_usd for receipt in journal.peek(journal.depth))
        return Counted(booked_nano=journal.booked_nano, waiting_nano=waiting)

    async def _publish(self, change: "ConfigurationChanged") -> None:
        await self.refresh()

    def _waiting(self, tenant_id: str) -> "list[RoomStanding]":
        """The queues of a tenant, by the names that it knows."""
        mine = f"{tenant_id} "
        return [
            msgspec.structs.replace(it, name=it.name.removeprefix(mine))
            for it in self.line.rooms.standings()
            if it.name.startswith(mine)
        ]

    def _observe(self, endpoint_id: str) -> "EndpointView":
        from ai_gateway.admin.doors import EndpointView

        standing = self.line.board.of(endpoint_id)
        return EndpointView(
            requests=standing.requests,
            active_requests=standing.active,
            errors=standing.errors,
            latency_ms=msgspec.structs.asdict(spread(standing.latency.usual, standing.latencies)),
            ttft_ms=msgspec.structs.asdict(spread(standing.ttft.usual, standing.ttfts)),
        )

    async def _probe(self, tenant_id: str, name: str) -> "ProbeResult":
        from ai_gateway.admin.doors import ProbeResult

        tenant = self.line.snapshots.current().tenants.get(TenantId(tenant_id))
        endpoint = None if tenant is None else tenant.endpoints.get(name)
        if endpoint is None:
            return ProbeResult(False, None, 0.0, "invalid_request", "This provider config is disabled.")
        checked = await Probe(self.line.upstream, self.line.clock, self.line.tokens).check(
            endpoint, self.line.kinds[endpoint.provider]
        )
        fault = checked.fault
        return ProbeResult(
            ok=fault is None,
            status=checked.status,
            latency_ms=checked.latency_ms,
            category=fault and fault.category.value,
            message=fault and fault.message,
        )

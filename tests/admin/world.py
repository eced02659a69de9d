"""A small real control plane for tests: the memory twin, a live snapshot, fakes for the vault, the clock and the probe.

Two tenants, `ten_own` and `ten_foreign`, and a token for every role; requests go through the whole ASGI app.
"""

import json
from collections.abc import Callable
from hashlib import blake2b
from random import Random
from typing import Any

import httpx2
import msgspec
from fastapi import FastAPI

from ai_gateway.admin.app import build
from ai_gateway.admin.doors import AdminDoors, Counted, EndpointView, Mode, OnCall, ProbeResult, SelfAudit
from ai_gateway.domain.config import (
    EMPTY_SNAPSHOT,
    BaseUrl,
    Endpoint,
    EndpointId,
    ProviderType,
    Snapshot,
    TenantId,
)
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.secret import Secret
from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime.breakers import Breakers
from ai_gateway.runtime.decisions import Decisions
from ai_gateway.runtime.entries import Held, Progress
from ai_gateway.runtime.health import Healths
from ai_gateway.runtime.languages import read_languages
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.standings import OwnStandings
from ai_gateway.runtime.transitions import Transitions
from ai_gateway.runtime.waiting_room import RoomStanding
from ai_gateway.store.budget_warnings import MemoryBudgetWarnings
from ai_gateway.store.decisions import MemoryDecisions
from ai_gateway.store.health import MemoryHealthHistory
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from ai_gateway.store.metrics_history import MemoryMetricsHistory
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import AdminTokenRow, Row, TenantRow
from ai_gateway.store.snapshots import SnapshotCompiler
from ai_gateway.store.usage import MemoryUsage
from ai_gateway.store.usage_audit import MemoryAuditBooks
from support.languages import GERMAN

OWN = "ten_own"
FOREIGN = "ten_foreign"
PREFIX = "/api/v1/admin"
NOW = 1_800_000_000.0
TOKENS = {"platform": "boot-strap-token", "tenant_admin": "gwa-own-admin", "viewer": "gwa-own-viewer"}
SYSTEM = Endpoint(
    id=EndpointId("system:openai"),
    tenant_id=TenantId(""),
    name="openai",
    provider=ProviderType.OPENAI,
    base_url=BaseUrl(scheme="https", host="api.openai.com", port=443, path="/v1"),
    models=("gpt-4o-mini",),
    api_key=Secret("sk-system"),
)

USUAL_VIEW = EndpointView(requests=3, active_requests=1, errors=0, latency_ms={"ewma": 12.5}, ttft_ms={"ewma": None})


def digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16, key=b"tests").digest()


class FakeVault:
    """Reversible and visibly so; what matters here is that it is asked, with the right names."""

    def seal(self, tenant_id: str, name: str, secret: Secret) -> bytes:
        return json.dumps([tenant_id, name, secret.reveal()[::-1]]).encode()

    def unseal(self, tenant_id: str, name: str, ciphertext: bytes) -> Secret:
        sealed_for, sealed_name, text = json.loads(ciphertext)
        assert (sealed_for, sealed_name) == (tenant_id, name)
        return Secret(text[::-1])


LANGUAGES = {**read_languages(None), "de": GERMAN}


def refuse_metadata(url: str) -> None:
    if "169.254." in url:
        raise ValueError("The address is link-local and may not be called.")


class World:
    def __init__(self, mode: Mode = Mode.SERVE, *, mock_enabled: bool = True) -> None:
        vault = FakeVault()
        compiler = SnapshotCompiler(
            unseal=vault.unseal,
            system_endpoints=(SYSTEM,),
            environment={"SHARED_KEY": "sk-shared"},
            languages=LANGUAGES,
        )
        self.store = MemoryStore(compiler)
        self.snapshot: Snapshot = EMPTY_SNAPSHOT
        self.published: list[ConfigurationChanged] = []
        self.probed: list[tuple[str, str]] = []
        self.now = NOW
        self.views: dict[str, EndpointView] = {}
        self.running: list[tuple[Held, Progress | None]] = []
        self.unsettled: list[Receipt] = []
        self.waiting: list[RoomStanding] = []
        self.saved = 0
        self.is_away = False
        self.counted = Counted(0, 0)
        self.oncall = self._open_oncall()
        self.leases = MemoryLeaseDesk(lambda: self.now)
        self.meters = Meters()
        self.warnings = MemoryBudgetWarnings()
        self.corrected: list[Receipt] = []
        self.doors = AdminDoors(
            mode=mode,
            store=self.store,
            vault=vault,
            digest_key=digest,
            digest_token=digest,
            bootstrap_token=Secret(TOKENS["platform"]),
            publish=self._publish,
            snapshot=lambda: self.snapshot,
            observe=lambda endpoint_id: self.views.get(endpoint_id, USUAL_VIEW),
            probe=self._probe,
            corrected=self.corrected.append,
            oncall=self.oncall,
            usage=MemoryUsage(self.store),
            audit=SelfAudit(MemoryAuditBooks(self.store), lambda: self.counted, "req_"),
            budgets=OwnStandings(self.meters),
            warnings=self.warnings,
            check_url=refuse_metadata,
            leases=self.leases,
            mock_enabled=mock_enabled,
            now=lambda: self.now,
            languages=LANGUAGES,
            default_tenant_id=OWN if mode is Mode.DEVELOPMENT else None,
        )
        self.app: FastAPI = build(self.doors)

    def _open_oncall(self) -> OnCall:
        breakers = Breakers(_WorldClock(self), Random(1), digest)
        transitions = Transitions()
        breakers.listen(transitions.note)
        return OnCall(
            breakers=breakers,
            healths=Healths(),
            transitions=transitions,
            decisions=Decisions(lambda _: None, Random(1), sample=0.0),
            health_history=MemoryHealthHistory(),
            metrics_history=MemoryMetricsHistory(),
            kept_decisions=MemoryDecisions(),
            save_breakers=self._save_breakers,
            running=lambda: self.running,
            unsettled=lambda tenant_id, request_id: [
                it for it in self.unsettled if (it.tenant_id, it.request_id) == (tenant_id, request_id)
            ],
            waiting=lambda tenant_id: self.waiting if tenant_id == OWN else (),
        )

    async def _save_breakers(self) -> None:
        if self.is_away:
            raise StoreUnavailable
        self.saved += len(self.oncall.breakers.dirty())

    def endpoint(self, name: str, tenant_id: str = OWN) -> Endpoint:
        return self.snapshot.tenants[TenantId(tenant_id)].endpoints[name]

    async def _publish(self, change: ConfigurationChanged) -> None:
        self.published.append(change)
        self.snapshot = await self.store.apply_changes(self.snapshot, [change])

    async def _probe(self, tenant_id: str, name: str) -> ProbeResult:
        self.probed.append((tenant_id, name))
        return ProbeResult(ok=True, status=200, latency_ms=4.5)

    async def populate(self) -> "World":
        await self.insert(
            TenantRow(id=OWN, tenant_id=OWN, created_at=NOW, name="Own"),
            TenantRow(id=FOREIGN, tenant_id=FOREIGN, created_at=NOW, name="Foreign"),
            *(
                AdminTokenRow(
                    id=f"adm_{role}",
                    tenant_id=OWN,
                    created_at=NOW,
                    name=role,
                    role=role,
                    digest=digest(TOKENS[role].encode()),
                    display="gwa-...",
                )
                for role in ("tenant_admin", "viewer")
            ),
        )
        return self

    async def insert(self, *rows: Row) -> None:
        async with self.store.begin() as unit:
            for row in rows:
                await unit.insert(row)
        self.snapshot = await self.store.load_snapshot()

    async def rows(self, kind: type[Row], tenant_id: str | None = OWN) -> list[Any]:
        async with self.store.begin() as unit:
            return list(await unit.find(kind, tenant_id))

    async def everything(self) -> bytes:
        """All that is stored, to say that nothing changed."""
        return msgspec.json.encode(await self.store.changes_since(0))

    async def raw(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        host: str = "127.0.0.1:8000",
    ) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            pairs = headers.items() if isinstance(headers, dict) else headers or ()
            sent = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
            return await client.request(method, path, content=content, headers=sent)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        role: str | None = "tenant_admin",
        tenant: str | None = None,
    ) -> httpx2.Response:
        headers = {"authorization": f"Bearer {TOKENS.get(role, role)}"} if role else {}
        if tenant is not None:
            headers["x-tenant-id"] = tenant
        content = None if body is None else json.dumps(body).encode()
        return await self.raw(method, PREFIX + path, content=content, headers=headers)

    async def made(self, path: str, body: object, **options: Any) -> dict[str, Any]:
        """POST that must succeed."""
        answer = await self.call("POST", path, body, **options)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


def without_id(answer: httpx2.Response) -> dict[str, Any]:
    """An error body, apart from the request's own id."""
    body = answer.json()
    body["error"]["gateway"].pop("request_id")
    return body


class _WorldClock:
    """The world's one time, for whoever asks a clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> float:
        return self._world.now

    def wall(self) -> float:
        return self._world.now


Make = Callable[[], World]

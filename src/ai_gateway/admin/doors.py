"""What the control plane is handed: its store, its locks, and views of the living data plane.

Views are callables, so that this room reads the running process without importing how it runs.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.secret import Secret
from ai_gateway.domain.traffic import Receipt
from ai_gateway.domain.wording import Language
from ai_gateway.runtime.breakers import Breakers
from ai_gateway.runtime.decisions import Decisions
from ai_gateway.runtime.entries import Held, Progress
from ai_gateway.runtime.health import Healths
from ai_gateway.runtime.limited_keys import LimitedKeys
from ai_gateway.runtime.standings import Standings
from ai_gateway.runtime.transitions import Transitions
from ai_gateway.runtime.waiting_room import RoomStanding
from ai_gateway.store.budget_warnings import BudgetWarnings
from ai_gateway.store.decisions import Decisions as KeptDecisions
from ai_gateway.store.health import HealthHistory
from ai_gateway.store.leases import LeaseBook
from ai_gateway.store.metrics_history import MetricsHistory
from ai_gateway.store.records import Store
from ai_gateway.store.usage import UsageBooks
from ai_gateway.store.usage_audit import AuditBooks


class Mode(StrEnum):
    DEVELOPMENT = "development"
    SERVE = "serve"


class ProbeResult(msgspec.Struct, frozen=True):
    """What calling an endpoint's free check said. `category` and `message` speak the fault taxonomy; None when ok."""

    ok: bool
    status: int | None
    latency_ms: float
    category: str | None = None
    message: str | None = None


class Vault(Protocol):
    def seal(self, tenant_id: str, name: str, secret: Secret) -> bytes: ...

    def unseal(self, tenant_id: str, name: str, ciphertext: bytes) -> Secret: ...


class EndpointView(msgspec.Struct, frozen=True):
    """Live numbers of one endpoint since the process started; milliseconds; None where nothing was measured."""

    requests: int
    active_requests: int
    errors: int
    latency_ms: dict[str, float | None]
    ttft_ms: dict[str, float | None]


class OnCall(msgspec.Struct, frozen=True):
    """What an engineer on call reads and moves. The objects are the living ones: an operator's word is in force when
    the call returns. `save_breakers` writes what moved, raising StoreUnavailable. `running` gives the attempts that
    are under way, `unsettled` the receipts of a tenant's request that the ledger does not have yet, `waiting` the
    queues of a tenant."""

    breakers: Breakers
    healths: Healths
    transitions: Transitions
    decisions: Decisions
    health_history: HealthHistory
    metrics_history: MetricsHistory
    kept_decisions: KeptDecisions
    save_breakers: Callable[[], Awaitable[object]]
    running: Callable[[], Iterable[tuple[Held, Progress | None]]]
    unsettled: Callable[[str, str], list[Receipt]]
    waiting: Callable[[str], Iterable[RoomStanding]]


class Counted(msgspec.Struct, frozen=True):
    """What this process has booked since it started, and what of it waits for the ledger: of one instant."""

    booked_nano: int
    waiting_nano: int

    @property
    def settled_nano(self) -> int:
        return self.booked_nano - self.waiting_nano


class SelfAudit(msgspec.Struct, frozen=True):
    """What this process has in the ledger is what has been charged since `since_request_id`, which sorts before every
    request of it; where others write there too, what was added to the totals in its name (`process_id`)."""

    books: AuditBooks
    counted: Callable[[], Counted]
    since_request_id: str
    process_id: str = ""


class AdminDoors(msgspec.Struct, frozen=True):
    """`publish` makes a committed change live in this process before it returns. `digest_key` and `digest_token` are
    the keyed digests of gateway keys and admin tokens. `bootstrap_token` is AI_GATEWAY_ADMIN_TOKEN (None: unset).
    `check_url` raises ValueError with a text for people where egress would refuse the address. `observe` gives the
    live numbers of an endpoint id, `budgets` those of limits. `corrected` hears of every adjustment that was written,
    so that what is spent in this process's memory is what the ledger says. `languages`: those that errors can be told
    in, by their tags."""

    mode: Mode
    store: Store
    vault: Vault
    digest_key: Callable[[bytes], bytes]
    digest_token: Callable[[bytes], bytes]
    bootstrap_token: Secret | None
    publish: Callable[[ConfigurationChanged], Awaitable[None]]
    snapshot: Callable[[], Snapshot]
    observe: Callable[[str], EndpointView]
    probe: Callable[[str, str], Awaitable[ProbeResult]]
    corrected: Callable[[Receipt], None]
    oncall: OnCall
    usage: UsageBooks
    audit: SelfAudit
    budgets: Standings
    warnings: BudgetWarnings
    check_url: Callable[[str], None]
    leases: LeaseBook
    mock_enabled: bool
    now: Callable[[], float]
    languages: Mapping[str, Language]
    default_tenant_id: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    limited_keys: LimitedKeys = msgspec.field(default_factory=LimitedKeys)
    extras: dict[str, Any] = {}

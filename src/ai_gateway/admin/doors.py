"""What the control plane is handed: its store, its locks, and views of the living data plane.

Views are callables, so that this room reads the running process without importing how it runs.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.secret import Secret
from ai_gateway.store.records import Store


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


class AdminDoors(msgspec.Struct, frozen=True):
    """`publish` makes a committed change live in this process before it returns. `digest_key` and `digest_token` are
    the keyed digests of gateway keys and admin tokens. `bootstrap_token` is AI_GATEWAY_ADMIN_TOKEN (None: unset).
    `check_url` raises ValueError with a text for people where egress would refuse the address. `observe` gives the
    live numbers of an endpoint id."""

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
    check_url: Callable[[str], None]
    mock_enabled: bool
    now: Callable[[], float]
    default_tenant_id: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    extras: dict[str, Any] = {}

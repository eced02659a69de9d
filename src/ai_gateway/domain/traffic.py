"""The values on the line, in the order they arise: Head, Caller, Call, Shaped, Charge, Hold, Receipt.

Each step takes the earlier values it needs and makes one new one; none is changed after it was made. So none can be
part of a ring, and the garbage collector need not look at them (`gc=False`): thousands wait for the ledger at any time.
"""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import Literal

import msgspec

from ai_gateway.domain.budgets import Leg, Limits, Window
from ai_gateway.domain.chat import Dialect, Operation, Usage
from ai_gateway.domain.config import Key, LegRates, Ownership, ProviderType, Tenant
from ai_gateway.domain.rules import AnswerRules

Header = tuple[str, str]

Body = bytes | tuple[bytes | memoryview, ...]
"""A request's body on its way out: whole, or in pieces that are sent one behind the other and were never joined."""


def size_of(body: Body) -> int:
    """In bytes."""
    return len(body) if isinstance(body, bytes) else sum([len(piece) for piece in body])


class Head(msgspec.Struct, frozen=True, gc=False):
    """A request before its body was read. Times: `received` monotonic seconds, `received_wall` Unix seconds.

    `credentials` are the keys that were offered, in the order they are tried; `forward` are the caller's headers that
    a provider of this dialect may see (lower-case names), `query` the raw query string. `raw_headers` are all of them,
    for who looks for one that a configuration names. `timeout_seconds`: what the caller will wait for at most.
    """

    request_id: str
    operation: Operation
    dialect: Dialect
    received: float
    received_wall: float
    credentials: tuple[bytes, ...] = ()
    forward: tuple[Header, ...] = ()
    query: str = ""
    target_id: str | None = None
    client_request_id: str | None = None
    traceparent: str | None = None
    raw_headers: Sequence[tuple[bytes, bytes]] = ()
    timeout_seconds: float | None = None
    idempotency_key: bytes | None = None


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who asks: a key and its place in the hierarchy (missing levels are None). `legs` are the levels that pay, as
    policy/quotas.py lists them, `limits` what they may spend and `rates` what they may ask for: worked out once for all
    requests of a key, empty where nobody has yet."""

    tenant: Tenant
    key: Key
    team_id: str | None
    department_id: str | None
    user_id: str | None
    legs: tuple[Leg, ...] = ()
    limits: Limits = ()
    rates: tuple[LegRates, ...] = ()


class Call(msgspec.Struct, frozen=True, gc=False):
    """What is asked. `fields` are the body's top-level members, raw; the typed ones were read out of them.

    `wants_usage` says whether the caller asked for the usage chunk of a stream itself (`stream_options`).
    """

    head: Head
    model: str
    fields: dict[str, msgspec.Raw]
    stream: bool = False
    wants_usage: bool = False
    max_output: int | None = None
    choices: int = 1
    body_bytes: int = 0
    input_bound: int | None = None

    @property
    def most_input(self) -> int:
        """Tokens of its input at most: one for each byte, where nobody knows better."""
        return self.body_bytes if self.input_bound is None else self.input_bound


class Shaped(msgspec.Struct, frozen=True, gc=False):
    """A call after the route's rules: what a codec encodes. Without rules the fields are the call's own.
    `drop_unsupported`: what a provider's dialect cannot say is left out, and told, instead of refused. `answer`: what
    becomes of the answer (None: it goes out as it comes); `named`: the model that the caller named, where a rule pinned
    another."""

    call: Call
    fields: dict[str, msgspec.Raw]
    route: str | None = None
    drop_unsupported: bool = False
    answer: AnswerRules | None = None
    named: str | None = None


class Charge(msgspec.Struct, frozen=True, gc=False):
    """What a call may cost at worst (nano-dollars, tokens) and who pays: ids of key, team, department, user, tenant.

    `at` is the instant of admission (Unix seconds): with the tenant's `zone` it decides the windows, whenever the call
    ends. `limits` are those in force for its legs, in the order of checking, as the configuration `revision` has them.
    """

    legs: tuple[Leg, ...]
    worst_nano: int
    worst_tokens: int = 0
    at: float = 0.0
    limits: Limits = ()
    zone: tzinfo = UTC
    revision: int = 0


class WindowSpent(msgspec.Struct, frozen=True, gc=False):
    """Nano-dollars, tokens and requests that the books have for one leg in one window (`policy.windows.number_of`)."""

    leg: Leg
    window: Window
    number: int
    amounts: tuple[int, int, int]


class Hold(msgspec.Struct, frozen=True, gc=False):
    """What is set aside for one request until its receipt is in, on the day (`policy.windows.Windows`) of its
    admission."""

    request_id: str
    charge: Charge
    day: int = 0


class Outcome(StrEnum):
    OK = "ok"
    CLIENT_ERROR = "client_error"
    PROVIDER_ERROR = "provider_error"
    TIMEOUT = "timeout"
    CUT = "cut"
    CANCELLED = "cancelled"
    ORPHAN = "orphan"
    REFUSED = "refused"


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """One ledger row: what one attempt was, used and cost. `cost_nano_usd` is never null; times are milliseconds,
    `started_at` Unix seconds. `endpoint` is the config's name, `provider` its type, `model` the one sent upstream.
    `day` is the day of admission in the tenant's calendar, which names the windows that it is booked in.
    `delivered_tokens` is what of the output its caller got, where he left before its end (None: all of it); `cached`:
    no provider was asked, the answer was one that the gateway had."""

    request_id: str
    attempt_id: str
    tenant_id: str
    key_id: str
    requested_model: str
    model: str
    endpoint: str
    provider: ProviderType
    usage: Usage
    cost_nano_usd: int
    priced: bool
    price_version: str | None
    credential: Ownership
    outcome: Outcome
    estimated: bool
    started_at: float
    ttft_ms: float | None
    total_ms: float
    operation: Operation
    revision: int
    route: str | None = None
    team_id: str | None = None
    department_id: str | None = None
    user_id: str | None = None
    kind: Literal["charge", "adjust"] = "charge"
    client_request_id: str | None = None
    day: int = 0
    delivered_tokens: int | None = None
    cached: bool = False

"""What the line is handed: every clock, memory and socket it uses, made once in main.py."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random

import msgspec

from ai_gateway.domain.config import ProviderType
from ai_gateway.gateway.client import InFlight
from ai_gateway.gateway.envelope import ORDINARY, BodyLimits
from ai_gateway.gateway.lane_book import LaneBook
from ai_gateway.gateway.leftovers import Leftovers
from ai_gateway.policy.access import DigestKey
from ai_gateway.providers import ProviderKind
from ai_gateway.runtime.answer_cache import AnswerCache
from ai_gateway.runtime.board import Board
from ai_gateway.runtime.cells import Grants, NoGrants
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.credentials import NO_TOKENS, Tokens
from ai_gateway.runtime.guardrails import Guardrails
from ai_gateway.runtime.ids import Ids
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.plans import Plans
from ai_gateway.runtime.ports import History
from ai_gateway.runtime.rates import Rates
from ai_gateway.runtime.refusal_rows import RefusalRows
from ai_gateway.runtime.repeats import Repeats
from ai_gateway.runtime.snapshot import Snapshots
from ai_gateway.runtime.stored_responses import StoredResponses
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.telemetry import Telemetry
from ai_gateway.runtime.upstream import Upstream
from ai_gateway.runtime.waiting_room import Rooms


class LineLimits(msgspec.Struct, frozen=True):
    """Bytes of a body, its shape, bytes of what a provider may answer, seconds to wait for history."""

    body_bytes: int = 32 << 20
    body: BodyLimits = ORDINARY
    answer_bytes: int = 64 << 20
    history_seconds: float = 0.25


class Doors(msgspec.Struct, frozen=True):
    clock: Clock
    rng: Random
    snapshots: Snapshots
    digest_key: DigestKey
    plans: Plans
    board: Board
    meters: Meters
    journal: Journal
    upstream: Upstream
    history: History
    telemetry: Telemetry
    kinds: Mapping[ProviderType, ProviderKind]
    live: set[InFlight]
    rooms: Rooms
    tasks: Tasks
    repeats: Repeats
    responses: StoredResponses
    guardrails: Guardrails
    answers: AnswerCache = msgspec.field(default_factory=AnswerCache)
    leftovers: Leftovers = msgspec.field(default_factory=Leftovers)
    grants: Grants = NoGrants()
    lanes: LaneBook = msgspec.field(default_factory=LaneBook)
    rates: Rates = msgspec.field(default_factory=Rates)
    tokens: Tokens = NO_TOKENS
    ids: Ids = msgspec.field(default_factory=Ids)
    refusal_rows: RefusalRows = msgspec.field(default_factory=RefusalRows)
    limits: LineLimits = LineLimits()
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

"""A course of several endpoints on a line in memory, and providers that are told apart by their hosts."""

from collections import defaultdict, deque
from typing import Any, NamedTuple, final

import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import (
    BaseUrl,
    Candidate,
    Course,
    Endpoint,
    EndpointId,
    ProviderType,
    QueueLimits,
    RateLimits,
    Retries,
    Tenant,
    Tier,
)
from ai_gateway.domain.traffic import Outcome
from ai_gateway.runtime.breakers import BreakerView
from ai_gateway.runtime.upstream import Outgoing
from providers.halves import TEXT, Seen, a_stream, read
from support.builders import CLAUDE, a_candidate, a_claude_endpoint, a_course, a_snapshot, a_tenant, a_tier, an_endpoint
from support.line import BEARER, Line, Visit, a_line
from support.turns import until
from support.upstream import EVENTS, JSON, Play, Script, Step
from support.wire import CHAT_REPLY, chat_events

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
POOL = "fast"
BODY = b'{"model":"fast","messages":[{"role":"user","content":"hi"}]}'
STREAM_BODY = b'{"model":"fast","stream":true,"messages":[{"role":"user","content":"hi"}]}'
MESSAGES_STREAM_BODY = b'{"model":"fast","stream":true,"max_tokens":500,"messages":[{"role":"user","content":"count"}]}'
OTHER_MODEL = "gpt-4.1"
THREE = Retries()
RETRY_AFTER = {**JSON, "retry-after": "7"}
GOOD = Script(200, JSON, (CHAT_REPLY,))
GOOD_STREAM = Script(200, EVENTS, tuple(chat_events("Hello", "!")))

TWO_A_MINUTE = RateLimits(requests_per_minute=2)
"""The third goes when half a minute is over."""
LINE = QueueLimits(max_waiting=10, timeout_seconds=100.0)
UPDATES = {**BEARER, "x-gateway-queue-updates": "1"}
HALF_A_MINUTE = 30.0


def error(status: int, kind: str = "server_error", message: str = "no", headers: dict[str, str] = JSON) -> Script:
    return Script(status, headers, (msgspec.json.encode({"error": {"message": message, "type": kind}}),))


def named(name: str, **changes: Any) -> Endpoint:
    return an_endpoint(name, **{"base_url": BaseUrl("https", f"{name}.test", 443, "/v1")} | changes)


def claude(name: str, **changes: Any) -> Endpoint:
    return a_claude_endpoint(name, **{"base_url": BaseUrl("https", f"{name}.test", 443, "")} | changes)


def member(name: str, model: str | None = None, **changes: Any) -> Candidate:
    endpoint = named(name, **changes)
    return a_candidate(endpoint, model or endpoint.models[0])


def claude_member(name: str, model: str = CLAUDE, **changes: Any) -> Candidate:
    return a_candidate(claude(name, models=(model,), **changes), model)


def tier(*members: Candidate | str, **changes: Any) -> Tier:
    return a_tier(*(member(it) if isinstance(it, str) else it for it in members), **{"pool": POOL} | changes)


def course(*tiers: Tier, **changes: Any) -> Course:
    """The first tier is the pool's own, the others its fallbacks; three attempts where nothing else is said."""
    pools = (it if place == 0 else msgspec.structs.replace(it, pool="spare") for place, it in enumerate(tiers))
    return a_course(POOL, tiers=tuple(pools), **{"retries": THREE} | changes)


def tenant_of(one: Course, tenant_id: str = "t1", **changes: Any) -> Tenant:
    endpoints = {it.endpoint.name: it.endpoint for stage in one.tiers for it in stage.candidates}
    return a_tenant(tenant_id, *endpoints.values(), **{"courses": (one,)} | changes)


class World(NamedTuple):
    line: Line
    providers: "Providers"

    @property
    def told(self) -> list[tuple[str, Outcome]]:
        """The receipts, as endpoint and outcome."""
        return [(it.endpoint, it.outcome) for it in self.line.receipts]

    def endpoint(self, name: str) -> Endpoint:
        tenants = self.line.doors.snapshots.current().tenants.values()
        return next(it.endpoints[name] for it in tenants if name in it.endpoints)

    def breaker(self, name: str) -> BreakerView:
        return self.line.breakers.view(EndpointId(f"pc_{name}"))

    def assert_quiet(self) -> None:
        """Everything was given back, and every request to a provider has one receipt."""
        self.line.assert_at_rest()
        assert self.line.crashes == []
        assert sorted(it.endpoint for it in self.line.receipts) == sorted(self.providers.asked)
        assert all(self.providers.held), "every attempt is in the journal before anybody is asked"


async def a_world(
    *tiers: Tier, tenant: dict[str, Any] | None = None, doors: dict[str, Any] | None = None, **changes: Any
) -> World:
    """`changes` are the course's, `tenant` the tenant's, `doors` the line's."""
    line = await a_line(a_snapshot(tenant_of(course(*tiers, **changes), **tenant or {})), **doors or {})
    return World(line, Providers(line))


@final
class Providers:
    """What each provider does with its next requests; the last thing it was told to do it does for ever. `asked` are
    the names of who was asked, in order; `held` how many attempts were in the journal's books at each sending."""

    def __init__(self, line: Line) -> None:
        self.asked: list[str] = []
        self.held: list[int] = []
        self._line = line
        self._plays: dict[str, deque[Script | Play]] = defaultdict(deque)
        line.upstream.always = self._play

    def will(self, name: str, *plays: Script | Play) -> None:
        self._plays[name] = deque(plays)

    def _play(self, request: Outgoing) -> Script:
        name = request.url.host.removesuffix(".test")
        self.asked.append(name)
        self.held.append(self._line.doors.journal.open_attempts)
        plays = self._plays[name]
        play = plays[0] if len(plays) == 1 else plays.popleft()
        return play if isinstance(play, Script) else play(request)


def streaming(*body: Step, headers: dict[str, str] = EVENTS) -> Script:
    return Script(200, headers, body)


def failing(*before: Step) -> Script:
    return Script(before=before)


def prefill_of(request: Outgoing) -> str:
    """What the model is to go on with; nothing where it is asked from the beginning."""
    body = request.body if isinstance(request.body, bytes) else b"".join(request.body)
    last = msgspec.json.decode(body)["messages"][-1]
    return last["content"] if last["role"] == "assistant" else ""


def the_rest(dialect: Dialect, serial: str = "2") -> Play:
    """A model that goes on where a prefill ends, and says everything where there is none."""
    return lambda request: streaming(*a_stream(dialect, TEXT[len(prefill_of(request)) :], serial))


def all_again(dialect: Dialect, serial: str = "2") -> Script:
    return streaming(*a_stream(dialect, serial=serial))


def path_of(dialect: Dialect) -> str:
    return CHAT if dialect is Dialect.OPENAI else MESSAGES


def body_of(dialect: Dialect) -> bytes:
    return STREAM_BODY if dialect is Dialect.OPENAI else MESSAGES_STREAM_BODY


def a_speaker(name: str, model: str = CLAUDE, **changes: Any) -> Candidate:
    """A Claude that both dialects reach: the haiku continues a prefill."""
    return member(name, model, **{"provider": ProviderType.MOCK, "models": (model,)} | changes)


async def seen_by(world: World, dialect: Dialect, headers: dict[str, str] = BEARER) -> Seen:
    """One stream, read as an SDK would; asserts that it has its end."""
    answered = await world.line.post(path_of(dialect), body_of(dialect), headers)
    assert answered.status == 200, answered.body
    assert answered.whole
    return read(dialect, answered.body)


async def a_full_world(*fallbacks: Tier, queue: QueueLimits | None = LINE, **changes: Any) -> World:
    """Both requests of this minute were made."""
    world = await a_world(tier(member("one", rate_limits=TWO_A_MINUTE), queue=queue), *fallbacks, **changes)
    world.providers.will("one", GOOD)
    for _ in range(2):
        assert (await world.line.post(CHAT, BODY)).status == 200
    return world


def start(world: World, body: bytes = BODY, headers: dict[str, str] = BEARER, path: str = CHAT) -> Visit:
    return world.line.visit(path, body, headers).start(world.line.app)


async def waiting(world: World, count: int) -> None:
    """Until so many wait."""
    await until(lambda: sum(it.waiting for it in world.line.doors.rooms.standings()) == count)

"""Builds every object once, wires them, runs, drains: the only file that knows all rooms.

What the first answer does not need is loaded behind it: the admin side (FastAPI) is imported in a thread while the
data plane already serves, and a request for it that comes earlier waits for it.
"""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from random import Random
from secrets import token_hex
from typing import Final

import msgspec
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway import __version__
from ai_gateway.domain.config import BaseUrl, Endpoint, PriceBook, ProviderType, TenantId
from ai_gateway.domain.events import BudgetCrossed
from ai_gateway.gateway.doors import Doors, LineLimits
from ai_gateway.house import Control, House, HouseDoors
from ai_gateway.jobs.books import Books, Care
from ai_gateway.jobs.budget_warnings import put_down
from ai_gateway.jobs.clocks import put_right
from ai_gateway.jobs.health import CheckPace
from ai_gateway.jobs.lessee import Lessee
from ai_gateway.jobs.outbox import Outbox, keep_flushing
from ai_gateway.jobs.refresh import keep_refreshing
from ai_gateway.jobs.replies import keep_replies
from ai_gateway.jobs.responses import keep_responses
from ai_gateway.jobs.retention import Retention
from ai_gateway.jobs.watch import Check, Histories, Watch, WatchDoors, check_of
from ai_gateway.policy import access, egress
from ai_gateway.policy.egress import EgressPolicy, Loopback
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.mock import PRICES
from ai_gateway.runtime import credentials
from ai_gateway.runtime.board import Board
from ai_gateway.runtime.breakers import Breakers
from ai_gateway.runtime.clock import SystemClock
from ai_gateway.runtime.crashes import place_of
from ai_gateway.runtime.decisions import Decisions
from ai_gateway.runtime.dialer import trust
from ai_gateway.runtime.folder import FolderInUse, FolderLock, Sharing
from ai_gateway.runtime.google_tokens import GoogleTokens
from ai_gateway.runtime.guardrails import Guardrails
from ai_gateway.runtime.http1_upstream import Http1Upstream
from ai_gateway.runtime.journal import Durability, Journal
from ai_gateway.runtime.journal_places import FIRST, JournalPlace, take_place
from ai_gateway.runtime.languages import read_languages
from ai_gateway.runtime.logs import Log, adopt_libraries
from ai_gateway.runtime.memory import keep_large_bodies_in_the_heap, settle_in
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.mock_server import MockProvider
from ai_gateway.runtime.paid_probe import PaidDoors, PaidProbe, Prices
from ai_gateway.runtime.plans import PlanDoors, Plans
from ai_gateway.runtime.probe import Probe
from ai_gateway.runtime.rates import Rates
from ai_gateway.runtime.repeats import Repeats
from ai_gateway.runtime.segments import DiskFolder, JournalSize
from ai_gateway.runtime.server import Server, open_sockets
from ai_gateway.runtime.slots import SLOT_BYTES
from ai_gateway.runtime.snapshot import Snapshots
from ai_gateway.runtime.stored_responses import ResponseLimits, StoredResponses
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.telemetry import Telemetry
from ai_gateway.runtime.throttles import Throttles
from ai_gateway.runtime.tracing import Tracing, open_tracing
from ai_gateway.runtime.waiting_room import Rooms
from ai_gateway.settings import Planes, Settings
from ai_gateway.store import demo, schema
from ai_gateway.store.breaker_states import SqlBreakerStates
from ai_gateway.store.budget_warnings import SqlBudgetWarnings
from ai_gateway.store.decisions import SqlDecisions
from ai_gateway.store.health import SqlHealthHistory
from ai_gateway.store.instance_keys import KEY_DIGESTS, TOKEN_DIGESTS, load_or_create_instance_key
from ai_gateway.store.instants import shared_time
from ai_gateway.store.keyfile import read_or_make_master_key
from ai_gateway.store.leases import Patience, SqlLeaseDesk
from ai_gateway.store.metrics_history import SqlMetricsHistory
from ai_gateway.store.price_editions import seed_book
from ai_gateway.store.receipts import LedgerHistory
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.replies import SqlReplies
from ai_gateway.store.responses import SqlResponses
from ai_gateway.store.session import database_url, is_shared, open_engine
from ai_gateway.store.snapshots import SnapshotCompiler
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.system_endpoints import system_endpoints
from ai_gateway.store.vault import CannotUnseal, KeyVault, parse_master_key

FAILED: Final = 1
BYTES_A_REQUEST: Final = 2 * SLOT_BYTES  # a hold and a receipt; names are written once a segment
OTHER_KEY: Final = (
    "Set AI_GATEWAY_ENCRYPTION_KEY to the key that this data was written with (in development: the encryption.key of "
    "the data folder), or give it as AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS and run 'ai-gateway keys rotate-master'."
)


def run(settings: Settings, planes: Planes) -> int:
    """Serve until SIGTERM or SIGINT. The process's exit code: 0, or 1 with a reason on standard error."""
    keep_large_bodies_in_the_heap()
    return uvloop.run(_run(settings, planes))


async def _run(settings: Settings, planes: Planes) -> int:
    try:
        async with AsyncExitStack() as stack:
            house = await _build(settings, planes, stack)
            await house.serve()
        return 0
    except (CannotUnseal, FolderInUse, StoreUnavailable, ValueError, OSError, ModuleNotFoundError) as error:
        advice = f" {OTHER_KEY}" if isinstance(error, CannotUnseal) else ""
        sys.stderr.write(f"The gateway does not start: {error}{advice}\n")
        return FAILED


async def _build(settings: Settings, planes: Planes, stack: AsyncExitStack) -> "House":
    """Everything up to the first listener. What must be closed again is pushed on the stack, in the order of its
    making. Raises what `_run` names."""
    log = Log(settings.log_level)
    adopt_libraries(log)
    clock = SystemClock()
    url = settings.database_url.reveal() if settings.database_url else None
    database = database_url(url, settings.data_dir)
    place = _take_place(settings, Sharing.TOGETHER if is_shared(database) else Sharing.ALONE, stack)
    journal = _open_journal(settings, place, log)
    stack.callback(journal.close)
    vault = _vault(settings)
    tasks = Tasks(lambda name, error: log.error("task_failed", task=name, where=place_of(error)))
    stack.push_async_callback(tasks.stop)
    mock_url = await _start_mock(tasks, clock) if settings.mock_enabled else None

    engine = open_engine(database)
    stack.push_async_callback(engine.dispose)
    await schema.migrate(engine)
    put_right(clock, await shared_time(engine, clock.wall()), partial(_away, log, "clock"))
    key_pepper = await load_or_create_instance_key(engine, vault, KEY_DIGESTS)
    token_pepper = await load_or_create_instance_key(engine, vault, TOKEN_DIGESTS)
    languages = read_languages(settings.languages_folder)
    compiler = SnapshotCompiler(
        unseal=vault.unseal,
        languages=languages,
        mock_url=mock_url,
        system_endpoints=_system_endpoints(settings),
        environment={name: secret.reveal() for name, secret in settings.environment.items()},
        prepare=credentials.prepare,
    )
    store = SqlStore(engine, compiler, clock.wall)
    await _seed(store, settings, lambda key: access.digest(key_pepper, key), clock.wall())
    snapshots = Snapshots(store)
    await snapshots.load()
    settle_in()

    books = Books(journal, store, None if place is None else _lessee(settings, store, clock, place))
    await books.begin(clock.wall())
    warnings = _watch_budgets(books.meters, store, tasks, log, clock)
    watch = await _watch(settings, store, clock, log, lambda text: access.digest(key_pepper, text))
    rooms = _rooms(clock, watch.breakers)
    _wake_who_waits(books.meters, rooms)

    tracing = _tracing(settings)
    if tracing is not None:
        stack.callback(tracing.close)
    policy = _egress(settings)
    upstream = Http1Upstream(
        lambda address: egress.may_connect(policy, address).allowed,
        trust(settings.ca_file),
        proxy=settings.upstream_proxy,
    )
    stack.push_async_callback(upstream.close)
    board = Board()
    telemetry = _telemetry(log, watch.decisions, tracing)
    doors = Doors(
        clock=clock,
        rng=Random(),  # noqa: S311  balancing, not secrets
        snapshots=snapshots,
        digest_key=lambda key: access.digest(key_pepper, key),
        plans=_plans(clock, watch, board),
        board=board,
        meters=books.meters,
        journal=journal,
        upstream=upstream,
        history=LedgerHistory(store),
        telemetry=telemetry,
        kinds=KINDS,
        tokens=GoogleTokens(upstream, clock, tasks),
        live=set(),
        rooms=rooms,
        tasks=tasks,
        grants=books.grants,
        rates=Rates(books.processes),
        guardrails=Guardrails(upstream, clock),
        responses=keep_responses(
            StoredResponses(
                SqlResponses(store, vault), clock.wall, telemetry.drop, ResponseLimits(settings.history.response_days)
            ),
            tasks,
            stack,
            partial(_away, log, "responses"),
        ),
        repeats=await _repeats(SqlReplies(store, vault), engine, clock.wall, telemetry.drop),
        limits=LineLimits(body_bytes=settings.limits.max_body_bytes),
    )
    house = House(
        HouseDoors(
            settings=settings,
            line=doors,
            store=store,
            watch=watch,
            tasks=tasks,
            log=log,
            close_books=books.close,
            schema_version=partial(schema.current_version, engine),
        )
    )
    books.start(tasks, Care(Durability(settings.journal_fsync), settings.lease_release_seconds), partial(_away, log))
    tasks.keep("replies", lambda: keep_replies(doors.repeats, partial(_away, log, "replies")))
    house.watch_what_is_configured()
    watch.start(tasks, doors.board, _check(doors))
    tasks.keep("refresh", lambda: keep_refreshing(house.refresh, partial(_away, log, "configuration")))
    if planes is Planes.ALL:
        control = Control(
            settings=settings,
            line=doors,
            store=store,
            watch=watch,
            vault=vault,
            digest_token=lambda token: access.digest(token_pepper, token),
            check_url=partial(egress.check_url, policy),
            refresh=house.refresh,
            standings=books.standings,
            corrected=books.correct,
            leases=books.leases,
            process_id=books.process_id,
            mock_enabled=mock_url is not None,
            started=clock.wall(),
            warnings=warnings,
            languages=languages,
        )
        house.load_admin_later(control.build)
    return house


def _open_journal(settings: Settings, place: JournalPlace | None, log: Log) -> Journal:
    durability = Durability(settings.journal_fsync)
    size = JournalSize(total_bytes=settings.journal_bytes)
    journal = Journal(DiskFolder(settings.data_dir / FIRST if place is None else place.path), size, durability)
    _tell_replay(log, journal)
    log.info(
        "journal",
        bytes=settings.journal_bytes,
        minutes_at_100_requests_a_second=round(settings.journal_bytes / (BYTES_A_REQUEST * 100 * 60)),
        fsync=durability,
    )
    return journal


async def _repeats(
    replies: SqlReplies, engine: AsyncEngine, wall: Callable[[], float], dropped: Callable[[str], None]
) -> Repeats:
    """On SQLite there is one process, so whoever claimed something before is gone."""
    if engine.dialect.name == "sqlite":
        await replies.end_all()
    return Repeats(replies, token_hex(8), wall, dropped)


def _take_place(settings: Settings, sharing: Sharing, stack: AsyncExitStack) -> JournalPlace | None:
    """A journal for this process alone, in a folder that it shares with those who share its database; None where it
    has the folder for itself. Raises FolderInUse, NoPlace."""
    stack.callback(FolderLock(settings.data_dir, sharing).close)
    if sharing is Sharing.ALONE:
        return None
    place = take_place(settings.data_dir)
    stack.callback(place.close)
    return place


def _lessee(settings: Settings, store: SqlStore, clock: SystemClock, place: JournalPlace) -> Lessee:
    desk = SqlLeaseDesk(store, Patience(lost_seconds=settings.lease_lost_seconds))
    return Lessee(f"prc_{token_hex(12)}", store, desk, clock, place)


def _wake_who_waits(meters: Meters, rooms: Rooms) -> None:
    """Whoever waits for what others hold of a limit is called when they settle."""
    meters.freed = lambda _cell: rooms.place_free()


def _tell_budget(log: Log, crossed: BudgetCrossed) -> None:
    log.warning("budget_crossed", **msgspec.structs.asdict(crossed))


def _watch_budgets(meters: Meters, store: SqlStore, tasks: Tasks, log: Log, clock: SystemClock) -> SqlBudgetWarnings:
    """A threshold that is crossed is written down, and told once."""
    warnings = SqlBudgetWarnings(store, (partial(_tell_budget, log),))
    crossings = Outbox(warnings.write)
    meters.crossed = put_down(crossings, clock.wall)
    tasks.keep("budget warnings", lambda: keep_flushing((crossings,), partial(_away, log, "budget warnings")))
    return warnings


def _plans(clock: SystemClock, watch: Watch, board: Board) -> Plans:
    throttles = Throttles()
    watch.breakers.on_reset(throttles.forgive)
    return Plans(PlanDoors(KINDS, clock, watch.breakers, watch.healths, board, throttles))


def _rooms(clock: SystemClock, breakers: Breakers) -> Rooms:
    """A breaker that moves ends the waiting for some and begins the turn of others."""
    rooms = Rooms(clock, asyncio.get_running_loop().call_later)
    breakers.listen(lambda _: rooms.look_again())
    breakers.on_reset(lambda _: rooms.look_again())
    return rooms


def _egress(settings: Settings) -> EgressPolicy:
    return EgressPolicy(
        allow=egress.parse_allow(settings.egress_allow),
        loopback=Loopback.ALLOWED if settings.mode == "development" else Loopback.REFUSED,
    )


def _tell_replay(log: Log, journal: Journal) -> None:
    """What an earlier process left behind, where it did."""
    found = journal.replayed
    if found.waiting or found.orphans or found.damaged or found.lost:
        log.warning(
            "journal_replayed",
            receipts=found.waiting,
            orphans=len(found.orphans),
            damaged_slots=found.damaged,
            lost_records=found.lost,
        )


def _vault(settings: Settings) -> KeyVault:
    if settings.encryption_key is None:
        return KeyVault(read_or_make_master_key(settings.data_dir))
    previous = settings.encryption_key_previous
    return KeyVault(
        parse_master_key(settings.encryption_key.reveal()),
        None if previous is None else parse_master_key(previous.reveal()),
    )


async def _start_mock(tasks: Tasks, clock: SystemClock) -> BaseUrl:
    """The mock listens on loopback, on a port that the system picks anew at every start."""
    server = Server(MockProvider(clock, Random()), open_sockets(("127.0.0.1",), 0))  # noqa: S311
    tasks.spawn("mock provider", server.run())
    await server.started()
    return BaseUrl("http", "127.0.0.1", server.port, "")


async def _seed(store: SqlStore, settings: Settings, digest_key: Callable[[bytes], bytes], now: float) -> None:
    """What an empty database begins with: the shipped price book, and in development the demo."""
    await seed_book(store, now)
    if settings.mode == "development":
        await demo.seed_demo(store, digest_key, PRICES, now)


def _system_endpoints(settings: Settings) -> tuple[Endpoint, ...]:
    openai, anthropic = settings.openai_api_key, settings.anthropic_api_key
    return system_endpoints({ProviderType.OPENAI: openai, ProviderType.ANTHROPIC: anthropic})


def _check(doors: Doors) -> Check:
    def prices(tenant_id: str) -> Prices:
        snapshot = doors.snapshots.current()
        tenant = snapshot.tenants.get(TenantId(tenant_id))
        if tenant is None:
            return Prices(own=PriceBook(), book=snapshot.book, revision=snapshot.revision)
        return Prices(
            own=tenant.prices,
            book=snapshot.book,
            revision=snapshot.revision,
            limits=tenant.limits.get(("tenant", tenant_id), ()),
            zone=tenant.zone,
        )

    paid = PaidProbe(
        PaidDoors(
            upstream=doors.upstream,
            clock=doors.clock,
            journal=doors.journal,
            meters=doors.meters,
            kinds=KINDS,
            prices=prices,
            tokens=doors.tokens,
        )
    )
    return check_of(Probe(doors.upstream, doors.clock, doors.tokens), paid, KINDS)


async def _watch(
    settings: Settings, store: SqlStore, clock: SystemClock, log: Log, digest: Callable[[bytes], bytes]
) -> Watch:
    """As an earlier process left it. Raises StoreUnavailable."""
    history = settings.history
    minutes, hours, days = history.metrics_days
    watch = Watch(
        WatchDoors(
            histories=Histories(
                health=SqlHealthHistory(store),
                breakers=SqlBreakerStates(store),
                metrics=SqlMetricsHistory(store),
                decisions=SqlDecisions(store),
            ),
            clock=clock,
            rng=Random(),  # noqa: S311  jitter and samples, not secrets
            digest=digest,
            report=partial(_away, log),
            writer=token_hex(4),
            pace=CheckPace(every_seconds=history.check_seconds),
            retention=Retention(
                health=history.health_days,
                decisions=history.decision_days,
                minutes=minutes,
                hours=hours,
                days=days,
            ),
        )
    )
    await watch.restore()
    return watch


def _tracing(settings: Settings) -> Tracing | None:
    if settings.otel_endpoint is None:
        return None
    try:
        return open_tracing(settings.otel_endpoint, __version__)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("traces need the extra: pip install 'ai-gateway[otel]'") from error


def _telemetry(log: Log, decisions: Decisions, tracing: Tracing | None) -> Telemetry:
    """The log hears of what it has a line for, and of nothing else; so the decisions may be content with notes."""
    listeners = (decisions.note, *(() if tracing is None else (tracing.note,)))
    if log.tells_all:
        return Telemetry((log.note, *listeners))
    return Telemetry(listeners, (log.note,), decisions if tracing is None else None)


def _away(log: Log, what: str, error: Exception) -> None:
    log.warning(f"{what}_away", error=str(error))

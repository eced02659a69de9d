"""What governance writes for one request, in CPU-µs: hold and settle over five legs with a limit in force on each, the
hold's record and the receipt's, each in one write to a preallocated file, and all of it together (the bar is 15); and
how fast the ledger takes the receipts, alone and while the event loop is half busy with other things (20,000 a second),
of one caller and of many.

`python -m benchmarks.journal [REQUESTS]`. Blocks repeat and the least is shown beside the median, because whatever else
runs on the machine can only add.
"""

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from ai_gateway.domain.budgets import Leg, Limit, Unit, Window
from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.domain.config import Ownership, ProviderType
from ai_gateway.domain.traffic import Charge, Hold, Outcome, Receipt
from ai_gateway.jobs.settle import settle_all
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.runtime import ids
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.segments import DiskFolder
from ai_gateway.store.schema import migrate
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.snapshots import SnapshotCompiler
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.vault import CannotUnseal

BLOCKS: Final = 9
AT: Final = 1_767_268_800.0
TURN_SECONDS: Final = 0.001
TENANTS: Final = 200
MODELS: Final = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash")
LEGS: Final[tuple[Leg, ...]] = (
    ("key", "key_1"),
    ("team", "team_1"),
    ("department", "dept_1"),
    ("user", "user_1"),
    ("tenant", "tn_1"),
)

LIMITS: Final = tuple(
    Limit(leg, window, Unit.USD, 1 << 50)
    for leg, window in zip(LEGS, (Window.DAILY, Window.TOTAL, Window.MONTHLY, Window.DAILY, Window.TOTAL), strict=True)
)


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(DiskFolder(Path(folder) / "journal"))
        meters = Meters()
        for what, limits in (("no limit", ()), ("five limits", LIMITS)):
            spent = [meters_block(meters, limits, requests) for _ in range(BLOCKS)]
            show(f"hold + settle, {what}", spent, requests)
        show("two records", [journal_block(journal, block, requests) for block in range(BLOCKS)], requests)
        both = [whole_block(meters, journal, BLOCKS + block, requests) for block in range(BLOCKS)]
        show("all of it, five limits", both, requests)
        for what, busy, fill in (
            ("alone", 0.0, journal_block),
            ("loop half busy", 0.5, journal_block),
            ("200 tenants", 0.0, many_block),
            ("200 tenants, half busy", 0.5, many_block),
        ):
            for block in range(BLOCKS):
                fill(journal, 3 * BLOCKS + block, requests)
            rows = journal.depth
            begun, cpu = time.perf_counter(), time.process_time()
            shared = asyncio.run(drain(journal, Path(folder) / what.replace(" ", "-"), busy))
            seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
            sys.stdout.write(
                f"{f'drain into SQLite, {what}':<34}{rows / seconds:>10,.0f} rows/s ({rows} rows, "
                f"{1e6 * (cpu - shared) / rows:.1f} CPU-µs each; "
                f"{100 * shared / seconds:.0f} % of the time the loop did something else)\n"
            )
        journal.close()


def meters_block(meters: Meters, limits: tuple[Limit, ...], requests: int) -> float:
    charges = [a_charge(limits) for _ in range(requests)]
    names = [f"req_{number}" for number in range(requests)]

    def block() -> None:
        for name, charge in zip(names, charges, strict=True):
            hold = meters.take(name, charge)
            assert isinstance(hold, Hold)
            meters.book(hold, 700, 50)
            meters.settle(hold)

    return cpu_of(block)


def whole_block(meters: Meters, journal: Journal, number: int, requests: int) -> float:
    """In the order of a request."""
    work = [(a_charge(LIMITS), *pair(AT + number, place)) for place in range(requests)]

    def block() -> None:
        for charge, orphan, receipt in work:
            hold = meters.take(receipt.request_id, charge)
            assert isinstance(hold, Hold)
            journal.hold(orphan, AT, 1_000)
            journal.append(receipt)
            meters.book(hold, receipt.cost_nano_usd, 50)
            meters.settle(hold)

    spent = cpu_of(block)
    asyncio.run(journal.tend())
    return spent


def a_charge(limits: tuple[Limit, ...]) -> Charge:
    return Charge(legs=LEGS, worst_nano=1_000, worst_tokens=50, at=AT, limits=limits)


def journal_block(journal: Journal, number: int, requests: int) -> float:
    pairs = [pair(AT + number, place) for place in range(requests)]

    def block() -> None:
        for orphan, receipt in pairs:
            journal.hold(orphan, AT, 1_000)
            journal.append(receipt)

    spent = cpu_of(block)
    asyncio.run(journal.tend())
    return spent


def many_block(journal: Journal, number: int, requests: int) -> float:
    """Of 200 tenants with 100 keys each, at random; one in fifty has failed, one in ten has no route, and so on."""
    rng = Random(number)
    for place in range(requests):
        tenant = rng.randrange(TENANTS)
        _, receipt = pair(AT + number, place)
        journal.append(
            msgspec.structs.replace(
                receipt,
                tenant_id=f"tn_{tenant:024}",
                key_id=f"key_{tenant:012}{rng.randrange(100):012}",
                team_id=f"team_{tenant:012}{rng.randrange(5):012}",
                model=rng.choice(MODELS),
                route=rng.choice((None, *["main"] * 9)),
                ttft_ms=rng.choice((None, 80.5)),
                outcome=rng.choice((Outcome.TIMEOUT, *[Outcome.OK] * 49)),
                delivered_tokens=rng.choice((7, *[None] * 99)),
            )
        )
    asyncio.run(journal.tend())
    return 0.0


def pair(at: float, place: int) -> tuple[Receipt, Receipt]:
    """What is booked if nothing more is heard, and what was."""
    request_id = ids.request_id(at + place / 1000)
    orphan = Receipt(
        request_id=request_id,
        attempt_id=ids.attempt_id(request_id, 1),
        tenant_id="tn_1",
        key_id="key_1",
        requested_model="fast",
        model="gpt-4o-mini",
        endpoint="up-1",
        provider=ProviderType.OPENAI,
        usage=Usage(input_tokens=40),
        cost_nano_usd=6_000,
        priced=True,
        price_version="price_1",
        credential=Ownership.TENANT,
        outcome=Outcome.ORPHAN,
        estimated=True,
        started_at=at,
        ttft_ms=None,
        total_ms=0.0,
        operation=Operation.CHAT,
        revision=7,
        team_id="team_1",
        department_id="dept_1",
        user_id="user_1",
    )
    usage = Usage(input_tokens=38, output_tokens=12)
    return orphan, msgspec.structs.replace(orphan, usage=usage, outcome=Outcome.OK, estimated=False, total_ms=12.5)


async def drain(journal: Journal, folder: Path, busy: float) -> float:
    """CPU-seconds that the loop was kept busy with something else, for that share of the time."""
    folder.mkdir()
    engine = open_engine(database_url(None, folder))
    await migrate(engine)
    compiler = SnapshotCompiler(unseal=no_secret, mock_url=parse_base_url("http://127.0.0.1:9"))
    beside = asyncio.ensure_future(keep_busy(busy)) if busy else None
    await settle_all(journal, SqlStore(engine, compiler, lambda: AT))
    shared = 0.0
    if beside is not None:
        beside.cancel()
        [told] = await asyncio.gather(beside, return_exceptions=True)
        shared = told if isinstance(told, float) else 0.0
    await engine.dispose()
    return shared


async def keep_busy(share: float) -> float:
    """Work in turns, as many as make up that share of the time that goes by. Until it is cancelled."""
    worked, begun = 0.0, time.perf_counter()
    try:
        while True:
            if worked < share * (time.perf_counter() - begun):
                until = time.thread_time() + TURN_SECONDS
                while time.thread_time() < until:
                    sum(range(100))
                worked += TURN_SECONDS
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(TURN_SECONDS)
    except asyncio.CancelledError:
        return worked


def no_secret(tenant_id: str, name: str, ciphertext: bytes) -> object:
    raise CannotUnseal("there are no secrets here")


def cpu_of(block: Callable[[], None]) -> float:
    gc.collect()
    gc.freeze()
    begun = time.process_time()
    block()
    return time.process_time() - begun


def show(what: str, seconds: list[float], requests: int) -> None:
    each = sorted(spent / requests * 1e6 for spent in seconds)
    sys.stdout.write(
        f"{what:<34}{each[0]:>8.2f} µs least, {statistics.median(each):.2f} median of {len(each)} blocks\n"
    )


if __name__ == "__main__":
    main()

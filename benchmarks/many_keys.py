"""What a request costs with one key, and with 100,000 keys over 200 tenants: the bar is a tenth more.

Two gateways, one of each kind, run side by side on one core and are asked in turn, block by block, so that whatever the
machine does meanwhile happens to both; the two blocks of a pair are compared, not blocks that are minutes apart. The
many keys are used at random, or caches would make them few. CPU is what the kernel booked for the gateway's process,
divided by the answers; who was asked to wait does not matter.

    python -m benchmarks.many_keys [SECONDS OF A BLOCK]
"""

import asyncio
import random
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, final

import msgspec
import uvloop
from sqlalchemy import insert

from ai_gateway.policy import access
from ai_gateway.store.instance_keys import KEY_DIGESTS, load_or_create_instance_key
from ai_gateway.store.keyfile import read_or_make_master_key
from ai_gateway.store.rows import ApiKeyRow, EnhancedProviderConfig, PriceRow, Row, TeamRow, TenantRow
from ai_gateway.store.schema import migrate
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.tables import TABLES, values_of
from ai_gateway.store.vault import KeyVault
from benchmarks.cpu import cpu_of, rss_bytes
from benchmarks.processes import (
    GATEWAY_CORE,
    LOAD_CORE,
    ROOT,
    STEP_SECONDS,
    DidNotStart,
    Running,
    clean_environment,
    free_port,
)
from benchmarks.wire import AnswerReader, chat_body, encode_request

KEYS: Final = 100_000
TENANTS: Final = 200
BLOCKS: Final = 30
BLOCK_SECONDS: Final = 0.8  # 80 ticks; short, so that the two blocks of a pair see the same machine
WARM_SECONDS: Final = 3.0
CONNECTIONS: Final = 8
REQUESTS_MADE: Final = 5_000  # distinct ones, made before the clock runs
START_SECONDS: Final = 60.0
MODEL: Final = "gpt-4o-mini"
SEED: Final = 1
ROWS_AT_ONCE: Final = 5_000


class Size(msgspec.Struct, frozen=True):
    name: str
    tenants: int
    keys: int


@final
class Subject:
    """One gateway with its keys, and what its blocks have cost so far."""

    def __init__(self, size: Size, running: Running, port: int) -> None:
        rng = random.Random(SEED)
        body = chat_body(MODEL, 60, streamed=False)
        used = [rng.randrange(size.keys) for _ in range(min(size.keys, REQUESTS_MADE))]
        self.name = size.name
        self.pid = running.pid
        self.port = port
        self.requests = [
            encode_request(
                "POST", f"127.0.0.1:{port}", "/v1/chat/completions", {"authorization": f"Bearer {_key(place)}"}, body
            )
            for place in used
        ]
        self.micros: list[float] = []


def main(block_seconds: float) -> None:
    with ExitStack() as stack:
        upstream_port = _start_upstream(stack)
        sizes = (Size("1 key", 1, 1), Size(f"{KEYS:,} keys over {TENANTS} tenants", TENANTS, KEYS))
        subjects = [_start(stack, size, upstream_port) for size in sizes]
        for subject in subjects:
            uvloop.run(_ask(subject, WARM_SECONDS))  # connections, caches, compiled plans
        for block in range(BLOCKS):
            for subject in subjects if block % 2 else reversed(subjects):
                before = cpu_of(subject.pid)
                answered = uvloop.run(_ask(subject, block_seconds))
                subject.micros.append((cpu_of(subject.pid) - before).total / answered * 1e6)
        for subject in subjects:
            weight = rss_bytes(subject.pid) / 2**20
            median = statistics.median(subject.micros)
            low, _, high = statistics.quantiles(subject.micros, n=4)
            print(f"{subject.name}: {median:.1f} CPU-µs a request ({low:.0f} to {high:.0f}), {weight:.0f} MB resident")
        one, many = (subject.micros for subject in subjects)
        ratios = [after / before for before, after in zip(one, many, strict=True)]
        low, median, high = statistics.quantiles(ratios, n=4)
        print(f"ratio {median:.3f} ({low:.2f} to {high:.2f}), median and quartiles of {BLOCKS} pairs (bar: 1.10)")


def _start_upstream(stack: ExitStack) -> int:
    port = free_port()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    command = [sys.executable, "-m", "benchmarks.upstream", str(port)]
    stack.callback(Running(command, LOAD_CORE, clean_environment(PYTHONPATH=str(ROOT)), folder).stop)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(STEP_SECONDS)


def _start(stack: ExitStack, size: Size, upstream_port: int) -> Subject:
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (scratch / "data").mkdir()
    asyncio.run(_fill(scratch / "data", size, upstream_port))
    port = free_port()
    environment = clean_environment(
        PYTHONPATH=str(ROOT / "src"), PORT=str(port), HOST="127.0.0.1", AI_GATEWAY_DATA_DIR=str(scratch / "data")
    )
    running = Running([sys.executable, "-m", "ai_gateway.cli", "dev"], GATEWAY_CORE, environment, scratch / "process")
    stack.callback(running.stop)
    running.await_answer(port, "/readyz", START_SECONDS)
    return Subject(size, running, port)


async def _fill(data_dir: Path, size: Size, upstream_port: int) -> None:
    """The rows that a day's work in the admin API would have left, written through the store's own tables."""
    engine = open_engine(database_url(None, data_dir))
    await migrate(engine)
    pepper = await load_or_create_instance_key(engine, KeyVault(read_or_make_master_key(data_dir)), KEY_DIGESTS)
    rows: list[Row] = []
    for place in range(size.tenants):
        rows += _tenant(f"tenant-{place:03}", upstream_port)
    for place in range(size.keys):
        tenant = f"tenant-{place % size.tenants:03}"
        rows.append(
            ApiKeyRow(
                id=f"key-{place:06}",
                tenant_id=tenant,
                created_at=0.0,
                name=f"key {place}",
                digest=access.digest(pepper, _key(place).encode()),
                display="sk-gw-...",
                team_id=f"team-{tenant}",
            )
        )
    async with engine.begin() as connection:
        for kind in {type(row): None for row in rows}:
            values = [values_of(row) for row in rows if type(row) is kind]
            for start in range(0, len(values), ROWS_AT_ONCE):
                await connection.execute(insert(TABLES[kind]), values[start : start + ROWS_AT_ONCE])
    await engine.dispose()


def _tenant(name: str, upstream_port: int) -> Sequence[Row]:
    return (
        TenantRow(id=name, tenant_id=name, created_at=0.0, name=name),
        TeamRow(id=f"team-{name}", tenant_id=name, created_at=0.0, name="team"),
        EnhancedProviderConfig(
            id=f"config-{name}",
            tenant_id=name,
            created_at=0.0,
            name="up",
            provider="openai_compatible",
            endpoint_url=f"http://127.0.0.1:{upstream_port}/v1",
            models=(MODEL,),
        ),
        PriceRow(
            id=f"price-{name}",
            tenant_id=name,
            created_at=0.0,
            model=MODEL,
            input_pico=150_000,
            output_pico=600_000,
            effective_from=0.0,
        ),
    )


def _key(place: int) -> str:
    return f"sk-gw-bench-{place:032}"


async def _ask(subject: Subject, seconds: float) -> int:
    """How many requests were answered. Raises DidNotStart for the first answer that is not right."""
    deadline = time.monotonic() + seconds
    step = len(subject.requests) // CONNECTIONS or 1
    counts = await asyncio.gather(*(_caller(subject, place * step, deadline) for place in range(CONNECTIONS)))
    return sum(counts)


async def _caller(subject: Subject, place: int, deadline: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", subject.port)
    answer = AnswerReader()
    answered = 0
    while time.monotonic() < deadline:
        writer.write(subject.requests[(place + answered) % len(subject.requests)])
        answer.reset()
        while not answer.done:
            answer.feed(await reader.read(65536))
        if answer.status != 200:
            raise DidNotStart(f"{subject.name}: status {answer.status}")
        answered += 1
    writer.close()
    return answered


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else BLOCK_SECONDS)

"""How long a start takes until the first answer, and what the process weighs when nothing happens.

A start counts from the moment the process is made until a chat request is answered by the built-in mock: the port open
is not enough. The data folder is an existing one, as after the first day. The median of several starts, because the
file cache and the machine's other work move single ones.

    python -m benchmarks.start [RUNS]
"""

import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.cpu import rss_bytes
from benchmarks.processes import (
    GATEWAY_CORE,
    ROOT,
    STEP_SECONDS,
    DidNotStart,
    Running,
    clean_environment,
    fetch,
    free_port,
)
from benchmarks.wire import chat_body

RUNS: Final = 7
START_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 5.0
ADMIN: Final = "/api/v1/admin"


class Way(msgspec.Struct, frozen=True):
    """One way of starting: `key` and `model` are what its first request says."""

    command: Sequence[str]
    environment: Mapping[str, str]
    key: str
    model: str


class Weight(msgspec.Struct, frozen=True):
    first_answer_seconds: float
    idle_mebibytes: float


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for way in (_development(Path(scratch)), _serving(Path(scratch))):
            seen = [_start(way, Path(scratch)) for _ in range(runs)]
            median = statistics.median(it.first_answer_seconds for it in seen)
            spread = " ".join(f"{it.first_answer_seconds:.2f}" for it in seen)
            memory = statistics.median(it.idle_mebibytes for it in seen)
            print(f"ai-gateway {' '.join(way.command)}")
            print(f"  start to first answer  {median:.2f} s, median of {runs}  ({spread})")
            print(f"  idle after {IDLE_SECONDS:.0f} s         {memory:.0f} MB resident, whole process tree")


def _development(scratch: Path) -> Way:
    way = Way(("dev",), {"AI_GATEWAY_DATA_DIR": str(scratch / "dev")}, "sk-dev", "gpt-4")
    with _running(way, scratch, free_port()):
        return way


def _serving(scratch: Path) -> Way:
    """A folder with a tenant and a key in it, made through the admin API of a whole `serve`."""
    environment = {
        "AI_GATEWAY_DATA_DIR": str(scratch / "serve"),
        "AI_GATEWAY_ENCRYPTION_KEY": secrets.token_hex(32),
        "AI_GATEWAY_ADMIN_TOKEN": secrets.token_hex(24),
        "AI_GATEWAY_MOCK": "on",
        "AI_GATEWAY_UNREADY_SECONDS": "0",
    }
    port = free_port()
    with _process(Way(("serve",), environment, "", ""), scratch, port) as running:
        running.await_answer(port, "/readyz", START_SECONDS)
        admin = {"authorization": f"Bearer {environment['AI_GATEWAY_ADMIN_TOKEN']}"}
        admin["x-tenant-id"] = _create(port, "/tenants", {"name": "bench"}, admin)["id"]
        _create(port, "/providers", {"name": "up", "provider": "openai", "endpoint_url": "mock://openai"}, admin)
        key = _create(port, "/api-keys", {"name": "bench"}, admin)["key"]
    return Way(("serve", "--data-plane-only"), environment, key, "up/gpt-4")


def _create(port: int, path: str, body: object, headers: Mapping[str, str]) -> dict[str, str]:
    status, answer = fetch(port, "POST", ADMIN + path, msgspec.json.encode(body), headers)
    if status != 201:
        raise DidNotStart(answer.decode(errors="replace"))
    return msgspec.json.decode(answer)


def _start(way: Way, scratch: Path) -> Weight:
    with _running(way, scratch, free_port()) as (running, seconds):
        time.sleep(IDLE_SECONDS)
        return Weight(seconds, rss_bytes(running.pid) / 2**20)


@contextmanager
def _running(way: Way, scratch: Path, port: int) -> Iterator[tuple[Running, float]]:
    """A process that has answered, and after how many seconds."""
    body = chat_body(way.model, 60, streamed=False)
    headers = {"authorization": f"Bearer {way.key}"}
    began = time.monotonic()
    with _process(way, scratch, port) as running:
        while time.monotonic() - began < START_SECONDS:
            try:
                if fetch(port, "POST", "/v1/chat/completions", body, headers)[0] == 200:
                    yield running, time.monotonic() - began
                    return
            except OSError:
                time.sleep(STEP_SECONDS)
        raise DidNotStart(running.log.read_text(errors="replace"))


@contextmanager
def _process(way: Way, scratch: Path, port: int) -> Iterator[Running]:
    own = {"PYTHONPATH": str(ROOT / "src"), "HOST": "127.0.0.1", "PORT": str(port), **way.environment}
    environment = {**clean_environment(), **own}
    del environment["PYTHONDONTWRITEBYTECODE"]  # an installed gateway has its bytecode
    command = [sys.executable, "-m", "ai_gateway.cli", *way.command]
    running = Running(command, GATEWAY_CORE, environment, scratch / "process")
    try:
        yield running
    finally:
        running.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)

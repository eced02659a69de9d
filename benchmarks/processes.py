"""Processes under test: each on its core, each ended by its own id, none left behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, final

import msgspec

from benchmarks.cpu import tree
from benchmarks.plan import Plan, Result
from benchmarks.upstream import Knobs, Ledger
from benchmarks.wire import encode_request

ROOT: Final = Path(__file__).resolve().parent.parent
WORK: Final = ROOT / ".bench"
GATEWAY_CORE: Final = min(os.sched_getaffinity(0))
LOAD_CORE: Final = max(os.sched_getaffinity(0))
SECRETS: Final = ("_API_KEY", "_TOKEN", "_SECRET", "_PROXY", "_BASE_URL")
STEP_SECONDS: Final = 0.01


class DidNotStart(Exception):
    """With the end of what the process said."""


def clean_environment(**extra: str) -> dict[str, str]:
    """Nothing that could reach an account, a proxy or somebody's database."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith(SECRETS) and not name.startswith(("AI_GATEWAY_", "OTEL_", "PG", "DATABASE_"))
    }
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **extra}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@final
class Running:
    """A process with its output in a file."""

    def __init__(self, command: Sequence[str], core: int, environment: Mapping[str, str], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "output.log"
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                _pinned(command, core),
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def await_answer(self, port: int, path: str, seconds: float) -> float:
        """Seconds from now until the path answers 200. Raises DidNotStart."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self._process.poll() is not None:
                break
            try:
                if fetch(port, "GET", path)[0] == 200:
                    return time.monotonic() - began
            except OSError:
                pass
            time.sleep(STEP_SECONDS)
        raise DidNotStart(self.log.read_text(encoding="utf-8", errors="replace")[-2000:])

    def stop(self) -> None:
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(12)
        except subprocess.TimeoutExpired:
            for member in reversed(tree(self.pid)):
                os.kill(member, signal.SIGKILL)
            self._process.wait(5)


def _pinned(command: Sequence[str], core: int) -> list[str]:
    if shutil.which("taskset") is None:
        raise DidNotStart("taskset is missing (Debian: util-linux)")
    return ["taskset", "-c", str(core), *command]


def fetch(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """One request on a connection of its own. Raises OSError."""
    request = encode_request(method, f"127.0.0.1:{port}", path, {"connection": "close", **(headers or {})}, body)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1."):
        raise ConnectionError("no answer")
    return int(head[9:12]), rest


@final
class Upstream:
    """The provider of a run, in a process of its own."""

    def __init__(self, stack: ExitStack) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "benchmarks.upstream", str(self.port)]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self._running = Running(command, LOAD_CORE, clean_environment(PYTHONPATH=str(ROOT)), folder)
        stack.callback(self._running.stop)
        self.pid = self._running.pid
        self._running.await_answer(self.port, "/ledger", 10)

    def turn_to(self, knobs: Knobs) -> None:
        self._control("POST", "/knobs", msgspec.json.encode(knobs))

    def ledger(self) -> Ledger:
        return self._control("GET", "/ledger", b"")

    def _control(self, method: str, path: str, body: bytes) -> Ledger:
        status, answer = fetch(self.port, method, path, body)
        if status != 200:
            raise ConnectionError(f"the provider answered {status}")
        return msgspec.json.decode(answer, type=Ledger)


@final
class Load:
    """A generator at work. Made: it connects; `started`: the load begins; `result`: it is over."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._process = subprocess.Popen(
            _pinned([sys.executable, "-m", "benchmarks.load"], LOAD_CORE),
            env=clean_environment(PYTHONPATH=str(ROOT)),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.pid = self._process.pid
        assert self._process.stdin
        self._process.stdin.write(msgspec.json.encode(plan))
        self._process.stdin.close()
        assert self._process.stdout
        if self._process.stdout.readline() != b"started\n":
            self._process.wait(10)
            raise DidNotStart("the load generator ended early")

    def result(self) -> Result:
        assert self._process.stdout
        answer = self._process.stdout.read()
        self._process.wait(10)
        return msgspec.json.decode(answer, type=Result)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)

"""The gateway as users have it: a real process on a real port, started, asked and stopped from outside.

Its environment is built from nothing, so that no key, database or proxy of whoever runs the tests is in it. Every wait
looks again until a deadline; the process that was started is ended by its own id, whatever the test did with it.
"""

import base64
import http.client
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

SOURCE = Path(__file__).parents[2] / "src"
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
DEADLINE_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.02
SHOWN = 8_000
ADMIN = "/api/v1/admin"
DEMO_KEY = "sk-dev"
QUESTION = [{"role": "user", "content": "Hello! What are you?"}]
ANNOUNCED = re.compile(r"running at http://127\.0\.0\.1:(\d+)|\"port\": (\d+).*\"event\": \"serving\"")

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Gateway:
    """A running gateway. `admin_token` None: development mode, which needs none. `key` is the demo tenant's."""

    process: subprocess.Popen[bytes]
    url: str
    data_dir: Path
    output: Path
    admin_token: str | None = None
    tenant_id: str | None = None
    key: str = DEMO_KEY

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def said(self) -> str:
        """Everything on standard output and standard error so far."""
        return self.output.read_text(errors="replace")

    def last_words(self) -> str:
        """For whoever reads of a test that failed: the folder of the output is gone by then."""
        return f"What the gateway said, exit code {self.process.poll()}:\n{self.said()[-SHOWN:]}"

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """On a connection of its own; `body` is sent as JSON, bytes as they are."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, data, dict(headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def admin(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """`path` below /api/v1/admin, in the name of this gateway's platform admin."""
        own: dict[str, str] = {} if self.admin_token is None else {"authorization": f"Bearer {self.admin_token}"}
        if self.tenant_id is not None:
            own["x-tenant-id"] = self.tenant_id
        return self.request(method, ADMIN + path, body, {**own, **(headers or {})})

    def create(self, path: str, body: Any) -> Any:
        """POST below /api/v1/admin that has to work."""
        reply = self.admin("POST", path, body)
        assert reply.status in (200, 201), reply.body.decode()
        return reply.json

    def create_providers(self, bodies: Sequence[Any]) -> None:
        """Many at once, which costs a third of one by one."""
        reply = self.admin("POST", "/config/import", {"version": 1, "providers": list(bodies)})
        assert reply.status == 200, reply.body.decode()
        assert len(reply.json["created"]) == len(bodies), reply.json

    def chat(self, model: str, key: str | None = None, **more: Any) -> Reply:
        body = {"model": model, "messages": QUESTION, **more}
        return self.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key or self.key}"})

    def forgive(self) -> None:
        """Every breaker is closed again, every cooldown over, every refused key taken again."""
        known = self.admin("GET", "/router/circuit-breakers").json["data"]
        for name in {it["provider"] for it in known}:
            assert self.admin("POST", f"/router/circuit-breakers/{name}/reset").status == 200

    def ledger(self, **equal: str) -> list[Any]:
        query = "&".join(f"{name}={text}" for name, text in {"limit": "200", **equal}.items())
        return self.admin("GET", f"/ledger?{query}").json["data"]

    def settled(self, request_id: str) -> list[Any]:
        """The ledger rows of a request, once they are there."""
        return until(lambda: self.ledger(request_id=request_id), f"a ledger row of {request_id}")

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def wait(self, seconds: float = DEADLINE_SECONDS) -> int:
        """The exit code."""
        return self.process.wait(seconds)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()


@contextmanager
def running_gateway(
    data_dir: Path, environment: Mapping[str, str] | None = None, command: Sequence[str] = ("dev",)
) -> Iterator[Gateway]:
    """A development gateway on a free port, ready to answer."""
    process, output = launch(data_dir, {"PORT": "0", **(environment or {})}, command)
    gateway = Gateway(process, "", data_dir, output)
    try:
        gateway.url = f"http://127.0.0.1:{until(lambda: _announced_port(gateway), 'the address of the gateway')}"
        until(lambda: gateway.request("GET", "/readyz").status == 200, "readiness")
        yield gateway
    except BaseException as failure:
        end(process)
        failure.add_note(gateway.last_words())
        raise
    finally:
        ended = end(process)
    assert ended is Ending.ASKED, f"it had to be killed:\n{gateway.said()}"


@contextmanager
def serving_gateway(
    data_dir: Path, environment: Mapping[str, str] | None = None, options: Sequence[str] = ()
) -> Iterator[Gateway]:
    """The same in `serve` mode, with good secrets, its mock on, and a tenant with the key in `key` if it has an admin
    API. `environment` overrides: processes that are to share a database are given the same secrets."""
    given = {**a_secret_environment(), "HOST": "127.0.0.1", "AI_GATEWAY_MOCK": "on", **(environment or {})}
    given.setdefault("AI_GATEWAY_UNREADY_SECONDS", "0")
    with running_gateway(data_dir, given, ("serve", *options)) as gateway:
        gateway.admin_token = given["AI_GATEWAY_ADMIN_TOKEN"]
        yield gateway


def a_secret_environment() -> dict[str, str]:
    """What `serve` insists on, as its messages say to make it."""
    return {
        "AI_GATEWAY_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "AI_GATEWAY_ADMIN_TOKEN": secrets.token_hex(24),
    }


def move_in(gateway: Gateway, name: str = "acme") -> None:
    """Make a tenant, act for it from now on, and get it a key and a config `up` on the mock."""
    gateway.tenant_id = gateway.create("/tenants", {"name": name})["id"]
    gateway.create("/providers", {"name": "up", "provider": "openai", "endpoint_url": "mock://openai"})
    gateway.key = gateway.create("/api-keys", {"name": "first"})["key"]


def launch(
    data_dir: Path, environment: Mapping[str, str], command: Sequence[str]
) -> tuple[subprocess.Popen[bytes], Path]:
    """Only start it: `ai-gateway COMMAND`. The process, and the file that takes what it says."""
    data_dir.mkdir(parents=True, exist_ok=True)
    nowhere = data_dir.parent / f"{data_dir.name}-cwd"
    nowhere.mkdir(exist_ok=True)
    output = nowhere / f"output-{secrets.token_hex(4)}.txt"
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    own = {"PYTHONPATH": str(SOURCE), "AI_GATEWAY_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "ai_gateway.cli", *command],
            env={**inherited, **own, **environment},
            cwd=nowhere,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return process, output


class Ending(Enum):
    ASKED = "it went when it was asked, or by itself"
    KILLED = "it had to be killed"


def end(process: subprocess.Popen[bytes]) -> Ending:
    """However the test ended: ask, then insist."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return Ending.KILLED
    return Ending.ASKED


def until(look: Callable[[], T | None], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """What `look` finds, as soon as it is something. Fails, and says what was missing, after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = look()
        except (ConnectionError, http.client.HTTPException):
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, f"no sign of {what} within {seconds} s"
        time.sleep(LOOK_AGAIN_SECONDS)


def _announced_port(gateway: Gateway) -> str | None:
    assert gateway.process.poll() is None, f"exit {gateway.process.returncode}:\n{gateway.said()}"
    found = ANNOUNCED.search(gateway.said())
    return (found[1] or found[2]) if found else None

"""Several gateways over one PostgreSQL that spend one limit: who keeps them alive, who asks them, who watches.

The provider always spends all that it was asked for, so what is held is what it costs, and a limit is passed by one
request as soon as anybody holds what somebody else has.
"""

import http.client
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

from support.gateway import Gateway, a_secret_environment, running_gateway, until

TOKENS = 10
COST = 500_000
"""Nano-dollars of a request: 10 tokens at $50 a million."""
WATCHED = """
WITH spent AS (
  SELECT window_id, scope, scope_id, process_id, sum(cost_nano_usd) AS nano FROM spending_windows GROUP BY 1, 2, 3, 4
), charged AS (
  SELECT l.window_id, l.scope, l.scope_id, sum(greatest(0, l.granted - coalesce(s.nano, 0))) AS nano
  FROM leases l LEFT JOIN spent s USING (window_id, scope, scope_id, process_id)
  WHERE l.unit = 'usd' AND l.state <> 'returned' GROUP BY 1, 2, 3
), settled AS (
  SELECT window_id, scope, scope_id, sum(nano) AS nano FROM spent GROUP BY 1, 2, 3
)
SELECT scope, window_id, coalesce(settled.nano, 0) AS settled, charged.nano AS leased
FROM charged LEFT JOIN settled USING (window_id, scope, scope_id)
"""


@contextmanager
def a_spending_provider(answer_seconds: float = 0.0) -> Iterator[tuple[str, Counter[str]]]:
    """Its URL, and how often it was asked, by the caller's name for the request."""
    bill, lock = Counter[str](), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                bill[asked.get("user", "")] += 1
            time.sleep(answer_seconds)
            usage = {"prompt_tokens": 1, "completion_tokens": TOKENS, "total_tokens": TOKENS + 1}
            choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
            body = json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                """A gateway that is killed resets its connections."""

        def log_message(self, format: str, *args: Any) -> None:
            """Not said."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", bill
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


class Fleet:
    """`folders` are where the processes live, one each; they may be the same."""

    def __init__(self, database: str, folders: list[Path], **environment: str) -> None:
        secret = {"AI_GATEWAY_ENCRYPTION_KEY": a_secret_environment()["AI_GATEWAY_ENCRYPTION_KEY"]}
        self._environment = {**secret, "DATABASE_URL": database, "AI_GATEWAY_DRAIN_SECONDS": "20", **environment}
        self._folders = folders
        self._stacks: dict[int, ExitStack] = {}
        self.gateways: dict[int, Gateway] = {}

    def __enter__(self) -> "Fleet":
        for slot in range(len(self._folders)):
            self.start(slot)
        return self

    def __exit__(self, *_: object) -> None:
        for slot in list(self._stacks):
            self.stop(slot)

    def start(self, slot: int, folder: Path | None = None) -> None:
        self._folders[slot] = folder or self._folders[slot]
        self._stacks[slot] = stack = ExitStack()
        self.gateways[slot] = stack.enter_context(running_gateway(self._folders[slot], self._environment))

    def stop(self, slot: int) -> None:
        """In order: it finishes what it has and gives back its leases."""
        self.gateways.pop(slot)
        self._stacks.pop(slot).close()

    def kill(self, slot: int) -> Path:
        """Where it lived."""
        gateway = self.gateways.pop(slot)
        gateway.signal(signal.SIGKILL)
        gateway.wait()
        self._stacks.pop(slot).close()
        return self._folders[slot]

    @property
    def any(self) -> Gateway:
        return next(iter(self.gateways.values()))


def move_in(fleet: Fleet, url: str) -> None:
    """The demo tenant gets a provider that costs."""
    config = {"name": "paid", "provider": "openai_compatible", "endpoint_url": url, "models": ["m"]}
    fleet.any.create("/providers", config)
    fleet.any.create("/prices", {"model": "m", "input_per_million_usd": "0", "output_per_million_usd": "50"})


def a_key(fleet: Fleet, name: str, limit_usd: str) -> str:
    """With a limit, and in a team with the same; every process knows it."""
    team = fleet.any.create("/teams", {"name": name, "cost_limit_total": limit_usd})
    made = fleet.any.create("/api-keys", {"name": name, "team_id": team["id"], "cost_limit_daily": limit_usd})
    known = {"authorization": f"Bearer {made['key']}"}
    for each in fleet.gateways.values():
        until(lambda it=each: it.request("GET", "/v1/models", headers=known).status == 200, "the key everywhere")
    return made["key"]


@dataclass
class Callers:
    """Threads that ask whichever gateway lives, each until it was told that the money is gone or its time is over.

    `answers` counts the codes that they were told, "ok" for an answer; `paid` has the names of those."""

    fleet: Fleet
    key: str
    answers: Counter[str] = field(default_factory=Counter[str])
    paid: set[str] = field(default_factory=set[str])
    odd: list[str] = field(default_factory=list[str])
    most_seconds: float = 120.0

    def run(self, count: int) -> list[threading.Thread]:
        threads = [threading.Thread(target=self._spend, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        return threads

    def _spend(self, number: int) -> None:
        rng, began, asked = random.Random(number), time.monotonic(), 0
        while time.monotonic() < began + self.most_seconds:
            living = list(self.fleet.gateways.values())
            if not living:
                time.sleep(0.05)
                continue
            asked = self._use(rng.choice(living), f"{number}-", asked)
            if asked < 0:
                return
            time.sleep(0.05)

    def _use(self, gateway: Gateway, name: str, asked: int) -> int:
        """On one connection until it breaks or somebody else is to be asked; how many were asked, -1 at the end."""
        with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as connection:
            for _ in range(20):
                asked += 1
                body = {"model": "paid/m", "messages": [], "user": f"{name}{asked}", "max_tokens": TOKENS}
                try:
                    connection.request(
                        "POST", "/v1/chat/completions", json.dumps(body), {"authorization": f"Bearer {self.key}"}
                    )
                    answer = connection.getresponse()
                    said = json.loads(answer.read())
                except (OSError, http.client.HTTPException, ValueError):
                    self.answers["gone"] += 1
                    return asked
                code = "ok" if answer.status == 200 else said["error"]["code"]
                self.answers[code] += 1
                if code == "ok":
                    self.paid.add(f"{name}{asked}")
                elif code == "budget_exceeded":
                    return -1
                elif code in ("budget_contended", "budget_unavailable"):
                    time.sleep(0.1)
                else:
                    self.odd.append(f"{answer.status} {said}")
                    return asked
        return asked


@dataclass
class Watcher:
    """Looks at the books without pause. `highest` is the most that was settled and leased on any pot at any look."""

    database: str
    looks: int = 0
    highest: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watcher":
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        with psycopg.connect(self.database, autocommit=True) as connection:
            while not self._over.is_set():
                for _, _, settled, leased in connection.execute(WATCHED).fetchall():
                    self.highest = max(self.highest, int(settled) + int(leased))
                self.looks += 1


def sums_of(database: str) -> dict[str, int]:
    """What the ledger, the windows and the leases say at the end."""
    with psycopg.connect(database, autocommit=True) as connection:

        def one(query: str) -> int:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return int(row[0] or 0)

        return {
            "ledger": one("SELECT sum(cost_nano_usd) FROM ledger"),
            "rows": one("SELECT count(*) FROM ledger WHERE outcome = 'ok'"),
            "orphans": one("SELECT count(*) FROM ledger WHERE outcome = 'orphan'"),
            "key": one("SELECT sum(cost_nano_usd) FROM spending_windows WHERE scope='key' AND window_id LIKE 'D:%'"),
            "team": one("SELECT sum(cost_nano_usd) FROM spending_windows WHERE scope='team' AND window_id='T:total'"),
            "leased": one(
                "SELECT sum(greatest(0, l.granted - coalesce((SELECT sum(cost_nano_usd) FROM spending_windows w"
                " WHERE w.window_id=l.window_id AND w.scope=l.scope AND w.scope_id=l.scope_id"
                " AND w.process_id=l.process_id), 0))) FROM leases l WHERE l.state <> 'returned'"
            ),
        }

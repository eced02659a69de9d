"""Our gateway as a process under test: `ai-gateway serve` on its core, configured through its admin API as an operator
would, and asked for its ledger as an auditor would (read-only, past the process).

Two callers are made. `governed` has all that a request can pay for: a key of a team, a user and a department, with
limits on every level, a route to a pool of three weighted endpoints, a priced model. `bare` has a tenant with one key
and no limit, and names its endpoint and model, unpriced.
"""

import base64
import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, final

import msgspec

from benchmarks.plan import Target
from benchmarks.processes import GATEWAY_CORE, ROOT, Running, clean_environment, fetch, free_port

ADMIN: Final = "/api/v1/admin"
MODEL: Final = "gpt-4o-mini"
CLAUDE: Final = "claude-sonnet-4-5"
UNPRICED: Final = "gpt-unpriced"
ROUTE: Final = "chat"
WEIGHTS: Final = (5, 3, 2)
INPUT_USD: Final = "0.15"
OUTPUT_USD: Final = "0.60"
INPUT_NANO: Final = 150  # a token, at that price: $0.15 / 10**6 tokens * 10**9
OUTPUT_NANO: Final = 600
LIMIT_USD: Final = "1000000"
START_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 60.0


class Booked(msgspec.Struct, frozen=True):
    """What the SQL ledger says: rows, tokens in and out, nano-dollars."""

    rows: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_nano: int = 0

    def __sub__(self, earlier: "Booked") -> "Booked":
        return Booked(
            self.rows - earlier.rows,
            self.prompt_tokens - earlier.prompt_tokens,
            self.completion_tokens - earlier.completion_tokens,
            self.cost_nano - earlier.cost_nano,
        )


@final
class Ours:
    """`source` is the tree whose gateway is run: this one, or a recorded base beside it."""

    def __init__(self, folder: Path, upstream_port: int, source: Path = ROOT) -> None:
        self.folder = folder
        self.port = free_port()
        self.governed = self.bare = Target(port=self.port, headers={})
        self._source = source
        self._upstream_port = upstream_port
        self._token = secrets.token_hex(24)
        self._key = base64.b64encode(os.urandom(32)).decode()
        self._running: Running | None = None
        self._tenant = ""

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    def start(self, *options: str) -> float:
        """Seconds from the command to the first answer of the data plane."""
        began = time.monotonic()
        command = [sys.executable, "-m", "ai_gateway.cli", "serve", *options]
        environment = clean_environment(
            PYTHONPATH=str(self._source / "src"),
            HOST="127.0.0.1",
            PORT=str(self.port),
            AI_GATEWAY_DATA_DIR=str(self.folder / "data"),
            AI_GATEWAY_ENCRYPTION_KEY=self._key,
            AI_GATEWAY_ADMIN_TOKEN=self._token,
            AI_GATEWAY_EGRESS_ALLOW="127.0.0.1/32",
            AI_GATEWAY_UNREADY_SECONDS="0",
            AI_GATEWAY_DRAIN_SECONDS="2",
        )
        self._running = Running(command, GATEWAY_CORE, environment, self.folder)
        self._running.await_answer(self.port, "/readyz", START_SECONDS)
        return time.monotonic() - began

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()

    def configure(self) -> None:
        self._tenant = self._admin("POST", "/tenants", {"name": "bench", "cost_limit_monthly": LIMIT_USD})["id"]
        limited = {"cost_limit_monthly": LIMIT_USD}
        department = self._admin("POST", "/departments", {"name": "research", **limited})["id"]
        team = self._admin("POST", "/teams", {"name": "agents", "department_id": department, **limited})["id"]
        user = self._admin("POST", "/users", {"name": "ada", "team_id": team, **limited})["id"]
        price = {"model": MODEL, "input_per_million_usd": INPUT_USD, "output_per_million_usd": OUTPUT_USD}
        self._admin("POST", "/prices", price)
        for place in range(len(WEIGHTS)):
            self._admin("POST", "/providers", self.provider(f"account-{place}", MODEL))
        self.pool({f"account-{place}": weight for place, weight in enumerate(WEIGHTS)})
        self._admin("POST", "/routes", {"name": ROUTE, "pool": "pool"})
        owner = {"team_id": team, "user_id": user, "department_id": department, **limited}
        governed = self._admin("POST", "/api-keys", {"name": "governed", **owner})["key"]
        bare = self._configure_bare()
        self.governed = Target(port=self.port, headers={"authorization": f"Bearer {governed}"}, model=ROUTE)
        self.bare = Target(port=self.port, headers={"authorization": f"Bearer {bare}"}, model=f"plain/{UNPRICED}")

    def _configure_bare(self) -> str:
        """A tenant of its own, since nothing that nobody priced is served where money is limited."""
        governed = self._tenant
        self._tenant = ""
        self._tenant = self._admin("POST", "/tenants", {"name": "bare"})["id"]
        self._admin("POST", "/providers", self.provider("plain", UNPRICED))
        key = self._admin("POST", "/api-keys", {"name": "bare"})["key"]
        self._tenant = governed
        return key

    def provider(self, name: str, model: str) -> dict[str, Any]:
        return {
            "name": name,
            "provider": "openai",
            "endpoint_url": f"http://127.0.0.1:{self._upstream_port}/v1",
            "api_key": "sk-of-the-benchmark",
            "models": [model],
        }

    def claude(self) -> Target:
        """The governed caller in front of three accounts that speak Anthropic's dialect."""
        price = {"model": CLAUDE, "input_per_million_usd": INPUT_USD, "output_per_million_usd": OUTPUT_USD}
        self._admin("POST", "/prices", price)
        url = f"http://127.0.0.1:{self._upstream_port}"
        for place in range(len(WEIGHTS)):
            config = self.provider(f"claude-{place}", CLAUDE)
            self._admin("POST", "/providers", {**config, "provider": "anthropic", "endpoint_url": url})
        members = [{"name": f"claude-{place}", "weight": weight} for place, weight in enumerate(WEIGHTS)]
        self._admin("POST", "/router/load-balancer/pools", {"group_name": "claude", "providers": members})
        return msgspec.structs.replace(self.governed, model="claude")

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST below the admin API in the name of the benchmark's tenant; it has to work."""
        return self._admin("POST", path, body)

    def pool(self, weights: Mapping[str, int]) -> None:
        members = [{"name": name, "weight": weight} for name, weight in weights.items()]
        self._admin("POST", "/router/load-balancer/pools", {"group_name": "pool", "providers": members})

    def change_something(self, place: int) -> None:
        """What an operator does all day: a new key that has to be live at once."""
        self._admin("POST", "/api-keys", {"name": f"new-{place}"})

    def booked(self) -> Booked:
        columns = "count(*), total(input_tokens), total(output_tokens), total(cost_nano_usd)"
        with self._database("ro") as database:
            return Booked(*(int(value) for value in database.execute(f"SELECT {columns} FROM ledger").fetchone()))

    def last_row(self) -> int:
        """The ledger's newest id: cheap to ask while it grows."""
        with self._database("ro") as database:
            return database.execute("SELECT coalesce(max(id), 0) FROM ledger").fetchone()[0]

    def await_drain(self, rows: int) -> float:
        """Seconds until the ledger has this many rows, at most DRAIN_SECONDS."""
        began = time.monotonic()
        while self.booked().rows < rows and time.monotonic() - began < DRAIN_SECONDS:
            time.sleep(0.1)
        return time.monotonic() - began

    @contextmanager
    def ledger_held(self) -> Generator[None]:
        """Nothing can be written to SQL in here, so that the drain's cost falls outside. The gateway sees a database
        that is away: it waits, and loses nothing."""
        with self._database("rw") as database:
            database.isolation_level = None
            database.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                database.execute("ROLLBACK")

    def clone_keys(self, count: int) -> None:
        """Only while stopped: as many keys as that, which nobody knows, in the tenant."""
        self._clone("api_keys", "name = 'bare'", count, {"digest": lambda place: secrets.token_bytes(32)})

    def clone_endpoints(self, count: int) -> list[str]:
        """Only while stopped: configs like the first account, by the names that are returned."""
        self._clone("provider_configs_v2", "name = 'account-0'", count, {})
        return [f"copy-{place}" for place in range(count)]

    def _clone(self, table: str, which: str, count: int, changed: Mapping[str, Any]) -> None:
        with self._database("rw") as database:
            cursor = database.execute(f"SELECT * FROM {table} WHERE {which}")
            columns = [column[0] for column in cursor.description]
            row = dict(zip(columns, cursor.fetchone(), strict=True))

            def rows() -> Iterator[list[Any]]:
                for place in range(count):
                    own = {name: make(place) for name, make in changed.items()}
                    yield list({**row, "id": f"{row['id']}_{place:07}", "name": f"copy-{place}", **own}.values())

            marks = ", ".join("?" * len(columns))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows())
            database.commit()

    @contextmanager
    def _database(self, mode: str) -> Generator[sqlite3.Connection]:
        database = sqlite3.connect(f"file:{self.folder}/data/gateway.db?mode={mode}", uri=True, timeout=20)
        try:
            yield database
        finally:
            database.close()

    def _admin(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._token}"}
        if self._tenant:
            headers["x-tenant-id"] = self._tenant
        status, answer = fetch(self.port, method, ADMIN + path, msgspec.json.encode(body), headers)
        if status not in (200, 201):
            raise ConnectionError(f"{method} {path} was answered {status}: {answer[:500]!r}")
        return msgspec.json.decode(answer)


def our_gateway(stack: ExitStack, folder: Path, upstream_port: int, *, source: Path = ROOT) -> Ours:
    """Started, configured, and stopped with the stack."""
    ours = Ours(folder, upstream_port, source)
    stack.callback(ours.stop)
    ours.start()
    ours.configure()
    return ours

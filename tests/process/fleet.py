"""Several gateways over one PostgreSQL that spend one limit: who keeps them alive, and who watches. Who asks them is in
crowd.py.
"""

import signal
import threading
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from support.gateway import Gateway, a_secret_environment, running_gateway, until

LEVELS = ("key", "team", "department", "user", "tenant")
WATCHED = """
WITH spent AS (
  SELECT window_id, scope, scope_id, process_id, sum(cost_nano_usd) AS nano FROM spending_windows GROUP BY 1, 2, 3, 4
), charged AS (
  SELECT l.window_id, l.scope, l.scope_id,
    sum(CASE WHEN l.state = 'returned' THEN 0 ELSE greatest(0, l.granted - coalesce(s.nano, 0)) END) AS nano
  FROM leases l LEFT JOIN spent s USING (window_id, scope, scope_id, process_id)
  WHERE l.unit = 'usd' GROUP BY 1, 2, 3
), settled AS (
  SELECT window_id, scope, scope_id, sum(nano) AS nano FROM spent GROUP BY 1, 2, 3
)
SELECT scope, window_id, coalesce(settled.nano, 0) AS settled, charged.nano AS leased
FROM charged LEFT JOIN settled USING (window_id, scope, scope_id)
"""
"""What is settled and what is leased of every pot that was ever leased, of one instant. What is held in memory is part
of what is leased."""


class Fleet:
    """`folders` are where the processes live, one each; they may be the same. Without a `database` it is SQLite, and
    one process."""

    def __init__(self, database: str | None, folders: list[Path], **environment: str) -> None:
        secret = {"AI_GATEWAY_ENCRYPTION_KEY": a_secret_environment()["AI_GATEWAY_ENCRYPTION_KEY"]}
        shared = {} if database is None else {"DATABASE_URL": database}
        self._environment = {**secret, **shared, "AI_GATEWAY_DRAIN_SECONDS": "20", **environment}
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
    return _known_everywhere(fleet, made["key"])


def a_key_on_five_legs(fleet: Fleet, name: str, limit_usd: str, queue_seconds: float) -> str:
    """The same limit on every level, in windows of every kind, and a queue that takes whoever comes."""
    [tenant] = [it for it in fleet.any.admin("GET", "/tenants").json["data"] if it["id"] == "demo"]
    queue = {"max_waiting": 1_000_000, "timeout_seconds": queue_seconds}
    changed = fleet.any.admin("PATCH", f"/tenants/{tenant['id']}", {"queue": queue, "cost_limit_total": limit_usd})
    assert changed.status == 200, changed.body
    department = fleet.any.create("/departments", {"name": name, "cost_limit_monthly": limit_usd})
    team = {"name": name, "department_id": department["id"], "cost_limit_total": limit_usd}
    user = fleet.any.create("/users", {"name": name, "cost_limit_daily": limit_usd})
    legs = {"team_id": fleet.any.create("/teams", team)["id"], "user_id": user["id"]}
    made = fleet.any.create("/api-keys", {"name": name, "cost_limit_daily": limit_usd, **legs})
    return _known_everywhere(fleet, made["key"])


def _known_everywhere(fleet: Fleet, key: str) -> str:
    known = {"authorization": f"Bearer {key}"}
    for each in fleet.gateways.values():
        until(lambda it=each: it.request("GET", "/v1/models", headers=known).status == 200, "the key everywhere")
    return key


@dataclass
class Watcher:
    """Looks at the books without pause. `highest` is the most that was settled and leased together on any pot of a
    level at any look."""

    database: str
    looks: int = 0
    highest: Counter[str] = field(default_factory=Counter[str])
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
                for scope, _, settled, leased in connection.execute(WATCHED).fetchall():
                    self.highest[scope] = max(self.highest[scope], int(settled) + int(leased))
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
            **{
                scope: one(
                    f"SELECT sum(cost_nano_usd) FROM spending_windows WHERE scope='{scope}' AND window_id='T:total'"
                )
                for scope in LEVELS
            },
            "leased": one(
                "SELECT sum(greatest(0, l.granted - coalesce((SELECT sum(cost_nano_usd) FROM spending_windows w"
                " WHERE w.window_id=l.window_id AND w.scope=l.scope AND w.scope_id=l.scope_id"
                " AND w.process_id=l.process_id), 0))) FROM leases l WHERE l.state <> 'returned'"
            ),
        }

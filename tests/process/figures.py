"""What a real process does under trouble, in numbers: each function sets one scene up over real sockets, plays it and
returns what was counted. The tests assert the bars; this prints the figures:

    PYTHONPATH=src:tests .venv/bin/python -m process.figures
"""

import json
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from process.provider import COMPLETION, Provider, a_provider, answering
from support.gateway import Gateway, Reply, running_gateway, until

REFUSED = {"error": {"message": "the server had an error", "type": "server_error"}}
WRONG_KEY = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
WEIGHTS = {"half": 50, "third": 30, "fifth": 20}
CALLERS = 16

T = TypeVar("T")


def an_account(gateway: Gateway, name: str, provider: Provider, headers: dict[str, str] | None = None) -> None:
    config = {"name": name, "provider": "openai", "endpoint_url": provider.url, "api_key": "sk-x", "models": ["m"]}
    assert gateway.admin("POST", "/providers", config, headers).status == 201


def a_pool(gateway: Gateway, group: str, *names: str, **more: object) -> None:
    members = [{"name": name, "model": "m"} for name in names]
    gateway.create("/router/load-balancer/pools", {"group_name": group, "providers": members, **more})


def posts(provider: Provider) -> int:
    return sum(head.startswith("POST") for head, _ in provider.asked)


def state_of(gateway: Gateway, name: str) -> str:
    [found] = [it for it in gateway.admin("GET", "/router/circuit-breakers").json["data"] if it["provider"] == name]
    return found["state"]


def all_at_once(call: Callable[[int], T], count: int, callers: int = CALLERS) -> list[T]:
    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(call, range(count)))


def two_rows(gateway: Gateway, request_id: str) -> list[Any] | None:
    rows = gateway.ledger(request_id=request_id)
    return rows if len(rows) == 2 else None


def an_event(word: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": word} if word else {}, "finish_reason": finish}
    data = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def text_of(reply: Reply) -> str:
    events = [it.removeprefix(b"data: ") for it in reply.body.split(b"\n\n") if it.startswith(b"data: {")]
    return "".join(
        choice["delta"].get("content", "") for event in events for choice in json.loads(event).get("choices", ())
    )


# Weights under concurrency


class Shares(NamedTuple):
    requests: int
    percent: dict[str, float]

    @property
    def furthest(self) -> float:
        """Percentage points that any endpoint is away from its weight."""
        return max(abs(self.percent[name] - weight) for name, weight in WEIGHTS.items())


def share_by_weights(gateway: Gateway, requests: int = 1_000) -> Shares:
    for name in WEIGHTS:
        config = {"name": name, "provider": "openai", "endpoint_url": "mock://openai", "models": ["gpt-4o"]}
        gateway.create("/providers", config)
    members = [{"name": name, "weight": weight} for name, weight in WEIGHTS.items()]
    pool = {"group_name": "shares", "providers": members, "strategy": "weighted_round_robin"}
    gateway.create("/router/load-balancer/pools", pool)
    replies = all_at_once(lambda _: gateway.chat("shares"), requests)
    assert {it.status for it in replies} == {200}
    tally = Counter(it.headers["x-gateway-endpoint"] for it in replies)
    return Shares(requests, {name: 100 * tally[name] / requests for name in WEIGHTS})


# A half-open endpoint


class Probes(NamedTuple):
    """`most_at_once` at the provider until its breaker was closed."""

    requests: int
    failed: int
    most_at_once: int


class _Healing:
    """It fails until it opens its breaker; then it is slow and well, and counts who is there at once."""

    def __init__(self) -> None:
        self.is_well = False
        self.at_once = 0
        self.most = 0
        self._lock = threading.Lock()
        self._good, self._bad = answering(200, COMPLETION), answering(500, REFUSED)

    def __call__(self, provider: Provider, caller: socket.socket) -> None:
        if not provider.asked[-1][0].startswith("POST"):
            self._good(provider, caller)
        elif not self.is_well:
            self._bad(provider, caller)
        else:
            with self._lock:
                self.at_once += 1
                self.most = max(self.most, self.at_once)
            time.sleep(0.2)
            with self._lock:
                self.at_once -= 1
            self._good(provider, caller)


def heal_under_load(gateway: Gateway) -> Probes:
    healing = _Healing()
    with a_provider(healing) as primary, a_provider(answering(200, COMPLETION)) as spare:
        an_account(gateway, "healing", primary)
        an_account(gateway, "steady", spare)
        a_pool(gateway, "behind", "steady")
        breaker = {"failure_threshold": 5, "recovery_timeout_seconds": 0.5, "success_threshold": 4}
        a_pool(gateway, "front", "healing", fallbacks=["behind"], circuit_breaker=breaker)
        replies = [gateway.chat("front") for _ in range(6)]
        assert state_of(gateway, "healing") == "OPEN"
        healing.is_well = True
        closed = threading.Event()
        most: list[int] = []

        def call(_: int) -> list[Reply]:
            heard: list[Reply] = []
            while not closed.is_set():
                heard.append(gateway.chat("front"))
            return heard

        def watch() -> None:
            """The most so far is read before the state: once it is closed all may come at once."""
            while not closed.is_set():
                so_far = healing.most
                if state_of(gateway, "healing") == "CLOSED":
                    closed.set()
                else:
                    most.append(so_far)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            replies += [it for heard in all_at_once(call, CALLERS) for it in heard]
        finally:
            closed.set()
            watching.join()
    return Probes(len(replies), sum(it.status != 200 for it in replies), max(most))


# kill -9 while a breaker is open


class Restart(NamedTuple):
    requests: int
    failed: int
    calls_to_the_dead: int
    state: str


def kill_while_open(data: Path) -> Restart:
    """The first second after the restart."""
    with a_provider(answering(500, REFUSED)) as dead, a_provider(answering(200, COMPLETION)) as spare:
        with a_killed_gateway(data) as gateway:
            an_account(gateway, "dead", dead)
            an_account(gateway, "spare", spare)
            a_pool(gateway, "backup", "spare")
            a_pool(gateway, "main", "dead", fallbacks=["backup"])
            for _ in range(6):
                assert gateway.chat("main").status == 200
            until(lambda: state_of(gateway, "dead") == "OPEN", "an open breaker")
            until(lambda: open_rows(data), "its row")
        asked_before = posts(dead)

        with running_gateway(data) as again:
            began = time.monotonic()
            replies: list[Reply] = []
            while time.monotonic() - began < 1.0:
                replies.append(again.chat("main"))
            failed = sum(it.status != 200 for it in replies)
            return Restart(len(replies), failed, posts(dead) - asked_before, state_of(again, "dead"))


def open_rows(data: Path) -> int:
    with closing(sqlite3.connect(f"file:{data / 'gateway.db'}?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*) FROM circuit_breaker_states WHERE state = 'OPEN'").fetchone()[0]


@contextmanager
def a_killed_gateway(data: Path) -> Iterator[Gateway]:
    """It ends by kill -9, with no chance to write anything down."""
    with running_gateway(data) as gateway:
        yield gateway
        gateway.signal(signal.SIGKILL)
        gateway.process.wait()


# A tenant with a bad key


class Neighbours(NamedTuple):
    """Tenant A's key is refused by the provider that tenant B calls too."""

    a_requests: int
    a_per_second: float
    a_statuses: dict[int, int]
    a_calls: int
    b_requests: int
    b_failed: int
    b_states: set[str]
    b_transitions: int


def poison(gateway: Gateway, per_second: float = 200.0, seconds: float = 5.0) -> Neighbours:
    good, bad = answering(200, COMPLETION), answering(401, WRONG_KEY)

    def by_key(provider: Provider, caller: socket.socket) -> None:
        (bad if "sk-bad" in provider.asked[-1][0] else good)(provider, caller)

    with a_provider(by_key) as shared:
        url = {"provider": "openai", "endpoint_url": shared.url, "models": ["m"]}
        gateway.create("/providers", {"name": "mine", "api_key": "sk-bad", **url})
        a_pool(gateway, "poisoned", "mine", fallbacks=[])
        inside = {"x-tenant-id": gateway.create("/tenants", {"name": "b"})["id"]}
        assert (
            gateway.admin("POST", "/providers", {"name": "theirs", "api_key": "sk-good", **url}, inside).status == 201
        )
        key = gateway.admin("POST", "/api-keys", {"name": "k"}, inside).json["key"]
        began = time.monotonic()

        def at_its_time(number: int) -> int:
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            return gateway.chat("poisoned").status

        def beside(_: int) -> list[int]:
            heard: list[int] = []
            while time.monotonic() - began < seconds:
                heard.append(gateway.chat("theirs/m", key).status)
            return heard

        with ThreadPoolExecutor(2) as others:
            answered = [others.submit(beside, number) for number in range(2)]
            statuses = all_at_once(at_its_time, int(per_second * seconds), 2 * CALLERS)
            took = time.monotonic() - began
            theirs = [status for it in answered for status in it.result()]
        a_calls = sum("sk-bad" in head and head.startswith("POST") for head, _ in shared.asked)
        states = gateway.admin("GET", "/router/circuit-breakers", headers=inside).json["data"]
        dashboard = gateway.admin("GET", "/router/health-dashboard", headers=inside).json
    return Neighbours(
        len(statuses),
        len(statuses) / took,
        dict(Counter(statuses)),
        a_calls,
        len(theirs),
        sum(status != 200 for status in theirs),
        {it["state"] for it in states},
        len(dashboard["recent_transitions"]),
    )


def main() -> None:
    say = sys.stdout.write
    with tempfile.TemporaryDirectory(prefix="figures-") as folder:
        with running_gateway(Path(folder) / "data") as gateway:
            shares = share_by_weights(gateway)
            say(f"weights {json.dumps(WEIGHTS)}: {json.dumps(shares.percent)} % of {shares.requests:,} requests,")
            say(f" {CALLERS} at a time: at most {shares.furthest:.2f} points away\n")
            probes = heal_under_load(gateway)
            say(f"healing under load: {probes.requests:,} requests, {probes.failed} failed, at most ")
            say(f"{probes.most_at_once} in flight at the endpoint until its breaker closed\n")
            both = poison(gateway)
            say(f"tenant A, a bad key at {both.a_per_second:.0f}/s: {both.a_requests:,} requests {both.a_statuses}, ")
            say(f"{both.a_calls} calls to the provider\ntenant B beside it: {both.b_requests:,} requests, ")
            say(f"{both.b_failed} failed, breakers {sorted(both.b_states)}, {both.b_transitions} moved\n")
        after = kill_while_open(Path(folder) / "killed")
        say(f"kill -9 while OPEN: {after.requests:,} requests in the first second after it, {after.failed} failed, ")
        say(f"{after.calls_to_the_dead} calls to the dead endpoint, whose breaker is {after.state}\n")


if __name__ == "__main__":
    main()

"""Random requests at a real process: both dialects, streams and whole answers, every fault of the mock, every strategy,
queues, limits, deadlines, callers who leave, and an operator who moves breakers, health and pools meanwhile. Whatever
came of each request, afterwards everything has to be back at zero.

    PYTHONPATH=src:tests .venv/bin/python -m process.storm [REQUESTS] [SEED]

prints what the callers saw and what was found left behind: nothing, or a line for each.
"""

import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from support.gateway import DEADLINE_SECONDS, Gateway, running_gateway, until
from support.raw_http import Answer, RawClient

CALLERS: Final = 60
ACCOUNTS: Final = ("a", "b", "c", "d")
LIMITS: Final = {"c": {"max_concurrent": 3}, "d": {"max_concurrent": 2}}
GOOD: Final = "gpt-4o"
MOODS: Final = (
    *("mock-status-503", "mock-status-400", "mock-cut-1", "mock-cut-3", "mock-cut-30", "mock-error-in-stream"),
    *("mock-slow-2", "mock-slow-20", "mock-empty", "mock-html", "mock-malformed", "mock-no-end", GOOD, GOOD),
)
RARE: Final = ("mock-status-429", "mock-status-401")
"""They put an endpoint to rest for long, so they have accounts of their own."""
STRATEGIES: Final = (
    *("weighted_round_robin", "round_robin", "least_connections", "least_latency", "random", "p2c", "priority"),
)
BREAKER: Final = {
    **{"failure_threshold": 5, "recovery_timeout_seconds": 0.3, "success_threshold": 2},
    **{"slow_start_seconds": 1, "longest_open_seconds": 0.6},
}
TIMES: Final = {"connect": 2, "first_token": 0.6, "between_tokens": 0.3, "response": 1, "total": 5}
QUEUE: Final = {"max_waiting": 8, "timeout_seconds": 0.5}
QUESTION: Final = [{"role": "user", "content": "Hello"}]
STATUSES: Final = {200, 400, 401, 429, 502, 503, 504}


@dataclass
class Seen:
    """What the callers saw, and what none of them may ever see."""

    ends: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])
    attempts: dict[str, int] = field(default_factory=dict[str, int])
    """By request id, where the answer says how many there were in all."""


class Outcome(NamedTuple):
    seen: Seen
    left_behind: list[str]
    rows: int


def storm(gateway: Gateway, requests: int, seed: int) -> Outcome:
    pools = arrange(gateway, Random(seed))
    lines = [name for name in pools if name.startswith("line-")]
    reference = gateway.chat("safe", messages=QUESTION).json["choices"][0]["message"]["content"]
    files = open_files(gateway)
    seen = Seen()
    with an_operator(gateway, Random(seed + 1)):
        asyncio.run(_callers(gateway, [*pools, *lines * 4, *MOODS], requests, seed, reference, seen))
    return Outcome(seen, left_behind(gateway, seen, files), len(ledger(gateway)))


def arrange(gateway: Gateway, rng: Random) -> list[str]:
    """The pools. Each account of the mock has all moods; a pool asks each of its members for one of them."""
    for name in ACCOUNTS:
        config = {"name": name, "provider": "openai", "endpoint_url": "mock://openai", "models": sorted({*MOODS})}
        gateway.create("/providers", {**config, "rate_limits": LIMITS.get(name, {})})
    for name, mood in zip(("limited", "refused"), RARE, strict=True):
        config = {"name": name, "provider": "openai", "endpoint_url": "mock://openai", "models": [mood]}
        gateway.create("/providers", config)
    models = ["claude-sonnet-4-5", "claude-haiku-4-5", "mock-cut-3"]
    claude = {"name": "claude", "provider": "anthropic", "endpoint_url": "mock://anthropic", "models": models}
    gateway.create("/providers", claude)

    def pool(name: str, members: list[dict[str, Any]], **more: object) -> str:
        body = {"group_name": name, "providers": members, "circuit_breaker": BREAKER, "timeouts": TIMES}
        gateway.create("/router/load-balancer/pools", {**body, "fallbacks": [], **more})
        return name

    pool("safe", [{"name": "a", "model": GOOD}])
    for name in ACCOUNTS:
        pool(f"good-{name}", [{"name": name, "model": GOOD}])
    names = [pool("messages", [{"name": "claude", "model": it} for it in models], strategy="round_robin")]
    names += [pool(it, [{"name": it}], fallbacks=["safe"]) for it in ("limited", "refused")]
    names += [pool(f"line-{it}", [{"name": it, "model": "mock-slow-2"}], queue=QUEUE) for it in LIMITS]
    for number, strategy in enumerate(STRATEGIES * 2):
        members = [
            {"name": it, "model": rng.choice(MOODS), "weight": rng.randint(1, 5), "priority": rng.randint(0, 2)}
            for it in rng.sample(ACCOUNTS, 3)
        ]
        more: dict[str, object] = {
            "strategy": strategy,
            "fallbacks": ["safe"] if rng.random() < 0.5 else [],
            "retries": {"max_attempts": rng.randint(1, 6), "base_seconds": 0.01, "cap_seconds": 0.05},
            "on_stream_cut": rng.choice(["continue", "continue", "error"]),
            "queue": rng.choice([QUEUE, None]),
            "sticky_by": rng.choice(["header:x-session-id", "user", None]),
        }
        names.append(pool(f"pool-{number}", members, **more))
    return names


@contextmanager
def an_operator(gateway: Gateway, rng: Random) -> Iterator[None]:
    """Moves something every twentieth of a second, and leaves everything closed and healthy."""
    over = threading.Event()

    def move() -> None:
        while not over.wait(0.05):
            name = rng.choice(ACCOUNTS)
            if rng.random() < 0.4:
                word = {"healthy": False, "for_seconds": 0.2} if rng.random() < 0.5 else {"healthy": None}
                gateway.admin("PUT", f"/router/load-balancer/pools/safe/health/{name}", word)
            elif rng.random() < 0.3:
                gateway.admin("POST", f"/router/circuit-breakers/{name}/force-open", {"for_seconds": 0.2})
            else:
                gateway.admin("POST", f"/router/circuit-breakers/{name}/reset")

    moving = threading.Thread(target=move)
    moving.start()
    try:
        yield
    finally:
        over.set()
        moving.join()


async def _callers(gateway: Gateway, models: list[str], requests: int, seed: int, reference: str, seen: Seen) -> None:
    left = iter(range(requests))

    async def call(number: int) -> None:
        rng = Random(seed * 1_000 + number)
        for _ in left:
            await _Call(gateway, rng, rng.choice(models), reference, seen).run()

    async with asyncio.TaskGroup() as group:
        for number in range(CALLERS):
            group.create_task(call(number))


class _Call:
    """One request of somebody who may have a deadline, and may leave."""

    def __init__(self, gateway: Gateway, rng: Random, model: str, reference: str, seen: Seen) -> None:
        self._gateway = gateway
        self._rng = rng
        self._model = model
        self._reference = reference
        self._seen = seen
        self._streams = rng.random() < 0.5
        self._is_messages = model == "messages"

    async def run(self) -> None:
        patience = self._rng.uniform(0.0, 0.1) if self._rng.random() < 0.25 else None
        reader, writer = await asyncio.open_connection("127.0.0.1", self._gateway.port)
        client = RawClient(reader, writer)
        try:
            await client.send(self._bytes())
            async with asyncio.timeout(patience):
                answer = await client.read_answer()
        except TimeoutError:
            self._seen.ends["the caller left"] += 1
            if patience is None:
                self._wrong("no end")
            if self._rng.random() < 0.5:
                client.abort()
        else:
            self._look_at(answer)
        finally:
            writer.close()

    def _bytes(self) -> bytes:
        rng = self._rng
        body = {"model": self._model, "messages": QUESTION, "max_tokens": 400, "stream": self._streams}
        data = json.dumps(body).encode()
        path = "/v1/messages" if self._is_messages else "/v1/chat/completions"
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {self._gateway.key}\r\n"
        head += f"x-session-id: {rng.randrange(10)}\r\ncontent-length: {len(data)}\r\n"
        if rng.random() < 0.15:
            head += f"x-gateway-timeout-seconds: {rng.uniform(0.005, 0.3):.3f}\r\n"
        if rng.random() < 0.3:
            head += "x-gateway-queue-updates: 1\r\n"
        return f"{head}\r\n".encode() + data

    def _look_at(self, answer: Answer) -> None:
        if answer.status not in STATUSES:
            self._wrong(f"status {answer.status}: {answer.body[:200]!r}")
        if answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream"):
            self._look_at_stream(answer)
            return
        self._seen.attempts[answer.headers["x-request-id"]] = int(answer.headers.get("x-gateway-attempts", "0"))
        body = json.loads(answer.body)
        if answer.status == 200:
            self._seen.ends["whole"] += 1
            text = body["content"][0]["text"] if self._is_messages else body["choices"][0]["message"]["content"]
            if text != self._reference:
                self._wrong(f"a whole answer that is not: {text[-80:]!r}")
        else:
            self._seen.ends[f"{answer.status} {body['error']['gateway']['category']}"] += 1

    def _look_at_stream(self, answer: Answer) -> None:
        """It ends properly, with every word once, or in one error."""
        data = [line[6:] for line in answer.body.split(b"\n") if line.startswith(b"data: ")]
        events = [json.loads(it) for it in data if it != b"[DONE]"]
        errors = [it["error"] for it in events if "error" in it]
        is_proper = data[-1:] == [b"[DONE]"] or any(it.get("type") == "message_stop" for it in events)
        text = "".join(map(_text_of, events))
        self._seen.ends["stream, whole" if is_proper else "stream, error"] += 1
        if is_proper is bool(errors) or len(errors) > 1:
            self._wrong(f"a stream that ends in two ways, or in none: {answer.body[-300:]!r}")
        if (is_proper and text != self._reference) or not self._reference.startswith(text):
            self._wrong(f"text cut short, or not where it belongs: {text[-80:]!r}")

    def _wrong(self, what: str) -> None:
        self._seen.wrong.append(f"{self._model}: {what}")


def _text_of(event: dict[str, Any]) -> str:
    if event.get("type") == "content_block_delta":
        return event["delta"].get("text", "")
    return "".join(it["delta"].get("content") or "" for it in event.get("choices", ()))


def left_behind(gateway: Gateway, seen: Seen, files: int) -> list[str]:
    """Whatever is not as it was before. Those who left may still be noticed: each is waited for."""
    found: list[str] = []

    def is_so(what: str, look: Any) -> None:
        try:
            until(look, what, 10.0)
        except AssertionError:
            found.append(what)

    gauges = ("ai_gateway_active_requests", "ai_gateway_open_holds", "ai_gateway_ledger_queue_rows")
    for gauge in gauges:
        is_so(f"{gauge} at 0", lambda name=gauge: f"\n{name} 0.0\n" in gateway.request("GET", "/metrics").body.decode())
    is_so("no running request", lambda: not gateway.admin("GET", "/requests?state=running").json["data"])
    dashboard = gateway.admin("GET", "/router/health-dashboard").json
    found += [f"{it['waiting']} wait in {it['name']}" for it in dashboard["queues"] if it["waiting"]]
    members = {it["name"]: it for pool in dashboard["pools"] for it in pool["providers"]}
    found += [f"{it['active_requests']} active at {name}" for name, it in members.items() if it["active_requests"]]
    rows = Counter(endpoint for _, endpoint, _ in ledger(gateway))
    for name, it in members.items():
        if it["requests"] != rows[name]:
            found.append(f"{it['requests']} attempts at {name}, {rows[name]} rows in the ledger")
    found += _wrong_rows(gateway, seen)
    gateway.forgive()
    for name in ACCOUNTS:
        gateway.admin("PUT", f"/router/load-balancer/pools/safe/health/{name}", {"healthy": None})
    found += [f"a place of {name} is lost" for name in LIMITS if not _has_all_places(gateway, name)]
    found += [f"{name} stays half-open" for name in ACCOUNTS if not _closes(gateway, name)]
    is_so("files closed again", lambda: open_files(gateway) <= files + CALLERS)
    if "Traceback" in gateway.said():
        found.append("a traceback in the log")
    return found


def _wrong_rows(gateway: Gateway, seen: Seen) -> list[str]:
    """One row an attempt, none twice."""
    rows = ledger(gateway)
    by_request = Counter(request for request, _, _ in rows)
    wrong = [
        f"{request}: {attempts} attempts, {by_request[request]} rows"
        for request, attempts in seen.attempts.items()
        if by_request[request] != attempts
    ]
    twice = len(rows) - len({attempt for _, _, attempt in rows})
    return wrong + ([f"{twice} attempts with two rows"] if twice else [])


def ledger(gateway: Gateway) -> list[tuple[str, str, str]]:
    """Request, endpoint and attempt of every row."""
    with closing(sqlite3.connect(f"file:{gateway.data_dir / 'gateway.db'}?mode=ro", uri=True)) as database:
        return database.execute("SELECT request_id, endpoint, attempt_id FROM ledger WHERE kind = 'charge'").fetchall()


def _has_all_places(gateway: Gateway, name: str) -> bool:
    """As many requests at once as it may have are all served."""
    most = LIMITS[name]["max_concurrent"]
    statuses: list[int] = []
    together = threading.Barrier(most)

    def call() -> None:
        together.wait(DEADLINE_SECONDS)
        statuses.append(gateway.chat(f"{name}/mock-slow-20").status)

    calling = [threading.Thread(target=call) for _ in range(most)]
    for it in calling:
        it.start()
    for it in calling:
        it.join()
    return statuses == [200] * most


def _closes(gateway: Gateway, name: str) -> bool:
    """Opened by an operator for a moment, it is tested, and closed by two that succeed: no probe is stuck in it, and
    not in the one that the pools judge it by."""
    gateway.admin("POST", f"/router/circuit-breakers/{name}/force-open", {"for_seconds": 0.05})

    def is_closed() -> bool:
        gateway.chat(f"{name}/{GOOD}")
        gateway.chat(f"good-{name}")
        listed = gateway.admin("GET", "/router/circuit-breakers").json["data"]
        return all(it["state"] == "CLOSED" for it in listed if it["provider"] == name)

    try:
        return until(is_closed, "a closed breaker", 5.0)
    except AssertionError:
        return False


def open_files(gateway: Gateway) -> int:
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def main(requests: int, seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="storm-") as folder, running_gateway(Path(folder) / "data") as gateway:
        outcome = storm(gateway, requests, seed)
    sys.stdout.write(f"seed {seed}: {requests:,} requests, {outcome.rows:,} rows in the ledger\n")
    for end, count in outcome.seen.ends.most_common():
        sys.stdout.write(f"  {end:<34}{count:>7,}\n")
    for what, lines in (("wrong", outcome.seen.wrong), ("left behind", outcome.left_behind)):
        sys.stdout.write(f"{what}: {len(lines) or 'nothing'}\n")
        sys.stdout.writelines(f"  {line}\n" for line in lines[:20])
    return 1 if outcome.seen.wrong or outcome.left_behind else 0


if __name__ == "__main__":
    asked = [int(it) for it in sys.argv[1:]]
    sys.exit(main(*asked, *(3_000, 1)[len(asked) :]))

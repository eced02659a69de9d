"""Kill -9 of the real gateway under load, at random instants, mid-stream too: what the provider billed has a row, what
was settled agrees with its bill, and what nobody can know any more is flagged.

The provider here keeps a bill: each request that reached it gets a number, which is also its input tokens, so that a
row and a bill can be compared to the token. The callers name their requests, so that they can be told apart.
"""

import http.client
import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.gateway import Gateway, running_gateway

KILLS = int(os.environ.get("AI_GATEWAY_TEST_SINGLE_KILLS", "20"))
CALLERS = 4
EVENTS = 6
INPUT_NANO, OUTPUT_NANO = 1_000, 2_000  # $1 and $2 per million tokens, in nano-dollars a token


class Bill:
    """What the provider has taken, by the caller's name for it: the number that it is billed with."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> int:
        with self._lock:
            assert name not in self.numbers, "the gateway sent a request twice"
            self.numbers[name] = len(self.numbers) + 1
            return self.numbers[name]


@contextmanager
def a_billing_provider() -> Iterator[tuple[str, Bill]]:
    bill, chance = Bill(), random.Random(7)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            number = bill.take(asked["user"])
            usage = {"prompt_tokens": number, "completion_tokens": EVENTS, "total_tokens": number + EVENTS}
            self.send_response(200)
            try:
                if asked.get("stream"):
                    self._stream(number, usage)
                else:
                    time.sleep(chance.random() / 100)
                    self._whole(usage)
            except OSError:
                self.close_connection = True  # the gateway was killed

        def _whole(self, usage: dict[str, int]) -> None:
            message = {"role": "assistant", "content": "hello"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, number: int, usage: dict[str, int]) -> None:
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for _ in range(EVENTS):
                self._event({"choices": [{"index": 0, "delta": {"content": "x"}}]})
                time.sleep(chance.random() / 100)
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self._event({"choices": [], "usage": usage})
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

        def _event(self, fields: dict[str, Any]) -> None:
            body = {"id": "c", "object": "chat.completion.chunk", **fields}
            self._chunk(b"data: " + json.dumps(body).encode() + b"\n\n")

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

        def log_message(self, format: str, *args: Any) -> None:
            """Not said."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A gateway that is killed resets its connections."""

    server = Server(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", bill
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def call_until_it_is_gone(gateway: Gateway, caller: str, answered: set[str]) -> None:
    """One request after the other; every second one streams. `answered` has those whose end was heard."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    number = 0
    with closing(connection):
        while True:
            number += 1
            name = f"{caller}-{number}"
            body = {"model": "billed/m", "messages": [], "user": name, "max_tokens": 10, "stream": number % 2 == 0}
            headers = {"authorization": f"Bearer {gateway.key}", "x-request-id": name}
            try:
                connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
                answer = connection.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException):
                return
            if answer.status == 200 and (number % 2 or said.endswith(b"data: [DONE]\n\n")):
                answered.add(name)


@pytest.mark.timeout(120 + 10 * KILLS)
def test_b06_what_the_provider_billed_has_exactly_one_row_after_any_kill(tmp_path: Path) -> None:
    chance, answered = random.Random(11), set[str]()
    begun = time.monotonic()
    with a_billing_provider() as (url, bill):
        for kill in range(KILLS):
            with running_gateway(tmp_path / "data") as gateway:
                if kill == 0:
                    connect(gateway, url)
                assert b"ai_gateway_open_holds 0" in gateway.request("GET", "/metrics").body
                names = [f"{kill}-{caller}" for caller in range(CALLERS)]
                callers = [
                    threading.Thread(target=call_until_it_is_gone, args=(gateway, name, answered)) for name in names
                ]
                for thread in callers:
                    thread.start()
                time.sleep(chance.uniform(0.02, 0.4))
                gateway.signal(signal.SIGKILL)
                gateway.wait()
                for thread in callers:
                    thread.join()
        with running_gateway(tmp_path / "data") as gateway:
            rows = all_rows(gateway)
            assert b"ai_gateway_open_holds 0" in gateway.request("GET", "/metrics").body
            assert gateway.stop() == 0
    assert list((tmp_path / "data" / "journal").iterdir()) == [], "a journal that was drained leaves nothing"

    by_name = {row["client_request_id"]: row for row in rows}
    settled = {name: row for name, row in by_name.items() if row["outcome"] == "ok"}
    flagged = {name: row for name, row in by_name.items() if row["outcome"] != "ok"}
    never_seen = [name for name in by_name if name not in bill.numbers]
    print(
        f"\n{KILLS} kills in {time.monotonic() - begun:.0f} s, {CALLERS} callers, every second request a stream:\n"
        f"  {len(bill.numbers)} requests that the provider billed,"
        f" {len([name for name in bill.numbers if name not in by_name])} of them without a row,"
        f" {len(rows) - len(by_name)} with two\n"
        f"  {len(settled)} rows are settled, {sum(row['cost_nano_usd'] for row in settled.values())} nano-dollars;"
        f" their bill is {sum(cost_of(bill.numbers[name]) for name in settled)}\n"
        f"  {len(flagged)} rows are flagged, {sum(is_within_its_hold(row) for row in flagged.values())} of them with"
        " floor <= booked <= hold\n"
        f"  {len(never_seen)} flagged rows are of requests that the provider never saw, at most {KILLS * CALLERS} were"
        f" on their way when it was killed; open holds after each of {KILLS + 1} starts: 0"
    )
    assert len(by_name) == len(rows), "no request has two rows"
    assert not [name for name in bill.numbers if name not in by_name], "what was billed has its row"
    for name, row in settled.items():
        assert (row["input_tokens"], row["cost_nano_usd"]) == (bill.numbers[name], cost_of(bill.numbers[name]))
    for row in flagged.values():
        assert row["estimated"], row
        assert is_within_its_hold(row), row
    assert answered <= set(settled), "who heard the end has the truth in the ledger"
    assert len(answered) > KILLS
    assert set(never_seen) <= set(flagged)
    assert len(never_seen) <= KILLS * CALLERS
    assert len([row for row in flagged.values() if row["outcome"] == "orphan"]) <= KILLS * CALLERS


def cost_of(number: int) -> int:
    return number * INPUT_NANO + EVENTS * OUTPUT_NANO


def is_within_its_hold(row: dict[str, Any]) -> bool:
    floor, hold = row["input_tokens"] * INPUT_NANO, 200 * INPUT_NANO + 10 * OUTPUT_NANO
    return 0 < floor <= row["cost_nano_usd"] <= hold


def connect(gateway: Gateway, url: str) -> None:
    gateway.create(
        "/providers", {"name": "billed", "provider": "openai_compatible", "endpoint_url": url, "models": ["m"]}
    )
    gateway.create("/prices", {"model": "m", "input_per_million_usd": "1", "output_per_million_usd": "2"})


def all_rows(gateway: Gateway) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(gateway.data_dir / "gateway.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM ledger")]

"""The end: what is running is finished or told so, what was used is booked, and nobody is kept waiting for ever."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from process.streams import a_stream
from support.gateway import DEMO_KEY, Gateway, running_gateway, until

PATIENT = {"AI_GATEWAY_DRAIN_SECONDS": "30", "AI_GATEWAY_UNREADY_SECONDS": "1"}
HASTY = {"AI_GATEWAY_DRAIN_SECONDS": "0.3", "AI_GATEWAY_UNREADY_SECONDS": "0"}


def _readiness(gateway: Gateway) -> int:
    return gateway.request("GET", "/readyz").status


def test_a_running_stream_is_finished_and_a_second_signal_does_not_cut_it(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "data", PATIENT) as gateway:
        gateway.create("/providers", {"name": "slow", "provider": "openai", "endpoint_url": "mock://openai"})
        with a_stream(gateway, "slow/mock-slow-80") as stream:
            gateway.signal(signal.SIGTERM)
            until(lambda: _readiness(gateway) == 503, "unreadiness")
            assert gateway.request("GET", "/healthz").status == 200
            gateway.signal(signal.SIGTERM)
            whole = stream.read_until(b"data: [DONE]\n\n")
            assert b'"finish_reason":"stop"' in whole
            assert b'"error"' not in whole
        assert gateway.wait() == 0
    [row] = _rows_of(tmp_path, stream.request_id)
    assert (row["outcome"], row["estimated"]) == ("ok", False)


def test_a_stream_beyond_the_deadline_ends_with_the_dialects_error_and_is_booked_as_cut(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "data", HASTY) as gateway:
        for name in ("openai", "anthropic"):
            gateway.create("/providers", {"name": name, "provider": name, "endpoint_url": f"mock://{name}"})
        with (
            a_stream(gateway, "openai/mock-slow-400") as chat,
            a_stream(gateway, "anthropic/mock-slow-400", "/v1/messages", max_tokens=500) as messages,
        ):
            gateway.signal(signal.SIGTERM)
            for stream in (chat, messages):
                stream.read_until(b'"code":"draining"' if stream is chat else b"event: error")
                stream.read_until(b"0\r\n\r\n")
                assert stream.last_event["error"]["gateway"]["category"] == "gateway_fault"
            assert b"[DONE]" not in chat.seen
            assert b"message_stop" not in messages.seen
        assert gateway.wait() == 0
    for stream in (chat, messages):
        [row] = _rows_of(tmp_path, stream.request_id)
        assert (row["outcome"], row["estimated"]) == ("cut", True)
        assert row["output_tokens"] > 0


def test_a_unary_request_beyond_the_deadline_gets_an_answer_too(tmp_path: Path) -> None:
    from process.streams import Stream, send

    with running_gateway(tmp_path / "data", HASTY) as gateway:
        gateway.create("/providers", {"name": "slow", "provider": "openai", "endpoint_url": "mock://openai"})
        body = {"model": "slow/mock-slow-60000", "messages": [{"role": "user", "content": "hi"}]}
        stream = Stream(send(gateway, "/v1/chat/completions", body))
        until(lambda: _active(gateway), "the request at work")
        gateway.signal(signal.SIGTERM)
        answer = stream.read_until(b'"code":"draining"')
        assert answer.startswith(b"HTTP/1.1 503")
        assert gateway.wait() == 0


def test_what_was_used_is_in_the_ledger_after_a_stop_however_quick(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "data") as gateway:
        asked = [gateway.chat("gpt-4").headers["x-request-id"] for _ in range(20)]
        assert gateway.stop() == 0
    with running_gateway(tmp_path / "data") as gateway:
        booked = {row["request_id"]: row for row in gateway.ledger()}
        assert set(booked) == set(asked)
        assert all(row["cost_nano_usd"] > 0 for row in booked.values())
        own = gateway.request("GET", f"/v1/requests/{asked[0]}", None, {"authorization": f"Bearer {DEMO_KEY}"})
        assert own.json["cost_nano_usd"] == booked[asked[0]]["cost_nano_usd"]


def _active(gateway: Gateway) -> bool:
    pools = gateway.request("GET", "/metrics").body.decode()
    return any(line.startswith("ai_gateway_open_holds") and line.endswith(" 1.0") for line in pools.splitlines())


def _rows_of(tmp_path: Path, request_id: str) -> list[sqlite3.Row]:
    """As they stand in the database of a gateway that has ended."""
    with closing(sqlite3.connect(tmp_path / "data" / "gateway.db")) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM ledger WHERE request_id = ?", (request_id,)).fetchall()

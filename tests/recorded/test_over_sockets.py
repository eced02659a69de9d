"""Every native exchange once more: a client, the gateway as a process, the recorded provider. Of some the recorder kept
the values and not the bytes; what it wrote down is then taken for what the provider sent.

The client must get the provider's bytes, or our error in its dialect; the ledger must have what the provider counted.
What is expected is computed here from the recording alone, with the standard library, and not with the gateway's own
readers.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from recorded.corpus import Exchange, load, load_errors_in_the_wild, needs_corpus, speaker_of, why_left_out
from recorded.reckoning import cached_tokens
from support.gateway import DEMO_KEY, Gateway, running_gateway, until
from support.replay import Recorded, replaying

SEEDS = (1, 2, 3)
MOST_ATTEMPTS = 3
AT_ONCE = 8
CANARY = "sk-recorded-canary-000000000000000001"
PATHS = {
    "openai.chat_completions": "/v1/chat/completions",
    "openai.embeddings": "/v1/embeddings",
    "openai.completions": "/v1/completions",
    "openai.images": "/v1/images/generations",
    "anthropic.messages": "/v1/messages",
    "anthropic.count_tokens": "/v1/messages/count_tokens",
}
MINIMAL: dict[str, dict[str, Any]] = {
    "openai.chat_completions": {"messages": [{"role": "user", "content": "hi"}]},
    "openai.embeddings": {"input": "hi"},
    "openai.completions": {"prompt": "hi"},
    "openai.images": {"prompt": "hi"},
    "anthropic.messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100},
    "anthropic.count_tokens": {"messages": [{"role": "user", "content": "hi"}]},
}
FAILURES = {
    200: {(400, "invalid_request"), (400, "content_filter"), (502, "provider_error")},
    400: {
        (400, "invalid_request"),
        (400, "context_length"),
        (400, "content_filter"),
        (402, "payment"),
        (502, "provider_authentication"),
    },
    401: {(502, "provider_authentication")},
    403: {(502, "provider_authentication"), (400, "content_filter")},
    404: {(404, "not_found")},
    413: {(413, "invalid_request")},
    422: {(422, "invalid_request")},
    429: {(429, "rate_limit"), (429, "quota")},
    500: {(502, "provider_error")},
    502: {(502, "provider_error")},
    503: {(502, "provider_error"), (503, "overloaded")},
    529: {(503, "overloaded"), (529, "overloaded")},
}
"""What SETTLED's table makes of a provider's status; where there are several rows, its words decide. 200: an error that
came as the whole answer or as the first event of a stream."""
LEAKS = ("set-cookie", "openai-organization", "openai-project", "server", "via", "cf-ray", "anthropic-organization-id")
WITHOUT_A_VERSION = {"anthropic", "azure_openai"}
LANES = ("input_tokens", "output_tokens", "cache_read_tokens")

pytestmark = needs_corpus


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with running_gateway(tmp_path / "data") as running:
        yield running


@pytest.mark.parametrize("seed", SEEDS)
async def test_recorded_exchanges_come_through(gateway: Gateway, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    wild = (it for it in load_errors_in_the_wild() if it.endpoint in PATHS)
    everything = [*load(kept_bytes=None if seed == SEEDS[0] else True), *wild]
    exchanges = [it for it in everything if why_left_out(it) is None]
    answers = {it.id: Recorded(it.status, it.headers, it.body, it.is_stream) for it in exchanges}
    async with replaying(answers, Random(seed)) as replay, aiohttp.ClientSession(gateway.url) as session:
        configs: list[dict[str, str]] = []
        for kind in sorted({_kind_of(it) for it in exchanges}):
            base = replay.url if kind in WITHOUT_A_VERSION else f"{replay.url}/v1"
            given = {"provider": kind, "endpoint_url": base, "api_key": CANARY}
            mine = [kind, *(_config_of(it) for it in exchanges if _kind_of(it) == kind and it.status != 200)]
            configs += [{**given, "name": name} for name in mine]
        await asyncio.to_thread(gateway.create_providers, configs)
        turns = asyncio.Semaphore(AT_ONCE)

        async def judge(exchange: Exchange) -> list[str]:
            async with turns:
                return [f"{exchange.id} {exchange.provider}: {it}" for it in await _judge(session, exchange)]

        found = await asyncio.gather(*(judge(it) for it in exchanges))
        booked = await asyncio.to_thread(_book_of, gateway, len(exchanges))
    wrong = [complaint for complaints in found for complaint in complaints]
    wrong += [complaint for it in exchanges for complaint in _judge_row(it, booked.get(it.id, []))]
    for exchange in exchanges:
        path, headers, body = replay.asked[exchange.id]
        offered = (headers.get("x-api-key"), headers.get("api-key"), headers.get("authorization", "")[7:])
        wrong += [] if CANARY in offered else ["no key"]
        wrong += [f"{exchange.id}: sk-dev went upstream"] if DEMO_KEY in f"{path}{headers}{body!r}" else []
    with capsys.disabled():
        print(f"\n{len(exchanges)} of {len(everything)} exchanges", end=" ")
        print(*sorted({f"({why_left_out(it)})" for it in everything if why_left_out(it)}), end=" ")
    assert not wrong, "\n".join(wrong)
    assert CANARY not in gateway.said()


async def _judge(session: aiohttp.ClientSession, exchange: Exchange) -> list[str]:
    """What is wrong with the answer to this exchange, as the client sees it."""
    asked = _request_of(exchange)
    headers = {"authorization": f"Bearer {DEMO_KEY}"}
    async with session.post(PATHS[exchange.endpoint], json=asked, headers=headers) as answer:
        got = await answer.read()
        status, sent = answer.status, {name.lower(): value for name, value in answer.headers.items()}
    wrong = [f"leaks {name}" for name in LEAKS if name in sent]
    if _refusal_of(exchange) is not None:
        return wrong + _judge_failure(exchange, status, sent, got)
    if status != 200:
        return [*wrong, f"status {status}: {got[:300]!r}"]
    expected = _stream_for_client(exchange) if exchange.is_stream else exchange.body
    if got != expected:
        wrong.append(f"bytes differ: got ...{got[-200:]!r}, expected ...{expected[-200:]!r}")
    kind = exchange.headers.get("content-type")
    return wrong if sent.get("content-type") == kind or kind is None else [*wrong, f"type {sent.get('content-type')}"]


def _request_of(exchange: Exchange) -> dict[str, Any]:
    asked = dict(exchange.asked) or {**MINIMAL[exchange.endpoint], "stream": exchange.is_stream}
    return {**asked, "model": f"{_config_of(exchange)}/{exchange.id}"}


def _kind_of(exchange: Exchange) -> str:
    return speaker_of(exchange).value


def _config_of(exchange: Exchange) -> str:
    """A refusal has an account of its own: it would keep others from being asked."""
    kind = _kind_of(exchange)
    return kind if exchange.status == 200 else f"{kind}-{sha256(exchange.id.encode()).hexdigest()[:12]}"


def _judge_failure(exchange: Exchange, status: int, sent: dict[str, str], got: bytes) -> list[str]:
    """The status table, the provider's own words, and our part; in a stream that had begun, as its last event."""
    anthropic = exchange.endpoint.startswith("anthropic")
    if status == 200:
        return _judge_failure_in_stream(exchange, got)
    said = json.loads(got)
    error, ours, refusal = said["error"], said["error"]["gateway"], _refusal_of(exchange) or {}
    wrong: list[str] = []
    if (status, ours["category"]) not in FAILURES[exchange.status]:
        wrong.append(f"{exchange.status} became {status} {ours['category']}: {exchange.body[:300]!r}")
    if ours["request_id"] != sent["x-request-id"] or not (ours["message"] and ours["suggested_action"]):
        wrong.append(f"gateway part {ours}")
    kept = ("type", "message") if anthropic else ("type", "code", "param")
    for name in kept:
        if refusal.get(name) is not None and str(error.get(name)) != str(refusal[name]):
            wrong.append(f"{name} {refusal[name]!r} became {error.get(name)!r}")
    return wrong


def _judge_failure_in_stream(exchange: Exchange, got: bytes) -> list[str]:
    last = got.rstrip().rpartition(b"data: ")[2]
    if b'"error"' not in last or b'"gateway"' not in last or b"[DONE]" in got:
        return [f"does not end in an error: {got[-300:]!r}"]
    events = _events(exchange.body)
    before = b"".join(events[: next(place for place, it in enumerate(events) if _data_of(it).get("error"))])
    came = got[: got.rindex(b"event: error" if exchange.endpoint.startswith("anthropic") else b"data: ")]
    return [] if came == before else [f"before the error: got ...{came[-200:]!r}, expected ...{before[-200:]!r}"]


def _refusal_of(exchange: Exchange) -> dict[str, Any] | None:
    """The provider's error, wherever it was said; None where it answered. Errors that are no object have no parts."""
    if exchange.is_stream:
        datas = (_data_of(event) for event in _events(exchange.body))
        said: Any = next((it for it in datas if it.get("error")), {})
    else:
        said = json.loads(exchange.body)
    error = said.get("error")
    if exchange.status < 400 and not error:
        return None
    return error if isinstance(error, dict) else {}


def _events(body: bytes) -> list[bytes]:
    """Events with their blank lines, the rest of the body last; together they are the body."""
    return re.findall(rb".+?(?:\r?\n\r?\n|\Z)", body, re.DOTALL)


def _data_of(event: bytes) -> dict[str, Any]:
    lines = [line[5:] for line in event.splitlines() if line.startswith(b"data:")]
    try:
        said = json.loads(b"\n".join(lines))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _stream_for_client(exchange: Exchange) -> bytes:
    """The provider's events, without the usage that this client did not ask for, with the end that it may rely on."""
    if exchange.endpoint.startswith("anthropic"):
        return exchange.body
    events = _events(exchange.body)
    if not exchange.asked_for_usage:
        events = [it for it in events if not (_data_of(it).get("usage") and _data_of(it).get("choices") == [])]
    body = b"".join(events)
    if b"data: [DONE]" not in body:
        line_end = b"\r\n" if b"\r\n" in body else b"\n"
        body += b"data: [DONE]" + line_end * 2
    return body


def _book_of(gateway: Gateway, rows: int) -> dict[str, list[Any]]:
    """The ledger by model, read to its end through the admin API, once all is in it."""

    def read() -> list[Any] | None:
        found: list[Any] = []
        cursor = ""
        while True:
            page = gateway.admin("GET", f"/ledger?limit=200{cursor}").json
            found += page["data"]
            if not page["has_more"]:
                return found if len(found) >= rows else None
            cursor = f"&cursor={page['next_cursor']}"

    booked: dict[str, list[Any]] = {}
    for row in until(read, f"{rows} ledger rows"):
        booked.setdefault(row["model"], []).append(row)
    return booked


def _judge_row(exchange: Exchange, rows: list[Any]) -> list[str]:
    """One row, and one for each further attempt of what failed as a passing fault."""
    if not 1 <= len(rows) <= (1 if _refusal_of(exchange) is None else MOST_ATTEMPTS):
        return [f"{exchange.id}: {len(rows)} ledger rows"]
    return [complaint for row in rows for complaint in _judge_one_row(exchange, row)]


def _judge_one_row(exchange: Exchange, row: Any) -> list[str]:
    lanes = {lane: row[lane] for lane in LANES}
    reported, refusal = _usage_of(exchange), _refusal_of(exchange)
    wrong: list[str] = []
    if reported is not None and (lanes != reported or (row["estimated"] and refusal is None)):
        wrong.append(f"usage {lanes}, the provider said {reported}")
    if reported is None and refusal is None and not row["estimated"] and any(lanes.values()):
        wrong.append(f"usage {lanes} out of nothing")
    good = {"ok"} if refusal is None else {"client_error", "provider_error"}
    if row["outcome"] not in good:
        wrong.append(f"outcome {row['outcome']}")
    return [f"{exchange.id} {exchange.provider} ledger: {it}" for it in wrong]


def _usage_of(exchange: Exchange) -> dict[str, int] | None:
    """What the provider counted; None where it counted nothing."""
    said = [_data_of(it) for it in _events(exchange.body)] if exchange.is_stream else [json.loads(exchange.body)]
    if exchange.endpoint.startswith("anthropic"):
        counts: dict[str, Any] = {}
        for it in said:
            reported = it.get("usage") or it.get("message", {}).get("usage") or {}
            counts |= {name: count for name, count in reported.items() if count is not None}
        read, written = (counts.get(f"cache_{kind}_input_tokens", 0) for kind in ("read", "creation"))
        if not counts:
            return None
        total = counts["input_tokens"] + read + written
        return {"input_tokens": total, "output_tokens": counts["output_tokens"], "cache_read_tokens": read}
    if exchange.endpoint == "openai.images" and not said[0].get("usage") and said[0].get("data"):
        return {"input_tokens": 0, "output_tokens": len(said[0]["data"]), "cache_read_tokens": 0}
    reports = [it.get("usage") or (it.get("x_groq") or {}).get("usage") for it in said if isinstance(it, dict)]
    usage = next((it for it in reversed(reports) if it), None)
    if usage is None:
        return None
    prompt = usage.get("prompt_tokens", usage.get("total_tokens"))
    output = max(usage.get("completion_tokens", 0), usage["total_tokens"] - prompt)  # reasoning beside it, at xAI
    return {"input_tokens": prompt, "output_tokens": output, "cache_read_tokens": cached_tokens(usage)}

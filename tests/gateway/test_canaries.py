"""No body, header, log, metric or record has a stack, a key, an internal host, another tenant's name or the text of an
exception in it, whatever goes wrong: each of them is planted as a canary, and everything that leaves is searched.

What is planted: the provider's key (plain, percent-encoded, in base64 by itself and within a header, in hexadecimal),
the caller's gateway key, the endpoint's host name and the address that it resolves to, a private address behind it,
the name of another tenant, and the text of exceptions.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from ai_gateway.domain.config import BaseUrl, ProviderType
from ai_gateway.domain.decisions import Decision
from ai_gateway.domain.faults import Fault, every_kind
from ai_gateway.domain.secret import Secret
from ai_gateway.runtime.decisions import Decisions
from ai_gateway.runtime.logs import Log
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.telemetry import Telemetry, render
from ai_gateway.runtime.upstream import Broken, CannotConnect, EgressRefused, TooSlow, UpstreamError
from support.builders import TOKEN, a_key, a_snapshot, a_tenant, an_endpoint
from support.line import Answered, Line, a_line
from support.upstream import EVENTS, JSON, Script
from support.wire import CHAT_REPLY, chat_events, message_events

PROVIDER_KEY = "pk+Canary/provider=key~9f86d081"
GATEWAY_KEY = "sk-gw-canary-2c26b46b68ffc68ff99b"
HOST = "canary-host.gpu.example"
ADDRESS = "203.0.113.77"
BEHIND = "10.66.77.88"
NAME_BEHIND = "canary-node-7.internal"
OTHER_TENANT = "Canary Competitors Ltd"
EXCEPTION = "canary in an exception"

KEY_FORMS = {
    "plain": PROVIDER_KEY,
    "percent": quote(PROVIDER_KEY, safe=""),
    "base64": base64.b64encode(PROVIDER_KEY.encode()).decode(),
    "base64url": base64.urlsafe_b64encode(PROVIDER_KEY.encode()).decode(),
    "basic": base64.b64encode(f"user:{PROVIDER_KEY}".encode()).decode(),
    "hex": PROVIDER_KEY.encode().hex(),
    "cut": PROVIDER_KEY[3:24],
}
FORBIDDEN = {
    **{f"provider key, {form}": text for form, text in KEY_FORMS.items()},
    "the middle of the basic credential": KEY_FORMS["basic"][8:-6],
    "gateway key": GATEWAY_KEY,
    "host": HOST,
    "address": ADDRESS,
    "address behind": BEHIND,
    "name behind": NAME_BEHIND,
    "another tenant": OTHER_TENANT,
    "exception": EXCEPTION,
    "stack": "Traceback",
    "frame": 'File "',
}
ECHO = f"I am {HOST} ({ADDRESS}:8443), behind me {NAME_BEHIND} at {BEHIND}:9000. You sent " + ", ".join(
    [*KEY_FORMS.values(), f"Authorization: Bearer {PROVIDER_KEY}", f"x-api-key={PROVIDER_KEY}"]
)
STATUSES = [400, 401, 402, 403, 404, 408, 413, 422, 429, 498, 500, 502, 503, 529]
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"


def test_the_search_would_find_what_was_planted() -> None:
    assert found_in(f"x {ECHO} {OTHER_TENANT} {EXCEPTION} {GATEWAY_KEY}") >= set(FORBIDDEN) - {"stack", "frame"}


def found_in(text: str) -> set[str]:
    return {what for what, canary in FORBIDDEN.items() if canary.lower() in text.lower()}


@dataclass
class Place:
    """A line in which everything that leaves it is kept."""

    line: Line
    decisions: list[Decision] = field(default_factory=list)
    heard: list[Answered] = field(default_factory=list)

    async def post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Answered:
        answered = await self.line.post(path, msgspec.json.encode(body), headers)
        self.heard.append(answered)
        return answered

    async def ask(self, path: str, stream: bool) -> Answered:
        body: dict[str, Any] = {"model": "gpt-4o-mini", "stream": stream}
        if path == RESPONSES:
            body |= {"input": "hi", "store": False}
        else:
            body |= {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
        return await self.post(path, body, {"authorization": f"Bearer {GATEWAY_KEY}"})

    async def told(self) -> list[tuple[str, str]]:
        """All that has left, and where."""
        ids = [answered.headers["x-request-id"] for answered in self.heard]
        shown = [await self.line.get(f"/v1/requests/{request_id}", KEY_HEADER) for request_id in ids]
        return [
            *(("body", answered.body.decode("utf-8", "replace")) for answered in (*self.heard, *shown)),
            *(("headers", str(answered.headers)) for answered in (*self.heard, *shown)),
            ("metrics", render(self.line.doors.telemetry, 1, dict).decode()),
            ("records", str([msgspec.to_builtins(it) for it in self.decisions])),
            ("crashes", str(self.line.crashes)),
        ]


KEY_HEADER = {"authorization": f"Bearer {GATEWAY_KEY}"}


async def a_place(provider: ProviderType = ProviderType.OPENAI, **changes: Any) -> Place:
    decisions: list[Decision] = []
    endpoint = an_endpoint(
        provider=provider, api_key=Secret(PROVIDER_KEY), base_url=BaseUrl("https", HOST, 8443, "/v1"), **changes
    )
    mine = a_tenant("t1", endpoint)
    theirs = a_tenant("t2", an_endpoint("theirs", tenant_id="t2"), name=OTHER_TENANT)
    snapshot = a_snapshot(mine, theirs, keys={GATEWAY_KEY: a_key(), TOKEN: a_key(tenant_id="t2")})
    log = Log("debug")
    keeper = Decisions(decisions.append, Random(1), sample=1.0)
    return Place(await a_line(snapshot, telemetry=Telemetry((log.note, keeper.note))), decisions)


async def assert_nothing_left(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    leaks = [(where, sorted(found_in(text))) for where, text in await place.told() if found_in(text)]
    out, err = capsys.readouterr()
    assert leaks == []
    assert found_in(out + err) == set()
    assert place.heard
    assert all(it.status for it in place.heard)


def refused(status: int, shape: Callable[[str], Any]) -> Script:
    return Script(status, JSON | {"server": HOST, "x-upstream": BEHIND}, (json.dumps(shape(ECHO)).encode(),))


SHAPES: dict[str, Callable[[str], Any]] = {
    "openai": lambda text: {"error": {"message": text, "type": text[:200], "code": text[:200], "param": text[:200]}},
    "anthropic": lambda text: {"type": "error", "error": {"type": "invalid_request_error", "message": text}},
    "bare": lambda text: {"message": text},
    "detail": lambda text: {"detail": [{"loc": ["body", text], "msg": text}]},
    "list": lambda text: [{"error": {"status": "INVALID_ARGUMENT", "message": text}}],
    "text": lambda text: text,
}
TYPES = {CHAT: ProviderType.OPENAI, RESPONSES: ProviderType.OPENAI, MESSAGES: ProviderType.ANTHROPIC}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_refusal_that_echoes_everything(
    shape: str, path: str, stream: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    for status in STATUSES:
        place = await a_place(TYPES[path])
        place.line.upstream.will_play(refused(status, SHAPES[shape]))
        answered = await place.ask(path, stream)
        assert answered.status >= 400
        assert place.decisions[0].attempts[0].fault is not None
        await assert_nothing_left(place, capsys)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    "page", [f"<html><title>{ECHO}</title><body>{ECHO}</body></html>", ECHO, f"{{'error': {ECHO}", "null", ""]
)
@pytest.mark.parametrize("status", [200, 404, 502])
async def test_a_page_of_a_proxy(path: str, page: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    place = await a_place(TYPES[path])
    place.line.upstream.will_play(Script(status, {"content-type": "text/html", "via": HOST}, (page.encode(),)))
    await place.ask(path, stream=False)
    await assert_nothing_left(place, capsys)


ON_THE_WIRE: list[UpstreamError] = [
    CannotConnect(f"{HOST}:8443: [Errno 111] Connect call failed ('{ADDRESS}', 8443)"),
    CannotConnect(f"{HOST} cannot be resolved: [Errno -2] {NAME_BEHIND} is not known"),
    EgressRefused(f"{HOST} has no address that may be called"),
    Broken(f"{HOST} ({BEHIND}) hung up on {PROVIDER_KEY}"),
    TooSlow(f"first byte of {HOST}"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("error", ON_THE_WIRE, ids=lambda error: type(error).__name__)
async def test_a_failure_on_the_wire(
    error: UpstreamError, path: str, stream: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    place = await a_place(TYPES[path])
    place.line.upstream.will_play(Script(before=(error,)), Script(200, JSON, body=(b"{", error)))
    for _ in range(2):
        assert (await place.ask(path, stream)).status >= 500
    await assert_nothing_left(place, capsys)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("tail", ["event", "broken"])
async def test_a_stream_that_fails_on_the_way(path: str, tail: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = await a_place(TYPES[path])
    said = {"type": "error", "error": {"type": "invalid_request_error", "message": ECHO, "code": ECHO[:100]}}
    event = b"event: error\n" if path == MESSAGES else b""
    last = (
        event + b"data: " + json.dumps(said).encode() + b"\n\n" if tail == "event" else Broken(f"{HOST} {NAME_BEHIND}")
    )
    begun = chat_events("a")[:1] if path == CHAT else message_events("a")[:2]
    place.line.upstream.will_play(Script(200, EVENTS | {"server": HOST}, (*begun, last)))

    answered = await place.ask(path, stream=True)

    assert answered.status == 200
    assert b'"gateway"' in answered.body
    await assert_nothing_left(place, capsys)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("where", ["before", "body"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
async def test_a_crash(path: str, where: str, stream: bool, capsys: pytest.CaptureFixture[str]) -> None:
    place = await a_place(TYPES[path])
    crash = ValueError(f"{EXCEPTION}: {PROVIDER_KEY} {HOST} {OTHER_TENANT}")
    place.line.upstream.will_play(Script(200, EVENTS if stream else JSON, **{where: (crash,)}))
    answered = await place.ask(path, stream)
    assert (answered.status, answered.headers["x-gateway-error"]) == (500, "internal_error")
    assert len(place.line.crashes) == 1
    await assert_nothing_left(place, capsys)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("kind", every_kind())
async def test_every_kind_of_fault(kind: type[Fault], path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As it comes out of an attempt, caused by an exception that knows too much."""
    place = await a_place(TYPES[path])
    fault = kind()
    fault.__cause__ = ValueError(f"{EXCEPTION} {PROVIDER_KEY} {HOST}")
    place.line.upstream.will_play(Script(200, JSON, before=(fault,)))
    answered = await place.ask(path, stream=False)
    assert answered.error["gateway"]["category"] == kind.category
    await assert_nothing_left(place, capsys)


async def test_what_is_refused_before_anybody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    place = await a_place(models=("gpt-4o-mini",))
    theirs = {"model": "theirs/gpt-4o-mini", "messages": []}
    wrong: list[tuple[str, dict[str, Any], dict[str, str]]] = [
        (CHAT, theirs, KEY_HEADER),
        (CHAT, {"model": 5}, KEY_HEADER),
        (CHAT, {"messages": []}, KEY_HEADER),
        (CHAT, theirs, {"authorization": f"Bearer {GATEWAY_KEY}x"}),
        (CHAT, theirs, {}),
        (MESSAGES, {"model": "t2", "messages": [], "max_tokens": -1}, KEY_HEADER),
        (RESPONSES, {"model": "gpt-4o-mini", "input": "x", "previous_response_id": "resp_of_others"}, KEY_HEADER),
        ("/v1/nowhere", {}, KEY_HEADER),
    ]
    for path, body, headers in wrong:
        assert (await place.post(path, body, headers)).status >= 400
    await assert_nothing_left(place, capsys)


async def test_a_key_that_cannot_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    place = await a_place(credential_problem="the secret 'main' is gone")
    assert (await place.ask(CHAT, stream=False)).status == 502
    await assert_nothing_left(place, capsys)


async def test_a_success_names_no_key_and_no_host_either(capsys: pytest.CaptureFixture[str]) -> None:
    place = await a_place()
    place.line.upstream.will_play(
        Script(200, JSON | {"server": HOST, "set-cookie": PROVIDER_KEY, "x-envoy-upstream": BEHIND}, (CHAT_REPLY,))
    )
    assert (await place.ask(CHAT, stream=False)).status == 200
    await assert_nothing_left(place, capsys)


async def test_a_task_that_dies_is_told_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    from ai_gateway.runtime.crashes import place_of

    log = Log("info")
    tasks = Tasks(lambda name, error: log.error("task_failed", task=name, where=place_of(error)))

    async def work() -> None:
        raise ValueError(f"{EXCEPTION} {PROVIDER_KEY} {HOST}")

    task = tasks.spawn("settle", work())
    with pytest.raises(ValueError):
        await task
    await tasks.stop()
    said = capsys.readouterr().err
    assert "task_failed" in said
    assert found_in(said) == set()

"""What callers hear of faults: in their tenant's words, and on routes that hide their providers nothing of these."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.config import Course, OnStreamCut, Retries, Tenant
from ai_gateway.domain.decisions import Decision
from ai_gateway.domain.faults import GatewayFault, InvalidRequest, QuotaExceeded
from ai_gateway.domain.wording import Text, Texts, Wording
from ai_gateway.gateway.telling import told
from ai_gateway.runtime.decisions import Decisions
from ai_gateway.runtime.telemetry import Telemetry
from support.builders import a_candidate as member
from support.builders import (
    a_claude_endpoint,
    a_course,
    a_head,
    a_snapshot,
    a_tenant,
    an_endpoint,
)
from support.languages import GERMAN
from support.line import Answered, Line, a_line
from support.upstream import EVENTS, JSON, Script
from support.wire import CHAT_REPLY, MESSAGES_REPLY, chat_events, message_events

CANARY = "canary"
OPENAI = an_endpoint("canary-openai", models=("canary-model",))
CLAUDE = a_claude_endpoint("canary-claude", models=("canary-model",))
THEIR_HEADERS = {
    "openai-version": "canary-2020",
    "openai-processing-ms": "12",
    "openai-organization": "canary-org",
    "x-ratelimit-remaining-requests": "77",
    "anthropic-ratelimit-requests-remaining": "77",
    "anthropic-organization-id": "canary-org",
    "request-id": "canary-req",
    "x-request-id": "canary-req",
    "server": "canary-server",
    "cf-ray": "canary-ray",
}
HIDDEN_HEADERS = {name for name in THEIR_HEADERS if "request-id" not in name} | {
    "x-gateway-endpoint",
    "x-gateway-provider",
}
STATUSES = [400, 401, 402, 403, 404, 409, 413, 422, 429, 498, 500, 503, 529]


@dataclass
class Told:
    line: Line
    decisions: list[Decision] = field(default_factory=list)


async def a_line_with(*courses: Course, **tenant: Any) -> Told:
    decisions: list[Decision] = []
    keeper = Decisions(decisions.append, Random(1), sample=1.0)
    owner = a_tenant("t1", OPENAI, CLAUDE, courses=courses, **tenant)
    line = await a_line(a_snapshot(owner), telemetry=Telemetry((keeper.note,)))
    return Told(line, decisions)


def a_route(*, hides: bool, endpoint: Any = OPENAI, **changes: Any) -> Course:
    return a_course("fast", member(endpoint, "canary-model"), route="fast", hides_providers=hides, **changes)


def chat(stream: bool = False, **more: Any) -> bytes:
    asked = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    return msgspec.json.encode(asked | more)


def messages(stream: bool = False) -> bytes:
    asked = {"model": "fast", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    return msgspec.json.encode(asked)


def refusal(status: int, dialect: str) -> Script:
    said = {"type": "canary_type", "message": "canary: OpenAI and Claude say no", "code": "canary", "param": "canary"}
    body = {"error": said} if dialect == "openai" else {"type": "error", "error": said}
    return Script(status, JSON | THEIR_HEADERS, (json.dumps(body).encode(),))


ROADS = [
    ("/v1/chat/completions", OPENAI),
    ("/v1/messages", CLAUDE),
    ("/v1/messages", OPENAI),
    ("/v1/chat/completions", CLAUDE),
    ("/v1/responses", OPENAI),
]
IDS = ["openai", "anthropic", "openai-for-anthropic", "anthropic-for-openai", "responses"]


def body_for(path: str, stream: bool) -> bytes:
    if path == "/v1/responses":
        return msgspec.json.encode({"model": "fast", "input": "hi", "stream": stream, "store": False})
    return chat(stream) if path.endswith("completions") else messages(stream)


def assert_hidden(answered: Answered) -> None:
    assert CANARY.encode() not in answered.body.lower()
    assert b"openai" not in answered.body.lower()
    assert b"anthropic" not in answered.body.lower()
    assert HIDDEN_HEADERS.isdisjoint(answered.headers)
    assert CANARY not in str(answered.headers).lower()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("path", "endpoint"), ROADS, ids=IDS)
async def test_a_hidden_provider_s_refusal_has_nothing_of_it_and_its_record_has_all(
    path: str, endpoint: Any, status: int, stream: bool
) -> None:
    it = await a_line_with(a_route(hides=True, endpoint=endpoint))
    native = "anthropic" if endpoint is CLAUDE else "openai"
    it.line.upstream.will_play(refusal(status, native))

    answered = await it.line.post(path, body_for(path, stream))

    assert answered.status >= 400
    assert_hidden(answered)
    assert answered.headers["x-gateway-attempts"] == "1"
    error = answered.error
    assert error["message"] == error["gateway"]["message"]
    (decision,) = it.decisions
    (attempt,) = decision.attempts
    assert attempt.fault is not None
    assert attempt.fault.said is not None
    assert (attempt.fault.said.status, attempt.fault.said.type) == (status, "canary_type")
    assert attempt.fault.said.message == "canary: OpenAI and Claude say no"
    assert decision.fault == attempt.fault
    assert attempt.fault.classified_by == "status" == error["gateway"]["classified_by"]
    it.line.assert_at_rest()


@pytest.mark.parametrize(("path", "endpoint"), ROADS[:2], ids=IDS[:2])
async def test_where_nothing_is_hidden_the_provider_is_quoted_as_ever(path: str, endpoint: Any) -> None:
    it = await a_line_with(a_route(hides=False, endpoint=endpoint))
    it.line.upstream.will_play(refusal(400, "anthropic" if endpoint is CLAUDE else "openai"))
    answered = await it.line.post(path, body_for(path, stream=False))
    assert b"canary: OpenAI and Claude say no" in answered.body
    assert answered.error["type"] == "canary_type"
    assert answered.headers["x-gateway-endpoint"] == endpoint.name


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("path", "endpoint"), ROADS[:2], ids=IDS[:2])
async def test_a_success_of_a_hidden_provider_names_it_in_no_header(path: str, endpoint: Any, stream: bool) -> None:
    it = await a_line_with(a_route(hides=True, endpoint=endpoint))
    whole = CHAT_REPLY if endpoint is OPENAI else MESSAGES_REPLY
    events = chat_events("a") if endpoint is OPENAI else message_events("a")
    it.line.upstream.will_play(
        Script(200, (EVENTS if stream else JSON) | THEIR_HEADERS, events if stream else (whole,))
    )

    answered = await it.line.post(path, body_for(path, stream))

    assert answered.status == 200
    assert HIDDEN_HEADERS.isdisjoint(answered.headers)
    assert CANARY not in str(answered.headers).lower()
    assert answered.headers["x-gateway-route"] == "fast"
    assert answered.headers["content-type"].startswith("text/event-stream" if stream else "application/json")


@pytest.mark.parametrize(("path", "endpoint"), ROADS[:3], ids=IDS[:3])
async def test_a_stream_of_a_hidden_provider_that_fails_on_the_way_ends_in_words_of_ours(
    path: str, endpoint: Any
) -> None:
    course = a_route(hides=True, endpoint=endpoint, on_stream_cut=OnStreamCut.ERROR)
    it = await a_line_with(course)
    said = {"message": "canary: OpenAI broke", "type": "invalid_request_error", "code": "canary", "param": "canary"}
    if endpoint is OPENAI:
        events = [*chat_events("one", "two")[:2], b"data: " + json.dumps({"error": said}).encode() + b"\n\n"]
    else:
        events = [
            *message_events("one", "two")[:3],
            b"event: error\ndata: " + json.dumps({"type": "error", "error": said}).encode() + b"\n\n",
        ]
    it.line.upstream.will_play(Script(200, EVENTS | THEIR_HEADERS, events))

    answered = await it.line.post(path, body_for(path, stream=True))

    assert answered.status == 200
    assert b"one" in answered.body
    assert_hidden(answered)
    assert b'"message":"The AI provider refused the request."' in answered.body
    assert b"[DONE]" not in answered.body
    assert it.decisions[0].fault is not None
    assert it.decisions[0].fault.said is not None
    assert it.decisions[0].fault.said.message == "canary: OpenAI broke"


async def test_what_a_hidden_provider_cannot_say_is_told_without_its_name() -> None:
    it = await a_line_with(a_route(hides=True, endpoint=CLAUDE))
    answered = await it.line.post("/v1/chat/completions", chat(logprobs=True, top_logprobs=3))
    assert answered.status == 400
    assert_hidden(answered)
    assert answered.error["param"] == "logprobs"


async def test_every_attempt_s_refusal_is_in_the_record_and_only_the_first_is_told() -> None:
    course = a_course(
        "fast",
        member(OPENAI, "m1"),
        member(an_endpoint("canary-2"), "m2"),
        route="fast",
        hides_providers=True,
        retries=Retries(max_attempts=2),
    )
    it = await a_line_with(course)
    it.line.upstream.will_play(refusal(500, "openai"), refusal(503, "openai"))

    answered = await it.line.post("/v1/chat/completions", chat())

    assert_hidden(answered)
    assert answered.headers["x-gateway-attempts"] == "2"
    said = [attempt.fault and attempt.fault.said and attempt.fault.said.status for attempt in it.decisions[0].attempts]
    assert sorted(said) == [500, 503]


@pytest.mark.parametrize("hides", [False, True])
async def test_what_a_request_cost_is_told_without_who_was_paid(hides: bool) -> None:
    it = await a_line_with(a_route(hides=hides))
    it.line.upstream.will_answer(CHAT_REPLY)
    request_id = (await it.line.post("/v1/chat/completions", chat())).headers["x-request-id"]

    shown = await it.line.get(f"/v1/requests/{request_id}")

    (attempt,) = shown.json()["attempts"]
    assert (CANARY.encode() in shown.body) is not hides
    assert attempt["endpoint"] == (None if hides else "canary-openai")
    assert attempt["model"] == ("fast" if hides else "canary-model")
    assert attempt["usage"]["input_tokens"] == 12


async def test_a_request_over_a_route_that_is_gone_is_told_without_who_was_paid() -> None:
    it = await a_line_with(a_route(hides=True))
    it.line.upstream.will_answer(CHAT_REPLY)
    request_id = (await it.line.post("/v1/chat/completions", chat())).headers["x-request-id"]
    other = await a_line_with(a_course("other"))
    other.line.history.receipts = it.line.receipts

    shown = await other.line.get(f"/v1/requests/{request_id}")

    assert shown.status == 200
    assert CANARY.encode() not in shown.body


async def test_a_tenant_s_words_are_told_in_both_dialects_and_in_a_stream() -> None:
    own = Texts(codes={"insufficient_quota": Text("Ours, ${request_id}.", "Call ${category}.")})
    it = await a_line_with(a_route(hides=False), wording=Wording(own))
    quota = json.dumps({"error": {"message": "m", "type": "insufficient_quota", "code": "insufficient_quota"}}).encode()
    it.line.upstream.will_answer(quota, status=429)
    whole = await it.line.post("/v1/chat/completions", chat())
    request_id = whole.headers["x-request-id"]
    assert whole.error["message"] == f"Ours, {request_id}."
    assert whole.error["gateway"]["suggested_action"] == "Call quota."
    assert (whole.error["code"], whole.status) == ("insufficient_quota", 429)

    it.line.upstream.will_play(Script(200, EVENTS, [*chat_events("a")[:1], b"data: " + quota + b"\n\n"]))
    streamed = await it.line.post("/v1/chat/completions", chat(stream=True))
    assert f"Ours, {streamed.headers['x-request-id']}.".encode() in streamed.body
    assert it.decisions[0].fault is not None
    assert it.decisions[0].fault.message == QuotaExceeded.default_message, "the record has what the code says"


async def test_a_language_s_words_are_told_and_what_it_has_not_is_english() -> None:
    it = await a_line_with(a_route(hides=False), wording=Wording(Texts(), GERMAN))
    answered = await it.line.post("/v1/chat/completions", b'{"messages":[]}')
    assert answered.error["message"] == "Die Anfrage ist ungültig: The field 'model' is missing."
    unknown = await it.line.post("/v1/chat/completions", b'{"model":"nope","messages":[]}')
    assert unknown.error["message"] == "The model 'nope' does not exist here."


async def test_who_is_nobody_s_is_told_in_english() -> None:
    it = await a_line_with(a_route(hides=True), wording=Wording(Texts(categories={"authentication": Text("x")})))
    answered = await it.line.post("/v1/chat/completions", chat(), {"authorization": "Bearer sk-gw-nobody"})
    assert answered.error["message"] == "The gateway does not know this API key."


class HidingClient:
    hides_providers = True


def test_told_first_leaves_out_and_then_chooses_the_words() -> None:
    fault = InvalidRequest("Anthropic cannot do this.")
    german = a_tenant("t1", wording=Wording(Texts(), GERMAN))

    said = told(fault, HidingClient(), a_head(), an_admitted(german))  # type: ignore[arg-type]

    assert said.message == "Die Anfrage ist ungültig: The request is not valid."
    assert told(GatewayFault(), HidingClient(), a_head(), None).message == GatewayFault.default_message  # type: ignore[arg-type]


def an_admitted(tenant: Tenant) -> Any:
    class Who:
        class caller:
            pass

    Who.caller.tenant = tenant  # type: ignore[attr-defined]
    return Who

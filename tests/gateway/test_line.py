"""Dialogues through the whole data plane: a caller in memory, a provider that plays a script, a clock that stands."""

import asyncio
import errno
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.domain.budgets import Window
from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import Ownership, Tier
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.gateway.doors import LineLimits
from ai_gateway.gateway.http import drain
from ai_gateway.policy.windows import windows_at
from ai_gateway.runtime.upstream import Broken, CannotConnect, EgressRefused, TooSlow
from support.builders import (
    CLAUDE,
    MODEL,
    PROVIDER_KEY,
    TOKEN,
    a_book,
    a_candidate,
    a_claude_endpoint,
    a_course,
    a_key,
    a_receipt,
    a_snapshot,
    a_tenant,
    an_endpoint,
)
from support.journal import MemoryFolder, a_journal
from support.line import BEARER, Line, Visit, a_line, ask
from support.upstream import JSON, Gate, Pause, Script, Step
from support.wire import (
    CHAT_BODY,
    CHAT_ERROR_EVENT,
    CHAT_REPLY,
    CHAT_STREAM_BODY,
    DONE,
    MESSAGES_BODY,
    MESSAGES_ERROR_EVENT,
    MESSAGES_REPLY,
    MESSAGES_STREAM_BODY,
    USAGE_CHUNK,
    chat_events,
    cut_anywhere,
    message_events,
)

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"


async def test_an_answer_goes_through_byte_for_byte_with_its_cost() -> None:
    line = await a_line()
    line.upstream.will_play(Script(200, JSON, (Pause(0.25), CHAT_REPLY[:40], CHAT_REPLY[40:])))

    answered = await line.post(CHAT, CHAT_BODY)

    assert (answered.status, answered.body, answered.whole) == (200, CHAT_REPLY, True)
    # 12 tokens at 150,000 pico and 3 at 600,000: 3,600,000 pico, or 3,600 nano, or $0.0000036
    assert answered.headers["x-gateway-cost-usd"] == "0.0000036"
    assert answered.headers["content-length"] == str(len(CHAT_REPLY))
    assert answered.headers["x-gateway-endpoint"] == "up-1"
    assert answered.headers["x-gateway-provider"] == "openai"
    assert answered.headers["x-gateway-attempts"] == "1"
    assert answered.headers["server-timing"] == "gateway;dur=0.000, provider;dur=250.000"
    assert answered.headers["x-request-id"] == answered.headers["request-id"]
    line.assert_at_rest()


async def test_an_answer_leaves_one_receipt_that_says_everything() -> None:
    key = a_key(team_id="team_1", user_id="usr_1")
    tenant = a_tenant("t1", an_endpoint(), team_departments={"team_1": "dep_1"})
    line = await a_line(a_snapshot(tenant, keys={TOKEN: key}))
    line.upstream.will_play(Script(200, JSON, (Pause(0.25), CHAT_REPLY)))

    answered = await line.post(CHAT, CHAT_BODY, {**BEARER, "x-request-id": "mine-1"})

    request_id = answered.headers["x-request-id"]
    assert request_id.startswith("req_")
    assert answered.headers["x-client-request-id"] == "mine-1"
    assert line.receipts == [
        a_receipt(
            f"att_{request_id[4:]}_1",
            request_id=request_id,
            requested_model=MODEL,
            usage=Usage(input_tokens=12, output_tokens=3),
            cost_nano_usd=3_600,
            price_version=f"price_{MODEL}",
            credential=Ownership.TENANT,
            started_at=line.clock.wall() - 0.25,
            total_ms=250.0,
            team_id="team_1",
            department_id="dep_1",
            user_id="usr_1",
            client_request_id="mine-1",
            day=windows_at(line.clock.wall()).day,
        )
    ]
    (ended,) = line.ended
    assert (ended.status, ended.fault, ended.receipts) == (200, None, tuple(line.receipts))
    assert (ended.tenant_id, ended.key_id, ended.model) == ("t1", "key_1", MODEL)


async def test_what_goes_to_the_provider_is_the_callers_request_with_the_providers_key() -> None:
    line = await a_line()
    line.upstream.will_answer(CHAT_REPLY)
    headers = {**BEARER, "openai-beta": "x=1", "cookie": "c=1", "user-agent": "mine", "x-forwarded-for": "1.2.3.4"}

    await line.post(CHAT, CHAT_BODY, headers)

    (sent,) = line.upstream.sent
    assert (sent.method, sent.url.text + sent.path) == ("POST", "https://api.test/v1/chat/completions")
    assert msgspec.json.decode(sent.body) == msgspec.json.decode(CHAT_BODY)
    offered = dict(sent.headers)
    assert offered["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert offered["openai-beta"] == "x=1"
    assert not {"cookie", "x-forwarded-for", "x-api-key"} & set(offered)
    assert TOKEN not in str(sent)


async def test_the_upstream_span_belongs_to_the_callers_trace() -> None:
    line = await a_line()
    line.upstream.will_answer(CHAT_REPLY)
    trace = "0af7651916cd43dd8448eb211c80319c"

    await line.post(CHAT, CHAT_BODY, {**BEARER, "traceparent": f"00-{trace}-b7ad6b7169203331-01"})

    version, sent_trace, span, flags = dict(line.upstream.sent[0].headers)["traceparent"].split("-")
    assert (version, sent_trace, flags) == ("00", trace, "01")
    assert span != "b7ad6b7169203331"
    assert len(span) == 16


async def test_an_anthropic_answer_goes_through_byte_for_byte() -> None:
    line = await a_line()
    line.upstream.will_answer(MESSAGES_REPLY)

    answered = await line.post(f"{MESSAGES}?beta=true", MESSAGES_BODY, {"x-api-key": TOKEN})

    assert (answered.status, answered.body) == (200, MESSAGES_REPLY)
    (sent,) = line.upstream.sent
    assert sent.path == "/v1/messages?beta=true"
    assert dict(sent.headers)["x-api-key"] == PROVIDER_KEY
    assert line.receipts[0].cost_nano_usd == 3_600


async def test_counting_tokens_is_free_and_needs_no_price() -> None:
    line = await a_line(a_snapshot(a_tenant("t1", a_claude_endpoint(), prices=a_book())))
    line.upstream.will_answer(b'{"input_tokens":14}')

    answered = await line.post("/v1/messages/count_tokens", MESSAGES_BODY)

    assert (answered.status, answered.body) == (200, b'{"input_tokens":14}')
    assert (line.receipts[0].cost_nano_usd, line.receipts[0].priced) == (0, True)


async def test_an_unpriced_model_costs_nothing_and_says_so() -> None:
    line = await a_line(a_snapshot(a_tenant("t1", an_endpoint(), prices=a_book())))
    line.upstream.will_answer(CHAT_REPLY)

    answered = await line.post(CHAT, CHAT_BODY)

    assert answered.headers["x-gateway-cost-usd"] == "0.0"
    assert (line.receipts[0].priced, line.receipts[0].price_version) == (False, None)


async def test_only_allowed_headers_of_the_provider_come_through() -> None:
    line = await a_line()
    said = {
        **JSON,
        "set-cookie": "a=b",
        "server": "cloudflare",
        "openai-organization": "org-1",
        "x-ratelimit-remaining-requests": "9",
        "x-request-id": "theirs",
    }
    line.upstream.will_answer(CHAT_REPLY, headers=said)

    answered = await line.post(CHAT, CHAT_BODY)

    assert answered.headers["x-ratelimit-remaining-requests"] == "9"
    assert answered.headers["x-request-id"] != "theirs"
    assert not {"set-cookie", "server", "openai-organization"} & set(answered.headers)


# Streams


@given(seed=st.integers(0, 2**32), pieces=st.integers(1, 12))
@settings(max_examples=60)
def test_a_stream_goes_through_byte_for_byte_however_it_is_cut(seed: int, pieces: int) -> None:
    async def run() -> None:
        line = await a_line()
        whole = b"".join(chat_events("Hel", "lo", "!"))
        line.upstream.will_stream(*cut_anywhere(whole, Random(seed), pieces))

        answered = await line.post(CHAT, CHAT_STREAM_BODY)

        assert (answered.status, answered.whole) == (200, True)
        assert answered.body == whole.replace(USAGE_CHUNK, b"")
        assert line.receipts[0].usage == Usage(input_tokens=12, output_tokens=3)
        assert (line.receipts[0].outcome, line.receipts[0].estimated) == (Outcome.OK, False)
        line.assert_at_rest()

    asyncio.run(run())


@given(seed=st.integers(0, 2**32), pieces=st.integers(1, 12))
@settings(max_examples=60)
def test_an_anthropic_stream_goes_through_byte_for_byte_however_it_is_cut(seed: int, pieces: int) -> None:
    async def run() -> None:
        line = await a_line()
        whole = b"".join(message_events("Hel", "lo", "!"))
        line.upstream.will_stream(*cut_anywhere(whole, Random(seed), pieces))

        answered = await line.post(MESSAGES, MESSAGES_STREAM_BODY)

        assert (answered.status, answered.body, answered.whole) == (200, whole, True)
        assert line.receipts[0].usage == Usage(input_tokens=12, output_tokens=3)

    asyncio.run(run())


async def test_who_asked_for_the_usage_chunk_gets_it() -> None:
    line = await a_line()
    line.upstream.will_stream(*chat_events("hi"))
    body = CHAT_STREAM_BODY.replace(b'"stream":true', b'"stream":true,"stream_options":{"include_usage":true}')

    answered = await line.post(CHAT, body)

    assert answered.body == b"".join(chat_events("hi"))


async def test_a_stream_is_handed_on_as_it_comes() -> None:
    line = await a_line()
    gate = Gate()
    first, *rest = chat_events("one", "two")
    line.upstream.will_stream(Pause(0.5), first, gate, *rest)

    visit = line.visit(CHAT, CHAT_STREAM_BODY).start(line.app)
    await visit.heard(2)
    assert visit.answered.body == first
    assert not visit.answered.whole
    gate.open()
    answered = await visit.end()

    assert answered.body == b"".join([first, *rest]).replace(USAGE_CHUNK, b"")
    assert answered.headers["cache-control"] == "no-cache"
    assert "content-length" not in answered.headers
    assert line.receipts[0].ttft_ms == 500.0


async def test_the_receipt_is_in_the_journal_before_the_end_is_sent() -> None:
    line = await a_line()
    events = chat_events("hi")
    line.upstream.will_stream(*events)
    visit = line.visit(CHAT, CHAT_STREAM_BODY)
    depths: list[tuple[bool, int]] = []
    app = line.app

    async def watching(scope: Any, receive: Any, send: Any) -> None:
        async def noting(message: dict[str, Any]) -> None:
            depths.append((DONE in message.get("body", b""), line.doors.journal.depth))
            await send(message)

        await app(scope, receive, noting)

    await visit.start(watching).end()

    assert depths[0] == (False, 0)
    assert depths[-1] == (True, 1)


async def test_a_stream_without_a_content_type_is_still_called_a_stream() -> None:
    line = await a_line()
    line.upstream.will_stream(*chat_events("hi"), headers={})

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    assert answered.headers["content-type"].startswith("text/event-stream")


async def test_nobody_waits_for_a_provider_that_does_not_close_behind_its_end() -> None:
    line = await a_line()
    line.upstream.will_stream(*chat_events("hi"), Pause(10_000))

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    assert answered.whole
    assert answered.body.endswith(DONE)
    assert line.clock.now() == 1_000.0


async def test_a_stream_that_says_only_done_is_a_failed_attempt_at_once() -> None:
    line = await a_line()
    line.upstream.will_stream(DONE, Pause(10_000))

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    assert (answered.status, line.clock.now()) == (502, 1_000.0)


# What providers say instead of an answer


def _openai_error(**error: Any) -> bytes:
    return msgspec.json.encode({"error": {"message": "m", "type": None, **error}})


PROVIDER_ERRORS = [
    (400, {"type": "invalid_request_error", "message": "bad temperature"}, 400, "invalid_request"),
    (400, {"code": "context_length_exceeded"}, 400, "context_length"),
    (400, {"code": "content_filter"}, 400, "content_filter"),
    (401, {"code": "invalid_api_key"}, 502, "provider_authentication"),
    (403, {"message": "no access"}, 502, "provider_authentication"),
    (402, {"message": "pay"}, 402, "payment"),
    (404, {"code": "model_not_found"}, 404, "not_found"),
    (422, {"message": "unprocessable"}, 422, "invalid_request"),
    (429, {"code": "insufficient_quota"}, 429, "quota"),
    (429, {"code": "rate_limit_exceeded"}, 429, "rate_limit"),
    (500, {"message": "oops"}, 502, "provider_error"),
    (503, {"message": "The server is overloaded"}, 503, "overloaded"),
    (504, {"message": "slow"}, 504, "timeout"),
]


@pytest.mark.parametrize("body", [CHAT_BODY, CHAT_STREAM_BODY], ids=["unary", "streamed"])
@pytest.mark.parametrize(("said", "error", "status", "category"), PROVIDER_ERRORS)
async def test_a_providers_refusal_speaks_the_status_table(
    said: int, error: dict[str, Any], status: int, category: str, body: bytes
) -> None:
    line = await a_line()
    line.upstream.will_answer(_openai_error(**error), status=said)

    answered = await line.post(CHAT, body)

    assert (answered.status, answered.error["gateway"]["category"]) == (status, category)
    assert answered.error["code"] == error.get("code", answered.error["code"])
    assert answered.error["gateway"]["request_id"] == answered.headers["x-request-id"]
    (receipt,) = line.receipts
    assert receipt.outcome is not Outcome.OK
    assert receipt.cost_nano_usd == 0
    line.assert_at_rest()


@pytest.mark.parametrize(
    ("said", "kind", "status", "category"),
    [
        (400, "invalid_request_error", 400, "invalid_request"),
        (401, "authentication_error", 502, "provider_authentication"),
        (404, "not_found_error", 404, "not_found"),
        (429, "rate_limit_error", 429, "rate_limit"),
        (500, "api_error", 502, "provider_error"),
        (529, "overloaded_error", 529, "overloaded"),
    ],
)
async def test_an_anthropic_refusal_keeps_the_providers_words(said: int, kind: str, status: int, category: str) -> None:
    line = await a_line()
    error = {"type": "error", "error": {"type": kind, "message": "their own words"}}
    line.upstream.will_answer(msgspec.json.encode(error), status=said)

    answered = await line.post(MESSAGES, MESSAGES_BODY)

    assert (answered.status, answered.json()["type"]) == (status, "error")
    assert (answered.error["type"], answered.error["message"]) == (kind, "their own words")
    assert answered.error["gateway"]["category"] == category


@pytest.mark.parametrize(
    ("path", "body", "event", "status"),
    [(CHAT, CHAT_STREAM_BODY, CHAT_ERROR_EVENT, 503), (MESSAGES, MESSAGES_STREAM_BODY, MESSAGES_ERROR_EVENT, 529)],
)
async def test_an_error_event_before_any_other_has_a_proper_status(
    path: str, body: bytes, event: bytes, status: int
) -> None:
    line = await a_line()
    line.upstream.will_stream(b": hello\n\n", event)

    answered = await line.post(path, body)

    assert (answered.status, answered.error["gateway"]["category"]) == (status, "overloaded")
    assert line.receipts[0].outcome is Outcome.PROVIDER_ERROR
    line.assert_at_rest()


GARBAGE: list[tuple[str, tuple[bytes, ...], dict[str, str]]] = [
    ("nothing", (), {"content-type": "text/event-stream"}),
    ("comments only", (b": ping\n\n", b": ping\n\n"), {"content-type": "text/event-stream"}),
    ("a page", (b"<!doctype html><title>502</title>",), {"content-type": "text/html"}),
    ("no json", (b"{nope",), {"content-type": "application/json"}),
    ("an error under 200", (b'{"error":{"message":"no"}}',), {"content-type": "application/json"}),
    ("empty json", (b"{}",), {"content-type": "application/json"}),
    ("no choices", (b'{"choices":[]}',), {"content-type": "application/json"}),
]


@pytest.mark.parametrize("request_body", [CHAT_BODY, CHAT_STREAM_BODY], ids=["unary", "streamed"])
@pytest.mark.parametrize(("body", "headers"), [it[1:] for it in GARBAGE], ids=[it[0] for it in GARBAGE])
async def test_a_200_without_an_answer_is_a_failed_attempt(
    body: tuple[bytes, ...], headers: dict[str, str], request_body: bytes
) -> None:
    line = await a_line()
    line.upstream.will_answer(*body, headers=headers)

    answered = await line.post(CHAT, request_body)

    assert (answered.status, answered.error["gateway"]["category"]) == (502, "provider_error")
    assert line.receipts[0].outcome is Outcome.PROVIDER_ERROR
    assert line.doors.board.of("pc_up-1").errors == 1
    line.assert_at_rest()


async def test_a_whole_answer_in_place_of_a_stream_is_a_failure_that_books_what_it_cost() -> None:
    line = await a_line()
    line.upstream.will_answer(CHAT_REPLY)

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    assert (answered.status, answered.error["code"]) == (502, "provider_not_streaming")
    (receipt,) = line.receipts
    assert (receipt.outcome, receipt.cost_nano_usd) == (Outcome.PROVIDER_ERROR, 3_600)
    line.assert_at_rest()


WIRE = [
    (CannotConnect("refused by 10.0.0.1"), 502, "provider_unreachable", Outcome.PROVIDER_ERROR),
    (Broken("reset by 10.0.0.1"), 502, "provider_connection_lost", Outcome.PROVIDER_ERROR),
    (EgressRefused("10.0.0.1"), 502, "egress_denied", Outcome.PROVIDER_ERROR),
    (TooSlow("connect"), 504, "provider_timeout", Outcome.TIMEOUT),
]


@pytest.mark.parametrize(("error", "status", "code", "outcome"), WIRE)
async def test_what_the_wire_does_before_an_answer_has_its_status(
    error: Exception, status: int, code: str, outcome: Outcome
) -> None:
    line = await a_line()
    line.upstream.will_fail(error)

    answered = await line.post(CHAT, CHAT_BODY)

    assert (answered.status, answered.error["code"]) == (status, code)
    assert line.receipts[0].outcome is outcome
    assert b"10.0.0.1" not in answered.body
    line.assert_at_rest()


async def test_an_answer_that_is_cut_is_no_answer() -> None:
    line = await a_line()
    line.upstream.will_answer(CHAT_REPLY[:50], Broken("cut"))

    answered = await line.post(CHAT, CHAT_BODY)

    assert (answered.status, answered.error["code"]) == (502, "provider_connection_lost")


async def test_an_answer_above_the_limit_is_refused() -> None:
    line = await a_line(limits=LineLimits(answer_bytes=100))
    line.upstream.will_answer(CHAT_REPLY)

    assert (await line.post(CHAT, CHAT_BODY)).status == 502


# Failures after the first byte


@pytest.mark.parametrize("ending", [(Broken("reset"),), ()], ids=["reset", "closed early"])
async def test_a_cut_stream_ends_with_an_error_and_no_proper_end(ending: tuple[Step, ...]) -> None:
    line = await a_line()
    events = chat_events("one", "two", usage=False)[:2]
    line.upstream.will_stream(*events, *ending)

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    assert (answered.status, answered.whole) == (200, True)
    assert answered.body.startswith(b"".join(events))
    last = msgspec.json.decode(answered.body[len(b"".join(events)) :].removeprefix(b"data: "))
    assert last["error"]["gateway"]["category"] == "provider_error"
    assert DONE not in answered.body
    (receipt,) = line.receipts
    # nothing was reported: four bytes a token of the request, one token an event
    assert receipt.estimated
    assert receipt.usage == Usage(input_tokens=-(-len(CHAT_STREAM_BODY) // 4), output_tokens=2)
    line.assert_at_rest()


async def test_an_error_event_within_a_stream_becomes_ours() -> None:
    line = await a_line()
    first = chat_events("one")[0]
    line.upstream.will_stream(first, CHAT_ERROR_EVENT)

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    last = msgspec.json.decode(answered.body[len(first) :].removeprefix(b"data: "))
    assert last["error"]["type"] == "server_is_overloaded"
    assert last["error"]["gateway"]["category"] == "overloaded"
    assert answered.whole
    assert DONE not in answered.body
    assert line.receipts[0].outcome is Outcome.PROVIDER_ERROR


async def test_an_anthropic_stream_that_is_cut_ends_with_an_error_event() -> None:
    line = await a_line()
    first, second, *_ = message_events("one")
    line.upstream.will_stream(first, second, Broken("reset"))

    answered = await line.post(MESSAGES, MESSAGES_STREAM_BODY)

    rest = answered.body.removeprefix(first + second)
    assert rest.startswith(b"event: error\ndata: ")
    assert b"message_stop" not in rest
    # the input was reported, the output was not: message_start's is a placeholder
    assert line.receipts[0].usage.input_tokens == 12


# Time


async def test_a_first_token_that_does_not_come_is_504() -> None:
    line = await a_line(_with_timeouts(first_token=2.0))
    line.upstream.will_stream(Pause(2.5), *chat_events("late"))

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    assert (answered.status, answered.error["gateway"]["category"]) == (504, "timeout")
    assert line.receipts[0].outcome is Outcome.TIMEOUT
    assert line.clock.now() == 1_002.0


async def test_comments_do_not_count_as_a_first_token() -> None:
    line = await a_line(_with_timeouts(first_token=2.0))
    line.upstream.will_stream(*[Pause(0.75), b": still here\n\n"] * 5, *chat_events("late"))

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    assert (answered.status, line.clock.now()) == (504, 1_002.0)


async def test_a_slow_head_and_a_slow_body_share_one_response_time() -> None:
    line = await a_line(_with_timeouts(response=2.0))
    line.upstream.will_play(Script(200, JSON, (Pause(1.5), CHAT_REPLY), before=(Pause(1.5),)))

    answered = await line.post(CHAT, CHAT_BODY)

    assert (answered.status, line.clock.now()) == (504, 1_002.0)


async def test_a_stall_between_tokens_ends_the_stream() -> None:
    line = await a_line(_with_timeouts(between_tokens=1.0))
    first, *rest = chat_events("one", "two")
    line.upstream.will_stream(first, Pause(1.5), *rest)

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    assert b'"category":"timeout"' in answered.body
    assert DONE not in answered.body
    assert line.receipts[0].outcome is Outcome.TIMEOUT


async def test_the_total_ends_a_stream_that_never_stalls() -> None:
    line = await a_line(_with_timeouts(total=5.0))
    tokens: list[Step] = [it for event in chat_events(*["x"] * 20) for it in (Pause(0.75), event)]
    line.upstream.will_stream(*tokens)

    answered = await line.post(CHAT, CHAT_STREAM_BODY)

    assert b'"category":"timeout"' in answered.body
    assert line.clock.now() == 1_005.0


def _with_timeouts(**seconds: float) -> Any:
    endpoint = an_endpoint()
    timeouts = msgspec.structs.replace(endpoint.timeouts, **seconds)
    return a_snapshot(a_tenant("t1", an_endpoint(timeouts=timeouts)))


# Callers who leave, and a gateway that does


async def test_a_caller_who_leaves_before_the_answer_ends_the_upstream_call() -> None:
    line = await a_line()
    gate = Gate()
    line.upstream.will_fail(gate)
    visit = line.visit(CHAT, CHAT_BODY).start(line.app)
    await gate.reached()

    visit.leave()
    answered = await visit.end()

    assert answered.status == 0
    assert [it.outcome for it in line.receipts] == [Outcome.CANCELLED]
    assert line.ended[0].status == 499
    line.assert_at_rest()


async def test_a_caller_who_leaves_mid_stream_closes_the_provider_and_is_booked() -> None:
    line = await a_line()
    gate = Gate()
    first, *rest = chat_events("one", "two")
    line.upstream.will_stream(first, gate, *rest)
    visit = line.visit(CHAT, CHAT_STREAM_BODY).start(line.app)
    await gate.reached()

    visit.leave()
    answered = await visit.end()

    assert answered.chunks == [first]
    assert not answered.whole
    assert line.upstream.answers[0].closed
    (receipt,) = line.receipts
    assert (receipt.outcome, receipt.estimated) == (Outcome.CANCELLED, True)
    assert receipt.usage.output_tokens == 1
    assert line.doors.board.of("pc_up-1").errors == 0
    line.assert_at_rest()


async def test_a_caller_who_has_left_already_touches_no_provider() -> None:
    line = await a_line()
    visit = line.visit(CHAT, CHAT_BODY)
    visit.leave()

    answered = await visit.start(line.app).end()

    assert (answered.status, line.upstream.sent, line.receipts) == (0, [], [])
    line.assert_at_rest()


async def test_draining_ends_a_running_stream_with_a_clear_error() -> None:
    line = await a_line()
    gate = Gate()
    first, *rest = chat_events("one", "two")
    line.upstream.will_stream(first, gate, *rest)
    visit = line.visit(CHAT, CHAT_STREAM_BODY).start(line.app)
    await gate.reached()

    assert drain(line.doors) == 1
    answered = await visit.end()

    assert answered.whole
    assert b'"code":"draining"' in answered.body
    assert DONE not in answered.body
    assert [it.outcome for it in line.receipts] == [Outcome.CUT]
    line.assert_at_rest()


async def test_draining_answers_503_where_nothing_was_said_yet() -> None:
    line = await a_line()
    gate = Gate()
    line.upstream.will_fail(gate)
    visit = line.visit(CHAT, CHAT_BODY).start(line.app)
    await gate.reached()

    drain(line.doors)
    answered = await visit.end()

    assert (answered.status, answered.error["code"]) == (503, "draining")
    assert answered.headers["retry-after"] == "1"
    assert len(line.receipts) == 1


async def test_draining_ends_a_request_whose_body_is_still_on_its_way() -> None:
    line = await a_line()
    visit = line.visit(CHAT, ()).start(line.app)
    await asyncio.sleep(0)

    drain(line.doors)

    assert (await visit.end()).status == 503
    line.assert_at_rest()


# Refusals that touch nobody


BAD_BODIES = [
    b"",
    b"{",
    b"[]",
    b'{"model":1}',
    b'{"messages":[]}',
    b'{"model":""}',
    b'{"model":null}',
    b'{"model":"gpt-4o-mini","model":"gpt-4o"}',
    b'{"model":"gpt-4o-mini","temperature":NaN}',
    b'{"model":"gpt-4o-mini","stream":"yes"}',
    b'{"model":"a\\u0000b"}',
    b'{"model":"a\\r\\nset-cookie: b"}',
    b'{"model":"' + b"m" * 257 + b'"}',
]
EVERY_POST = (
    CHAT,
    MESSAGES,
    "/v1/embeddings",
    "/v1/completions",
    "/v1/images/generations",
    "/v1/messages/count_tokens",
)
BAD_REQUESTS = [
    *((path, body) for path in EVERY_POST for body in BAD_BODIES),
    (CHAT, b'{"model":"gpt-4o-mini","max_tokens":-1}'),
    (MESSAGES, b'{"model":"gpt-4o-mini","max_tokens":1.5}'),
    (CHAT, b'{"model":"gpt-4o-mini","stream":true,"stream_options":3}'),
]


@pytest.mark.parametrize(("path", "body"), BAD_REQUESTS)
async def test_bad_bodies_touch_no_provider(path: str, body: bytes) -> None:
    line = await a_line()

    answered = await line.post(path, body)

    assert (answered.status, answered.error["gateway"]["category"]) == (400, "invalid_request")
    assert (line.upstream.sent, line.receipts) == ([], [])
    line.assert_at_rest()


async def test_a_body_above_the_limit_is_413_also_in_pieces() -> None:
    line = await a_line(limits=LineLimits(body_bytes=100))

    assert (await line.post(CHAT, b"x" * 101)).status == 413
    assert (await line.visit(CHAT, [b"x" * 60, b"x" * 60]).start(line.app).end()).status == 413
    assert line.upstream.sent == []


@pytest.mark.parametrize(
    ("path", "body", "answer", "usage"),
    [
        (
            "/v1/completions",
            b'{"model":"gpt-4o-mini","prompt":"x"}',
            b'{"choices":[{"text":"y","index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,'
            b'"completion_tokens":2,"total_tokens":3}}',
            Usage(input_tokens=1, output_tokens=2),
        ),
        (
            "/v1/images/generations",
            b'{"model":"gpt-4o-mini","prompt":"x","n":2}',
            b'{"created":1,"data":[{"url":"a"},{"url":"b"}]}',
            Usage(output_tokens=2),
        ),
    ],
)
async def test_texts_and_pictures_go_the_same_way_as_chats(path: str, body: bytes, answer: bytes, usage: Usage) -> None:
    line = await a_line()
    line.upstream.will_play(Script(200, JSON, (answer,)))

    answered = await line.post(path, body)

    assert (answered.status, answered.body) == (200, answer)
    assert line.upstream.sent[0].path == path.removeprefix("/v1")
    assert (line.receipts[0].usage, line.receipts[0].estimated) == (usage, False)
    line.assert_at_rest()


async def test_an_operation_that_cannot_stream_says_so() -> None:
    line = await a_line()

    answered = await line.post("/v1/embeddings", b'{"model":"gpt-4o-mini","stream":true,"input":"x"}')

    assert (answered.status, answered.error["param"]) == (400, "stream")


async def test_an_unknown_model_is_404() -> None:
    line = await a_line()

    answered = await line.post(CHAT, b'{"model":"gpt-9"}')

    assert (answered.status, answered.error["code"]) == (404, "model_not_found")
    assert answered.error["gateway"]["origin"] == "client"


async def test_a_model_of_another_tenant_is_invisible() -> None:
    mine = a_tenant("t1", an_endpoint("mine"))
    theirs = a_tenant("t2", an_endpoint("theirs", models=("secret-model",)))
    line = await a_line(a_snapshot(mine, theirs, keys={TOKEN: a_key()}))

    for name in ("secret-model", "theirs/secret-model"):
        answered = await line.post(CHAT, msgspec.json.encode({"model": name}))
        assert (answered.status, answered.error["code"]) == (404, "model_not_found")


async def test_a_key_for_other_models_is_403() -> None:
    line = await a_line(a_snapshot(keys={TOKEN: a_key(allowed_models=("gpt-4",))}))

    answered = await line.post(CHAT, CHAT_BODY)

    assert (answered.status, answered.error["gateway"]["category"]) == (403, "permission")
    assert line.upstream.sent == []


async def test_an_operation_that_no_endpoint_of_the_model_has_is_refused() -> None:
    line = await a_line()

    answered = await line.post("/v1/embeddings", msgspec.json.encode({"model": CLAUDE, "input": "hi"}))

    assert (answered.status, answered.error["code"]) == (400, "operation_not_served")
    assert "embeddings" in answered.error["message"]


async def test_a_pool_whose_members_are_all_off_is_503() -> None:
    tenant = a_tenant("t1", courses=(a_course("empty", tiers=(Tier(candidates=()),)),))
    line = await a_line(a_snapshot(tenant))

    answered = await line.post(CHAT, b'{"model":"empty"}')

    assert (answered.status, answered.error["code"]) == (503, "no_endpoint")
    assert "retry-after" in answered.headers


async def test_a_pool_shares_by_weight_and_names_itself() -> None:
    one, two = an_endpoint("one"), an_endpoint("two")
    course = a_course("fast", a_candidate(one, weight=2), a_candidate(two, weight=1))
    line = await a_line(a_snapshot(a_tenant("t1", one, two, courses=(course,))))
    for _ in range(6):
        line.upstream.will_answer(CHAT_REPLY)

    answers = [await line.post(CHAT, b'{"model":"fast"}') for _ in range(6)]

    assert sorted(it.headers["x-gateway-endpoint"] for it in answers) == ["one"] * 4 + ["two"] * 2
    assert {it.headers["x-gateway-route"] for it in answers} == {"fast"}
    assert {it.model for it in line.receipts} == {MODEL}
    assert {it.requested_model for it in line.receipts} == {"fast"}


async def test_a_provider_key_that_cannot_be_used_is_502_and_not_sent() -> None:
    endpoint = an_endpoint(api_key=None, credential_problem="secret 'x' is gone")
    line = await a_line(a_snapshot(a_tenant("t1", endpoint)))

    answered = await line.post(CHAT, CHAT_BODY)

    assert (answered.status, answered.error["gateway"]["category"]) == (502, "provider_authentication")
    assert answered.headers["x-should-retry"] == "false"
    assert b"secret 'x'" not in answered.body
    assert line.upstream.sent == []
    line.assert_at_rest()


async def test_a_full_disk_admits_nobody_and_what_is_in_flight_is_booked() -> None:
    folder = MemoryFolder()
    line = await a_line(journal=a_journal(folder))
    gate = Gate()
    line.upstream.will_answer(gate, CHAT_REPLY)
    visit = line.visit(CHAT, CHAT_BODY).start(line.app)
    await gate.reached()
    folder.failing_writes = errno.ENOSPC

    refused = [await line.post(CHAT, CHAT_BODY) for _ in range(2)]
    gate.open()
    answered = await visit.end()

    assert [(it.status, it.error["code"]) for it in refused] == [(503, "ledger_unavailable")] * 2
    assert answered.status == 200
    assert len(line.upstream.sent) == len(line.receipts) == 1
    line.assert_at_rest()


async def test_the_hold_is_in_the_journal_before_the_provider_is_asked() -> None:
    folder = MemoryFolder()
    line = await a_line(journal=a_journal(folder))
    found: list[Receipt] = []
    line.upstream.will_answer(lambda: found.extend(a_journal(folder.after_a_crash()).replayed.orphans), CHAT_REPLY)

    await line.post(CHAT, CHAT_BODY)

    (settled,) = line.receipts
    (orphan,) = found
    assert (orphan.attempt_id, orphan.outcome, orphan.estimated) == (settled.attempt_id, Outcome.ORPHAN, True)
    assert orphan.usage == Usage(input_tokens=-(-len(CHAT_BODY) // 4))  # four bytes a token, rounded up
    assert orphan.cost_nano_usd == -(-orphan.usage.input_tokens * 150_000 // 1000)
    assert a_journal(folder.after_a_crash()).replayed.orphans == ()


async def test_a_long_stream_marks_how_far_it_has_come() -> None:
    folder = MemoryFolder()
    line = await a_line(journal=a_journal(folder))
    gate = Gate()
    first, *rest = chat_events("a", "b", "c", "d")
    line.upstream.will_stream(first, Pause(1.5), rest[0], Pause(1.0), rest[1], gate, *rest[2:])
    visit = line.visit(CHAT, CHAT_STREAM_BODY).start(line.app)
    await gate.reached()
    (orphan,) = a_journal(folder.after_a_crash()).replayed.orphans
    gate.open()
    await visit.end()

    assert (orphan.usage.output_tokens, orphan.total_ms) == (3, 2500.0)  # 1.5 s + 1 s, and the third event came
    assert orphan.cost_nano_usd == -(-(orphan.usage.input_tokens * 150_000 + 3 * 600_000) // 1000)
    assert [it.outcome for it in line.receipts] == [Outcome.OK]


async def test_what_was_held_is_given_back_and_what_was_spent_is_booked() -> None:
    line = await a_line()
    line.upstream.will_answer(CHAT_REPLY)

    await line.post(CHAT, CHAT_BODY)

    (receipt,) = line.receipts
    spent = line.doors.meters.spent(("tenant", "t1"), Window.DAILY, line.clock.wall())
    assert spent == (receipt.cost_nano_usd, receipt.usage.input_tokens + receipt.usage.output_tokens, 1)
    assert line.doors.meters.open_holds == 0
    assert receipt.day == windows_at(line.clock.wall()).day
    assert receipt.cost_nano_usd > 0


# Faults of our own


@pytest.mark.parametrize("where", ["before", "body"])
async def test_a_crash_is_500_without_a_trace_and_is_booked(where: str) -> None:
    line = await a_line()
    crash = ZeroDivisionError("canary in a traceback")
    line.upstream.will_play(Script(200, JSON, **{where: (crash,)}))

    answered = await line.post(CHAT, CHAT_BODY)

    assert (answered.status, answered.error["gateway"]["category"]) == (500, "gateway_fault")
    assert answered.error["code"] == "internal_error"
    assert b"canary" not in answered.body
    assert b"Traceback" not in answered.body
    ((request_id, stack),) = line.crashes
    assert request_id == answered.headers["x-request-id"]
    assert stack.startswith("ZeroDivisionError at upstream.py:")
    assert "canary" not in stack
    assert len(line.receipts) == 1
    line.assert_at_rest()


# The law of the line

OUTCOMES: list[Script] = [
    Script(200, JSON, (CHAT_REPLY,)),
    Script(200, {"content-type": "text/event-stream"}, tuple(chat_events("a", "b"))),
    Script(200, {"content-type": "text/event-stream"}, (*chat_events("a", "b")[:2], Broken("cut"))),
    Script(200, {"content-type": "text/event-stream"}, (*chat_events("a", "b")[:1], CHAT_ERROR_EVENT)),
    Script(200, {"content-type": "text/event-stream"}, (Pause(0.1), CHAT_ERROR_EVENT)),
    Script(200, {"content-type": "text/event-stream"}, (chat_events("a")[0], Pause(9_999), DONE)),
    Script(200, {"content-type": "text/event-stream"}, ()),
    Script(200, {"content-type": "text/html"}, (b"<html>",)),
    Script(500, JSON, (_openai_error(),)),
    Script(429, JSON, (_openai_error(code="rate_limit_exceeded"),)),
    Script(before=(CannotConnect("no"),)),
    Script(before=(Pause(9_999),)),
    Script(before=(ZeroDivisionError("ours"),)),
    Script(200, JSON, (CHAT_REPLY[:20], ZeroDivisionError("ours"))),
]


@given(
    script=st.sampled_from(OUTCOMES),
    body=st.sampled_from([CHAT_BODY, CHAT_STREAM_BODY]),
    leave_before=st.none() | st.integers(0, 4),
    leave_after=st.none() | st.integers(1, 6),
    drained=st.booleans(),
)
@settings(max_examples=400)
def test_every_attempt_leaves_one_receipt_and_nothing_else_behind(
    script: Script, body: bytes, leave_before: int | None, leave_after: int | None, drained: bool
) -> None:
    """`leave_before`: at this step of the provider's script; `leave_after`: when so many messages were heard."""

    async def run() -> None:
        line = await a_line()
        visit = line.visit(CHAT, body, leave_after=leave_after)
        line.upstream.will_play(_with_a_call(script, leave_before, lambda: _end(line, visit, drained)))

        answered = await visit.start(line.app).end()

        assert len(line.receipts) == len(line.upstream.sent) == 1
        assert len({it.attempt_id for it in line.receipts}) == 1
        assert len(line.ended) == 1
        assert visit.watch.lost or answered.whole
        if line.receipts[0].outcome is Outcome.OK and answered.whole and body == CHAT_STREAM_BODY:
            assert answered.body.endswith(DONE) or b'"code":"draining"' in answered.body
        elif answered.status == 200 and body == CHAT_STREAM_BODY:
            assert DONE not in answered.body
        line.assert_at_rest()

    asyncio.run(run())


def _end(line: Line, visit: Visit, drained: bool) -> None:
    if drained:
        drain(line.doors)
    else:
        visit.leave()


def _with_a_call(script: Script, place: int | None, call: Any) -> Script:
    if place is None:
        return script
    if script.before or place == 0:
        return msgspec.structs.replace(script, before=(call, *script.before))
    steps = list(script.body)
    steps.insert(min(place - 1, len(steps)), call)
    return msgspec.structs.replace(script, body=tuple(steps))


async def test_requests_at_the_same_time_do_not_know_each_other() -> None:
    line = await a_line()
    gates = [Gate() for _ in range(5)]
    for number, gate in enumerate(gates):
        line.upstream.will_answer(gate, CHAT_REPLY.replace(b"Hello!", f"answer {number}".encode()))
    visits = [line.visit(CHAT, CHAT_BODY).start(line.app) for _ in gates]
    for gate in gates:
        await gate.reached()
    assert line.doors.meters.open_holds == 5
    for gate in reversed(gates):
        gate.open()

    answers = [await it.end() for it in visits]

    assert [f"answer {number}".encode() in it.body for number, it in enumerate(answers)] == [True] * 5
    assert len({it.headers["x-request-id"] for it in answers}) == 5
    line.assert_at_rest()


async def test_both_key_headers_open_every_route() -> None:
    line = await a_line()
    line.upstream.will_answer(CHAT_REPLY)
    line.upstream.will_answer(MESSAGES_REPLY)

    assert (await line.post(CHAT, CHAT_BODY, {"x-api-key": TOKEN})).status == 200
    assert (await line.post(MESSAGES, MESSAGES_BODY, BEARER)).status == 200
    assert (await ask(line.app, "GET", "/v1/models", {"x-api-key": TOKEN})).status == 200

"""Dialogues with a caller who does not notice: until something of an answer has reached him, another endpoint takes
over, then another pool, and what is no provider's fault ends at once."""

import pytest

from ai_gateway.domain.config import OnContentFilter, Timeouts
from ai_gateway.domain.traffic import Outcome
from ai_gateway.runtime.upstream import Broken, CannotConnect, TooSlow
from gateway.survivors import (
    BODY,
    CHAT,
    GOOD,
    GOOD_STREAM,
    MESSAGES,
    MESSAGES_STREAM_BODY,
    OTHER_MODEL,
    POOL,
    RETRY_AFTER,
    STREAM_BODY,
    World,
    a_world,
    claude_member,
    error,
    failing,
    member,
    streaming,
    tier,
)
from support.builders import CLAUDE, MODEL, a_book, a_price
from support.line import BEARER
from support.upstream import EVENTS, JSON, Pause, Script
from support.wire import (
    CHAT_ERROR_EVENT,
    CHAT_REPLY,
    DONE,
    MESSAGES_ERROR_EVENT,
    USAGE_CHUNK,
    chat_events,
    message_events,
)

HTML = Script(200, {"content-type": "text/html"}, (b"<html>It works!</html>",))
FAILED, TIMEOUT = Outcome.PROVIDER_ERROR, Outcome.TIMEOUT

UNARY = {
    "a 5xx": (error(500), FAILED),
    "an overload": (error(529, "overloaded_error"), FAILED),
    "no connection": (failing(CannotConnect("refused")), FAILED),
    "a connection that breaks": (failing(Broken("reset")), FAILED),
    "an answer that is cut": (Script(200, JSON, (CHAT_REPLY[:40], Broken("reset"))), FAILED),
    "silence": (failing(Pause(9_999)), TIMEOUT),
    "a head and then silence": (Script(200, JSON, (Pause(9_999),)), TIMEOUT),
    "too slow to connect": (failing(TooSlow("connect")), TIMEOUT),
    "a rate limit": (error(429, "rate_limit_error", headers=RETRY_AFTER), FAILED),
    "a refused key": (error(401, "authentication_error"), FAILED),
    "an exhausted quota": (error(429, "insufficient_quota"), FAILED),
    "an unpaid bill": (error(402, "billing_error"), FAILED),
    "an error under 200": (error(200, "server_error"), FAILED),
    "HTML under 200": (HTML, FAILED),
    "nothing under 200": (Script(200, JSON), FAILED),
}
STREAMED = {
    **{name: UNARY[name] for name in ("a 5xx", "no connection", "silence", "a rate limit", "a refused key")},
    "HTML under 200": (HTML, FAILED),
    "a whole answer": (Script(200, JSON, (CHAT_REPLY,)), FAILED),
    "an error event": (streaming(CHAT_ERROR_EVENT), FAILED),
    "an empty stream": (streaming(), FAILED),
    "nothing but an end": (streaming(DONE), FAILED),
    "comments, and then a cut": (streaming(b": hello\n\n", Broken("reset")), FAILED),
    "usage, and then an error": (streaming(USAGE_CHUNK, CHAT_ERROR_EVENT), FAILED),
    "a head and then silence": (Script(200, EVENTS, (Pause(9_999),)), TIMEOUT),
}
PATIENT = Timeouts(connect=2.0, first_token=10.0, between_tokens=5.0, response=20.0, total=100.0)


@pytest.mark.parametrize(("bad", "outcome"), UNARY.values(), ids=UNARY.keys())
async def test_what_fails_before_an_answer_is_made_up_for_by_another_endpoint(bad: Script, outcome: Outcome) -> None:
    world = await a_world(tier(member("one", timeouts=PATIENT), member("two", timeouts=PATIENT)))
    world.providers.will("one", bad)
    world.providers.will("two", GOOD)

    answered = await world.line.post(CHAT, BODY)

    assert (answered.status, answered.body, answered.whole) == (200, CHAT_REPLY, True)
    assert answered.headers["x-gateway-endpoint"] == "two"
    assert answered.headers["x-gateway-attempts"] == "2"
    assert world.told == [("one", outcome), ("two", Outcome.OK)]
    world.assert_quiet()


@pytest.mark.parametrize(("bad", "outcome"), STREAMED.values(), ids=STREAMED.keys())
async def test_what_fails_before_the_first_word_is_made_up_for_unseen(bad: Script, outcome: Outcome) -> None:
    world = await a_world(tier(member("one", timeouts=PATIENT), member("two", timeouts=PATIENT)))
    world.providers.will("one", bad)
    world.providers.will("two", GOOD_STREAM)

    answered = await world.line.post(CHAT, STREAM_BODY)

    assert (answered.status, answered.whole) == (200, True)
    assert answered.body == b"".join([*chat_events("Hello", "!", usage=False)])
    assert (answered.headers["x-gateway-endpoint"], answered.headers["x-gateway-attempts"]) == ("two", "2")
    assert world.told == [("one", outcome), ("two", Outcome.OK)]
    world.assert_quiet()


@pytest.mark.parametrize("bad", [streaming(MESSAGES_ERROR_EVENT), streaming(), error(529, "overloaded_error")])
async def test_the_same_holds_where_anthropic_is_spoken(bad: Script) -> None:
    world = await a_world(tier(claude_member("one"), claude_member("two")))
    world.providers.will("one", bad)
    world.providers.will("two", streaming(*message_events("Hello")))

    answered = await world.line.post(MESSAGES, MESSAGES_STREAM_BODY)

    assert (answered.status, answered.body) == (200, b"".join(message_events("Hello")))
    assert answered.headers["x-gateway-provider"] == "anthropic"
    assert world.told == [("one", FAILED), ("two", Outcome.OK)]
    world.assert_quiet()


async def test_after_the_own_endpoints_comes_the_fallback_pool_with_its_own_model() -> None:
    world = await a_world(tier("one", "two"), tier(member("spare", OTHER_MODEL, models=(OTHER_MODEL,))))
    world.providers.will("one", error(500))
    world.providers.will("two", error(503))
    world.providers.will("spare", GOOD)

    answered = await world.line.post(CHAT, BODY)

    assert answered.status == 200
    assert [(it.endpoint, it.model) for it in world.line.receipts] == [
        ("one", MODEL),
        ("two", MODEL),
        ("spare", OTHER_MODEL),
    ]
    assert [it.body for it in world.line.upstream.sent][2].find(OTHER_MODEL.encode()) > 0
    assert answered.headers["x-gateway-route"] == POOL
    assert (answered.headers["x-gateway-endpoint"], answered.headers["x-gateway-attempts"]) == ("spare", "3")
    world.assert_quiet()


async def test_each_attempt_is_priced_as_the_model_that_it_asked() -> None:
    """The failed attempt of a stream that had begun to think costs its input: 3 of 12 reported tokens at the one
    price, 12 and 3 at the other."""
    prices = a_book(a_price(), a_price(OTHER_MODEL, input_pico=2_000_000, output_pico=8_000_000))
    fallback = tier(member("spare", OTHER_MODEL, models=(OTHER_MODEL,)))
    world = await a_world(tier("one"), fallback, tenant={"prices": prices})
    world.providers.will("one", error(500))
    world.providers.will("spare", GOOD)

    answered = await world.line.post(CHAT, BODY)

    # 12 x 2,000,000 + 3 x 8,000,000 pico = 48,000 nano, and nothing for an attempt that was refused
    assert [it.cost_nano_usd for it in world.line.receipts] == [0, 48_000]
    assert answered.headers["x-gateway-cost-usd"] == "0.000048"


DETERMINISTIC = {
    "a bad request": (error(400, "invalid_request_error"), 400, "invalid_request"),
    "an unknown model": (error(404, "not_found_error"), 404, "not_found"),
    "a body that is too large": (error(413, "invalid_request_error"), 413, "invalid_request"),
    "what cannot be processed": (error(422, "invalid_request_error"), 422, "invalid_request"),
    "a filtered prompt": (error(400, "content_filter"), 400, "content_filter"),
}


@pytest.mark.parametrize(("bad", "status", "category"), DETERMINISTIC.values(), ids=DETERMINISTIC.keys())
@pytest.mark.parametrize("body", [BODY, STREAM_BODY], ids=["whole", "streamed"])
async def test_what_would_fail_anywhere_is_asked_once(bad: Script, status: int, category: str, body: bytes) -> None:
    world = await a_world(tier("one", "two"), tier("spare"))
    world.providers.will("one", bad)

    answered = await world.line.post(CHAT, body)

    assert (answered.status, answered.error["gateway"]["category"]) == (status, category)
    assert answered.headers["x-gateway-attempts"] == "1"
    assert world.told == [("one", Outcome.CLIENT_ERROR)]
    assert (
        world.line.breakers.view(world.line.doors.snapshots.current().tenants["t1"].endpoints["one"].id).failures == 0
    )
    world.assert_quiet()


async def test_a_filtered_prompt_goes_to_the_fallback_where_the_route_says_so_but_to_no_sibling() -> None:
    world = await a_world(tier("one", "two"), tier("spare"), on_content_filter=OnContentFilter.FALLBACK)
    world.providers.will("one", error(400, "content_filter"))
    world.providers.will("spare", GOOD)

    assert (await world.line.post(CHAT, BODY)).status == 200
    assert world.providers.asked == ["one", "spare"]
    world.assert_quiet()


async def test_a_conversation_that_is_too_long_goes_only_to_a_longer_window() -> None:
    """gpt-4o-mini takes 128,000 tokens, gpt-4 8,192 and gpt-4.1 a million."""
    same, short, longer = tier("one", "two"), tier(member("short", "gpt-4")), tier(member("longer", "gpt-4.1"))
    world = await a_world(same, short, longer)
    world.providers.will("one", error(400, "invalid_request_error", "maximum context length is 128000 tokens"))
    world.providers.will("longer", GOOD)

    assert (await world.line.post(CHAT, BODY)).status == 200
    assert world.providers.asked == ["one", "longer"]
    world.assert_quiet()


async def test_a_conversation_that_fits_nowhere_is_told_so() -> None:
    world = await a_world(tier("one", "two"), tier(member("short", "gpt-4")))
    world.providers.will("one", error(400, "context_length_exceeded"))

    answered = await world.line.post(CHAT, BODY)

    assert (answered.status, answered.error["gateway"]["category"]) == (400, "context_length")
    assert world.providers.asked == ["one"]
    world.assert_quiet()


async def test_the_error_that_is_told_is_the_first() -> None:
    world = await a_world(tier("one", "two"), tier("spare"))
    world.providers.will("one", error(529, "overloaded_error"))
    world.providers.will("two", failing(TooSlow("silence")))
    world.providers.will("spare", error(400, "invalid_request_error"))

    answered = await world.line.post(CHAT, BODY)

    assert (answered.status, answered.error["gateway"]["category"]) == (503, "overloaded")
    assert (answered.headers["x-gateway-endpoint"], answered.headers["x-gateway-attempts"]) == ("spare", "3")
    world.assert_quiet()


async def test_no_more_attempts_are_made_than_the_route_allows() -> None:
    world = await a_world(tier("one", "two", "three"), tier("spare"))
    for name in ("one", "two", "three"):
        world.providers.will(name, error(500))

    assert (await world.line.post(CHAT, BODY)).status == 502
    assert world.providers.asked == ["one", "two", "three"]
    world.assert_quiet()


async def test_what_fails_within_an_attempt_costs_the_caller_only_time() -> None:
    """The board and the breakers know of it, the caller's headers tell how long the provider took."""
    world = await a_world(tier("one", "two"))
    world.providers.will("one", Script(500, JSON, (b"{}",), before=(Pause(0.5),)))
    world.providers.will("two", Script(200, JSON, (CHAT_REPLY,), before=(Pause(0.25),)))

    answered = await world.line.post(CHAT, BODY)

    assert answered.headers["server-timing"] == "gateway;dur=500.000, provider;dur=250.000"
    board = world.line.doors.board
    assert [(board.of(f"pc_{it}").requests, board.of(f"pc_{it}").errors) for it in ("one", "two")] == [(1, 1), (1, 0)]


def headers_of(world: World, place: int) -> dict[str, str]:
    return dict(world.line.upstream.sent[place].headers)


async def test_each_attempt_is_a_request_of_its_own() -> None:
    """Its own id, its own span, the same trace."""
    world = await a_world(tier("one", "two"))
    world.providers.will("one", error(500))
    world.providers.will("two", GOOD)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    await world.line.post(CHAT, BODY, {**BEARER, "traceparent": trace})

    spans = [headers_of(world, place)["traceparent"].split("-") for place in (0, 1)]
    assert {it[1] for it in spans} == {"0af7651916cd43dd8448eb211c80319c"}
    assert spans[0][2] != spans[1][2]
    assert len({it.attempt_id for it in world.line.receipts}) == 2
    assert len({it.request_id for it in world.line.receipts}) == 1


async def test_an_operation_that_nobody_of_the_fallback_has_stays_with_the_first() -> None:
    world = await a_world(tier("one"), tier(claude_member("spare", CLAUDE)))
    world.providers.will("one", error(500))

    assert (await world.line.post("/v1/embeddings", b'{"model":"fast","input":"hi"}')).status == 502
    assert set(world.providers.asked) == {"one"}
    world.assert_quiet()

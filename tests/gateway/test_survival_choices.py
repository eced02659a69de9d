"""Dialogues about where a request goes and why: callers whose requests stay together, and what the record of a request
says of its way."""

import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import RateLimits, Retries, Strategy, Tier
from ai_gateway.domain.decisions import What
from gateway.survivors import (
    BODY,
    CHAT,
    GOOD,
    GOOD_STREAM,
    MESSAGES,
    STREAM_BODY,
    World,
    a_speaker,
    a_world,
    claude_member,
    error,
    member,
    streaming,
    the_rest,
    tier,
)
from providers.halves import a_stream
from support.builders import CLAUDE
from support.line import BEARER
from support.upstream import JSON
from support.wire import message_events

FOUR = ("one", "two", "three", "four")
NONE_OF_TEN = {
    "x-ratelimit-limit-requests": "10",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "60s",
}
"""A minute until all are back: one in six seconds."""
USERS = [f"user-{number}" for number in range(40)]


async def where(world: World, body: bytes, headers: dict[str, str] = BEARER, path: str = CHAT) -> str:
    return (await world.line.post(path, body, headers)).headers["x-gateway-endpoint"]


def said_by(user: str) -> bytes:
    return BODY.replace(b'"messages"', b'"user":"' + user.encode() + b'","messages"')


async def a_sticky_world(sticky_by: str) -> World:
    world = await a_world(tier(*FOUR, sticky_by=sticky_by))
    for name in FOUR:
        world.providers.will(name, GOOD)
    return world


async def test_a_users_requests_stay_together_and_users_are_spread() -> None:
    world = await a_sticky_world("user")

    first = {user: await where(world, said_by(user)) for user in USERS}
    again = {user: await where(world, said_by(user)) for user in reversed(USERS)}

    assert first == again
    assert set(first.values()) == set(FOUR)
    world.assert_quiet()


async def test_a_sessions_requests_stay_together() -> None:
    world = await a_sticky_world("header:x-session-id")

    homes = {user: await where(world, BODY, {**BEARER, "x-session-id": user}) for user in USERS}

    assert {user: await where(world, BODY, {**BEARER, "x-session-id": user}) for user in USERS} == homes
    assert len(set(homes.values())) == len(FOUR)


async def test_who_says_nothing_of_itself_is_spread() -> None:
    world = await a_sticky_world("user")

    assert {await where(world, BODY) for _ in range(8)} == set(FOUR)


async def test_anthropics_callers_name_their_user_in_the_metadata() -> None:
    world = await a_world(tier(*map(claude_member, FOUR), sticky_by="user"))
    for name in FOUR:
        world.providers.will(name, streaming(*message_events("Hello")))

    def body(user: str) -> bytes:
        return (
            b'{"model":"fast","max_tokens":9,"stream":true,"metadata":{"user_id":"%b"},'
            b'"messages":[{"role":"user","content":"hi"}]}' % user.encode()
        )

    homes = {user: await where(world, body(user), path=MESSAGES) for user in USERS}

    assert {user: await where(world, body(user), path=MESSAGES) for user in USERS} == homes
    assert len(set(homes.values())) == len(FOUR)


async def test_whose_home_is_out_of_service_is_served_elsewhere_and_comes_back() -> None:
    world = await a_sticky_world("user")
    home = await where(world, said_by("ann"))
    world.line.breakers.force_open([world.endpoint(home)], None, "we look into it")

    away = {await where(world, said_by("ann")) for _ in range(5)}
    world.line.breakers.reset([world.endpoint(home).id], "it is well")

    assert len(away) == 1, "it stays together there too"
    assert home not in away
    assert await where(world, said_by("ann")) == home


async def test_a_failed_home_is_made_up_for() -> None:
    world = await a_sticky_world("user")
    home = await where(world, said_by("ann"))
    world.providers.will(home, error(500))

    assert await where(world, said_by("ann")) != home
    world.assert_quiet()


def in_order(limits: RateLimits) -> Tier:
    """First `one`, which has these limits, then `two`."""
    one, two = member("one", rate_limits=limits), member("two")
    return tier(one, msgspec.structs.replace(two, priority=1), strategy=Strategy.PRIORITY)


async def test_priority_fills_the_first_and_spills_over_when_it_is_full() -> None:
    world = await a_world(in_order(RateLimits(requests_per_minute=3)))
    for name in ("one", "two"):
        world.providers.will(name, GOOD)

    assert [await where(world, BODY) for _ in range(5)] == ["one"] * 3 + ["two"] * 2
    world.line.clock.advance(20.0)
    assert await where(world, BODY) == "one"
    world.assert_quiet()


async def test_a_429_teaches_the_limits_that_its_headers_tell() -> None:
    world = await a_world(tier("one"))
    world.providers.will("one", error(429, "rate_limit_error", headers={**JSON, **NONE_OF_TEN}), GOOD)
    assert (await world.line.post(CHAT, BODY)).status == 429
    world.line.clock.advance(4.0)
    refused = await world.line.post(CHAT, BODY)
    world.line.clock.advance(3.0)

    assert (refused.status, refused.headers["x-gateway-error"]) == (429, "endpoint_rate_limited")
    assert refused.headers["retry-after"] == "2"
    assert (await world.line.post(CHAT, BODY)).status == 200
    assert world.providers.asked == ["one", "one"]
    world.assert_quiet()


async def test_what_an_answers_headers_say_is_kept_to() -> None:
    world = await a_world(in_order(RateLimits(requests_per_minute=1_000)))
    world.providers.will("one", streaming(*GOOD_STREAM.body, headers={**GOOD_STREAM.headers, **NONE_OF_TEN}))
    world.providers.will("two", GOOD_STREAM)

    assert [await where(world, STREAM_BODY) for _ in range(3)] == ["one", "two", "two"]
    world.assert_quiet()


async def test_a_request_that_goes_straight_through_has_nothing_to_tell() -> None:
    world = await a_world(tier("one", "two"), tier("spare"))
    world.providers.will("one", GOOD)

    await world.line.post(CHAT, BODY)

    assert world.line.ended[-1].steps == ()


async def test_the_record_tells_the_way_of_a_request_in_its_order() -> None:
    """Passed over an open one, waited for itself, and went on with its half answer."""
    world = await a_world(tier(a_speaker("one")), tier(a_speaker("two")), retries=Retries(max_attempts=4))
    world.line.breakers.force_open([world.endpoint("one")], None, "we look into it")
    world.providers.will("two", error(500), streaming(*a_stream(Dialect.OPENAI)[:20]), the_rest(Dialect.OPENAI))

    await world.line.post(CHAT, STREAM_BODY)

    ended = world.line.ended[-1]
    steps = [(it.what, it.endpoint) for it in ended.steps]
    assert steps == [
        (What.PASSED_OVER, "one"),
        (What.WAITED, None),
        (What.WAITED, None),
        (What.CONTINUED, "two"),
    ]
    assert [it.at_ms for it in ended.steps] == sorted(it.at_ms for it in ended.steps)
    assert [(it.endpoint, it.model) for it in ended.receipts] == [("two", CLAUDE)] * 3
    assert "we look into it" not in "".join(it.reason for it in ended.steps)
    world.assert_quiet()

"""Tokens are there before they are needed, and nobody asks twice."""

import asyncio
from urllib.parse import parse_qs

import pytest

from ai_gateway.domain.config import Reach
from ai_gateway.domain.faults import Category, Fault, ProviderFailed, ProviderKeyRefused, ProviderTooSlow
from ai_gateway.domain.secret import Secret
from ai_gateway.runtime.google_tokens import AGAIN_SECONDS, EARLY_SECONDS, SPARE_SECONDS, WAIT_SECONDS, GoogleTokens
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.upstream import CannotConnect, EgressRefused, TooSlow
from support.clock import FakeClock
from support.upstream import Gate, Script, ScriptedUpstream
from tests.runtime.google_keys import a_login, a_service_account

KEY = a_login()


def granted(token: str, seconds: int = 3600) -> Script:
    return Script(200, {}, (f'{{"access_token":"{token}","expires_in":{seconds},"token_type":"Bearer"}}'.encode(),))


REFUSED = Script(400, {}, (b'{"error":"invalid_grant","error_description":"Account canary deleted"}',))


class Sleeper:
    """Sleeps until the test lets it: each `wake` moves the clock to the end of the sleep that is there."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._asleep: asyncio.Queue[tuple[float, asyncio.Event]] = asyncio.Queue()
        self._lain_down = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        alarm = asyncio.Event()
        self._asleep.put_nowait((seconds, alarm))
        self._lain_down.set()
        await alarm.wait()

    async def wake(self) -> float:
        seconds, alarm = await self._asleep.get()
        self._lain_down.clear()
        self._clock.advance(seconds)
        alarm.set()
        return seconds

    async def somebody_sleeps(self) -> None:
        await self._lain_down.wait()


class House:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.upstream = ScriptedUpstream(self.clock)
        self.sleeper = Sleeper(self.clock)
        self.failed: list[str] = []
        self.tasks = Tasks(lambda name, error: self.failed.append(f"{name}: {error!r}"))
        self.tokens = GoogleTokens(self.upstream, self.clock, self.tasks, self.sleeper.sleep)

    def token(self, key: Secret = KEY) -> str | None:
        token = self.tokens.token_for(key)
        return None if token is None else token.reveal()

    async def until_asked(self, times: int) -> None:
        """And whoever asked has gone to sleep again."""
        await self.sleeper.somebody_sleeps()
        assert len(self.upstream.sent) == times


@pytest.fixture
async def house() -> House:
    return House()


async def test_the_first_request_waits_for_a_token_and_the_next_does_not(house: House) -> None:
    house.upstream.will_play(granted("t1"))
    assert house.token() is None
    await house.tokens.ready(KEY, WAIT_SECONDS)
    await house.tokens.ready(KEY, WAIT_SECONDS)
    assert house.token() == "t1"
    (sent,) = house.upstream.sent
    assert (sent.method, sent.url.text, sent.path, sent.reach) == (
        "POST",
        "https://oauth2.googleapis.com/token",
        "",
        Reach.CHECKED,
    )
    assert ("content-type", "application/x-www-form-urlencoded") in sent.headers
    assert isinstance(sent.body, bytes)
    assert parse_qs(sent.body.decode())["grant_type"] == ["refresh_token"]
    assert house.upstream.answers[0].closed
    await house.tasks.stop()


async def test_a_service_account_is_signed_for(house: House) -> None:
    house.upstream.will_play(granted("t1"))
    key = a_service_account()
    await house.tokens.ready(key, WAIT_SECONDS)
    assert house.token(key) == "t1"
    assert isinstance(house.upstream.sent[0].body, bytes)
    assert b"assertion=" in house.upstream.sent[0].body
    await house.tasks.stop()


async def test_all_who_come_meanwhile_wait_for_the_same_token(house: House) -> None:
    gate = Gate()
    house.upstream.will_play(Script(200, {}, granted("t1").body, before=(gate,)))
    waiting = [asyncio.ensure_future(house.tokens.ready(KEY, WAIT_SECONDS)) for _ in range(5)]
    await gate.reached()
    waiting[0].cancel()  # one of them leaves; the others must not suffer for it
    gate.open()
    await asyncio.gather(*waiting[1:])
    assert (house.token(), len(house.upstream.sent)) == ("t1", 1)
    await house.tasks.stop()


async def test_the_next_token_is_got_in_good_time(house: House) -> None:
    house.upstream.will_play(granted("t1"))
    house.upstream.will_play(granted("t2"))
    await house.tokens.ready(KEY, WAIT_SECONDS)
    assert await house.sleeper.wake() == 3600 - SPARE_SECONDS - EARLY_SECONDS
    await house.until_asked(2)
    assert house.token() == "t2"
    await house.tasks.stop()


async def test_a_token_that_nobody_uses_is_let_go(house: House) -> None:
    house.upstream.will_play(granted("t1"))
    house.upstream.will_play(granted("t2"))
    house.upstream.will_play(granted("t3"))
    await house.tokens.ready(KEY, WAIT_SECONDS)
    await house.sleeper.wake()  # it was used once, by whoever waited
    await house.until_asked(2)
    await house.sleeper.wake()  # and not since
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(house.upstream.sent) == 2
    house.clock.advance(EARLY_SECONDS)
    assert house.token() is None
    await house.tokens.ready(KEY, WAIT_SECONDS)
    assert house.token() == "t3"
    await house.tasks.stop()


async def test_where_the_next_cannot_be_had_the_old_one_is_good_to_its_end(house: House) -> None:
    house.upstream.will_play(granted("t1"))
    house.upstream.will_play(Script(503, {}, (b"busy",)))
    house.upstream.will_play(granted("t2"))
    await house.tokens.ready(KEY, WAIT_SECONDS)
    await house.sleeper.wake()
    await house.until_asked(2)
    assert house.token() == "t1"
    await house.tokens.ready(KEY, WAIT_SECONDS)  # asks nobody, and tells of no refusal
    assert await house.sleeper.wake() == AGAIN_SECONDS
    await house.until_asked(3)
    assert house.token() == "t2"
    await house.tasks.stop()
    assert house.failed == []


@pytest.mark.parametrize(
    ("script", "fault", "code"),
    [
        (REFUSED, ProviderKeyRefused, "provider_key_unavailable"),
        (Script(401, {}, (b"{}",)), ProviderKeyRefused, "provider_key_unavailable"),
        (Script(503, {}, (b"<p>busy",)), ProviderFailed, "provider_key_unavailable"),
        (Script(429, {}, (b"{}",)), ProviderFailed, "provider_key_unavailable"),
        (Script(200, {}, (b'{"no":"token"}',)), ProviderFailed, "provider_key_unavailable"),
        (Script(200, {}, (b'{"access_token":"a\\nb"}',)), ProviderFailed, "provider_key_unavailable"),
        (Script(before=(CannotConnect("no"),)), ProviderFailed, "provider_key_unavailable"),
        (Script(before=(EgressRefused("10.0.0.1"),)), ProviderFailed, "provider_key_unavailable"),
        (Script(before=(TooSlow("connect"),)), ProviderTooSlow, "provider_timeout"),
    ],
)
async def test_a_failure_is_told_as_the_providers_and_remembered_for_a_moment(
    house: House, script: Script, fault: type[Fault], code: str
) -> None:
    house.upstream.will_play(script)
    house.upstream.will_play(granted("t1"))
    for _ in range(2):
        with pytest.raises(fault) as told:
            await house.tokens.ready(KEY, WAIT_SECONDS)
        assert (told.value.code, told.value.status) == (code, fault.default_status)
        assert told.value.category is not Category.AUTHENTICATION
        assert "canary" not in told.value.message
        assert "10.0.0.1" not in told.value.message
    assert len(house.upstream.sent) == 1
    house.clock.advance(AGAIN_SECONDS)
    await house.tokens.ready(KEY, WAIT_SECONDS)
    assert house.token() == "t1"
    await house.tasks.stop()
    assert house.failed == []


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (Secret("{}"), "not the JSON file"),
        (a_service_account(private_key="canary"), "private key"),
        (a_login(token_uri="http://tokens.example"), "https://"),
        (a_login(token_uri="nonsense"), "not a URL"),
    ],
)
async def test_a_key_that_cannot_be_used_asks_nobody(house: House, key: Secret, why: str) -> None:
    with pytest.raises(ProviderKeyRefused) as refused:
        await house.tokens.ready(key, WAIT_SECONDS)
    assert why in refused.value.detail
    assert "canary" not in refused.value.detail
    assert house.upstream.sent == []


async def test_who_has_less_time_waits_less(house: House) -> None:
    gate = Gate()
    house.upstream.will_play(Script(200, {}, granted("t1").body, before=(gate,)))
    with pytest.raises(ProviderTooSlow):
        await house.tokens.ready(KEY, seconds=0.0)
    gate.open()
    await house.until_asked(1)
    await house.tokens.ready(KEY, WAIT_SECONDS)
    assert house.token() == "t1"
    await house.tasks.stop()

"""One contract for everything that calls providers: the scripted upstream of the other tests, and the real one on a
loopback socket. What the fake promises, the real thing keeps."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Protocol, final

import pytest

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.upstream import Broken, CannotConnect, EgressRefused, Outgoing, TooSlow, Upstream
from runtime.real_upstreams import REAL, opened
from support.clock import FakeClock
from support.provider import Ending, Played, a_closed_port, a_provider
from support.upstream import Gate, Pause, Script, ScriptedUpstream, Step

SHORT = 0.05
LONG = 30.0


class Stage(Protocol):
    """An upstream, and somebody at its other end who plays."""

    upstream: Upstream
    url: BaseUrl

    def will_play(self, play: Played) -> None: ...

    def will_refuse_connections(self) -> None: ...

    def will_be_forbidden(self) -> None: ...


@final
class ScriptedStage:
    def __init__(self) -> None:
        self._scripted = ScriptedUpstream(FakeClock())
        self.upstream: Upstream = self._scripted
        self.url = BaseUrl("http", "127.0.0.1", 80, "/v1")

    def will_play(self, play: Played) -> None:
        if play.headers is None:
            return self._scripted.will_fail(Pause(10_000))
        if play.raw is not None:
            return self._scripted.will_fail(Broken("not HTTP"))
        headers: dict[str, str] = {}
        for name, value in play.headers:
            low = name.lower()
            headers[low] = f"{headers[low]}, {value}" if low in headers else value
        ends: dict[Ending, tuple[Step, ...]] = {
            Ending.PROPER: (),
            Ending.CUT: (Broken("cut"),),
            Ending.SILENT: (Pause(10_000),),
        }
        return self._scripted.will_play(Script(play.status, headers, (*play.body, *ends[play.ending])))

    def will_refuse_connections(self) -> None:
        self._scripted.will_fail(CannotConnect("refused"))

    def will_be_forbidden(self) -> None:
        self._scripted.will_fail(EgressRefused("127.0.0.1"))


@final
class RealStage:
    def __init__(self, upstream: Upstream, forbidding: Upstream, url: BaseUrl, will_play: object) -> None:
        self.upstream = upstream
        self.url = url
        self._forbidding = forbidding
        self._will_play = will_play

    def will_play(self, play: Played) -> None:
        self._will_play(play)  # type: ignore[operator]

    def will_refuse_connections(self) -> None:
        self.url = BaseUrl("http", "127.0.0.1", a_closed_port(), "/v1")

    def will_be_forbidden(self) -> None:
        self.upstream = self._forbidding


@pytest.fixture(params=["scripted", *REAL])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    if request.param == "scripted":
        yield ScriptedStage()
        return
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(a_provider())
        allowing = await stack.enter_async_context(opened(request.param))
        forbidding = await stack.enter_async_context(opened(request.param, may_connect=lambda _: False))
        yield RealStage(allowing, forbidding, provider.url, provider.will_play)


def outgoing(url: BaseUrl, head_seconds: float = LONG) -> Outgoing:
    headers = (("content-type", "application/json"), ("accept", "application/json"))
    return Outgoing("POST", url, "/chat/completions", headers, b"{}", Reach.CHECKED, LONG, head_seconds)


@pytest.mark.parametrize("status", [200, 201, 400, 404, 429, 500, 503, 529])
async def test_a_status_is_handed_on_whatever_it_is(stage: Stage, status: int) -> None:
    stage.will_play(Played(status, body=(b"said",)))

    answer = await stage.upstream.send(outgoing(stage.url))

    assert answer.status == status
    assert await answer.read(100, LONG) == b"said"
    answer.close()


async def test_header_names_are_lower_case_and_twice_the_same_is_joined(stage: Stage) -> None:
    stage.will_play(Played(headers=(("X-RateLimit-Limit", "3"), ("Via", "a"), ("VIA", "b"))))

    answer = await stage.upstream.send(outgoing(stage.url))

    assert answer.headers["x-ratelimit-limit"] == "3"
    assert answer.headers["via"] == "a, b"
    answer.close()


@pytest.mark.parametrize("length", [True, False], ids=["length", "chunked"])
@pytest.mark.parametrize("pieces", [(), (b"one",), (b"one", b"two" * 50_000, b"three")])
async def test_a_body_is_read_whole(stage: Stage, pieces: tuple[bytes, ...], length: bool) -> None:
    stage.will_play(Played(body=pieces, length=length))

    answer = await stage.upstream.send(outgoing(stage.url))

    assert await answer.read(1_000_000, LONG) == b"".join(pieces)
    answer.close()


async def test_a_body_is_read_piece_by_piece_until_nothing_comes(stage: Stage) -> None:
    stage.will_play(Played(body=(b"one", b"two", b"three")))
    answer = await stage.upstream.send(outgoing(stage.url))

    came = b""
    while part := await answer.next(LONG):
        came += part

    assert came == b"onetwothree"
    assert await answer.next(LONG) == b""
    answer.close()


@pytest.mark.parametrize("length", [True, False], ids=["length", "chunked"])
async def test_a_cut_body_is_broken_and_not_an_end(stage: Stage, length: bool) -> None:
    stage.will_play(Played(body=(b"one",), ending=Ending.CUT, length=length))
    answer = await stage.upstream.send(outgoing(stage.url))

    with pytest.raises(Broken):
        await answer.read(1_000, LONG)
    answer.close()


async def test_what_came_before_a_cut_can_be_read(stage: Stage) -> None:
    stage.will_play(Played(body=(b"one",), ending=Ending.CUT))
    answer = await stage.upstream.send(outgoing(stage.url))

    assert await answer.next(LONG) == b"one"
    with pytest.raises(Broken):
        await answer.next(LONG)
    answer.close()


async def test_an_answer_above_the_limit_is_broken(stage: Stage) -> None:
    stage.will_play(Played(body=(b"x" * 101,)))
    answer = await stage.upstream.send(outgoing(stage.url))

    with pytest.raises(Broken):
        await answer.read(100, LONG)
    answer.close()


async def test_an_answer_of_exactly_the_limit_is_taken(stage: Stage) -> None:
    stage.will_play(Played(body=(b"x" * 60, b"x" * 40)))
    answer = await stage.upstream.send(outgoing(stage.url))

    assert len(await answer.read(100, LONG)) == 100
    answer.close()


async def test_a_head_that_does_not_come_is_too_slow(stage: Stage) -> None:
    stage.will_play(Played(headers=None))

    with pytest.raises(TooSlow) as slow:
        await stage.upstream.send(outgoing(stage.url, head_seconds=SHORT))

    assert slow.value.stage == "first byte"


async def test_bytes_that_do_not_come_are_too_slow(stage: Stage) -> None:
    stage.will_play(Played(body=(b"one",), ending=Ending.SILENT))
    answer = await stage.upstream.send(outgoing(stage.url))
    assert await answer.next(LONG) == b"one"

    with pytest.raises(TooSlow) as slow:
        await answer.next(SHORT)

    assert slow.value.stage == "between bytes"
    answer.close()


async def test_a_whole_body_that_does_not_come_is_too_slow(stage: Stage) -> None:
    stage.will_play(Played(body=(b"one",), ending=Ending.SILENT))
    answer = await stage.upstream.send(outgoing(stage.url))

    with pytest.raises(TooSlow):
        await answer.read(1_000, SHORT)
    answer.close()


async def test_a_port_that_nobody_listens_on_cannot_be_connected(stage: Stage) -> None:
    stage.will_refuse_connections()

    with pytest.raises(CannotConnect):
        await stage.upstream.send(outgoing(stage.url))


async def test_an_address_that_may_not_be_called_is_refused(stage: Stage) -> None:
    stage.will_be_forbidden()

    with pytest.raises(EgressRefused):
        await stage.upstream.send(outgoing(stage.url))


async def test_what_is_not_http_is_broken(stage: Stage) -> None:
    stage.will_play(Played(raw=b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))

    with pytest.raises(Broken):
        await stage.upstream.send(outgoing(stage.url))


async def test_closing_twice_is_closing_once(stage: Stage) -> None:
    stage.will_play(Played(body=(b"one",), ending=Ending.SILENT))
    answer = await stage.upstream.send(outgoing(stage.url))

    answer.close()
    answer.close()


async def test_a_gate_holds_the_scripted_upstream_until_it_is_opened() -> None:
    upstream = ScriptedUpstream(FakeClock())
    gate = Gate()
    gate.open()
    upstream.will_stream(gate, b"one")

    answer = await upstream.send(outgoing(BaseUrl("http", "api.test", 80, "")))

    assert await answer.next(LONG) == b"one"
    await gate.reached()

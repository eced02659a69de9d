import asyncio
from typing import Any, final

import pytest

from ai_gateway.domain.faults import Fault
from ai_gateway.domain.repeats import Claim, Kept, Place, Standing
from ai_gateway.runtime.repeats import ALIVE_SECONDS, KEPT_SECONDS, RepeatLimits, Repeats, Turn
from ai_gateway.store.replies import MemoryReplies
from support.clock import FakeClock

PLACE = Place("t1", "digest")


def a_reply(body: bytes = b"hello") -> Kept:
    return Kept("req_1", 200, (), body)


@final
class Desk:
    """Two processes over one vault."""

    def __init__(self, vault: Any = None, **limits: Any) -> None:
        self.clock = FakeClock()
        self.vault = vault or MemoryReplies()
        self.dropped: list[str] = []
        self.one, self.two = (
            Repeats(self.vault, owner, self.clock.wall, self.dropped.append, RepeatLimits(**limits))
            for owner in ("one", "two")
        )


async def refused(repeats: Repeats, print: str = "print", request_id: str = "req_9") -> tuple[int, str]:
    with pytest.raises(Fault) as refusal:
        await repeats.begin(PLACE, print, request_id)
    return refusal.value.status, refusal.value.code


async def turn(repeats: Repeats, request_id: str = "req_1", place: Place = PLACE) -> Turn:
    begun = await repeats.begin(place, "print", request_id)
    assert isinstance(begun, Turn)
    return begun


async def test_one_runs_and_who_asks_meanwhile_is_told_so_in_both_processes() -> None:
    desk = Desk()
    await turn(desk.one)
    for process in (desk.one, desk.two):
        assert await refused(process) == (409, "idempotency_in_progress")
        assert await refused(process, "another") == (422, "idempotency_key_reused")


async def test_the_reply_comes_back_in_both_processes_for_a_day() -> None:
    desk = Desk()
    await desk.one.finish(await turn(desk.one), a_reply())
    for process in (desk.one, desk.two):
        assert await process.begin(PLACE, "print", "req_2") == a_reply()
        assert await refused(process, "another") == (422, "idempotency_key_reused")
    desk.clock.advance(KEPT_SECONDS + 1)
    for process in (desk.one, desk.two):
        await process.free(await turn(process, "req_3"))


async def test_a_reply_that_was_too_large_is_said_to_be_gone() -> None:
    desk = Desk()
    await desk.one.finish(await turn(desk.one), None)
    assert await refused(desk.one) == await refused(desk.two) == (409, "idempotent_reply_not_kept")


async def test_a_freed_key_runs_again() -> None:
    desk = Desk()
    await desk.one.free(await turn(desk.one))
    assert (await turn(desk.two, "req_2")).rerun_of is None


async def test_who_dies_is_not_waited_for_longer_than_it_was_alive_and_the_next_is_told() -> None:
    desk = Desk()
    await turn(desk.one)
    desk.clock.advance(ALIVE_SECONDS - 1)
    await desk.one.renew()
    desk.clock.advance(ALIVE_SECONDS - 1)
    assert (await refused(desk.two))[0] == 409
    desk.clock.advance(2)
    assert (await turn(desk.two, "req_2")).rerun_of == "req_1"


async def test_what_was_left_without_a_word_is_not_alive_because_something_else_is() -> None:
    desk = Desk()
    left, other = await turn(desk.one), Place("t1", "another")
    await turn(desk.one, "req_2", other)
    desk.one.leave(left)
    desk.clock.advance(ALIVE_SECONDS - 1)
    await desk.one.renew()
    desk.clock.advance(2)
    assert (await turn(desk.two, "req_3")).rerun_of == "req_1"
    with pytest.raises(Fault, match="still running"):
        await desk.two.begin(other, "print", "req_4")


async def test_what_was_left_without_a_word_is_run_again_and_said() -> None:
    desk = Desk()
    desk.one.leave(await turn(desk.one))
    assert (await turn(desk.one, "req_2")).rerun_of == "req_1"


@final
class Stubborn:
    """A vault that does not answer; with `error` it says so."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def claim(self, claim: Claim, now: float) -> Standing:
        return await self._nothing()

    async def keep(self, claim: Claim, reply: Kept | None, expires: float) -> bool:
        return await self._nothing()

    async def free(self, claim: Claim) -> None:
        await self._nothing()

    async def _nothing(self) -> Any:
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()


@pytest.mark.parametrize("error", [None, ConnectionError("away")], ids=["silent", "away"])
async def test_a_vault_that_does_not_answer_is_a_503_and_leaves_nothing_running(error: Exception | None) -> None:
    desk = Desk(Stubborn(error), wait_seconds=0.001)
    assert await refused(desk.one) == await refused(desk.one) == (503, "idempotency_unavailable")


@pytest.mark.parametrize("error", [None, ConnectionError("away")], ids=["silent", "away"])
async def test_a_reply_that_the_vault_does_not_take_is_counted_and_still_known_here(error: Exception | None) -> None:
    desk = Desk(wait_seconds=0.001)
    begun = await turn(desk.one)
    away = Repeats(Stubborn(error), "one", desk.clock.wall, desk.dropped.append, RepeatLimits(wait_seconds=0.001))  # type: ignore[arg-type]
    await away.finish(begun, a_reply())
    assert desk.dropped == ["reply"]
    assert await away.begin(PLACE, "print", "req_2") == a_reply()
    await away.free(begun)
    assert desk.dropped == ["reply", "key"]


async def test_memory_holds_so_many_bytes_of_replies_the_newest() -> None:
    desk = Desk(memory_bytes=2_500)
    for number in range(4):
        place = Place("t1", str(number))
        await desk.one.finish(await turn(desk.one, place=place), a_reply(b"x" * 1_000))
        await desk.one.finish(Turn(Claim(place, "print", "req_1", "one", 0.0), None), a_reply(b"x" * 1_000))
    assert len(desk.one._known) == 2
    assert await desk.one.begin(Place("t1", "0"), "print", "req_2") == a_reply(b"x" * 1_000), "the vault has it"

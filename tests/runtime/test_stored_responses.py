import asyncio
from collections.abc import Sequence
from typing import Any, final

import pytest

from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.stored_responses import StoredResponse
from ai_gateway.runtime.stored_responses import SECONDS_A_DAY, ResponseLimits, StoredResponses
from ai_gateway.store.responses import MemoryResponses
from support.clock import FakeClock


def a_response(number: int = 1, size: int = 2) -> StoredResponse:
    return StoredResponse(f"resp_{number}", b"x" * size, b"[]")


@final
class Desk:
    """Two processes over one vault."""

    def __init__(self, vault: Any = None, **limits: Any) -> None:
        self.clock = FakeClock()
        self.vault = vault or MemoryResponses()
        self.dropped: list[str] = []
        self.one, self.two = (
            StoredResponses(
                self.vault, self.clock.wall, self.dropped.append, ResponseLimits(**limits), self.clock.sleep
            )
            for _ in range(2)
        )


@final
class Stubborn:
    """A vault that never answers, or says that it is away."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def find(self, *_: object) -> None:
        await self._refuse()

    async def forget(self, *_: object) -> None:
        await self._refuse()

    async def keep(self, *_: object) -> None:
        await self._refuse()

    async def _refuse(self) -> None:
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()


async def test_it_is_found_at_once_where_it_was_made_and_elsewhere_once_it_is_written() -> None:
    desk = Desk()
    desk.one.keep("t1", a_response())
    assert await desk.one.find("t1", "resp_1") == a_response()
    assert await desk.two.find("t1", "resp_1") is None
    await desk.one.written()
    assert await desk.two.find("t1", "resp_1") == a_response()
    assert await desk.one.find("t2", "resp_1") is None


async def test_another_process_looks_twice() -> None:
    """The caller is sometimes quicker than the writer."""
    desk = Desk()

    class Late(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await desk.one.written()

    late = StoredResponses(desk.vault, desk.clock.wall, desk.dropped.append, ResponseLimits(), Late().sleep)
    desk.one.keep("t1", a_response())
    assert await late.find("t1", "resp_1") == a_response()


async def test_it_is_kept_for_its_days() -> None:
    desk = Desk(days=2, memory_bytes=0)
    desk.one.keep("t1", a_response())
    await desk.one.written()
    desk.clock.advance(2 * SECONDS_A_DAY - 1)
    assert await desk.one.find("t1", "resp_1") == a_response()
    desk.clock.advance(2)
    assert await desk.one.find("t1", "resp_1") is None
    assert await desk.one.cut() == 1


async def test_what_is_forgotten_is_forgotten_everywhere_also_before_it_was_written() -> None:
    desk = Desk()
    desk.one.keep("t1", a_response(1))
    assert await desk.one.forget("t1", "resp_1")
    assert not await desk.one.forget("t1", "resp_1")
    desk.one.keep("t1", a_response(2))
    await desk.one.written()
    assert await desk.two.find("t1", "resp_1") is None
    assert await desk.two.forget("t1", "resp_2")


async def test_what_is_forgotten_while_it_is_written_does_not_come_back() -> None:
    class Slow(MemoryResponses):  # type: ignore[misc]
        async def keep(self, tenant_id: str, responses: Sequence[StoredResponse], expires: float) -> None:
            await desk.one.forget(tenant_id, "resp_1")
            await super().keep(tenant_id, responses, expires)

    desk = Desk(Slow())
    desk.one.keep("t1", a_response())
    await desk.one.written()
    assert await desk.two.find("t1", "resp_1") is None


async def test_there_is_room_for_so_much_and_the_rest_is_told() -> None:
    desk = Desk(response_bytes=10, waiting_bytes=20, memory_bytes=12)
    desk.one.keep("t1", a_response(1, 9))
    assert desk.dropped == ["stored_response"]
    for number in (2, 3, 4):
        desk.one.keep("t1", a_response(number, 6))
    assert desk.dropped == ["stored_response"] * 2
    await desk.one.written()
    desk.one.keep("t1", a_response(4, 6))
    assert desk.dropped == ["stored_response"] * 2
    assert await desk.two.find("t1", "resp_2") == a_response(2, 6)


async def test_responses_of_many_tenants_are_all_written() -> None:
    desk = Desk()
    for number in range(200):
        desk.one.keep(f"t{number % 3}", a_response(number))
    await desk.one.written()
    found = [await desk.two.find(f"t{number % 3}", f"resp_{number}") for number in range(200)]
    assert found == [a_response(number) for number in range(200)]


@pytest.mark.parametrize("error", [ConnectionError("away"), None])
async def test_a_vault_that_does_not_answer_is_503_to_who_names_a_response(error: Exception | None) -> None:
    desk = Desk(Stubborn(error), wait_seconds=0.001)
    for ask in (desk.one.find, desk.one.forget):
        with pytest.raises(GatewayFault) as fault:
            await ask("t1", "resp_1")
        assert (fault.value.status, fault.value.code) == (503, "responses_unavailable")


async def test_what_cannot_be_written_waits_and_is_told_at_the_end() -> None:
    desk = Desk(Stubborn(ConnectionError("away")))
    desk.one.keep("t1", a_response())
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await desk.one.written()
    assert await desk.one.find("t1", "resp_1") == a_response()
    await desk.one.close()
    assert desk.dropped == ["stored_response"]


async def test_the_last_ones_are_written_when_it_closes() -> None:
    desk = Desk()
    desk.one.keep("t1", a_response())
    await desk.one.close()
    assert await desk.two.find("t1", "resp_1") == a_response()

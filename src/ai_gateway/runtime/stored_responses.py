"""Responses that are kept, as this process knows them: the last ones in memory, and those that wait to be written.

Storing delays no answer: what is to be kept is put down here and written by a loop. Whoever goes on from a response a
moment later is answered from memory, and by another process, which has no such memory, after a second look. Only who
names a response waits for the vault at all, and not for long.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, final

import msgspec

from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.stored_responses import StoredResponse
from ai_gateway.runtime.ports import Responses

SECONDS_A_DAY: Final = 86_400.0
_MOST_AT_ONCE: Final = 64

_Place = tuple[str, str]


class ResponseLimits(msgspec.Struct, frozen=True):
    """`days` 0: nothing is kept. Seconds to wait for the vault, and between two looks; bytes of one response that is
    kept, of those that wait to be written, and of those in memory."""

    days: int = 30
    wait_seconds: float = 0.25
    look_again_seconds: float = 0.08
    response_bytes: int = 8 << 20
    waiting_bytes: int = 64 << 20
    memory_bytes: int = 16 << 20


@final
class StoredResponses:
    """`wall` gives Unix seconds. `dropped` is told what there was no room for."""

    def __init__(
        self,
        vault: Responses,
        wall: Callable[[], float],
        dropped: Callable[[str], None],
        limits: ResponseLimits = ResponseLimits(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.limits = limits
        self._vault = vault
        self._wall = wall
        self._dropped = dropped
        self._sleep = sleep
        self._known: OrderedDict[_Place, StoredResponse] = OrderedDict()
        self._known_bytes = 0
        self._waiting: OrderedDict[_Place, StoredResponse] = OrderedDict()
        self._waiting_bytes = 0
        self._in_hand: frozenset[_Place] = frozenset()
        self._gone: set[_Place] = set()
        self._something = asyncio.Event()

    def keep(self, tenant_id: str, response: StoredResponse) -> None:
        """At once; it is written a moment later."""
        size = response.size
        if size > self.limits.response_bytes or self._waiting_bytes + size > self.limits.waiting_bytes:
            self._dropped("stored_response")
            return
        place = (tenant_id, response.id)
        self._waiting[place] = response
        self._waiting_bytes += size
        self._something.set()
        self._known[place] = response
        self._known_bytes += size
        while self._known_bytes > self.limits.memory_bytes:
            _, oldest = self._known.popitem(last=False)
            self._known_bytes -= oldest.size

    async def find(self, tenant_id: str, response_id: str) -> StoredResponse | None:
        """Raises GatewayFault (503: the vault does not answer)."""
        place = (tenant_id, response_id)
        known = self._known.get(place) or self._waiting.get(place)
        if known is not None:
            return known
        now = self._wall()
        try:
            async with asyncio.timeout(self.limits.wait_seconds):
                found = await self._vault.find(tenant_id, response_id, now)
                if found is None:
                    await self._sleep(self.limits.look_again_seconds)
                    found = await self._vault.find(tenant_id, response_id, now)
                return found
        except (TimeoutError, ConnectionError) as error:
            raise _vault_is_away() from error

    async def forget(self, tenant_id: str, response_id: str) -> bool:
        """False where there was none. Raises GatewayFault (503)."""
        place = (tenant_id, response_id)
        known = self._known.pop(place, None)
        if known is not None:
            self._known_bytes -= known.size
        waited = self._waiting.pop(place, None)
        if waited is not None:
            self._waiting_bytes -= waited.size
        if place in self._in_hand:
            self._gone.add(place)  # it is being written at this moment
        try:
            async with asyncio.timeout(self.limits.wait_seconds):
                was_there = await self._vault.forget(tenant_id, response_id)
        except (TimeoutError, ConnectionError) as error:
            raise _vault_is_away() from error
        return was_there or known is not None or waited is not None

    async def written(self) -> None:
        """Until something waits, and all that waits by now is written. Raises ConnectionError: it goes on waiting."""
        await self._something.wait()
        self._something.clear()
        try:
            while self._waiting:
                await self._write()
        except ConnectionError:
            self._something.set()
            raise

    async def cut(self) -> int:
        """Raises ConnectionError."""
        return await self._vault.cut(self._wall())

    async def close(self) -> None:
        """The last ones, before the vault goes; what cannot be written now is lost, and told."""
        try:
            while self._waiting:
                await self._write()
        except ConnectionError:
            for _ in self._waiting:
                self._dropped("stored_response")

    async def _write(self) -> None:
        """The oldest of one tenant."""
        tenant_id = next(iter(self._waiting))[0]
        places = [place for place in self._waiting if place[0] == tenant_id][:_MOST_AT_ONCE]
        batch = [self._waiting[place] for place in places]
        self._in_hand = frozenset(places)
        try:
            await self._vault.keep(tenant_id, batch, self._wall() + self.limits.days * SECONDS_A_DAY)
            for place in places:
                response = self._waiting.pop(place, None)
                self._waiting_bytes -= 0 if response is None else response.size
            for place in self._gone:
                await self._vault.forget(*place)
            self._gone.clear()
        finally:
            self._in_hand = frozenset()


def _vault_is_away() -> GatewayFault:
    return GatewayFault(
        "Stored responses cannot be read at the moment; nothing was sent.",
        action="Send it again in a moment, or send the whole conversation as 'input'.",
        code="responses_unavailable",
        retry_after_seconds=1,
    )

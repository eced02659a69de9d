"""Receipts on their way to the ledger. The line appends and goes on; a loop writes them to SQL in batches.

The queue is bounded. When the database has been away for so long that it is full, no new request is admitted: a
request that cannot be billed must not be sent. It lives in memory, so a graceful stop drains it and a kill loses what
the loop had not written yet (at most its interval).
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import final

from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Receipt


@final
class Journal:
    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._waiting: deque[Receipt] = deque()
        self._arrived = asyncio.Event()

    def admit(self) -> None:
        """Raises GatewayFault while there is no room for one more receipt."""
        if len(self._waiting) >= self._capacity:
            raise GatewayFault(
                "The gateway cannot write its ledger at the moment, so it accepts no new requests.",
                code="ledger_unavailable",
                retry_after_seconds=5,
            )

    def append(self, receipt: Receipt) -> None:
        self._waiting.append(receipt)
        self._arrived.set()

    def peek(self, most: int) -> Sequence[Receipt]:
        """The oldest receipts, which stay until `drop` says that they are written."""
        return [self._waiting[index] for index in range(min(most, len(self._waiting)))]

    def drop(self, written: Sequence[Receipt]) -> None:
        """What `peek` gave is in the ledger. Two who drain at the same time were given the same receipts, so each is
        let go by what it is, not by its place: counting would let go what nobody has written."""
        for receipt in written:
            if self._waiting and self._waiting[0] is receipt:
                self._waiting.popleft()
        if not self._waiting:
            self._arrived.clear()

    def find(self, tenant_id: str, request_id: str) -> list[Receipt]:
        return [it for it in self._waiting if it.request_id == request_id and it.tenant_id == tenant_id]

    async def wait(self) -> None:
        """Until there is something to write."""
        await self._arrived.wait()

    @property
    def depth(self) -> int:
        return len(self._waiting)

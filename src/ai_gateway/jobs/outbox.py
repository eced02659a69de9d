"""Rows on their way to SQL. Whoever has one puts it here and goes on: what was seen of an endpoint is worth a row, and
never worth a wait.

A box is bounded, since a database may be away for hours; when it is full the oldest go, because an engineer who
comes to look asks first about the last minute, and what went is counted. A batch that could not be written stays
where it is.

Whoever flushes while somebody does waits for him: at the end of a process its loop and its farewell meet here, and each
would take the other's rows for written.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import Final, Generic, Protocol, TypeVar, final

from ai_gateway.store.records import StoreUnavailable

T = TypeVar("T")

MOST_WAITING: Final = 10_000
BATCH: Final = 1_000
EVERY_SECONDS: Final = 1.0


class Flushed(Protocol):
    async def flush(self) -> int:
        """Write what waits; how many rows. Raises StoreUnavailable, losing nothing."""
        ...


@final
class Outbox(Generic[T]):
    """`write` raises StoreUnavailable; `dropped` counts the rows for which there was no room."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]], most_waiting: int = MOST_WAITING) -> None:
        self._write = write
        self._waiting: deque[T] = deque()
        self._most_waiting = most_waiting
        self._turn = asyncio.Lock()
        self.dropped = 0

    def put(self, row: T) -> None:
        if len(self._waiting) >= self._most_waiting:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(row)

    async def flush(self) -> int:
        """Write what waits now, in batches; how many rows. Raises StoreUnavailable, losing nothing."""
        async with self._turn:
            return await self._flush()

    async def _flush(self) -> int:
        written = 0
        while batch := list(islice(self._waiting, BATCH)):
            gone_before = self.dropped
            await self._write(batch)
            for _ in range(len(batch) - (self.dropped - gone_before)):  # what was dropped meanwhile stood in the batch
                self._waiting.popleft()
            written += len(batch)
        return written


async def keep_flushing(
    boxes: Iterable[Flushed], report: Callable[[Exception], None], every_seconds: float = EVERY_SECONDS
) -> None:
    """Runs until it is cancelled. `report` hears once when the database went away, and again only after it was back."""
    boxes = tuple(boxes)
    away = False
    while True:
        await asyncio.sleep(every_seconds)
        try:
            for box in boxes:
                await box.flush()
            away = False
        except StoreUnavailable as error:
            if not away:
                report(error)
            away = True

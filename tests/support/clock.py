"""A clock that stands still until a test moves it."""

import asyncio
from typing import final

NOON = 1_767_268_800.0
"""2026-01-01T12:00:00Z, in Unix seconds."""


@final
class FakeClock:
    def __init__(self, now: float = 1_000.0, wall: float = NOON) -> None:
        self._now = now
        self._offset = wall - now

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now + self._offset

    def advance(self, seconds: float) -> None:
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Time passes at once; whoever else can run does."""
        self.advance(seconds)
        await asyncio.sleep(0)

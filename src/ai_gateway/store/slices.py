"""Many rows are gone through in slices, with the event loop's turn in between: nobody's stream waits for a hundred
thousand of them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")

SLICE: Final = 50
"""Rows that are made into values meanwhile take up to twenty microseconds each."""


async def in_slices(items: Iterable[T]) -> AsyncGenerator[list[T]]:
    """The items have to stay as they are until all are through."""
    rest = iter(items)
    while part := list(islice(rest, SLICE)):
        yield part
        if len(part) == SLICE:
            await asyncio.sleep(0)

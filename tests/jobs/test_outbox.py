import asyncio
from collections.abc import Sequence

from ai_gateway.jobs.outbox import BATCH, Outbox, keep_flushing
from ai_gateway.store.records import StoreUnavailable
from support.turns import settle, until


class Table:
    """Takes rows, unless it is away; `meanwhile` happens while a batch is being written."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.away = False
        self.is_slow = False
        self.asked = 0
        self.meanwhile = lambda: None

    async def write(self, rows: Sequence[int]) -> None:
        self.asked += 1
        if self.away:
            raise StoreUnavailable
        if self.is_slow:
            await settle(5)
        self.meanwhile()
        self.batches.append(list(rows))

    @property
    def rows(self) -> list[int]:
        return [row for batch in self.batches for row in batch]


def filled(table: Table, count: int, most_waiting: int = 10_000) -> Outbox[int]:
    box = Outbox(table.write, most_waiting)
    for number in range(count):
        box.put(number)
    return box


async def test_what_waits_is_written_in_batches_and_in_order() -> None:
    table = Table()
    assert await filled(table, BATCH + 5).flush() == BATCH + 5
    assert [len(batch) for batch in table.batches] == [BATCH, 5]
    assert table.rows == list(range(BATCH + 5))


async def test_an_empty_box_writes_nothing() -> None:
    table = Table()
    assert await filled(table, 0).flush() == 0
    assert table.asked == 0


async def test_a_batch_that_could_not_be_written_is_written_later() -> None:
    table = Table()
    box = filled(table, 3)
    table.away = True
    for _ in range(2):
        try:
            await box.flush()
        except StoreUnavailable:
            continue
    table.away = False
    box.put(3)
    await box.flush()
    assert table.rows == [0, 1, 2, 3]


async def test_a_full_box_lets_the_oldest_go_and_counts_them() -> None:
    table = Table()
    box = filled(table, 7, most_waiting=4)
    assert box.dropped == 3
    await box.flush()
    assert table.rows == [3, 4, 5, 6]


async def test_rows_that_come_while_a_batch_is_written_are_neither_lost_nor_written_twice() -> None:
    table = Table()
    box = filled(table, 4, most_waiting=4)
    late = iter([10, 11])

    def put_two() -> None:
        for number in late:
            box.put(number)

    table.meanwhile = put_two
    await box.flush()
    assert table.rows == [0, 1, 2, 3, 10, 11]


async def test_two_who_flush_at_once_write_every_row_once() -> None:
    """As at the end of a process, where the loop is in the middle of a batch."""
    table = Table()
    box = filled(table, 3)
    table.is_slow = True
    first = asyncio.ensure_future(box.flush())
    await until(lambda: table.asked)
    second = asyncio.ensure_future(box.flush())
    await until(lambda: table.batches)
    box.put(3)
    assert sum(await asyncio.gather(first, second)) == 4
    assert table.rows == [0, 1, 2, 3]


async def test_the_loop_says_once_that_the_database_is_away_and_goes_on() -> None:
    table, told = Table(), list[Exception]()
    box = filled(table, 2)
    table.away = True
    loop = asyncio.ensure_future(keep_flushing([box], told.append, every_seconds=0))
    await until(lambda: table.asked >= 4)
    assert len(told) == 1
    table.away = False
    await until(lambda: table.rows)
    table.away = True
    box.put(2)
    await until(lambda: len(told) == 2)
    loop.cancel()
    assert table.rows == [0, 1]

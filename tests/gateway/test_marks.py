"""When a stream's progress is written down."""

from ai_gateway.gateway.marks import MARK_EVENTS, MARK_SECONDS, Marks
from support.clock import FakeClock


def test_every_so_many_events_are_marked_once() -> None:
    clock, marked = FakeClock(), list[int]()
    marks = Marks(clock, lambda: marked.append(seen))
    for seen in range(1, 4 * MARK_EVENTS + 1):
        marks.note(seen)
    assert marked == [MARK_EVENTS, 2 * MARK_EVENTS, 3 * MARK_EVENTS, 4 * MARK_EVENTS]


def test_a_slow_stream_is_marked_by_time_and_time_begins_anew_with_each_mark() -> None:
    clock, marked = FakeClock(), list[float]()
    marks = Marks(clock, lambda: marked.append(clock.now()))
    begun = clock.now()
    for _ in range(10):
        clock.advance(MARK_SECONDS / 2)
        marks.note(1)
    assert marked == [begun + MARK_SECONDS * number for number in range(1, 6)]

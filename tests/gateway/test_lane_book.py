from typing import Any

from ai_gateway.gateway.lane_book import LaneBook, LaneName


class FakeLane:
    """As empty as one of a small pool."""

    def __init__(self) -> None:
        self.close_berths()

    def close_berths(self) -> None:
        self.entries = 1

    def open_berth(self, book: LaneBook) -> None:
        book.note_entries(1)
        self.entries += 1


def a_lane() -> Any:
    return FakeLane()


def name(key: str) -> LaneName:
    return (key, "gpt-4o-mini", "", ())


def test_what_was_kept_is_found_until_it_is_dropped_or_replaced() -> None:
    book, first, second = LaneBook(), a_lane(), a_lane()
    book.keep(name("one"), first)
    assert book.find(name("one")) is first
    assert book.find(name("two")) is None
    book.keep(name("one"), second)
    assert book.find(name("one")) is second
    assert len(book) == 1
    book.drop(name("one"))
    book.drop(name("one"))
    assert book.find(name("one")) is None
    assert len(book) == 0


def test_berths_count_and_go_with_their_lane() -> None:
    book, lane = LaneBook(), a_lane()
    book.keep(name("one"), lane)
    for _ in range(3):
        lane.open_berth(book)
    assert len(book) == 4
    book.drop(name("one"))
    assert len(book) == 0


def test_where_there_are_too_many_all_are_found_anew_and_keep_nothing_alive() -> None:
    book, lane = LaneBook(most_entries=4), a_lane()
    book.keep(name("one"), lane)
    for _ in range(3):
        lane.open_berth(book)
    book.keep(name("two"), a_lane())
    assert (book.find(name("one")), lane.entries, len(book)) == (None, 1, 1)


def test_the_lane_of_a_wide_pool_counts_by_its_places() -> None:
    book, wide = LaneBook(most_entries=10), a_lane()
    book.keep(name("one"), a_lane())
    wide.entries = 9
    book.keep(name("two"), wide)
    assert len(book) == 10
    book.keep(name("three"), a_lane())
    assert (book.find(name("two")), len(book)) == (None, 1)

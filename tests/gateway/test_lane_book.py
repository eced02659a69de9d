from types import SimpleNamespace
from typing import Any

from ai_gateway.gateway.lane_book import LaneBook, LaneName


def a_lane(berths: int = 0) -> Any:
    return SimpleNamespace(berths=dict.fromkeys(range(berths)))


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
    for place in range(3):
        book.note_entry()
        lane.berths[place] = None
    assert len(book) == 4
    book.drop(name("one"))
    assert len(book) == 0


def test_where_there_are_too_many_all_are_found_anew_and_keep_nothing_alive() -> None:
    book, lane = LaneBook(most_entries=4), a_lane()
    book.keep(name("one"), lane)
    for place in range(3):
        book.note_entry()
        lane.berths[place] = None
    book.keep(name("two"), a_lane())
    assert (book.find(name("one")), len(lane.berths), len(book)) == (None, 0, 1)

"""Streams cut into pieces, and decoders fed with them."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import strategies as st

from ai_gateway.domain.reply import Event
from ai_gateway.providers.translation import EventDecoder


def decoded(decoder: EventDecoder, *chunks: bytes) -> list[Event]:
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events + decoder.end()


def pieces_of(body: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, *(cut % (len(body) + 1) for cut in cuts), len(body)})
    return [body[start:stop] for start, stop in pairwise(at)]


CUTS = st.lists(st.integers(0, 1 << 20), max_size=24)


def same_for_every_split(make: Callable[[], EventDecoder], body: bytes) -> None:
    """Every two pieces, and one byte at a time."""
    whole = decoded(make(), body)
    assert decoded(make(), *[body[at : at + 1] for at in range(len(body))]) == whole
    for at in range(len(body)):
        assert decoded(make(), body[:at], body[at:]) == whole

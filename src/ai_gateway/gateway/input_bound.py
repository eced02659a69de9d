"""How many tokens the input of a large request has at most, where its bytes would say far too much.

A token is a byte at least, so a body's length bounds its input, and for text that is a fair bound. A photograph of five
megabytes is a thousand tokens or fifty thousand to a model, never seven million; held by its bytes it would need a
budget that nobody has. So a large body that has such parts is read as the conversation it is, by its structure alone:
whoever writes text that looks like a picture is held for text. What cannot be read so stays at its bytes.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.faults import Fault
from ai_gateway.providers.token_estimate import most_input
from ai_gateway.providers.translation.pairs import FRONTS

SMALL_BYTES: Final = 64 * 1024
_MARKS: Final = (b"base64", b'"input_audio"')
_IN_LISTS: Final = frozenset({Operation.CHAT, Operation.MESSAGES})
"""Operations whose pictures and sounds stand in a list within the list of messages."""


def bound_of_input(operation: Operation, fields: dict[str, msgspec.Raw], body: bytes) -> int | None:
    """None: its bytes are the bound."""
    if len(body) <= SMALL_BYTES:
        return None
    speech = FRONTS.get(operation)
    if speech is None or (operation in _IN_LISTS and _has_one_list(body)) or not any(mark in body for mark in _MARKS):
        return None
    try:
        asked = speech.front.read_request(fields)
    except Fault:
        return None
    most = most_input(asked, len(body))
    return most if most < len(body) else None


def _has_one_list(body: bytes) -> bool:
    """At most. To look for one byte goes at the speed of memory, to look for a word costs as much as parsing."""
    first = body.find(b"[")
    return first < 0 or body.find(b"[", first + 1) < 0

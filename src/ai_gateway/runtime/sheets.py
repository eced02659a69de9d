"""What the records of many attempts have in common, kept where it need not be made again.

Names are not repeated in every record: who pays and what was called are two tuples of strings, which are written once a
segment and then are numbers in it. A sheet has both and knows their numbers in the segment in use, so whoever sends one
request after another of the same kind keeps its sheet, and nothing is looked up by name any more.
"""

import struct
from typing import Final, cast

import msgspec

from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime.segments import Segment
from ai_gateway.runtime.slots import slots_for

COPIES: Final = 2
"""A definition is written twice: many records are worth nothing without it, and a slot may be flipped."""
RECORDS_AHEAD: Final = 3
"""A hold, its progress and its receipt: what an attempt may still write once its names are defined."""

Names = tuple[str | None, ...]

_NUMBER: Final = struct.Struct("<I")
_pack_numbers = struct.Struct("<II").pack
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Names).decode


class Sheet:
    """`numbers` are those of its names in `segment`, as records have them. `slots` is the most that an attempt without
    a tail needs from its hold to its receipt, in a segment that knows none of its names."""

    __slots__ = ("numbers", "segment", "slots", "what", "who")

    def __init__(self, who: Names, what: Names) -> None:
        self.who = who
        self.what = what
        ahead = RECORDS_AHEAD + 1  # a receipt that says what was delivered is longer than a slot
        self.slots = ahead + definition_slots(who) + definition_slots(what)
        self.segment = cast("Segment", self)  # none yet, and nothing that a segment could be taken for
        self.numbers = numbers_of(0, 0)

    def number(self, segment: Segment, who: int, what: int) -> None:
        """From now on its records are written to this segment, under these numbers."""
        self.segment = segment
        self.numbers = numbers_of(who, what)


def sheet_of(receipt: Receipt) -> Sheet:
    """For all attempts of the same names as this one's, in one journal."""
    return Sheet(who_of(receipt), what_of(receipt))


def who_of(receipt: Receipt) -> Names:
    return (receipt.tenant_id, receipt.key_id, receipt.team_id, receipt.department_id, receipt.user_id)


def what_of(receipt: Receipt) -> Names:
    return (
        receipt.requested_model,
        receipt.model,
        receipt.endpoint,
        receipt.provider,
        receipt.credential,
        receipt.operation,
        receipt.route,
        receipt.price_version,
    )


def names_of(receipt: Receipt) -> Names:
    """Both in one: what a sheet is found by."""
    return (
        receipt.tenant_id,
        receipt.key_id,
        receipt.team_id,
        receipt.department_id,
        receipt.user_id,
        receipt.requested_model,
        receipt.model,
        receipt.endpoint,
        receipt.provider,
        receipt.credential,
        receipt.operation,
        receipt.route,
        receipt.price_version,
    )


def numbers_of(who: int, what: int) -> bytes:
    return _pack_numbers(who, what)


def encode_definition(number: int, names: Names) -> bytes:
    return _NUMBER.pack(number) + _encode(names)


def decode_definition(payload: bytes) -> tuple[int, Names]:
    return _NUMBER.unpack_from(payload)[0], _decode(payload[_NUMBER.size :])


def definition_slots(names: Names) -> int:
    """What a definition of these names takes, whatever its number."""
    return COPIES * slots_for(encode_definition(0, names))

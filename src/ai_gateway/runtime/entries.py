"""What the journal's records say: receipts in 143 bytes, and back.

A hold is the receipt that will be booked if nobody ever writes a better one: outcome `orphan`, the floor as its cost.
So a replay has nothing to compute, above all no price to find in a configuration that may have changed since. Its two
own numbers (the instant of admission and the worst case) stand where a settled receipt has its latencies. The day says
which windows it is booked in, also after the tenant has moved to another zone.

Who pays and what was called are numbers in a record; the names to them are on sheets (`sheets.py`).
"""

import struct
from binascii import unhexlify
from collections.abc import Mapping
from typing import Final, Literal, cast
from zlib import crc32

import msgspec

from ai_gateway.domain.chat import Operation, ServiceTier, Usage, has_parts
from ai_gateway.domain.config import Ownership, ProviderType
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.runtime.sheets import Names, Sheet
from ai_gateway.runtime.slots import SLOT_BYTES, Kind, beginning_of, frame, pack_slot_into, payload_of, seal, slot_of

VERSION: Final = 3

Told = tuple[bytes, int, bytes]
"""Ids (14 bytes), mark, tail. A mark is the attempt's number, flags, and the outcome's place, in one number."""

# Places are what is on the disk: new outcomes go to the end.
_OUTCOMES: Final = (
    Outcome.OK,
    Outcome.CLIENT_ERROR,
    Outcome.PROVIDER_ERROR,
    Outcome.TIMEOUT,
    Outcome.CUT,
    Outcome.CANCELLED,
    Outcome.ORPHAN,
    Outcome.REFUSED,
)
_OUTCOME_AT: Final = 24
_MARKS: Final = {outcome: place << _OUTCOME_AT for place, outcome in enumerate(_OUTCOMES)}
# The two that nearly every record has, without a look-up; that of OK is 0.
_OK: Final = Outcome.OK
_ORPHAN: Final = Outcome.ORPHAN
_ORPHAN_MARK: Final = _MARKS[_ORPHAN]

# Places are what is on the disk: new services go to the end.
_SERVICES: Final = (ServiceTier.STANDARD, ServiceTier.FLEX, ServiceTier.PRIORITY, ServiceTier.FAST, ServiceTier.BATCH)
_SERVICE_CODES: Final = {service: code for code, service in enumerate(_SERVICES)}

_IDS: Final = struct.Struct("<14sI")
_SETTLE: Final = struct.Struct("<14sIIIIdddqq9qB")
_HOLD: Final = struct.Struct("<14sIIIIddqqq9qB")
_PROGRESS: Final = struct.Struct("<14sHBqqqd")
_DELIVERED: Final = struct.Struct("<q")
_HEADER: Final = struct.Struct("<IIQ")
_DRAINED: Final = struct.Struct("<Q")

# The same in fewer fields: both numbers of names are one, and so are the lanes that most requests have nothing in.
pack_settle = slot_of("14sI8sIdddqqqq57s").pack
pack_hold = slot_of("14sI8sIddqqqqq57s").pack
_pack_lanes = struct.Struct("<7qB").pack
NO_LANES: Final = bytes(57)
_SETTLE_KIND: Final = int(Kind.SETTLE)
_HOLD_KIND: Final = int(Kind.HOLD)
SETTLE_BEGINNING: Final = beginning_of(_SETTLE_KIND, _SETTLE.size)
HOLD_BEGINNING: Final = beginning_of(_HOLD_KIND, _HOLD.size)

_FLAGS_AT: Final = 16
_NUMBERS: Final = (1 << _FLAGS_AT) - 1
_PRICED: Final = 1 << _FLAGS_AT
_ESTIMATED: Final = 2 << _FLAGS_AT
_ADJUST: Final = 4 << _FLAGS_AT
_HAS_TTFT: Final = 8 << _FLAGS_AT
_HAS_TAIL: Final = 16 << _FLAGS_AT
_HAS_DELIVERED: Final = 32 << _FLAGS_AT
_CACHED: Final = 64 << _FLAGS_AT

_ID_BYTES: Final = 14
_NO_IDS: Final = bytes(_ID_BYTES)

_Tail = tuple[str | None, str | None, str | None]
_encode = msgspec.json.Encoder().encode
_decode_tail = msgspec.json.Decoder(_Tail).decode


class Held(msgspec.Struct, frozen=True, gc=False):
    """`receipt` is what is booked if this attempt never settles. `at` is the instant of admission (Unix seconds)."""

    receipt: Receipt
    at: float
    worst_nano: int


class Progress(msgspec.Struct, frozen=True, gc=False):
    """How far a stream has come: what would be booked for it if the process ended now."""

    request_id: str
    attempt_id: str
    input_tokens: int
    output_tokens: int
    cost_nano: int
    total_ms: float


class Header(msgspec.Struct, frozen=True):
    """The first record of a segment. Every receipt up to record `drained` was in the ledger when it was begun."""

    version: int
    segment: int
    drained: int


class UnknownName(Exception):
    """A record speaks of names whose definition is lost."""


def told_of(request_id: str, attempt_id: str, client_request_id: str | None) -> Told:
    """Its ids as its records have them, the same for a hold and the receipt that settles it. Ids of ours are 14 bytes
    and the attempt's number; any others, and what the client called it, go into a tail."""
    try:
        ids = unhexlify(request_id[4:])
    except ValueError:
        ids = b""
    digits = ids.hex()
    if len(ids) == _ID_BYTES:
        # Both at once: there are as many digits as behind 'req_', so nothing of one id passes for the other's.
        if request_id + attempt_id == f"req_{digits}att_{digits}_1":
            number = 1
        else:
            place = attempt_id[33:]
            is_ours = request_id == f"req_{digits}" and attempt_id == f"att_{digits}_{place}"
            number = _PLACES.get(place, 0) if is_ours else 0
        if number:
            if client_request_id is None:
                return ids, number, b""
            return ids, number | _HAS_TAIL, _encode((None, None, client_request_id))
    return _NO_IDS, _HAS_TAIL, _encode((request_id, attempt_id, client_request_id))


def mark_of(priced: bool, outcome: Outcome) -> int:  # noqa: FBT001  a column of its own
    """What a record's mark says of these two."""
    return _MARKS[outcome] | (_PRICED if priced else 0)


def encode_header(header: Header) -> bytes:
    return _HEADER.pack(header.version, header.segment, header.drained)


def decode_header(payload: bytes) -> Header:
    return Header(*_HEADER.unpack_from(payload))


def encode_drained(number: int) -> bytes:
    return _DRAINED.pack(number)


def decode_drained(payload: bytes) -> int:
    return _DRAINED.unpack(payload)[0]


def write_settle(sheet: Sheet, told: Told, receipt: Receipt) -> int:
    """A receipt's record, into the sheet's segment; its number, or NOWHERE where it does not fit. It is packed at once
    with what every slot has, since it is written for every request. `told` is what `told_of` says of it. Raises
    OSError."""
    segment = sheet.segment
    number = segment.next
    ids, mark, tail = told
    if receipt.priced:
        mark += _PRICED
    if receipt.estimated:
        mark += _ESTIMATED
    if receipt.kind == "adjust":
        mark += _ADJUST
    if receipt.cached:
        mark += _CACHED
    if receipt.delivered_tokens is not None:
        mark += _HAS_DELIVERED
        tail = _DELIVERED.pack(receipt.delivered_tokens) + tail
    ttft = receipt.ttft_ms
    if ttft is None:
        ttft = 0.0
    else:
        mark += _HAS_TTFT
    outcome = receipt.outcome
    if outcome is not _OK:
        mark += _MARKS[outcome]
    usage = receipt.usage
    lanes = _lanes_of(usage) if has_parts(usage) else NO_LANES
    rest = pack_settle(
        SETTLE_BEGINNING,
        number,
        ids,
        mark,
        sheet.numbers,
        receipt.day,
        receipt.started_at,
        ttft,
        receipt.total_ms,
        receipt.cost_nano_usd,
        receipt.revision,
        usage.input_tokens,
        usage.output_tokens,
        lanes,
    )
    if tail:
        return segment.put_settle(frame(_SETTLE_KIND, number, payload_of(rest)[: _SETTLE.size] + tail))
    place = number * SLOT_BYTES - segment.base
    if place > segment.last:
        return segment.put_settle(seal(rest))
    pack_slot_into(segment.window, place, crc32(rest), rest)
    segment.next = number + 1
    segment.last_settle = number
    return number


def decode_settle(payload: bytes, names: Mapping[int, Names]) -> Receipt:
    """Raises UnknownName."""
    ids, mark, who, what, day, started, ttft, total, cost, revision, *lanes = _SETTLE.unpack_from(payload)
    delivered, tail = _delivered(mark, payload)
    return _receipt(
        _ids_told(ids, mark, tail),
        mark,
        (_named(names, who), _named(names, what)),
        _usage_of(lanes),
        day=day,
        delivered_tokens=delivered,
        started_at=started,
        ttft_ms=ttft if mark & _HAS_TTFT else None,
        total_ms=total,
        cost_nano_usd=cost,
        revision=revision,
    )


def write_hold(sheet: Sheet, told: Told, orphan: Receipt, at: float, worst_nano: int) -> int:
    """The same for a hold."""
    segment = sheet.segment
    number = segment.next
    ids, mark, tail = told
    if orphan.priced:
        mark += _PRICED
    outcome = orphan.outcome
    mark += _ORPHAN_MARK if outcome is _ORPHAN else _MARKS[outcome]
    usage = orphan.usage
    lanes = _lanes_of(usage) if has_parts(usage) else NO_LANES
    rest = pack_hold(
        HOLD_BEGINNING,
        number,
        ids,
        mark,
        sheet.numbers,
        orphan.day,
        orphan.started_at,
        at,
        worst_nano,
        orphan.cost_nano_usd,
        orphan.revision,
        usage.input_tokens,
        usage.output_tokens,
        lanes,
    )
    if tail:
        return segment.put(frame(_HOLD_KIND, number, payload_of(rest)[: _HOLD.size] + tail))
    place = number * SLOT_BYTES - segment.base
    if place > segment.last:
        return segment.put(seal(rest))
    pack_slot_into(segment.window, place, crc32(rest), rest)
    segment.next = number + 1
    return number


def decode_hold(payload: bytes, names: Mapping[int, Names]) -> Held:
    """Raises UnknownName."""
    ids, mark, who, what, day, started, at, worst, cost, revision, *lanes = _HOLD.unpack_from(payload)
    receipt = _receipt(
        _ids_told(ids, mark, payload[_HOLD.size :]),
        mark | _ESTIMATED,
        (_named(names, who), _named(names, what)),
        _usage_of(lanes),
        day=day,
        started_at=started,
        ttft_ms=None,
        total_ms=0.0,
        cost_nano_usd=cost,
        revision=revision,
    )
    return Held(receipt=receipt, at=at, worst_nano=worst)


def encode_progress(progress: Progress) -> bytes:
    ids, mark, tail = told_of(progress.request_id, progress.attempt_id, None)
    numbers = (progress.input_tokens, progress.output_tokens, progress.cost_nano, progress.total_ms)
    return _PROGRESS.pack(ids, mark & _NUMBERS, mark >> _FLAGS_AT, *numbers) + tail


def decode_progress(payload: bytes) -> Progress:
    ids, number, flags, *numbers = _PROGRESS.unpack_from(payload)
    request_id, attempt_id, _ = _ids_told(ids, number | flags << _FLAGS_AT, payload[_PROGRESS.size :])
    return Progress(request_id, attempt_id, *numbers)


def attempt_of(payload: bytes) -> str:
    """The attempt of a hold or a settled receipt, without reading the rest."""
    ids, mark = _IDS.unpack_from(payload)
    return _ids_told(ids, mark, _delivered(mark, payload)[1])[1]


def orphan_of(held: Held, progress: Progress | None) -> Receipt:
    """What is booked for an attempt that was open when its process ended: its floor, as far as it had come."""
    if progress is None:
        return held.receipt
    usage = msgspec.structs.replace(
        held.receipt.usage, input_tokens=progress.input_tokens, output_tokens=progress.output_tokens
    )
    return msgspec.structs.replace(
        held.receipt, usage=usage, cost_nano_usd=progress.cost_nano, total_ms=progress.total_ms
    )


def _lanes_of(usage: Usage) -> bytes:
    return _pack_lanes(
        usage.cache_read_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.reasoning_tokens,
        usage.audio_input_tokens,
        usage.audio_output_tokens,
        usage.image_input_tokens,
        _SERVICE_CODES[usage.service_tier],
    )


def _usage_of(lanes: list[int]) -> Usage:
    return Usage(*lanes[:-1], service_tier=_SERVICES[lanes[-1]])


def _delivered(mark: int, payload: bytes) -> tuple[int | None, bytes]:
    """What follows the numbers of a settled receipt: the tokens that its caller got, where he left, and the tail."""
    if mark & _HAS_DELIVERED:
        return _DELIVERED.unpack_from(payload, _SETTLE.size)[0], payload[_SETTLE.size + _DELIVERED.size :]
    return None, payload[_SETTLE.size :]


def _named(names: Mapping[int, Names], number: int) -> Names:
    try:
        return names[number]
    except KeyError as error:
        raise UnknownName(number) from error


def _receipt(
    told: tuple[str, str, str | None],
    mark: int,
    names: tuple[Names, Names],
    usage: Usage,
    *,
    day: int,
    delivered_tokens: int | None = None,
    started_at: float,
    ttft_ms: float | None,
    total_ms: float,
    cost_nano_usd: int,
    revision: int,
) -> Receipt:
    request_id, attempt_id, client_request_id = told
    (tenant_id, key_id, team_id, department_id, user_id), what = names
    requested_model, model, endpoint, provider, credential, operation, route, price_version = what
    kind: Literal["charge", "adjust"] = "adjust" if mark & _ADJUST else "charge"
    return Receipt(
        request_id=request_id,
        attempt_id=attempt_id,
        tenant_id=cast(str, tenant_id),
        key_id=cast(str, key_id),
        requested_model=cast(str, requested_model),
        model=cast(str, model),
        endpoint=cast(str, endpoint),
        provider=ProviderType(provider),
        usage=usage,
        cost_nano_usd=cost_nano_usd,
        priced=bool(mark & _PRICED),
        price_version=price_version,
        credential=Ownership(credential),
        outcome=_OUTCOMES[mark >> _OUTCOME_AT],
        estimated=bool(mark & _ESTIMATED),
        started_at=started_at,
        ttft_ms=ttft_ms,
        total_ms=total_ms,
        operation=Operation(operation),
        revision=revision,
        route=route,
        team_id=team_id,
        department_id=department_id,
        user_id=user_id,
        kind=kind,
        client_request_id=client_request_id,
        day=day,
        delivered_tokens=delivered_tokens,
        cached=bool(mark & _CACHED),
    )


_PLACES: Final = {str(number): number for number in range(1, 1000)}


def _ids_told(ids: bytes, mark: int, tail: bytes) -> tuple[str, str, str | None]:
    client_request_id = None
    if mark & _HAS_TAIL:
        request_id, attempt_id, client_request_id = _decode_tail(tail)
        if request_id is not None and attempt_id is not None:
            return request_id, attempt_id, client_request_id
    digits = ids.hex()
    return f"req_{digits}", f"att_{digits}_{mark & _NUMBERS}", client_request_id

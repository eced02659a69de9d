"""What the journal's records say: receipts in 143 bytes, and back.

A hold is the receipt that will be booked if nobody ever writes a better one: outcome `orphan`, the floor as its cost.
So a replay has nothing to compute, above all no price to find in a configuration that may have changed since. Its two
own numbers (the instant of admission and the worst case) stand where a settled receipt has its latencies. The day says
which windows it is booked in, also after the tenant has moved to another zone.

Names are not repeated in every record. Who pays and what was called are two tuples of strings that are written once a
segment and then are numbers; segments stand alone, so each has its own.
"""

import struct
from binascii import unhexlify
from collections.abc import Mapping
from typing import Final, Literal, cast

import msgspec

from ai_gateway.domain.chat import Operation, ServiceTier, Usage
from ai_gateway.domain.config import Ownership, ProviderType
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.runtime.slots import Kind, frame, payload_of, seal, slot_of

VERSION: Final = 3

Names = tuple[str | None, ...]
Told = tuple[bytes, int, int, bytes]
"""Ids (14 bytes), the attempt's number, flags, tail."""

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
_CODES: Final = {outcome: code for code, outcome in enumerate(_OUTCOMES)}

# Places are what is on the disk: new services go to the end.
_SERVICES: Final = (ServiceTier.STANDARD, ServiceTier.FLEX, ServiceTier.PRIORITY, ServiceTier.FAST, ServiceTier.BATCH)
_SERVICE_CODES: Final = {service: code for code, service in enumerate(_SERVICES)}

_IDS: Final = struct.Struct("<14sHB")
_SETTLE_FIELDS: Final = "14sHBBIIIdddqq9qB"
_HOLD_FIELDS: Final = "14sHBBIIIddqqq9qB"
_SETTLE: Final = struct.Struct(f"<{_SETTLE_FIELDS}")
_HOLD: Final = struct.Struct(f"<{_HOLD_FIELDS}")
_PROGRESS: Final = struct.Struct("<14sHBqqqd")
_DELIVERED: Final = struct.Struct("<q")
_NUMBER: Final = struct.Struct("<I")
_HEADER: Final = struct.Struct("<IIQ")
_DRAINED: Final = struct.Struct("<Q")

_pack_settle = slot_of(_SETTLE_FIELDS).pack
_pack_hold = slot_of(_HOLD_FIELDS).pack
_SETTLE_KIND: Final = int(Kind.SETTLE)
_HOLD_KIND: Final = int(Kind.HOLD)

_PRICED: Final = 1
_ESTIMATED: Final = 2
_ADJUST: Final = 4
_HAS_TTFT: Final = 8
_HAS_TAIL: Final = 16
_HAS_DELIVERED: Final = 32
_CACHED: Final = 64

_ID_BYTES: Final = 14
_NO_IDS: Final = (bytes(_ID_BYTES), 0)

_Tail = tuple[str | None, str | None, str | None]
_encode = msgspec.json.Encoder().encode
_decode_tail = msgspec.json.Decoder(_Tail).decode
_decode_names = msgspec.json.Decoder(Names).decode


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


def told_of(request_id: str, attempt_id: str, client_request_id: str | None) -> Told:
    """Its ids as its records have them, the same for a hold and the receipt that settles it. Ids of ours are 14 bytes
    and the attempt's number; any others, and what the client called it, go into a tail."""
    digits = request_id[4:]
    if attempt_id == f"att_{digits}_1":
        number = 1
    else:
        place = attempt_id[33:]
        number = _PLACES.get(place, 0)
        if attempt_id != f"att_{digits}_{place}":
            number = 0
    if number:
        try:
            ids = unhexlify(digits)
        except ValueError:
            ids = b""
        if request_id == f"req_{ids.hex()}" and len(ids) == _ID_BYTES:
            if client_request_id is None:
                return ids, number, 0, b""
            return ids, number, _HAS_TAIL, _encode((None, None, client_request_id))
    return (*_NO_IDS, _HAS_TAIL, _encode((request_id, attempt_id, client_request_id)))


def encode_definition(number: int, names: Names) -> bytes:
    return _NUMBER.pack(number) + _encode(names)


def decode_definition(payload: bytes) -> tuple[int, Names]:
    return _NUMBER.unpack_from(payload)[0], _decode_names(payload[_NUMBER.size :])


def encode_header(header: Header) -> bytes:
    return _HEADER.pack(header.version, header.segment, header.drained)


def decode_header(payload: bytes) -> Header:
    return Header(*_HEADER.unpack_from(payload))


def encode_drained(number: int) -> bytes:
    return _DRAINED.pack(number)


def decode_drained(payload: bytes) -> int:
    return _DRAINED.unpack(payload)[0]


def settle_slots(receipt: Receipt, who: int, what: int, number: int, told: Told | None = None) -> bytes:
    """A receipt's record, whose number is `number`, as its slots: packed at once with what every slot has, since it is
    written for every request. `told` is what `told_of` says of this receipt, where somebody knows it already."""
    ids, attempt, flags, tail = told or told_of(receipt.request_id, receipt.attempt_id, receipt.client_request_id)
    if receipt.priced:
        flags |= _PRICED
    if receipt.estimated:
        flags |= _ESTIMATED
    if receipt.kind == "adjust":
        flags |= _ADJUST
    if receipt.cached:
        flags |= _CACHED
    if receipt.delivered_tokens is not None:
        flags |= _HAS_DELIVERED
        tail = _DELIVERED.pack(receipt.delivered_tokens) + tail
    ttft = receipt.ttft_ms
    if ttft is None:
        ttft = 0.0
    else:
        flags |= _HAS_TTFT
    usage = receipt.usage
    rest = _pack_settle(
        _SETTLE_KIND,
        0,
        _SETTLE.size,
        number,
        ids,
        attempt,
        flags,
        _CODES[receipt.outcome],
        who,
        what,
        receipt.day,
        receipt.started_at,
        ttft,
        receipt.total_ms,
        receipt.cost_nano_usd,
        receipt.revision,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.reasoning_tokens,
        usage.audio_input_tokens,
        usage.audio_output_tokens,
        usage.image_input_tokens,
        _SERVICE_CODES[usage.service_tier],
    )
    if tail:
        return frame(_SETTLE_KIND, number, payload_of(rest)[: _SETTLE.size] + tail)
    return seal(rest)


def decode_settle(payload: bytes, names: Mapping[int, Names]) -> Receipt:
    """Raises UnknownName."""
    ids, number, flags, code, who, what, day, started, ttft, total, cost, revision, *lanes = _SETTLE.unpack_from(
        payload
    )
    delivered, tail = _delivered(flags, payload)
    told = _ids_told(ids, number, flags, tail)
    return _receipt(
        told,
        flags,
        code,
        (_named(names, who), _named(names, what)),
        _usage_of(lanes),
        day=day,
        delivered_tokens=delivered,
        started_at=started,
        ttft_ms=ttft if flags & _HAS_TTFT else None,
        total_ms=total,
        cost_nano_usd=cost,
        revision=revision,
    )


def hold_slots(held: Held, who: int, what: int, number: int, told: Told | None = None) -> bytes:
    """The same for a hold."""
    receipt = held.receipt
    ids, attempt, flags, tail = told or told_of(receipt.request_id, receipt.attempt_id, receipt.client_request_id)
    if receipt.priced:
        flags |= _PRICED
    usage = receipt.usage
    rest = _pack_hold(
        _HOLD_KIND,
        0,
        _HOLD.size,
        number,
        ids,
        attempt,
        flags,
        _CODES[receipt.outcome],
        who,
        what,
        receipt.day,
        receipt.started_at,
        held.at,
        held.worst_nano,
        receipt.cost_nano_usd,
        receipt.revision,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.reasoning_tokens,
        usage.audio_input_tokens,
        usage.audio_output_tokens,
        usage.image_input_tokens,
        _SERVICE_CODES[usage.service_tier],
    )
    if tail:
        return frame(_HOLD_KIND, number, payload_of(rest)[: _HOLD.size] + tail)
    return seal(rest)


def decode_hold(payload: bytes, names: Mapping[int, Names]) -> Held:
    """Raises UnknownName."""
    ids, number, flags, code, who, what, day, started, at, worst, cost, revision, *lanes = _HOLD.unpack_from(payload)
    told = _ids_told(ids, number, flags, payload[_HOLD.size :])
    receipt = _receipt(
        told,
        flags | _ESTIMATED,
        code,
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
    ids, number, flags, tail = told_of(progress.request_id, progress.attempt_id, None)
    numbers = (progress.input_tokens, progress.output_tokens, progress.cost_nano, progress.total_ms)
    return _PROGRESS.pack(ids, number, flags, *numbers) + tail


def decode_progress(payload: bytes) -> Progress:
    ids, number, flags, *numbers = _PROGRESS.unpack_from(payload)
    request_id, attempt_id, _ = _ids_told(ids, number, flags, payload[_PROGRESS.size :])
    return Progress(request_id, attempt_id, *numbers)


def attempt_of(payload: bytes) -> str:
    """The attempt of a hold or a settled receipt, without reading the rest."""
    ids, number, flags = _IDS.unpack_from(payload)
    return _ids_told(ids, number, flags, _delivered(flags, payload)[1])[1]


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


def _usage_of(lanes: list[int]) -> Usage:
    return Usage(*lanes[:-1], service_tier=_SERVICES[lanes[-1]])


def _delivered(flags: int, payload: bytes) -> tuple[int | None, bytes]:
    """What follows the numbers of a settled receipt: the tokens that its caller got, where he left, and the tail."""
    if flags & _HAS_DELIVERED:
        return _DELIVERED.unpack_from(payload, _SETTLE.size)[0], payload[_SETTLE.size + _DELIVERED.size :]
    return None, payload[_SETTLE.size :]


def _named(names: Mapping[int, Names], number: int) -> Names:
    try:
        return names[number]
    except KeyError as error:
        raise UnknownName(number) from error


def _receipt(
    told: tuple[str, str, str | None],
    flags: int,
    code: int,
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
    kind: Literal["charge", "adjust"] = "adjust" if flags & _ADJUST else "charge"
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
        priced=bool(flags & _PRICED),
        price_version=price_version,
        credential=Ownership(credential),
        outcome=_OUTCOMES[code],
        estimated=bool(flags & _ESTIMATED),
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
        cached=bool(flags & _CACHED),
    )


_PLACES: Final = {str(number): number for number in range(1, 1000)}


def _ids_told(ids: bytes, number: int, flags: int, tail: bytes) -> tuple[str, str, str | None]:
    client_request_id = None
    if flags & _HAS_TAIL:
        request_id, attempt_id, client_request_id = _decode_tail(tail)
        if request_id is not None and attempt_id is not None:
            return request_id, attempt_id, client_request_id
    digits = ids.hex()
    return f"req_{digits}", f"att_{digits}_{number}", client_request_id

"""A request body, opened as far as the gateway reads it: its top-level members, each still the bytes it came as.

What is checked here is what goes out (the members are encoded again), so anything that two JSON readers could read
differently is refused: duplicate keys, NaN, lone surrogates, broken UTF-8. Below the members bytes go through as they
are.

One pass of msgspec does the parsing; every further check first asks a question that C answers in one sweep ("are there
enough brackets to be deep at all?") and looks closer only if the answer is not the usual one. A prompt of 400 kB is
opened in a fraction of a millisecond that way.
"""

import re
from typing import Any, Final

import msgspec

from ai_gateway.domain.faults import InvalidRequest

MAX_INTEGER: Final = 2**53

Fields = dict[str, msgspec.Raw]


class BodyLimits(msgspec.Struct, frozen=True):
    """`depth` counts the body's own braces: `{"a": []}` is two deep. `containers` (objects and lists in all) and
    `members` (of one object that is read) only bound the work that a hostile body can make: real ones stay far below.
    """

    depth: int = 128
    containers: int = 250_000
    members: int = 1024


class _Key:
    """A key that equals no other: what it stands for was taken down when it was read."""

    __slots__ = ()


ORDINARY: Final = BodyLimits()
_MEMBERS: Final = msgspec.json.Decoder(Fields)
_STRING: Final = msgspec.json.Decoder(str)
_INTEGER: Final = msgspec.json.Decoder(int)

_STRING_BODY: Final = re.compile(rb'"[^"]*"')
_NOT_STRUCTURE: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_NOT_ESCAPES: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"\\/bfnrtu')
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_AT_BYTE: Final = re.compile(r"^JSON is malformed: (.*) \(byte (\d+)\)$")
_SURROGATES: Final = tuple(f"\\u{d}{next}".encode() for d in "dD" for next in "89aAbBcCdDeEfF")
_MEMBER_KEY: Final = re.compile(rb'[\s,{]*("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*', re.DOTALL)
_NULL: Final = b"null"
# As numbers: `in` takes whatever it is given for one first, and bytes in vain.
_QUOTE: Final = 0x22
_NINE: Final = 0x39
_SMALL_E: Final = 0x65
_LARGE_E: Final = 0x45
_BACKSLASH: Final = 0x5C
_SHORTEST_INFINITE: Final = 5  # 1e309
_SHORT_BYTES: Final = 2048
_LONGEST_PLAIN_NUMBER: Final = 300


def read_envelope(body: bytes, limits: BodyLimits) -> Fields:
    """The top-level members of a JSON object, in their order. Raises InvalidRequest (400)."""
    if not body or body.isspace():
        raise _not_json("it is empty")
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise _not_json(f"invalid UTF-8 at byte {error.start}") from None
    fields = _members(body, "The request body", limits)
    _refuse_deep(body, limits)
    return fields


def read_object(fields: Fields, name: str, limits: BodyLimits = ORDINARY) -> Fields | None:
    """An object inside the envelope, as strictly as the envelope itself; None where absent or null.

    Raises InvalidRequest with `param`.
    """
    raw = _present(fields, name)
    if raw is None:
        return None
    value = bytes(raw)
    if not value.startswith(b"{"):
        raise _wrong(name, "must be an object")
    return _members(value, f"'{name}'", limits, name)


def read_str(fields: Fields, name: str, *, longest: int | None = None) -> str | None:
    """None where absent or null. `longest` in characters. Raises InvalidRequest with `param`."""
    raw = _present(fields, name)
    if raw is None:
        return None
    try:
        value = _STRING.decode(raw)
    except msgspec.DecodeError:
        raise _wrong(name, "must be a string") from None
    if longest is not None and len(value) > longest:
        raise _wrong(name, f"must have at most {longest} characters")
    return value


def read_bool(fields: Fields, name: str) -> bool | None:
    """None where absent or null. Raises InvalidRequest with `param`."""
    raw = _present(fields, name)
    if raw is None:
        return None
    value = bytes(raw)
    if value not in (b"true", b"false"):
        raise _wrong(name, "must be true or false")
    return value == b"true"


def read_int(fields: Fields, name: str, *, least: int = 0, most: int = MAX_INTEGER) -> int | None:
    """A whole number between `least` and `most`; None where absent or null. Raises InvalidRequest with `param`."""
    raw = _present(fields, name)
    if raw is None:
        return None
    try:
        value = _INTEGER.decode(raw)
    except msgspec.DecodeError:
        value = None
    if value is None or not least <= value <= most:
        raise _wrong(name, f"must be a whole number between {least} and {most}")
    return value


def _members(body: bytes, where: str, limits: BodyLimits, param: str | None = None) -> Fields:
    try:
        fields = _MEMBERS.decode(body)
    except RecursionError:
        raise _too_deep(param) from None
    except msgspec.ValidationError:
        raise InvalidRequest(f"{where} must be a JSON object.", code="invalid_json", param=param) from None
    except msgspec.DecodeError as error:
        masked = _mask_surrogates(body)
        if masked == body:
            raise _malformed(body, error) from None
        fields = _unmasked(body, _members(masked, where, limits, param))
        _survey(body, fields, param)
        return fields
    if len(fields) > limits.members:
        raise InvalidRequest(f"{where} has more than {limits.members} members.", code="too_large", param=param)
    if not _survey(body, fields, param):
        _refuse_duplicates(body, where)
    return fields


def _mask_surrogates(body: bytes) -> bytes:
    """The same text with every escaped surrogate, lone or not, turned into an ordinary character of the same length."""
    if b"\0" in body:
        return body
    masked = body.replace(b"\\\\", b"\0\0")
    for surrogate in _SURROGATES:
        masked = masked.replace(surrogate, b"\\u0" + surrogate[3:])
    return masked.replace(b"\0\0", b"\\\\")


def _unmasked(body: bytes, masked: Fields) -> Fields:
    """The members as they came. The parser refuses a lone surrogate at any depth, where bytes are to go through; so it
    was shown a body of the same length without any, and every member is found again by its place."""
    fields: Fields = {}
    end = 0
    for raw in masked.values():
        key = _MEMBER_KEY.match(body, end)
        assert key is not None
        try:
            name = _STRING.decode(key[1])
        except msgspec.DecodeError:
            raise _not_json(f"the key at byte {key.start(1)} contains a lone surrogate") from None
        end = key.end() + memoryview(raw).nbytes
        fields[name] = msgspec.Raw(body[key.end() : end])
    return fields


def _survey(body: bytes, fields: Fields, param: str | None) -> bool:
    """Whether the members' own lengths add up to the body's: no room for a duplicate, a blank or an escaped key. On the
    way, lone surrogates in strings and numbers that become infinite are refused: no two readers agree on either.

    False only means that the keys have to be looked at: an escaped key is always longer than what it stands for, and
    blanks and duplicates can only add, so the sums are equal for a compact body with distinct keys and no other.
    """
    is_escaped = _BACKSLASH in body
    for key, raw in fields.items():
        if len(raw) < _SHORTEST_INFINITE:  # nor is there room for a surrogate
            continue
        first = memoryview(raw)[0]
        if first == _QUOTE:
            if is_escaped and bytes(raw).find(b"\\u") >= 0:
                _refuse_surrogates(raw, param or key)
        elif first <= _NINE and _is_infinite(bytes(raw)):
            raise _wrong(param or key, "is a number too large to be represented")
    keys = "".join(fields)
    length = 1 + len(keys if keys.isascii() else keys.encode()) + 4 * len(fields) + sum(map(len, fields.values()))
    return length == len(body)


def _refuse_duplicates(body: bytes, where: str) -> None:
    """Reads the keys one by one, and stops at the first that was there before."""
    seen: set[str] = set()

    def take_down(_kind: type, name: Any) -> _Key:
        if name in seen:
            raise InvalidRequest(f"{where} has the key {_shown(name)} twice.", code="duplicate_key", param=name[:64])
        seen.add(name)
        return _Key()

    msgspec.json.decode(body, type=dict[_Key, msgspec.Raw], dec_hook=take_down)


def _refuse_deep(body: bytes, limits: BodyLimits) -> None:
    """Brackets outside strings, peeled off pair by pair from the inside: as many rounds as the body is deep."""
    if len(body) <= 2 * limits.depth or not has_more_openings(body, limits.depth):
        return
    if _BACKSLASH in body:
        body = body.translate(None, _NOT_ESCAPES).replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = body.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in brackets:
        brackets = _STRING_BODY.sub(b"", brackets)
    if len(brackets) > 2 * limits.containers:
        raise InvalidRequest(f"The request body has more than {limits.containers} objects and lists.", code="too_large")
    # As one kind of bracket: that they match, the parser has seen already.
    brackets = brackets.translate(_ONE_KIND)
    for _ in range(limits.depth):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return
    raise _too_deep(None)


def has_more_openings(body: bytes, most: int) -> bool:
    """Whether more than `most` objects and lists are opened, those in strings included. Each `find` goes at the speed
    of memory, where `count` looks at every byte; but a short body is counted sooner than a loop is begun."""
    if len(body) < _SHORT_BYTES:
        return body.count(b"{") + body.count(b"[") > most
    left = most
    for kind in b"{[":
        at = body.find(kind)
        while at >= 0:
            left -= 1
            if left < 0:
                return True
            at = body.find(kind, at + 1)
    return False


def _refuse_surrogates(raw: msgspec.Raw, name: str) -> None:
    try:
        _STRING.decode(raw)
    except msgspec.DecodeError:
        raise _wrong(name, "contains a lone surrogate ('\\ud800' to '\\udfff' without its partner)") from None


def _is_infinite(number: bytes) -> bool:
    if len(number) < _LONGEST_PLAIN_NUMBER and _SMALL_E not in number and _LARGE_E not in number:
        return False
    return float(number) in (float("inf"), float("-inf"))


def _present(fields: Fields, name: str) -> msgspec.Raw | None:
    raw = fields.get(name)
    return None if raw is None or bytes(memoryview(raw)[:5]) == _NULL else raw


def _malformed(body: bytes, error: msgspec.DecodeError) -> InvalidRequest:
    position = _AT_BYTE.match(str(error))
    if position is None:
        return _not_json(f"it ends at byte {len(body)} in the middle of a value")
    return _not_json(f"{position[1]} at byte {position[2]}")


def _not_json(why: str) -> InvalidRequest:
    return InvalidRequest(f"The request body is not valid JSON: {why}.", code="invalid_json")


def _too_deep(param: str | None) -> InvalidRequest:
    return InvalidRequest("The request body is nested too deeply.", code="too_deep", param=param)


def _wrong(name: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"'{name[:64]}' {why}.", code="invalid_value", param=name[:64])


def _shown(key: str) -> str:
    return f"'{key[:64]}'" + ("..." if len(key) > 64 else "")

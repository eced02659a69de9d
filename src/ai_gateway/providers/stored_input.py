"""Items of the Responses API as bytes: what a conversation goes on from, and what of an answer is kept of it.

A stored response is sent on as input, to whichever endpoint is next. It may never have seen the items, so none has its
id; a provider refuses a thought that has one where the item behind it has another or none. A thought is of use only
sealed: where its text alone is known, or only its provider has it, it is left out.
"""

from typing import Any, Final

import msgspec

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.decoding import NO_RAW, as_object, decode, decode_any
from ai_gateway.providers.sse import EventSplitter, data_of

_Items = list[msgspec.Raw]
_WITHOUT: Final = ("id", "status")
_FORMS: Final = (b'"previous_response_id":null', b'"previous_response_id": null')
_encode: Final = msgspec.json.Encoder().encode


class _Told(msgspec.Struct, frozen=True):
    id: str = ""
    output: msgspec.Raw = NO_RAW
    response: msgspec.Raw = NO_RAW


def items_of(given: msgspec.Raw | None) -> list[msgspec.Raw]:
    """The `input` of a request as a list. Raises InvalidRequest."""
    if given is None:
        return []
    text = decode(given, str)
    if text is not None:
        said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        return [msgspec.Raw(_encode(said))]
    items = decode(given, _Items)
    if items is None:
        raise InvalidRequest("'input' must be a text or a list of items.", code="invalid_value", param="input")
    return items


def listed(items: list[msgspec.Raw]) -> bytes:
    return b"[" + b",".join(bytes(it) for it in items) + b"]"


def output_of(response: bytes) -> list[msgspec.Raw]:
    """What the model did, as the input of the next turn."""
    told = decode(response, _Told)
    items = [] if told is None else decode(told.output, _Items) or []
    return [kept for item in items if (kept := _as_input(item)) is not None]


def shown(items: bytes, response_id: str) -> list[dict[str, Any]]:
    """Stored input for people: every item has an id."""
    base = response_id.removeprefix("resp_")
    found = [as_object(it) for it in decode(items, list[object]) or []]
    return [{"id": f"item_{base}_{number}", **item} for number, item in enumerate(found)]


def response_in(events: bytes) -> bytes | None:
    """The response that the last of these whole events carries, if it is one of its kind."""
    splitter = EventSplitter()
    whole = splitter.feed(events) + splitter.rest()[0]
    found: bytes | None = None
    for event in whole:
        if b'"response":' in event and (data := data_of(event)) is not None:
            told = decode(data, _Told)
            if told is not None and told.response is not NO_RAW:
                found = bytes(told.response)
    return found


def id_of(response: bytes) -> str | None:
    """None where it is no response."""
    told = decode(response, _Told)
    return (told.id or None) if told is not None else None


def renamed(told: bytes, old: str, new: str, previous: str | None) -> bytes:
    """The same bytes with our id, and with the caller's `previous_response_id`, of which the provider knew nothing.
    Within a text the quotes would be escaped, so only whole values are met."""
    told = told.replace(_encode(old), _encode(new))
    if previous is not None:
        for form in _FORMS:
            told = told.replace(form, b'"previous_response_id":' + _encode(previous))
    return told


def _as_input(item: msgspec.Raw) -> msgspec.Raw | None:
    members = as_object(decode_any(item))
    kind = members.get("type")
    if kind == "reasoning":
        if not members.get("encrypted_content"):
            return None
        members = {name: members[name] for name in ("type", "summary", "encrypted_content") if name in members}
        return msgspec.Raw(_encode(members))
    if kind in ("message", "function_call", "custom_tool_call"):
        return msgspec.Raw(_encode({name: value for name, value in members.items() if name not in _WITHOUT}))
    return item

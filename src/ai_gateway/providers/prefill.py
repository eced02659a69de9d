"""The request that lets a model finish what another one began: the conversation ends with what was said so far.

Everything else stays the caller's. What was delivered counts against the caller's limit of output, estimated as the
larger of a token a delta and four bytes a token: an answer that ends a few words early says `length`, one that grows
past its limit costs money that nobody allowed.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.decoding import NO_RAW, decode, says_something

BYTES_PER_TOKEN: Final = 4


def tokens_of(text: str, deltas: int) -> int:
    """About how many tokens a text is that came in so many pieces."""
    return max(deltas, len(text.encode()) // BYTES_PER_TOKEN)


def with_prefill(shaped: Shaped, text: str, tokens: int, limits: Iterable[str]) -> Shaped | None:
    """The call, ending in `text` as the assistant's; `limits` are the members that bound the output. None where that
    cannot be said: the limit is reached, the text is blank, or the messages end in a way that cannot be added to."""
    said = text.rstrip()
    messages = _ending_in(shaped.fields.get("messages", NO_RAW), said) if said else None
    if messages is None:
        return None
    fields = {**shaped.fields, "messages": messages}
    for name in limits:
        if says_something(fields.get(name, NO_RAW)):
            limit = decode(fields[name], int)
            if limit is None or limit <= tokens:
                return None
            fields[name] = msgspec.Raw(msgspec.json.encode(limit - tokens))
    return msgspec.structs.replace(shaped, fields=fields)


def _ending_in(messages: msgspec.Raw, said: str) -> msgspec.Raw | None:
    """The messages with `said` after them. A caller's own prefill is a part of the same message."""
    turns = decode(messages, list[msgspec.Raw])
    last = decode(turns[-1], dict[str, msgspec.Raw]) if turns else None
    if turns is None or last is None:
        return None
    if decode(last.get("role", NO_RAW), str) == "assistant":
        begun = decode(last.get("content", NO_RAW), str)
        if begun is None:
            return None
        turn = {**last, "content": msgspec.Raw(msgspec.json.encode(begun + said))}
        return _raw([*turns[:-1], _raw(turn)])
    return _raw([*turns, _raw({"role": "assistant", "content": said})])


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))

"""A long chat, told from its two ends: like a small one (small_chat.py), but its messages are looked at once and sent
from where they stand, since with a prompt of 400 kB each pass over it costs as much as all else that is done for it.

What stands around the messages is judged as it is for a small chat. The messages have to be JSON, in UTF-8, no deeper
than usual and without pictures, whose bytes say nothing of what they cost. That is asked of a parser whose strings go
at the speed of vector instructions, which is three times as fast as any other as long as they are long and have few
escapes: a sample tells whether they are. Where they are not, that parser is slower than the one for everything else.

The sample begins where chance has put the body in memory, so nobody outside can know which bytes it has, and write
a body that looks well and is dear to read. Much longer bodies are left to the other parser, which makes no object of
what it passes over.
"""

from itertools import chain
from typing import Final

import jiter
import msgspec

from ai_gateway.domain.traffic import Body
from ai_gateway.gateway.envelope import ORDINARY, BodyLimits, has_more_openings
from ai_gateway.gateway.small_chat import (
    KEY_OF_MESSAGES,
    MOST_AROUND,
    Message,
    Part,
    SmallChat,
    ToolCall,
    are_wide,
    mould_of,
    read_messages,
)
from ai_gateway.providers.requests import SHORT_BYTES

LONGEST_BYTES: Final = 1 << 20
_OPENED: Final = LONGEST_BYTES // 3 + MOST_AROUND
"""Objects and lists that such a body has at most: one takes three bytes, with the comma."""
_END: Final = b"}]"
_SPACE: Final = b" \t\n\r"
_OF_TOOLS: Final = (b'"parameters":', b'"properties":', b'"description":')
"""Keys that no message has, and nearly every list of tools: the last list is not the messages then."""
_STRIDE: Final = 1021
_STRUCTURE: Final = b'"[]{}:,0123456789'
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_NOT_ESCAPED: Final = bytes(byte for byte in range(128) if byte != 0x5C)
_LEAST_PROSE: Final = 6
_LEAST_PLAIN: Final = 48
_ONLY_TEXT: Final = {str}
_ABSENT: Final = msgspec.Raw(b"")
_NULL: Final = msgspec.Raw(b"null")
_QUOTE: Final = 0x22
_LIST: Final = 0x5B
_LEAST_BYTES: Final = len('{"role":""}')
_LEAST_OF_CONTENT: Final = len(',"content":')
_FEW: Final = 60
_LEAST_DEEP: Final = 2 * _FEW
"""Bytes of what is deeper than that: a content that is there twice hides the first one."""
_values_of: Final = dict[str, object].values


class _Sighted(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A message whose content is seen and not decoded."""

    role: str
    content: msgspec.Raw = _ABSENT
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None


_read_sighted: Final = msgspec.json.Decoder(list[_Sighted]).decode
_read_parts: Final = msgspec.json.Decoder(list[Part]).decode


class LongChat(SmallChat, frozen=True, gc=False):
    def body_with(self, model: bytes) -> Body:
        """The messages go out as they are."""
        mould, messages = self.mould, self.messages
        if len(messages) <= SHORT_BYTES:
            return super().body_with(model)
        if mould.begins_with_model:
            return (b"".join((mould.start, model, mould.between)), messages, mould.end)
        return (mould.start, messages, b"".join((mould.between, model, mould.end)))


def open_long_chat(body: bytes, limits: BodyLimits) -> LongChat | None:
    """None for a body that has to be looked at in the ordinary way."""
    size = len(body)
    if size > LONGEST_BYTES or (limits is not ORDINARY and not are_wide(limits, _OPENED)):
        return None
    top, tail = body[:MOST_AROUND], body[-MOST_AROUND:]
    begin, end = top.find(KEY_OF_MESSAGES), tail.rfind(_END) + len(_END)
    if begin < 0 or end < len(_END) or any(key in tail for key in _OF_TOOLS):
        return None
    before, after = top[:begin], tail[end:]
    mould = mould_of(before, after) if len(before) + len(after) <= MOST_AROUND else None
    if mould is None:
        return None
    begin += len(KEY_OF_MESSAGES)
    space = top[begin : begin + _FEW]
    begin += len(space) - len(space.lstrip(_SPACE))
    messages = memoryview(body)[begin : size - len(after)]
    call = mould.call
    try:
        if body[begin] != _LIST or not _are_texts(body, messages, len(call.fields)):
            return None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return LongChat(call.model, call.max_output, call.choices, call.stream, mould, messages, size)


def _are_texts(body: bytes, messages: memoryview, members: int) -> bool:
    """Whether it is a list of messages that have no pictures, in a body with so many members: with more of them, what
    is taken for the list ends behind it. Raises ValueError, TypeError, LookupError, RecursionError where it is anything
    else."""
    if not _is_prose(body):
        return _are_sighted_texts(body, messages)
    told = jiter.from_json(body, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True)
    listed = told["messages"]
    if len(told) != members:
        return False
    if {*map(type, chain.from_iterable(map(_values_of, listed)))} == _ONLY_TEXT:
        return True
    texts = msgspec.convert(listed, list[Message])
    return not any(_has_pictures(it.content) for it in texts if isinstance(it.content, list))


def _are_sighted_texts(body: bytes, messages: memoryview) -> bool:
    if not body.isascii():
        body.decode()
    told = _read_sighted(messages)
    hidden = len(messages) - 1 - len(told)
    for message in told:
        content = message.content
        hidden -= _LEAST_BYTES + len(message.role)
        if size := len(content):
            hidden -= _LEAST_OF_CONTENT + size
            if memoryview(content)[0] != _QUOTE and content != _NULL and _has_pictures(_read_parts(content)):
                return False
    if hidden > _LEAST_DEEP and has_more_openings(bytes(messages), _FEW):
        read_messages(messages)
    return True


def _has_pictures(parts: list[Part]) -> bool:
    return any(part.image_url is not None for part in parts)


def _is_prose(body: bytes) -> bool:
    """Whether it is long strings with few escapes, in scripts that have a byte for a letter."""
    sample = body[id(body) // 16 % _STRIDE :: _STRIDE]
    most_structure, most_escapes = len(sample) // _LEAST_PROSE, len(sample) // _LEAST_PLAIN
    return (
        len(sample.translate(None, _OTHERS)) <= most_structure
        and len(sample.translate(None, _NOT_ESCAPED)) <= most_escapes
    )

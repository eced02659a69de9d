"""A small chat without surprises: the messages are new, and all around them was read before.

Callers differ in what they ask, not in how: the model, the cap and the temperature stay the same for thousands of
requests. So what stands before and behind the messages is judged once, as strictly as any body, with an empty list
between; what was found out is a function of those bytes alone, and is remembered. Of the next body like it the messages
are read, in the types that they usually have, and nothing else: since they are one whole list, and nothing that was
judged depends on what is in it, the body is judged with them.

Whatever is not like that is None here: whoever reads any body reads it, and says what is wrong.
"""

from functools import lru_cache
from typing import Final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Body, Call, Head
from ai_gateway.gateway.calls import read_any_call
from ai_gateway.gateway.envelope import ORDINARY, BodyLimits, Fields
from ai_gateway.gateway.input_bound import SMALL_BYTES

MOST_AROUND: Final = 4096
"""Bytes around the messages: they are kept."""
_MOULDS: Final = 1024
_DEPTH: Final = 64
_MEMBERS: Final = 128
_AROUND: Final = BodyLimits(depth=_DEPTH, members=_MEMBERS)
_OPENED: Final = SMALL_BYTES // 2
"""Objects and lists that a small body has at most."""
KEY_OF_MESSAGES: Final = b'"messages":'
_LIST: Final = 0x5B
_BACKSLASH: Final = 0x5C
_NULL: Final = msgspec.Raw(b"null")
_MARK: Final = msgspec.Raw(b"\0")
"""What no JSON has in it."""
_NOBODY: Final = Head("", Operation.CHAT, Dialect.OPENAI, 0.0, 0.0)


class _Link(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    url: str
    detail: str | None = None


class Part(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    type: str
    text: str | None = None
    image_url: _Link | None = None


class _Function(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    name: str
    arguments: str


class ToolCall(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    id: str
    type: str
    function: _Function


class Message(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Nothing in it can be deep, and no member is passed over: every text in it is one that was decoded."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None


class Mould(msgspec.Struct, frozen=True, gc=False):
    """What stands around the messages: all bytes `before` and `after` them, the call that it makes, and what is sent to
    a provider in three pieces, between which the model and the messages stand, in the order that `begins_with_model`
    says."""

    before: bytes
    after: bytes
    call: Call
    begins_with_model: bool
    start: bytes
    between: bytes
    end: bytes


class SmallChat(msgspec.Struct, frozen=True, gc=False):
    """Long ones are of this kind too (long_chat.py). `cap` None: the body has no member that caps the answer.
    `messages` are the bytes of the list."""

    model: str
    cap: int | None
    choices: int
    stream: bool
    mould: Mould
    messages: bytes | memoryview
    body_bytes: int

    @property
    def fields(self) -> Fields:
        """The top-level members, in their order, as `read_envelope` gives them."""
        return {**self.mould.call.fields, "messages": msgspec.Raw(self.messages)}

    def body_with(self, model: bytes) -> Body:
        """The body as OpenAI's codec encodes it for a provider that calls the model so."""
        mould = self.mould
        if mould.begins_with_model:
            return b"".join((mould.start, model, mould.between, self.messages, mould.end))
        return b"".join((mould.start, self.messages, mould.between, model, mould.end))

    def call(self, head: Head) -> Call:
        """What whoever reads any body makes of this one."""
        of = self.mould.call
        return Call(
            head, self.model, self.fields, of.stream, of.wants_usage, self.cap, self.choices, self.body_bytes, None
        )


class _Body(msgspec.Struct, gc=False):
    messages: msgspec.Raw


_read_body: Final = msgspec.json.Decoder(_Body).decode
read_messages: Final = msgspec.json.Decoder(list[Message]).decode


def open_small_chat(body: bytes, limits: BodyLimits, last: Mould | None = None) -> SmallChat | None:
    """Streamed or not; None for a body that is not small, or has to be looked at: it is unusual, or wrong. `last` is
    the mould of one that it is probably like."""
    size = len(body)
    if size > SMALL_BYTES or (limits is not ORDINARY and not are_wide(limits, _OPENED)):
        return None
    if last is not None and body.startswith(last.before) and body.endswith(last.after):
        messages = body[len(last.before) : size - len(last.after)]
        try:
            read_messages(messages)
        except ValueError:
            pass  # another list may begin or end there
        else:
            if messages[0] == _LIST:
                call = last.call
                return SmallChat(call.model, call.max_output, call.choices, call.stream, last, messages, size)
    before, _, rest = body.partition(KEY_OF_MESSAGES)
    messages, bracket, after = rest.rpartition(b"]")
    messages += bracket
    try:
        read_messages(messages)
    except msgspec.ValidationError:
        return None
    except ValueError:
        parted = _parted(body, rest)
        if parted is None:
            return None
        messages, after = parted
    if messages[0] != _LIST:
        messages = messages.lstrip()
    if size - len(messages) > MOST_AROUND:
        return None
    mould = mould_of(before, after)
    if mould is None:
        return None
    call = mould.call
    return SmallChat(call.model, call.max_output, call.choices, call.stream, mould, messages, size)


def _parted(body: bytes, rest: bytes) -> tuple[bytes, bytes] | None:
    """The messages, with which `rest` begins, and what stands behind them, where the last list is another one."""
    try:
        messages = _read_body(body).messages
        read_messages(messages)
    except (ValueError, RecursionError):
        return None
    rest = rest.lstrip()
    return (bytes(messages), rest[len(messages) :]) if rest.startswith(messages) else None


def are_wide(limits: BodyLimits, opened: int) -> bool:
    """Whether nothing that is such a chat goes beyond them, with so many objects and lists in it at most."""
    return limits.depth >= _DEPTH and limits.members >= _MEMBERS and limits.containers >= opened


@lru_cache(_MOULDS)
def mould_of(before: bytes, after: bytes) -> Mould | None:
    """None: it is no body with a list of messages at its top, or one that has to be looked at each time.

    Before the key there is the body's own brace, and no other bracket or escape: so the key is one of the top.
    """
    if before.count(b"{") != 1 or _LIST in before or _BACKSLASH in before:
        return None
    try:
        call = read_any_call(_NOBODY, before + KEY_OF_MESSAGES + b"[]" + after, _AROUND)
    except InvalidRequest:
        return None
    fields = call.fields
    if fields.get("max_completion_tokens") == _NULL or fields.get("max_tokens") == _NULL:
        return None
    marked = msgspec.json.encode({**fields, "model": _MARK, "messages": _MARK})
    start, between, end = marked.split(b"\0")
    return Mould(before + KEY_OF_MESSAGES, after, call, start.endswith(b'"model":'), start, between, end)

"""A chat stream in two halves: what the first one said, and how the second one becomes its end.

Only plain text can be gone on with. A call of a tool, a refusal, visible thinking, sound, annotations, probabilities or
a second choice are told in pieces that belong together, and half of one cannot be joined to half of another, so
whatever delta says more than `role` and `content` makes the answer one that cannot be continued. Calls of tools that
begin in the second half are whole, and go through.

The caller sees one completion: chunks of the second half carry the first one's id, time, model and fingerprint.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.decoding import NO_RAW, decode, says_something
from ai_gateway.providers.joining import Joining
from ai_gateway.providers.prefill import tokens_of, with_prefill
from ai_gateway.providers.sse import data_of

LIMITS: Final = ("max_tokens", "max_completion_tokens")
_IDENTITY: Final = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_NOT_TEXT_ALONE: Final = ("logprobs", "top_logprobs", "modalities", "audio")
_FORMS: Final = ("response_format", "guided_json", "structured_outputs", "functions")
_CALLS: Final = ("tool_calls", "function_call")
_KNOWN: Final = ("role", "content", *_CALLS)
_Members = dict[str, msgspec.Raw]


class ChatSoFar(msgspec.Struct, frozen=True):
    """The text that the caller has, in about so many tokens, and what identifies the completion that it is a part of.
    `has_role`: a delta was delivered, so the caller knows who speaks."""

    text: str
    tokens: int
    identity: _Members
    has_role: bool

    def prefill(self, shaped: Shaped) -> Shaped | None:
        """None where the call forbids it: an answer of a given form is begun by its form."""
        if any(says_something(shaped.fields.get(name, NO_RAW)) for name in _FORMS):
            return None
        return with_prefill(shaped, self.text, self.tokens, LIMITS)

    def splice(self, joining: Joining) -> "ChatSplice":
        return ChatSplice(self, joining)


def may_be_continued(shaped: Shaped) -> bool:
    """Whether the answer to this call may turn out to be one choice of plain text."""
    call = shaped.call
    return call.choices == 1 and not any(says_something(call.fields.get(name, NO_RAW)) for name in _NOT_TEXT_ALONE)


class _Choice(msgspec.Struct, frozen=True):
    index: int = 0
    delta: dict[str, object] | None = None
    finish_reason: object = None
    logprobs: object = None


class _Chunk(msgspec.Struct, frozen=True):
    choices: list[_Choice] | None = None


_CHUNKS: Final = msgspec.json.Decoder(_Chunk)
_STRICT_MEMBERS: Final = msgspec.json.Decoder(_Members)


@final
class ChatPast:
    """Reads what was delivered, an event at a time."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._identity: _Members = {}
        self._has_role = False
        self.is_lost = False

    def take(self, event: bytes) -> None:
        """Nothing is read after what cannot be continued; `is_lost` says so."""
        data = data_of(event)
        if data is None or self.is_lost:
            return
        try:
            chunk = _CHUNKS.decode(data)
            if not self._identity:
                members = _STRICT_MEMBERS.decode(data)
                self._identity = {name: members[name] for name in _IDENTITY if name in members}
        except (ValueError, RecursionError):
            self.is_lost = True
            return
        for choice in chunk.choices or ():
            self._note(choice)

    def so_far(self) -> ChatSoFar:
        text = "".join(self._pieces)
        return ChatSoFar(text, tokens_of(text, len(self._pieces)), self._identity, self._has_role)

    def _note(self, choice: _Choice) -> None:
        delta = choice.delta or {}
        content = delta.get("content")
        strange = any(value for name, value in delta.items() if name not in ("role", "content"))
        is_text = content is None or isinstance(content, str)
        if choice.index or choice.finish_reason or choice.logprobs or strange or not is_text:
            self.is_lost = True
            return
        self._has_role = True
        if isinstance(content, str) and content:
            self._pieces.append(content)


@final
class ChatSplice:
    """The second half's events, as the caller gets them."""

    def __init__(self, so_far: ChatSoFar, joining: Joining) -> None:
        self._so_far = so_far
        self._joining = joining
        self._failed = False

    @property
    def joined(self) -> bool:
        return self._joining.joined and not self._failed

    @property
    def failed(self) -> bool:
        return self._failed or self._joining.failed

    def take(self, event: bytes) -> bytes:
        """One whole event -> what of it is for the caller. Nothing once it failed."""
        if self.failed:
            return b""
        data = data_of(event)
        if data is None:
            return event if self.joined else b""
        if data.strip() == b"[DONE]":
            before = self.finish()
            return before + event if self.joined else b""
        members = decode(data, _Members)
        if members is None:
            return b""
        choices = decode(members.get("choices", NO_RAW), list[_Members])
        if not choices:
            return self._written(members) if self.joined else b""
        kept = [choice for choice in choices if self._take_choice(choice)]
        if self.failed or not (kept or (self.joined and says_something(members.get("usage", NO_RAW)))):
            return b""
        members["choices"] = msgspec.Raw(msgspec.json.encode(kept))
        return self._written(members)

    def finish(self) -> bytes:
        """What was held back, as a chunk of its own; for an end that no finish reason announced."""
        rest = self._joining.finish()
        if self.failed or not rest:
            return b""
        choice = {"index": 0, "delta": {"content": rest}, "finish_reason": None}
        return self._written({"choices": msgspec.Raw(msgspec.json.encode([choice]))})

    def _take_choice(self, choice: _Members) -> bool:
        """Whether the choice says anything to the caller; its delta is made so that it says only that."""
        delta = decode(choice.get("delta", NO_RAW), _Members) or {}
        content = decode(delta.get("content", NO_RAW), str) or ""
        calls = any(says_something(delta.get(name, NO_RAW)) for name in _CALLS)
        more = any(says_something(raw) for name, raw in delta.items() if name not in _KNOWN)
        new = self._joining.take(content) if content else ""
        finishes = says_something(choice.get("finish_reason", NO_RAW))
        if calls or finishes:
            new += self._joining.finish()
        self._failed |= more and not self.joined
        if self.failed:
            return False
        if self._so_far.has_role:
            delta.pop("role", None)
        if new != content or not new:
            delta.pop("content", None)
            if new:
                delta["content"] = msgspec.Raw(msgspec.json.encode(new))
        choice["delta"] = msgspec.Raw(msgspec.json.encode(delta))
        return bool(new) or finishes or calls or more or "role" in delta

    def _written(self, members: _Members) -> bytes:
        kept = {name: raw for name, raw in members.items() if name not in _IDENTITY}
        return b"data: " + msgspec.json.encode({**self._so_far.identity, **kept}) + b"\n\n"

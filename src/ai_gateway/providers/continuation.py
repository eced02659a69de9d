"""How an answer goes on when its provider broke after the caller had seen a part of it.

What was delivered is kept as the bytes it was, and understood only when it has to be: a stream that ends well, as
nearly all do, pays for a list's `append`. Events wrap each word in the same few hundred bytes, so of events that are
alike only the words are kept, and every 64 KiB of what is kept are packed, at a tenth of what reading it would cost.

There are two ways on, and the better one comes first. A model that is known to continue is given the text and says the
rest (`PREFILL`). Any model can be asked again (`RESTART`): where it begins with exactly what was delivered, as models
with no freedom and caches do, that is skipped, and where it does not, it is given up at the first other letter.
"""

import zlib
from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol, final

import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers import Codec, continuation_anthropic, continuation_openai
from ai_gateway.providers.capabilities import continues_prefill
from ai_gateway.providers.continued_watch import ContinuedWatch, Splice
from ai_gateway.providers.joining import Continued, Joining, Repeated
from ai_gateway.providers.likeness import Likeness
from ai_gateway.providers.sse import EventSplitter

PACK_BYTES: Final = 64 * 1024
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of events; a longer answer is not continued. It is some 30,000 tokens of OpenAI's."""


_BETWEEN: Final = b"\0"  # no text of a covered event has a control character in it


class Way(Enum):
    PREFILL = "the text so far ends the conversation, and the model says the rest"
    RESTART = "the same request again, of whose answer the delivered part is skipped"


class SoFar(Protocol):
    """What the caller has of an answer that can be continued."""

    @property
    def text(self) -> str: ...

    def prefill(self, shaped: Shaped) -> Shaped | None:
        """The request for the rest, or None where this answer cannot be asked for so."""
        ...

    def splice(self, joining: Joining) -> Splice: ...


class Continuation(msgspec.Struct, frozen=True):
    """One way on: the request to send, and how its answer is read."""

    way: Way
    shaped: Shaped
    so_far: SoFar

    def watch(self, codec: Codec) -> ContinuedWatch:
        joining = Continued(self.so_far.text) if self.way is Way.PREFILL else Repeated(self.so_far.text)
        return ContinuedWatch(codec.watch(self.shaped), self.so_far.splice(joining))


class _Past(Protocol):
    is_lost: bool

    def take(self, event: bytes) -> None: ...

    def so_far(self) -> SoFar: ...


@final
class Delivered:
    """What the caller has of one answer, over all its attempts."""

    __slots__ = ("_alike", "_events", "_new_past", "_packed", "_past", "_room", "_total_room")

    def __init__(self, new_past: "_NewPast") -> None:
        self._new_past = new_past
        self._past: _Past | None = None
        self._packed: tuple[bytes, ...] = ()
        self._events: list[bytes | _Alike] = []
        self._alike: _Alike | None = None
        self._room = PACK_BYTES
        self._total_room = MOST_BYTES

    def keep(self, events: bytes) -> None:
        """Whole events, as they went to the caller."""
        self._close_alike()
        self._events.append(events)
        self._total_room -= len(events)
        self._room -= len(events)
        if self._room < 0:
            self._pack()

    def keep_alike(self, said: Sequence[bytes], likeness: Likeness) -> None:
        """Events that `likeness` covers, by what was `text_in` each: all else is known."""
        alike = self._alike
        if alike is None or alike.before is not likeness.before:
            alike = self._open_alike(likeness)
        texts = alike.texts
        texts += _BETWEEN.join((*said, b""))
        if len(texts) > self._room:
            self._pack()

    @property
    def kept_bytes(self) -> int:
        """What the memory of it costs, without what was read already."""
        open_texts = 0 if self._alike is None else len(self._alike.texts)
        return PACK_BYTES - self._room + open_texts + sum(map(len, self._packed))

    def so_far(self) -> SoFar | None:
        """None where the answer cannot be continued."""
        self._pack()
        past = self._read()
        for packed in self._packed:
            for event in _events_in(zlib.decompress(packed)):
                past.take(event)
        self._packed = ()
        return None if past.is_lost else past.so_far()

    def _read(self) -> _Past:
        """Who reads it, once that has to be."""
        if self._past is None:
            self._past = self._new_past()
        return self._past

    def _open_alike(self, likeness: Likeness) -> "_Alike":
        self._close_alike()
        alike = self._alike = _Alike(likeness.before, likeness.after)
        self._events.append(alike)
        self._room -= likeness.around_bytes
        return alike

    def _close_alike(self) -> None:
        """What its events weigh is not added up before, since that would be the dearest thing about each of them."""
        alike, self._alike = self._alike, None
        if alike is not None:
            texts = alike.texts
            self._room -= len(texts)
            around = len(alike.before) + len(alike.after)
            self._total_room -= len(texts) + texts.count(_BETWEEN) * (around - len(_BETWEEN))

    def _pack(self) -> None:
        """What is there as one block; nothing any more of an answer that is too long or cannot be continued."""
        self._close_alike()
        if self._total_room < 0:
            self._read().is_lost = True
        if self._past is not None and self._past.is_lost:
            self._packed = ()
        elif self._events:
            events = b"".join([it if isinstance(it, bytes) else it.spelled_out() for it in self._events])
            self._packed = (*self._packed, zlib.compress(events, zlib.Z_BEST_SPEED))
        self._events.clear()
        self._room = PACK_BYTES


@final
class _Alike:
    """Events in a row that differ in their text only."""

    __slots__ = ("after", "before", "texts")

    def __init__(self, before: bytes, after: bytes) -> None:
        self.before = before
        self.after = after
        self.texts = bytearray()

    def spelled_out(self) -> bytes:
        between = self.after + self.before
        return self.before + bytes(self.texts[:-1]).replace(_BETWEEN, between) + self.after


def _events_in(kept: bytes) -> list[bytes]:
    if b"\r" not in kept:
        return kept.split(b"\n\n")
    splitter = EventSplitter()
    return [*splitter.feed(kept), *splitter.rest()[0]]


def delivered_for(shaped: Shaped) -> Delivered | None:
    """Where the answer to this call is to be kept; None where it could not be continued whatever it says."""
    dialect = _DIALECTS.get(shaped.call.head.operation)
    if dialect is None or not shaped.call.stream or not dialect.allows(shaped):
        return None
    return Delivered(dialect.past)


def continue_by(way: Way, so_far: SoFar, shaped: Shaped, provider: ProviderType, model: str) -> Continuation | None:
    """This way on with this model of this provider, `shaped` being the caller's request; None where there is none."""
    if way is Way.RESTART:
        return Continuation(way, shaped, so_far)
    asked = so_far.prefill(shaped) if continues_prefill(provider, model) else None
    return None if asked is None else Continuation(way, asked, so_far)


class _Allows(Protocol):
    def __call__(self, shaped: Shaped) -> bool: ...


class _NewPast(Protocol):
    def __call__(self) -> _Past: ...


class _Dialect(msgspec.Struct, frozen=True):
    allows: _Allows
    past: _NewPast


_DIALECTS: Final[Mapping[Operation, _Dialect]] = MappingProxyType(
    {
        Operation.CHAT: _Dialect(continuation_openai.may_be_continued, continuation_openai.ChatPast),
        Operation.MESSAGES: _Dialect(continuation_anthropic.may_be_continued, continuation_anthropic.MessagePast),
    }
)

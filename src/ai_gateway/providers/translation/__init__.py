"""Any client dialect in front of any provider, through one middle (domain/conversation.py, domain/reply.py).

A front speaks to callers, a back to a provider. A pair of them is a Codec (codec.py) like any native one: the line
does not know that something is translated. Both are pure: values in, bytes out, and a stream is a state machine of
events. Where the dialects of caller and provider match, none of this runs.

A new dialect is a front, a new provider a back; a row in providers/kinds.py makes every pair of them work.
"""

from typing import Protocol

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.reply import Event, Reply
from ai_gateway.domain.traffic import Header, Shaped
from ai_gateway.providers.translation.losses import Losses


class Draft(msgspec.Struct, frozen=True):
    """A provider's request before its headers of transport: `path` below the endpoint's base path (it may carry a
    query), the JSON body, and headers that the provider's dialect needs (lower case)."""

    path: str
    body: dict[str, object]
    headers: tuple[Header, ...] = ()


class EventEncoder(Protocol):
    """Writes a stream to a caller. Made new for each stream."""

    def write(self, event: Event) -> bytes:
        """Whole events of the dialect, or nothing yet. Takes every kind of event but Failed; Ended writes nothing
        (see `end`)."""
        ...

    def end(self) -> bytes:
        """What ends a whole answer: everything that was kept back, stop reasons, usage, the terminal event. Asked once,
        after Ended or when the provider closed a stream whose choices all stopped."""
        ...


class EventDecoder(Protocol):
    """Reads a provider's stream out of any partition of its bytes. Made new for each stream."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that this chunk completes. After Ended or Failed, nothing."""
        ...

    def end(self) -> list[Event]:
        """The body is over: what was still waited for. Ends with Ended where the answer is whole although the
        provider said no goodbye, with Failed where what came was an error, and otherwise (a cut) with neither."""
        ...


class Front(Protocol):
    """A client dialect of conversations."""

    @property
    def name(self) -> str:
        """How `Opaque.dialect` and `ServerTool.dialect` call it."""
        ...

    def read_request(self, fields: dict[str, msgspec.Raw]) -> Conversation:
        """The top-level members of a request's body. Raises InvalidRequest (400, with `param`) for what no provider
        of this dialect would take."""
        ...

    def write_reply(self, reply: Reply) -> bytes: ...

    def encoder(self, shaped: Shaped) -> EventEncoder: ...


class Back(Protocol):
    """A provider's API of conversations."""

    @property
    def name(self) -> str: ...

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        """What it cannot say it reports to `losses`, which refuses it or notes that it was left out."""
        ...

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        """A 2xx answer. ProviderError where the dialect's payload is missing."""
        ...

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError: ...

    def decoder(self) -> EventDecoder: ...

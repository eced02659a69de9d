"""Wire formats: pure codecs, one provider or dialect a file, and the table of provider types.

A codec never sees a socket, a clock or a credential: it turns a shaped call into an unsigned request, bytes of an
answer into a Reading, and a stream of bytes into events, and is therefore tested with bytes alone.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

import msgspec

from ai_gateway.domain.chat import Dialect, Operation, ProviderError, Usage
from ai_gateway.domain.config import BaseUrl, Endpoint, ProviderType
from ai_gateway.domain.faults import Fault
from ai_gateway.domain.traffic import Body, Header, Shaped
from ai_gateway.providers.differences import OPENAIS_OWN, Differences
from ai_gateway.providers.likeness import Likeness


class Auth(StrEnum):
    """How a provider wants its key; runtime/credentials.py puts it on."""

    NONE = "none"
    BEARER = "bearer"
    X_API_KEY = "x-api-key"
    AWS = "aws"
    API_KEY = "api-key"
    X_GOOG_API_KEY = "x-goog-api-key"
    GOOGLE_CLOUD = "google_cloud"  # a token for a service account, or an API key of Vertex's express mode


class UpstreamRequest(msgspec.Struct, frozen=True, gc=False):
    """An unsigned request. `path` is appended to the endpoint's base path and may carry a query; header names are
    lower case. `dropped` names what the caller said and the provider's dialect cannot."""

    method: str
    path: str
    headers: tuple[Header, ...]
    body: Body = b""
    dropped: tuple[str, ...] = ()


class Reading(msgspec.Struct, frozen=True):
    """A 2xx answer as the gateway understands it. `error` is set where the dialect's payload is missing: an `error`
    object under status 200, HTML, nothing. `usage` None means that the provider reported none. `body`: the answer in
    the caller's dialect, None where the provider's own bytes are in it. `blocked`: a rule forbids that the caller gets
    it, although it was paid for."""

    usage: Usage | None = None
    error: ProviderError | None = None
    body: bytes | None = None
    blocked: Fault | None = None


class StreamEnd(msgspec.Struct, frozen=True):
    """The end of a stream's bytes. `tail` may still go to the client; `complete` False means it was cut short."""

    tail: bytes
    complete: bool


class StreamWatch(Protocol):
    """Reads along with a stream. `feed` takes any split of the bytes and gives back the whole events that may go to
    the client, unchanged; it stops at an error event, which it keeps in `error` and does not give back."""

    @property
    def usage(self) -> Usage | None: ...

    @property
    def error(self) -> ProviderError | None: ...

    @property
    def started(self) -> bool:
        """True once an event that is not an error has been read: the commit point."""
        ...

    @property
    def finished(self) -> bool:
        """True once the dialect's terminal event ([DONE], message_stop) has been read: nothing more is to come."""
        ...

    @property
    def likely(self) -> Likeness | None:
        """Events that are covered by this may come next; `feed` gives them back as they are, and learns nothing by it.
        None between the parts of an event, or where only `feed` can say."""
        ...

    def feed(self, chunk: bytes) -> bytes: ...

    def end(self) -> StreamEnd:
        """The provider closed the body properly (not a cut connection), or the stream is `finished`. May set `error`:
        a stream that ends before it started is one."""
        ...


class Codec(Protocol):
    @property
    def dialect(self) -> Dialect: ...

    @property
    def operations(self) -> frozenset[Operation]: ...

    @property
    def translates(self) -> bool:
        """Whether the provider's headers say nothing of what it gives back, as where it speaks another dialect."""
        ...

    def encode(self, shaped: Shaped, model: str) -> UpstreamRequest: ...

    def read_reply(self, operation: Operation, body: bytes) -> Reading: ...

    def read_reply_to(self, shaped: Shaped, body: bytes) -> Reading:
        """The same for this caller: where the answer is written anew, in the form that was asked for."""
        ...

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError: ...

    def watch(self, shaped: Shaped) -> StreamWatch: ...


Options = Mapping[str, str]


def _nothing() -> "Mapping[Operation, Codec]":
    return MappingProxyType({})


class ProviderKind(msgspec.Struct, frozen=True):
    """A row of the table: what a provider type speaks, natively and (`translated`) by way of translation. `default_url`
    None: the config must give one.

    Where an endpoint's options decide how it is called, `configured` makes the row that holds for them, and raises
    ValueError for what they cannot be; None: there are no options.
    """

    type: ProviderType
    codecs: Mapping[Dialect, Codec]
    auth: Auth
    default_url: BaseUrl | None = None
    needs_key: bool = True
    translated: Mapping[Operation, Codec] = msgspec.field(default_factory=_nothing)
    free_check: str | None = None  # a GET that costs nothing, for tests of a config and health checks
    differences: Differences = OPENAIS_OWN
    configured: Callable[[Options], "ProviderKind"] | None = None

    def of(self, endpoint: Endpoint) -> "ProviderKind":
        """The row that holds for one endpoint: asked for when plans are made, never per request."""
        return self if self.configured is None else self.configured(endpoint.options)

    def with_options(self, options: Options) -> "ProviderKind":
        """The same, checked: raises ValueError with a text for people."""
        if self.configured is not None:
            return self.configured(options)
        if options:
            raise ValueError(f"{min(options)}: the type {self.type.value} has no options.")
        return self


def codec_for(kind: ProviderKind, dialect: Dialect, operation: Operation) -> Codec | None:
    """The codec that carries this operation: natively where there is one, else by translation; or None."""
    codec = kind.codecs.get(dialect)
    return codec if codec is not None and operation in codec.operations else kind.translated.get(operation)

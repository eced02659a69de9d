"""OpenAI's Responses API as it is spoken natively: what is read of its answers and of its events.

Its streams tell everything by events with a type. Only those that carry the whole response (`response.created`, ...,
`response.completed`) say something of identity, usage or an end, and only they have a member `response`: so one search
tells them from the thousands that carry letters, and these are never parsed.

The events that open a stream come before the model has begun, and a failure may still follow them. They commit to
nothing: they go out together with the first event of an answer. The last event has the whole answer in it once more;
a stream without it is cut, for nobody knows its usage.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import ProviderError, ServiceTier, Usage
from ai_gateway.providers import Reading
from ai_gateway.providers.decoding import NO_RAW, decode, decode_any, says_something
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.sse import Event
from ai_gateway.providers.usage import responses_usage, service_of
from ai_gateway.providers.watch import Verdict, verdict_on_unreadable

_OPENING: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
_LAST: Final = frozenset({"response.completed", "response.incomplete"})


def read_reply(body: bytes) -> Reading:
    """A whole answer. One that failed says so under status 200."""
    response = decode(body, _Response)
    if response is None or says_something(response.error) or response.status == "failed":
        return Reading(usage=None if response is None else response.read_usage(), error=_error_under_200(body))
    if decode(response.output, list[msgspec.Raw]) is None:
        return Reading(usage=response.read_usage(), error=_error_under_200(body))
    return Reading(usage=response.read_usage())


class ResponsesReader:
    """The EventReader of streams of the Responses API."""

    __slots__ = ("_begun", "_usage")

    def __init__(self) -> None:
        self._begun = False
        self._usage: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        return self._usage

    @property
    def farewell(self) -> bytes:
        return b""

    def is_whole(self) -> bool:
        return False

    def is_plain(self, data: bytes) -> bool:
        return (
            b'"response":' not in data
            and b'"error"' not in data
            and b"[DONE]" not in data
            and b"event: error" not in data
            and b"event:error" not in data
        )

    def read(self, event: Event) -> Verdict:
        if event.data is None:
            return Verdict.ASIDE
        if event.data.strip() == b"[DONE]":
            return Verdict.WITHHELD
        said = decode(event.data, _Said)
        if said is None:
            return verdict_on_unreadable(event, begun=self._begun)
        kind = said.type
        response = decode(said.response, _Response) if says_something(said.response) else None
        if response is not None and (usage := response.read_usage()) is not None:
            self._usage = usage
        if kind in _LAST:
            return Verdict.LAST
        if kind in ("response.failed", "error") or event.name == b"error" or says_something(said.error):
            return Verdict.ERROR
        if kind in _OPENING or not isinstance(kind, str):
            return Verdict.ASIDE
        self._begun = True
        return Verdict.CONTENT


class _Said(msgspec.Struct, frozen=True):
    """What is read of an event."""

    type: object = None
    response: msgspec.Raw = NO_RAW
    error: msgspec.Raw = NO_RAW


class _Response(msgspec.Struct, frozen=True):
    """What is read of a response, whole or in an event."""

    output: msgspec.Raw = NO_RAW
    usage: msgspec.Raw = NO_RAW
    error: msgspec.Raw = NO_RAW
    status: object = None
    service_tier: object = None

    def read_usage(self) -> Usage | None:
        usage = responses_usage(decode_any(self.usage)) if says_something(self.usage) else None
        service = service_of(self.service_tier)
        if usage is None or service is ServiceTier.STANDARD:
            return usage
        return msgspec.structs.replace(usage, service_tier=service)


def _error_under_200(body: bytes) -> ProviderError:
    error = read_error(None, {}, body)
    if error.message or error.code or error.type:
        return error
    return ProviderError(status=None, message="The provider's answer has no content.")

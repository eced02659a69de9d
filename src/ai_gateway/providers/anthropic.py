"""Anthropic's dialect: messages, and the counting of tokens.

Everything that matters is told by events of their own (`message_start`, `message_delta`, `message_stop`, `error`), so
the byte verdict is simple and content is never parsed. Usage is cumulative and comes twice: `message_start` has the
input and a placeholder for the output (usually 1), each `message_delta` has the totals so far. Until one came, the
output is therefore counted as 0: a floor, which whoever books a cut stream has to raise by what was streamed.
"""

import msgspec

from ai_gateway.domain.chat import Dialect, Operation, ProviderError, Usage
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers import Reading, StreamWatch, UpstreamRequest
from ai_gateway.providers.decoding import NO_RAW, as_object, decode, decode_any, says_something
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.requests import body_of, headers_for, members_for
from ai_gateway.providers.sse import Event
from ai_gateway.providers.usage import AnthropicUsage, anthropic_usage
from ai_gateway.providers.watch import DialectWatch, Verdict, verdict_on_unreadable

DEFAULT_VERSION = "2023-06-01"

_PATHS = {Operation.MESSAGES: "/v1/messages", Operation.COUNT_TOKENS: "/v1/messages/count_tokens"}


class AnthropicCodec:
    """Messages and count_tokens. The base URL is the host's, without `/v1`, as in Anthropic's SDK."""

    @property
    def dialect(self) -> Dialect:
        return Dialect.ANTHROPIC

    @property
    def operations(self) -> frozenset[Operation]:
        return frozenset(_PATHS)

    @property
    def translates(self) -> bool:
        return False

    def encode(self, shaped: Shaped, model: str) -> UpstreamRequest:
        head = shaped.call.head
        headers = headers_for(shaped)
        if not any(name == "anthropic-version" for name, _ in headers):
            headers += (("anthropic-version", DEFAULT_VERSION),)
        path = _PATHS[head.operation] + (f"?{head.query}" if head.query else "")
        body = body_of(members_for(shaped, model), shaped.call.body_bytes)
        return UpstreamRequest("POST", path, headers, body)

    def read_reply(self, operation: Operation, body: bytes) -> Reading:
        reply = decode(body, _Reply)
        if reply is None or says_something(reply.error) or reply.type == "error":
            return Reading(error=_error_under_200(body))
        if operation is Operation.COUNT_TOKENS:
            counted = decode(reply.input_tokens, int)
            return Reading(usage=Usage()) if counted is not None else Reading(error=_error_under_200(body))
        usage = anthropic_usage(decode_any(reply.usage))
        if reply.type != "message" or decode(reply.content, list[msgspec.Raw]) is None:
            return Reading(usage=usage, error=_error_under_200(body))
        return Reading(usage=usage)

    def read_reply_to(self, shaped: Shaped, body: bytes) -> Reading:
        return self.read_reply(shaped.call.head.operation, body)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def watch(self, shaped: Shaped) -> StreamWatch:
        return DialectWatch(MessageReader())


class MessageReader:
    """The EventReader of message streams. An answer is whole once its stop reason was told; `message_stop` adds nothing
    to it. Both it and usage stand in events whose type begins with `message_`, so that one search finds them."""

    __slots__ = ("_counted", "_output_known", "_started", "_stopped")

    def __init__(self) -> None:
        self._counted = AnthropicUsage()
        self._output_known = False
        self._started = False
        self._stopped = False

    @property
    def usage(self) -> Usage | None:
        usage = self._counted.usage
        return usage if usage is None or self._output_known else msgspec.structs.replace(usage, output_tokens=0)

    @property
    def farewell(self) -> bytes:
        return b'event: message_stop\ndata: {"type":"message_stop"}'

    def is_whole(self) -> bool:
        return self._stopped

    def is_plain(self, data: bytes) -> bool:
        return (
            data.find(b"message_") < 0  # `in` costs twice as much
            and data.find(b'"error"') < 0
            and data.find(b"event: error") < 0
            and data.find(b"event:error") < 0
        )

    def read(self, event: Event) -> Verdict:
        if event.data is None:
            return Verdict.ASIDE
        said = decode(event.data, _Reply)
        if said is None:
            return verdict_on_unreadable(event, begun=self._started)
        if said.type == "error" or event.name == b"error" or says_something(said.error):
            return Verdict.ERROR
        if said.type == "message_stop":
            return Verdict.LAST
        if said.type == "message_start":
            self._counted = self._counted.with_report(as_object(decode_any(said.message)).get("usage"))
        elif said.type == "message_delta":
            self._stopped |= isinstance(as_object(decode_any(said.delta)).get("stop_reason"), str)
            if says_something(said.usage):
                self._counted = self._counted.with_report(decode_any(said.usage))
                self._output_known = self._counted.output is not None
        if said.type == "ping" or not isinstance(said.type, str):
            return Verdict.ASIDE
        self._started = True
        return Verdict.CONTENT


class _Reply(msgspec.Struct, frozen=True):
    """What is read of an answer or an event."""

    type: object = None
    content: msgspec.Raw = NO_RAW
    message: msgspec.Raw = NO_RAW
    delta: msgspec.Raw = NO_RAW
    usage: msgspec.Raw = NO_RAW
    error: msgspec.Raw = NO_RAW
    input_tokens: msgspec.Raw = NO_RAW


def _error_under_200(body: bytes) -> ProviderError:
    error = read_error(None, {}, body)
    if error.message or error.code:
        return error
    return ProviderError(status=None, message="The provider's answer has no content.")

"""OpenAI's dialect, as OpenAI and the many compatible servers speak it.

Compatible servers differ from the document in ways that must not hurt: no `[DONE]` at the end (Cerebras, Writer), usage
on a chunk that has choices (Groq, OpenRouter), a first chunk without choices (Azure), errors inside a 200. What they
send goes through as it is; only two things are changed. A stream is asked for its usage, since nobody can bill without
it, and the chunk that brings it is withheld from a caller who did not ask; and a whole answer gets its `[DONE]`. Where
a server has to be asked otherwise, its Differences say so.
"""

from enum import Enum
from typing import Annotated, Final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation, ProviderError, ServiceTier, Usage
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers import Reading, StreamWatch, UpstreamRequest, responses
from ai_gateway.providers.decoding import NO_RAW, as_object, decode, decode_any, says_something
from ai_gateway.providers.differences import OPENAIS_OWN, Differences, StreamUsage
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.requests import body_of, headers_for, members_for
from ai_gateway.providers.sse import Event
from ai_gateway.providers.usage import (
    OpenAICounts,
    image_usage,
    openai_usage,
    read_openai_usage,
    service_of,
    usage_of,
)
from ai_gateway.providers.watch import DialectWatch, Verdict, verdict_on_unreadable

_CHAT: Final = Operation.CHAT  # a member of an enum is a look-up in Python each time
_EMBEDDINGS: Final = Operation.EMBEDDINGS
_COMPLETIONS: Final = Operation.COMPLETIONS
_IMAGES: Final = Operation.IMAGES
_RESPONSES: Final = Operation.RESPONSES
_COUNTED_STREAMS: Final = frozenset({_CHAT, _COMPLETIONS})
"""Those that report usage only where they are asked to."""
_PATHS = {
    Operation.CHAT: "/chat/completions",
    Operation.EMBEDDINGS: "/embeddings",
    Operation.COMPLETIONS: "/completions",
    Operation.IMAGES: "/images/generations",
    Operation.RESPONSES: "/responses",
}
_FINISH_FORMS = (b'"finish_reason"', b'"finish_reason":null', b'"finish_reason": null')
_USAGE_FORMS = (b'"usage"', b'"usage":null', b'"usage": null')


class OpenAICodec:
    """Chat, text completions, embeddings, images, and responses, which responses.py reads. The base URL carries `/v1`,
    as in OpenAI's SDK."""

    def __init__(self, differences: Differences = OPENAIS_OWN) -> None:
        has_not = differences.without if differences.responses else differences.without | {_RESPONSES}
        self._operations = frozenset(_PATHS) - has_not
        self._asks_for_usage = differences.stream_usage is StreamUsage.ASKED
        self._renamed = differences.renamed
        self.speaks_plainly = not differences.renamed
        """Whether a whole chat is encoded by naming the model, and nothing else of its body is changed."""

    @property
    def dialect(self) -> Dialect:
        return Dialect.OPENAI

    @property
    def operations(self) -> frozenset[Operation]:
        return self._operations

    @property
    def translates(self) -> bool:
        return False

    def encode(self, shaped: Shaped, model: str) -> UpstreamRequest:
        call = shaped.call
        members = members_for(shaped, model)
        if call.stream and call.head.operation in _COUNTED_STREAMS:
            if self._asks_for_usage:
                members["stream_options"] = _asking_for_usage(members.get("stream_options"))
            else:
                members.pop("stream_options", None)  # what it asks for comes anyway
        if self._renamed:
            members = _renamed(members, self._renamed)
        body = body_of(members, call.body_bytes)
        return UpstreamRequest("POST", _PATHS[call.head.operation], headers_for(shaped), body)

    def read_reply(self, operation: Operation, body: bytes) -> Reading:
        usage = self.read_chat_usage(body) if operation is _CHAT else None
        return read_any_reply(operation, body) if usage is None else Reading(usage)

    def read_chat_usage(self, body: bytes) -> Usage | None:
        """The usage of a chat's answer without surprises: it has choices, a usage, and no error. None: the answer has
        to be looked at."""
        try:
            reply = _read_chat(body)
        except (ValueError, RecursionError):
            return None
        tier = reply.service_tier
        return usage_of(reply.usage) if tier is None or tier == "default" else usage_of(reply.usage, service_of(tier))

    def read_reply_to(self, shaped: Shaped, body: bytes) -> Reading:
        return self.read_reply(shaped.call.head.operation, body)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def watch(self, shaped: Shaped) -> StreamWatch:
        if shaped.call.head.operation is _RESPONSES:
            return DialectWatch(responses.ResponsesReader())
        usage_chunk = UsageChunk.WANTED if shaped.call.wants_usage else UsageChunk.WITHHELD
        call = shaped.call
        choices = call.choices if call.head.operation is _COMPLETIONS else _choices_asked(shaped)
        return DialectWatch(ChatReader(usage_chunk, choices))


def read_any_reply(operation: Operation, body: bytes) -> Reading:
    """An answer that may be anything."""
    if operation is _RESPONSES:
        return responses.read_reply(body)
    reply = decode(body, _Reply)
    if reply is None or says_something(reply.error):
        return Reading(error=_error_under_200(body))
    payload = reply.data if operation is _EMBEDDINGS or operation is _IMAGES else reply.choices
    items = decode(payload, _Members)
    if not items:
        return Reading(usage=reply.read_usage(), error=_error_under_200(body))
    return Reading(usage=reply.read_image_usage(len(items)) if operation is _IMAGES else reply.read_usage())


class UsageChunk(Enum):
    """Whether the caller asked for the chunk that brings a stream's usage and nothing else."""

    WANTED = "wanted"
    WITHHELD = "withheld"


class ChatReader:
    """The EventReader of streams of chat and of text.

    `choices_asked` 1 allows the byte verdict: then a chunk whose finish reason is null says nothing that the first one
    has not said. With more, each chunk is parsed, to know which choices there are.
    """

    __slots__ = ("_finished", "_one_choice", "_seen", "_usage", "_usage_chunk")

    def __init__(self, usage_chunk: UsageChunk, choices_asked: int = 1) -> None:
        self._usage_chunk = usage_chunk
        self._one_choice = choices_asked == 1
        self._seen: frozenset[int] | set[int] = _NONE
        self._finished: frozenset[int] | set[int] = _NONE
        self._usage: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        return self._usage

    @property
    def farewell(self) -> bytes:
        return b"data: [DONE]"

    def is_whole(self) -> bool:
        return bool(self._seen) and self._seen <= self._finished

    def is_plain(self, data: bytes) -> bool:
        return (
            self._one_choice
            and data.find(b'"error"') < 0  # `in` costs twice as much
            and data.find(b"[DONE]") < 0
            and data.find(b"event:") < 0
            and _is_always_null(data, _FINISH_FORMS)
            and _is_always_null(data, _USAGE_FORMS)
        )

    def read(self, event: Event) -> Verdict:
        if event.data is None:
            return Verdict.ASIDE
        if event.data.strip() == b"[DONE]":
            return Verdict.LAST
        chunk = decode(event.data, _Reply)
        if chunk is None:
            return verdict_on_unreadable(event, begun=bool(self._seen))
        reported = chunk.read_usage()
        if reported is not None:
            self._usage = reported
        if says_something(chunk.error) or event.name == b"error" or bytes(chunk.object) == b'"error"':
            return Verdict.ERROR
        choices = decode(chunk.choices, _Choices)
        for choice in choices or ():
            self._note(choice)
        if not choices and reported is not None and self._usage_chunk is UsageChunk.WITHHELD:
            return Verdict.WITHHELD
        return Verdict.CONTENT if choices else Verdict.ASIDE  # Azure begins with what its filters think of the prompt

    def _note(self, choice: "_Choice") -> None:
        index = choice.index if isinstance(choice.index, int) else 0
        self._seen = _with(self._seen, index)
        if choice.finish_reason:
            self._finished = _with(self._finished, index)


_NONE: Final[frozenset[int]] = frozenset()
_FIRST: Final = frozenset({0})


def _with(choices: frozenset[int] | set[int], index: int) -> frozenset[int] | set[int]:
    """Nearly always there is one choice, the first: then there is no set for it."""
    if not choices and index == 0:
        return _FIRST
    if index not in choices:
        choices = set(choices) if isinstance(choices, frozenset) else choices
        choices.add(index)
    return choices


_Members = list[msgspec.Raw]


class _Choice(msgspec.Struct, frozen=True):
    index: object = 0
    finish_reason: object = None


_Choices = list[_Choice]


class _Reply(msgspec.Struct, frozen=True):
    """What is read of an answer or a chunk."""

    choices: msgspec.Raw = NO_RAW
    data: msgspec.Raw = NO_RAW
    usage: msgspec.Raw = NO_RAW
    x_groq: msgspec.Raw = NO_RAW
    error: msgspec.Raw = NO_RAW
    service_tier: object = None
    object: msgspec.Raw = NO_RAW

    def read_usage(self) -> Usage | None:
        """The usage, wherever it stands: Groq also sends it inside `x_groq`."""
        usage = read_openai_usage(self.usage) if says_something(self.usage) else None
        if usage is None and says_something(self.x_groq):
            usage = openai_usage(as_object(decode_any(self.x_groq)).get("usage"))
        if usage is not None and self.service_tier is not None:
            service = service_of(self.service_tier)
            if service is not ServiceTier.STANDARD:
                return msgspec.structs.replace(usage, service_tier=service)
        return usage

    def read_image_usage(self, images: int) -> Usage:
        """Tokens, where the model counts in them; else an image is one, for it is what has a price."""
        usage = image_usage(decode_any(self.usage)) if says_something(self.usage) else None
        return Usage(output_tokens=images) if usage is None else usage


class _Said(msgspec.Struct, gc=False):
    """A choice, of which it is enough that it is there."""


class _Chat(msgspec.Struct, gc=False):
    """A chat's answer, as everybody who sends sane ones sends it: one decode gives it."""

    choices: Annotated[list[_Said], msgspec.Meta(min_length=1)]
    usage: OpenAICounts
    service_tier: str | None = None
    error: None = None


_read_chat: Final = msgspec.json.Decoder(_Chat).decode


def _renamed(members: dict[str, msgspec.Raw], names: tuple[tuple[str, str], ...]) -> dict[str, msgspec.Raw]:
    """What the server has another word for, under that word; where both were sent, it shall say so."""
    others = {old: new for old, new in names if old in members and new not in members}
    return {others.get(name, name): raw for name, raw in members.items()} if others else members


def _asking_for_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    """The caller's stream options, with `include_usage`. What is no object stays, for the provider to refuse."""
    members: dict[str, msgspec.Raw] | None = {}
    if options is not None and bytes(options).strip() != b"null":
        members = decode(options, dict[str, msgspec.Raw])
    if members is None:
        return options or NO_RAW
    return msgspec.Raw(msgspec.json.encode({**members, "include_usage": msgspec.Raw(b"true")}))


def _choices_asked(shaped: Shaped) -> int:
    asked = decode(shaped.fields.get("n", NO_RAW), int)
    return 1 if asked is None else asked


def _is_always_null(data: bytes, forms: tuple[bytes, bytes, bytes]) -> bool:
    """Whether a member, where it occurs, is null; without parsing. Inside a string the quotes would be escaped."""
    key, null, spaced_null = forms
    found = data.count(key)
    return not found or (nulls := data.count(null)) == found or nulls + data.count(spaced_null) == found


def _error_under_200(body: bytes) -> ProviderError:
    error = read_error(None, {}, body)
    if error.message or error.code or error.type:
        return error
    return ProviderError(status=None, message="The provider's answer has no content.")

"""Answers in the form that a dialect's own provider would give them, from providers that speak the dialect in their own
way: asked natively, so that a request loses nothing, and read and written anew by way of the middle.

Where an answer says more than the dialect knows (who served it, what a filter thought, how another API would call its
end), that is left out. What is booked is read off the answer as it came.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation, ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.reply import Event, Reply, Stopped
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers import Codec, ProviderKind, Reading, StreamWatch, UpstreamRequest
from ai_gateway.providers.translation import Back, EventDecoder, Front
from ai_gateway.providers.translation.anthropic_back import AnthropicBack
from ai_gateway.providers.translation.chat_back import ChatBack
from ai_gateway.providers.translation.codec import TranslatingCodec
from ai_gateway.providers.translation.pairs import FRONTS
from ai_gateway.providers.translation.responses_back import ResponsesBack
from ai_gateway.providers.translation.watch import TranslatedWatch

_OWN: Final = frozenset({ProviderType.OPENAI, ProviderType.AZURE_OPENAI})
"""Who made the Responses API: what it tells again of the request, the middle does not know."""


def normal_codec(kind: ProviderKind, operation: Operation) -> Codec | None:
    """None: what this kind answers is in that form already, or no other form of it is known."""
    speech = FRONTS.get(operation)
    native = None if speech is None else kind.codecs.get(speech.dialect)
    if speech is None or native is None or operation not in native.operations:
        return None
    if operation is Operation.RESPONSES:
        return None if kind.type in _OWN else NormalCodec(native, speech.front, ResponsesBack())
    translating = kind.translated.get(operation)
    if isinstance(translating, TranslatingCodec):
        return NormalCodec(native, speech.front, translating.back)
    return NormalCodec(native, speech.front, ChatBack() if operation is Operation.CHAT else AnthropicBack())


@final
class NormalCodec:
    """`native` asks; its answers are read by `back` and written by `front`."""

    def __init__(self, native: Codec, front: Front, back: Back) -> None:
        self._native = native
        self._front = front
        self._back = back

    @property
    def dialect(self) -> Dialect:
        return self._native.dialect

    @property
    def operations(self) -> frozenset[Operation]:
        return self._native.operations

    @property
    def translates(self) -> bool:
        return self._native.translates

    def encode(self, shaped: Shaped, model: str) -> UpstreamRequest:
        return self._native.encode(shaped, model)

    def read_reply(self, operation: Operation, body: bytes) -> Reading:
        return self._rewritten(self._native.read_reply(operation, body), body, None)

    def read_reply_to(self, shaped: Shaped, body: bytes) -> Reading:
        """What some providers leave out is filled in from the call: the model's name, and the time."""
        return self._rewritten(self._native.read_reply_to(shaped, body), body, shaped)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return self._native.read_error(status, headers, body)

    def watch(self, shaped: Shaped) -> StreamWatch:
        return TranslatedWatch(_Bare(self._back.decoder()), self._front.encoder(shaped))

    def _rewritten(self, reading: Reading, body: bytes, shaped: Shaped | None) -> Reading:
        """An answer that the middle cannot read is one all the same, and goes as it came."""
        reply = None if reading.error is not None else self._back.read_reply(body)
        if not isinstance(reply, Reply):
            return reading
        choices = tuple(msgspec.structs.replace(choice, others={}) for choice in reply.choices)
        reply = msgspec.structs.replace(reply, choices=choices, others={})
        if shaped is not None:
            call = shaped.call
            created = int(call.head.received_wall) if reply.created is None else reply.created
            reply = msgspec.structs.replace(reply, model=reply.model or call.model, created=created)
        return msgspec.structs.replace(reading, body=self._front.write_reply(reply))


@final
class _Bare:
    """A decoder whose events say nothing but what the dialects have in common."""

    def __init__(self, decoder: EventDecoder) -> None:
        self._decoder = decoder

    def feed(self, chunk: bytes) -> list[Event]:
        return [_bare(event) for event in self._decoder.feed(chunk)]

    def end(self) -> list[Event]:
        return [_bare(event) for event in self._decoder.end()]


def _bare(event: Event) -> Event:
    return msgspec.structs.replace(event, others={}) if isinstance(event, Stopped) and event.others else event

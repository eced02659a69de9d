"""A front and a back made one Codec: what the line calls, whether it translates or not.

The request is read once per attempt, so that each endpoint gets what it can take: a fallback in another dialect is
written from what the caller said, not from what the first provider was told.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation, ProviderError
from ai_gateway.domain.reply import Reply
from ai_gateway.domain.traffic import Header, Shaped
from ai_gateway.providers import Reading, StreamWatch, UpstreamRequest
from ai_gateway.providers.requests import USER_AGENT
from ai_gateway.providers.translation import Back, Front
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.watch import TranslatedWatch

_HEADERS: Final[tuple[Header, ...]] = (
    ("content-type", "application/json"),
    ("accept", "*/*"),
    ("accept-encoding", "identity"),
    ("user-agent", USER_AGENT),
)


@final
class TranslatingCodec:
    """`target` is how callers are told of the provider's API where it cannot say what they ask."""

    def __init__(self, dialect: Dialect, operation: Operation, front: Front, back: Back, target: str) -> None:
        self._dialect = dialect
        self._operations = frozenset({operation})
        self._front = front
        self.back = back
        self._target = target

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    @property
    def operations(self) -> frozenset[Operation]:
        return self._operations

    @property
    def translates(self) -> bool:
        return True

    def encode(self, shaped: Shaped, model: str) -> UpstreamRequest:
        """Raises InvalidRequest for what the caller's dialect does not allow, Untranslatable for what the provider's
        cannot express."""
        losses = Losses(self._target, drops=shaped.drop_unsupported)
        asked = self._front.read_request(shaped.fields)
        draft = self.back.write_request(asked, model, losses)
        return UpstreamRequest(
            "POST", draft.path, (*_HEADERS, *draft.headers), msgspec.json.encode(draft.body), losses.dropped
        )

    def read_reply(self, operation: Operation, body: bytes) -> Reading:
        reply = self.back.read_reply(body)
        return Reading(error=reply) if isinstance(reply, ProviderError) else self._reading(reply)

    def read_reply_to(self, shaped: Shaped, body: bytes) -> Reading:
        """What some providers leave out is filled in from the call: the model's name, and the time."""
        reply = self.back.read_reply(body)
        if isinstance(reply, ProviderError):
            return Reading(error=reply)
        call = shaped.call
        created = int(call.head.received_wall) if reply.created is None else reply.created
        return self._reading(msgspec.structs.replace(reply, model=reply.model or call.model, created=created))

    def _reading(self, reply: Reply) -> Reading:
        return Reading(usage=reply.usage, body=self._front.write_reply(reply))

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return self.back.read_error(status, headers, body)

    def watch(self, shaped: Shaped) -> StreamWatch:
        return TranslatedWatch(self.back.decoder(), self._front.encoder(shaped))

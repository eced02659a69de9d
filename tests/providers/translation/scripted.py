"""A decoder that reads a script, and an encoder that writes down what it is told: each letter of the bytes is a list of
events."""

from collections.abc import Mapping

import msgspec

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.conversation import Conversation, Role, Text, Turn
from ai_gateway.domain.reply import Began, Event, Piece, Reply
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.translation import Draft, EventDecoder, EventEncoder
from ai_gateway.providers.translation.losses import Losses


class ScriptedDecoder(EventDecoder):
    def __init__(self, script: Mapping[str, list[Event]], at_end: list[Event] | None = None) -> None:
        self._script = script
        self._at_end = at_end or []

    def feed(self, chunk: bytes) -> list[Event]:
        return [event for letter in chunk.decode() for event in self._script[letter]]

    def end(self) -> list[Event]:
        return self._at_end


class WritingEncoder(EventEncoder):
    def write(self, event: Event) -> bytes:
        if isinstance(event, Piece):
            return event.text.encode()
        return b"<" if isinstance(event, Began) else b""

    def end(self) -> bytes:
        return b">"


class EchoFront:
    """Reads `messages` as one text, writes a reply as its first text."""

    name = "echo"

    def read_request(self, fields: dict[str, msgspec.Raw]) -> Conversation:
        text = msgspec.json.decode(fields["messages"], type=str)
        others = {name: None for name in fields if name not in ("messages", "model")}
        return Conversation(turns=(Turn(Role.USER, (Text(text),)),), others=others)

    def write_reply(self, reply: Reply) -> bytes:
        return b"reply " + reply.id.encode()

    def encoder(self, shaped: Shaped) -> EventEncoder:
        return WritingEncoder()


class EchoBack:
    """A provider that has one field."""

    name = "echo"

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        for field in asked.others:
            losses.unsupported(field)
        (part,) = asked.turns[0].parts
        assert isinstance(part, Text)
        return Draft(f"/models/{model}", {"said": part.text}, (("x-version", "1"),))

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        return ProviderError(status=None, message="nothing") if not body else Reply(id=body.decode(), usage=Usage(1, 2))

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return ProviderError(status=status, message=body.decode())

    def decoder(self) -> EventDecoder:
        return ScriptedDecoder({})

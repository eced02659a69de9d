"""Google's answers: a stream is read piece by piece, and a whole answer is a stream of one piece.

So the two cannot differ. A stream has no goodbye: it is whole when the body ends and every answer that began has said
why it stopped. That reason may come before the last words (a signature, the usage, text after a call), so it is told at
the end. A prompt that was blocked has no answer at all: that is a refusal of the provider's filter.
"""

from datetime import datetime
from typing import final

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.reply import Began, Counted, Ended, Event, Failed, Reply
from ai_gateway.providers.decoding import NO_RAW, decode, says_something
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.google_choice import ChoiceReading
from ai_gateway.providers.translation.google_usage import read_google_usage
from ai_gateway.providers.translation.google_wire import Chunk, Raws

MOST_CHOICES = 128


def read_google_reply(body: bytes) -> Reply | ProviderError:
    """A whole answer under 2xx. ProviderError where nothing was answered."""
    reader = GoogleReader()
    events = reader.read(b"", body)
    if not (events and isinstance(events[-1], Failed)):
        events += [*reader.told_at_the_end(), Ended()]
    reply = fold(events)
    if isinstance(reply, Reply) and not reply.choices:
        return _nothing(body)
    return _nothing(body) if reply is None else reply


@final
class GoogleReader:
    """The EventReader of generateContent's streams."""

    def __init__(self) -> None:
        self._reply_id: str | None = None
        self._choices: dict[int, ChoiceReading] = {}
        self._counted: msgspec.Raw = NO_RAW

    def read(self, name: bytes, data: bytes) -> list[Event]:
        chunk = decode(data, Chunk)
        if chunk is None:
            return self._read_several(data)
        if says_something(chunk.error):
            return [Failed(read_error(None, {}, data))]
        events: list[Event] = []
        if self._reply_id is None:
            if chunk.candidates is None and chunk.usage_metadata is NO_RAW and chunk.prompt_feedback is None:
                return events
            self._reply_id = chunk.response_id or ""
            events.append(Began(self._reply_id, chunk.model_version or "", _unix(chunk.create_time)))
        for candidate in chunk.candidates or ():
            if (choice := self._choice(candidate.index or 0)) is not None:
                choice.read(candidate, events)
        self._count(chunk.usage_metadata, events)
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason and not self._choices:
            events.append(Failed(_blocked(feedback.block_reason, feedback.block_reason_message)))
        return events

    def finish(self) -> list[Event]:
        events = self.told_at_the_end()
        if self._choices and all(choice.has_stopped for choice in self._choices.values()):
            events.append(Ended())
        return events

    def told_at_the_end(self) -> list[Event]:
        events: list[Event] = []
        for _, choice in sorted(self._choices.items()):
            choice.finish(events)
        return events

    def _read_several(self, data: bytes) -> list[Event]:
        """An array: a stream that was not asked for as events, or the errors of Vertex. Anything else means nothing,
        unless it calls itself an error."""
        events: list[Event] = []
        if (several := decode(data, Raws)) is None:
            return [Failed(read_error(None, {}, data))] if b'"error"' in data else events
        for one in several:
            text = bytes(one)
            if not text.startswith(b"{"):
                continue
            events += self.read(b"", text)
            if events and isinstance(events[-1], Failed):
                break
        return events

    def _choice(self, index: int) -> ChoiceReading | None:
        choice = self._choices.get(index)
        if choice is None and 0 <= index < MOST_CHOICES:
            choice = self._choices[index] = ChoiceReading(index, self._reply_id or "")
        return choice

    def _count(self, reported: msgspec.Raw, events: list[Event]) -> None:
        if reported is not NO_RAW and reported != self._counted:
            self._counted = reported
            if (usage := read_google_usage(reported)) is not None:
                events.append(Counted(usage))


def _blocked(reason: str, message: str | None) -> ProviderError:
    return ProviderError(
        status=None,
        message=message or f"The prompt was blocked: {reason}.",
        type="content_filter" if reason != "OTHER" else "prompt_blocked",
        code=reason,
    )


def _nothing(body: bytes) -> ProviderError:
    error = read_error(None, {}, body)
    if error.message or error.code or error.type:
        return error
    return ProviderError(status=None, message="The provider's answer has no content.")


def _unix(text: str | None) -> int | None:
    try:
        return int(datetime.fromisoformat(text).timestamp()) if text else None
    except ValueError:
        return None

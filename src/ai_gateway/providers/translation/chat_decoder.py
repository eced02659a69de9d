"""Answers of the chat dialect, read: streams chunk by chunk, and a whole one as a stream of a single chunk.

So there is one reading of both, and a stream adds up to what the same answer says unstreamed. Compatible servers differ
in ways that must not hurt: no `[DONE]`, usage on a chunk that has choices or on every one, chunks without choices,
content as a list, tool calls without index, id or type, errors inside a 200.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.conversation import Citation, Maker
from ai_gateway.domain.reply import (
    Began,
    Counted,
    Ended,
    Event,
    Failed,
    Piece,
    Reply,
    Stop,
    Stopped,
    Weighed,
)
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.chat_choice import ChoiceReading
from ai_gateway.providers.translation.chat_chunks import NO_DELTA, Chunk, ChunkChoice, Delta, read_chunk
from ai_gateway.providers.translation.chat_citations import addresses_in
from ai_gateway.providers.translation.chat_words import NATIVE_FINISHES, stop_of
from ai_gateway.providers.translation.folding import fold

_OTHERS: Final = ("provider", "search_results", "prompt_filter_results")
_CHOICE_OTHERS: Final = ("native_finish_reason", "content_filter_results")


def read_reply(body: bytes, maker: Maker) -> Reply | ProviderError:
    """A whole answer. ProviderError where it is one, or has no choices."""
    answer = read_chunk(body)
    if answer is None or answer.has_error:
        return _error_in(body, answer)
    if not answer.choices:
        return ProviderError(status=None, message="The provider's answer has no content.")
    reader = ChatReader(maker)
    events = [*reader.take(answer), *reader.close()]
    whole = fold([*events, Ended()])
    assert isinstance(whole, Reply)
    others = {name: value for name in _OTHERS if (value := getattr(answer, name)) is not None}
    return msgspec.structs.replace(whole, others=others) if others else whole


@final
class ChatReader:
    """The EventReader of chat streams. `maker`: whose thoughts they are where a thought does not say."""

    __slots__ = ("_began", "_choices", "_citations", "_maker", "_reply_id", "_tier")

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._began = False
        self._reply_id = ""
        self._tier: str | None = None
        self._choices: dict[int, ChoiceReading] = {}
        self._citations: list[Citation] = []

    def read(self, name: bytes, data: bytes) -> list[Event]:
        chunk = read_chunk(data)
        if chunk is None:
            return [*self.close(), Ended()] if data.strip() == b"[DONE]" else []
        if name == b"error" or chunk.has_error:
            return [Failed(_error_in(data, chunk))]
        return self.take(chunk)

    def finish(self) -> list[Event]:
        is_whole = bool(self._choices) and all(choice.is_finished for choice in self._choices.values())
        return [*self.close(), Ended()] if is_whole else []

    def take(self, chunk: Chunk) -> list[Event]:
        events: list[Event] = []
        if not self._began and (chunk.choices or chunk.id):
            self._begin(chunk, events)
        for choice in chunk.choices or ():
            self._take_choice(choice, events)
        if chunk.citations is not None:
            self._citations = addresses_in(chunk.citations, chunk.search_results)
        if chunk.service_tier is not None:
            self._tier = chunk.tier
        if (usage := chunk.read_usage(self._tier)) is not None:
            events.append(_counted(usage, self._tier))
        return events

    def close(self) -> list[Event]:
        """What only the end of the answer tells: its sources, spoken words, and why it ended."""
        events: list[Event] = []
        for index, choice in self._choices.items():
            if index == 0:
                choice.cite(self._citations, events)
            choice.close(events)
        return events

    def _begin(self, chunk: Chunk, events: list[Event]) -> None:
        self._began = True
        self._reply_id = chunk.id if isinstance(chunk.id, str) else ""
        self._tier = chunk.tier
        created = chunk.created
        events.append(
            Began(
                id=self._reply_id,
                model=chunk.model if isinstance(chunk.model, str) else "",
                created=int(created) if isinstance(created, int | float) and 0 <= created < _LATEST else None,
                service_tier=self._tier,
                fingerprint=chunk.system_fingerprint if isinstance(chunk.system_fingerprint, str) else None,
            )
        )

    def _take_choice(self, said: ChunkChoice, events: list[Event]) -> None:
        index = said.index if type(said.index) is int else 0
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = ChoiceReading(index, self._maker, self._reply_id)
        delta = said.delta or (said.message and _numbered(said.message)) or NO_DELTA
        if delta.is_text:
            if delta.content:
                if (text := choice.text) < 0:
                    text = choice.begin_text(events)
                events.append(Piece(index, text, delta.content))
        else:
            choice.take(delta, events)
        if said.logprobs is not None and (weights := as_object(said.logprobs)):
            events.append(Weighed(index, weights))
        if said.finish_reason is not None and isinstance(said.finish_reason, str) and said.finish_reason:
            choice.finished = self._stopped(index, choice, said, said.finish_reason)

    def _stopped(self, index: int, choice: ChoiceReading, said: ChunkChoice, finish: str) -> Stopped:
        stop = stop_of(
            finish, said.native_finish_reason, said.stop_reason, calls=choice.has_calls, refuses=choice.refuses
        )
        sequence = said.stop_reason if isinstance(said.stop_reason, str) and stop is Stop.STOP_SEQUENCE else None
        others = {name: value for name in _CHOICE_OTHERS if (value := getattr(said, name)) is not None}
        if others.get("native_finish_reason") == NATIVE_FINISHES.get(stop):
            others.pop("native_finish_reason", None)
        return Stopped(index, stop, sequence, others)


_LATEST: Final = 2**53


def _numbered(message: Delta) -> Delta:
    """In a whole message every call is one of its own, also where two have the same id or none."""
    calls = [as_object(call) | {"index": place} for place, call in enumerate(as_list(message.tool_calls))]
    return msgspec.structs.replace(message, tool_calls=calls) if calls else message


def _counted(usage: Usage, tier: str | None) -> Counted:
    return Counted(usage, tier)


def _error_in(data: bytes, chunk: Chunk | None) -> ProviderError:
    """The error of an answer, which may stand in one of its choices only."""
    error = read_error(None, {}, data)
    if chunk is not None and chunk.choices and not bytes(chunk.error):
        said = next((choice.error for choice in chunk.choices if choice.error), None)
        error = read_error(None, {}, msgspec.json.encode({"error": said}))
    if error.message or error.code or error.type:
        return error
    return ProviderError(status=None, message="The provider's answer has no content.")

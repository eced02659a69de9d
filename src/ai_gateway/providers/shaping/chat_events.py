"""A stream of chat chunks under rules, as it goes by.

What a pipe holds back comes out with a later delta of the same text, at the latest in a chunk of its own before the one
that ends its choice. A chunk that only had text which is held back is left out; roles, ends and usage never are.

One that is no JSON object is dropped: nobody could say which of its bytes are words. So is, where there are pipes, a
`message` beside a delta (some repeat there what was said so far, and a repetition cannot be held back), and more of a
text that the end of its choice has ended.
"""

from typing import Final, final

from ai_gateway.domain.rules import AnswerRules, TextPipe
from ai_gateway.providers.decoding import as_list, as_object, decode_any
from ai_gateway.providers.shaping.alike import Alike
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.chat_frame import ChatFrame, add_text, waits_for_tools
from ai_gateway.providers.shaping.chat_head import ChunkHead
from ai_gateway.providers.shaping.chat_plain import PlainChunk, PlainDelta, read_plain
from ai_gateway.providers.shaping.chat_reply import pipe_around, pipe_around_message
from ai_gateway.providers.shaping.chat_words import ChoiceWords
from ai_gateway.providers.shaping.frames import splice, split, text_span, write
from ai_gateway.providers.shaping.pieces import Body, is_object
from ai_gateway.providers.sse import data_of

_FRAME: Final = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_MARK: Final = "<|the text|>"
_CONTENT: Final = "content"


@final
class _Choice:
    """How far a choice has come."""

    __slots__ = ("has_begun", "is_appended", "words")

    def __init__(self, chains: Chains) -> None:
        self.words = ChoiceWords(chains)
        self.has_begun = False
        self.is_appended = False


@final
class ChatShaper:
    """The EventShaper of chat streams."""

    def __init__(self, answer: AnswerRules) -> None:
        self._answer = answer
        self._chains = Chains(answer)
        self._frame = ChatFrame(answer)
        self._choices: dict[int, _Choice] = {}
        self._like = b""
        self._has_told_metadata = not answer.metadata
        self._alike = Alike()
        self._head = ChunkHead(self._frame)

    def feed(self, events: bytes) -> bytes:
        if self._alike.covers(events):
            return self._alike.shape(events)
        found = split(events)
        return self._shape(found[0]) if len(found) == 1 else b"".join([self._shape(event) for event in found])

    def end(self) -> bytes:
        """What choices that nobody ended held back."""
        envelope = as_object(decode_any(data_of(self._like) or b"")) if self._choices else {}
        written: list[bytes] = []
        for index, choice in self._choices.items():
            appended = self._appended(choice, None)
            rest = choice.words.rest()
            if rest or appended:
                written.append(self._write_rest(self._like, envelope, index, rest, appended))
        return b"".join(written)

    def _shape(self, event: bytes) -> bytes:
        data = data_of(event)
        if data is None:
            is_comment = self._answer.hidden_as is not None and event.startswith(b":")
            return b": \n\n" if is_comment else event
        if data.strip() == b"[DONE]":
            return self.end() + event
        if self._has_told_metadata and not self._frame.changes_members and (plain := read_plain(data)) is not None:
            shaped = self._shape_plain(event, plain)
            if shaped is not None:
                return shaped
        chunk = decode_any(data)
        return self._shape_chunk(event, chunk, data) if is_object(chunk) else b""

    def _shape_plain(self, event: bytes, chunk: PlainChunk) -> bytes | None:
        """None: it is not as plain as it seems."""
        said = chunk.choices[0]
        member = said.delta.told
        if member is None:
            return None
        choice = self._choice(said.index)
        told = self._head.rename(event) if self._frame.changes_chunks else event
        span = text_span(event, member) if member else None
        words = choice.words
        if told is None or words.is_listed or words.is_over or (span is None and member):
            return None
        choice.has_begun = True
        self._like = event
        if span is None:
            return told
        pipe = None if self._chains.is_idle else _pipe_of(words, said.delta, member)
        moved = len(told) - len(event)
        begin, end = span[0] + moved, span[1] + moved
        if member == _CONTENT:
            self._alike.learn(event, span, (told[:begin], told[end:]), pipe)
        text = said.delta.text(member)
        piped = text if pipe is None else pipe.feed(text)
        if piped == text:
            return told
        return b"" if not piped and said.delta.role is None else splice(told, (begin, end), piped)

    def _shape_chunk(self, event: bytes, chunk: Body, data: bytes) -> bytes:
        choices = [as_object(it) for it in as_list(chunk.get("choices")) if is_object(it)]
        heard = False
        if choices:
            self._like = event
        if not self._chains.is_idle:
            pipe_around(chunk, self._chains)
        before: list[bytes] = []
        appended: list[tuple[Body, str]] = []
        for said in choices:
            heard |= self._pipe(said)
            if said.get("finish_reason"):
                before += self._end_choice(event, chunk, said, appended)
        self._dress(chunk)
        for said, text in appended:
            add_text(said.setdefault("delta", {}), text)
        if heard and _is_silent(chunk, choices):
            shaped = b""
        else:
            is_same = not self._frame.changes_chunks and chunk == decode_any(data)
            shaped = event if is_same else write(event, chunk)
        if self._alike.wants_more and len(choices) == 1 and not before and self._has_told_metadata:
            self._learn(event, data, chunk)
        return b"".join([*before, shaped]) if before else shaped

    def _learn(self, event: bytes, data: bytes, chunk: Body) -> None:
        """From a shaped chunk: what it would be with another text."""
        plain = read_plain(data)
        span = text_span(event, _CONTENT)
        delta = as_object(chunk["choices"][0]).get("delta")
        if plain is None or plain.choices[0].delta.told != _CONTENT or span is None or not is_object(delta):
            return
        if _CONTENT not in delta or not self._frame.changes_members:
            return
        delta[_CONTENT] = _MARK
        before, mark, after = write(event, chunk).partition(_MARK.encode())
        words = self._choice(plain.choices[0].index).words
        if mark and _MARK.encode() not in after and not words.is_over:
            pipe = None if self._chains.is_idle else words.channel(_CONTENT).pipe
            self._alike.learn(event, span, (before, after), pipe)

    def _pipe(self, said: Body) -> bool:
        """Whether there was any text."""
        choice = self._choice(said.get("index"))
        if not self._chains.is_idle:
            pipe_around_message(said, self._chains)
            if said.get("delta") is not None:
                said.pop("message", None)
        name = "delta" if said.get("delta") is not None else "message"
        if is_object(delta := said.get(name)):
            choice.words.take(delta)
        elif delta is not None and not self._chains.is_idle:
            said[name] = self._chains.any(delta)
            return False
        return choice.words.heard and is_object(delta)

    def _end_choice(self, event: bytes, chunk: Body, said: Body, appended: list[tuple[Body, str]]) -> list[bytes]:
        """What goes out before the chunk that ends a choice. What is appended goes with it into the text that this
        chunk has, if it has any."""
        choice = self._choice(said.get("index"))
        self._alike.forget()
        rest = choice.words.end()
        text = self._appended(choice, said.get("finish_reason"))
        if text and as_object(said.get("delta")).get(_CONTENT):
            appended.append((said, text))
            text = ""
        if not rest and not text:
            return []
        return [self._write_rest(event, chunk, said.get("index", 0), rest, text)]

    def _appended(self, choice: _Choice, finish: object) -> str:
        """What is still to be appended to a choice that ends."""
        if choice.is_appended:
            return ""
        choice.is_appended = True
        if waits_for_tools(finish, choice.words.has_calls) or not self._answer.appended:
            return ""
        choice.words.close()
        return self._answer.appended

    def _write_rest(self, like: bytes, envelope: Body, index: object, rest: Body, appended: str) -> bytes:
        chunk: Body = {name: envelope[name] for name in _FRAME if name in envelope}
        chunk["choices"] = [{"index": index, "delta": rest, "finish_reason": None}]
        self._dress(chunk)
        if appended:
            add_text(rest, appended)
        return write(like, chunk)

    def _dress(self, chunk: Body) -> None:
        frame = self._frame
        if frame.changes_chunks:
            choices = [(as_object(it), as_object(it).get("finish_reason")) for it in as_list(chunk.get("choices"))]
            frame.dress_chunk(chunk)
            for said, finish in choices:
                choice = self._choice(said.get("index"))
                frame.dress_choice(said, is_first=not choice.has_begun, is_last=bool(finish))
                choice.has_begun = True
        if not self._has_told_metadata:
            self._has_told_metadata = True
            self._frame.add_metadata(chunk)

    def _choice(self, index: object) -> _Choice:
        number = index if type(index) is int else 0
        choice = self._choices.get(number)
        if choice is None:
            choice = self._choices[number] = _Choice(self._chains)
        return choice


def _pipe_of(words: ChoiceWords, delta: PlainDelta, member: str) -> TextPipe:
    calls = delta.tool_calls
    return (words.channel(member) if calls is None else words.arguments_of(calls[0].index)).pipe


def _is_silent(chunk: Body, choices: list[Body]) -> bool:
    """Whether a chunk only keeps the form."""
    if not choices or any(value for name, value in chunk.items() if name not in _FORM):
        return False
    return not any(it.get("finish_reason") or it.get("message") or _says(it.get("delta")) for it in choices)


_FORM: Final = frozenset({*_FRAME, "choices", "provider", "obfuscation", "p"})


def _says(delta: object) -> bool:
    return any(as_object(delta).values()) if is_object(delta) else bool(delta)

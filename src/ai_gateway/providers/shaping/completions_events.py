"""A stream of text completions under rules, as it goes by.

What a pipe holds back of a choice's text comes out with a later piece of it, at the latest with the chunk that ends the
choice, which also has what is appended. A chunk whose only text is held back is left out.
"""

from typing import Final, final

from ai_gateway.domain.rules import AnswerRules, TextPipe
from ai_gateway.providers.decoding import decode_any
from ai_gateway.providers.shaping.alike import Alike
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.completions_reply import Dressing, add_text, choices_of, pipe_around
from ai_gateway.providers.shaping.frames import split, text_span, write
from ai_gateway.providers.shaping.pieces import Body, add_metadata, is_object
from ai_gateway.providers.sse import data_of

_FRAME: Final = ("id", "object", "created", "model", "system_fingerprint")
_MARK: Final = "<|the text|>"
_TEXT: Final = "text"


@final
class _Text:
    """How far a choice has come."""

    __slots__ = ("is_appended", "pipe")

    def __init__(self, pipe: TextPipe) -> None:
        self.pipe = pipe
        self.is_appended = False


@final
class CompletionShaper:
    """The EventShaper of streams of text completions."""

    def __init__(self, answer: AnswerRules) -> None:
        self._answer = answer
        self._chains = Chains(answer)
        self._dressing = Dressing(answer)
        self._texts: dict[int, _Text] = {}
        self._last: tuple[bytes, Body] = (b"data: {}\n\n", {})
        self._has_told_metadata = not answer.metadata
        self._alike = Alike()

    def feed(self, events: bytes) -> bytes:
        if self._alike.covers(events):
            return self._alike.shape(events)
        return b"".join([self._shape(event) for event in split(events)])

    def end(self) -> bytes:
        """What choices that nobody ended held back."""
        like, envelope = self._last
        written: list[bytes] = []
        for index, text in self._texts.items():
            rest = text.pipe.end()
            chunk: Body = {name: envelope[name] for name in _FRAME if name in envelope}
            choice: Body = {"index": index, _TEXT: rest, "logprobs": None, "finish_reason": None}
            chunk["choices"] = [choice]
            self._dressing.drop(chunk)
            self._append(text, choice)
            if choice.get(_TEXT):
                written.append(write(like, chunk))
        self._texts.clear()
        return b"".join(written)

    def _shape(self, event: bytes) -> bytes:
        data = data_of(event)
        if data is None:
            is_comment = self._answer.hidden_as is not None and event.startswith(b":")
            return b": \n\n" if is_comment else event
        if data.strip() == b"[DONE]":
            return self.end() + event
        chunk = decode_any(data)
        return self._shape_chunk(event, chunk) if is_object(chunk) else b""

    def _shape_chunk(self, event: bytes, chunk: Body) -> bytes:
        choices = choices_of(chunk)
        if not self._chains.is_idle:
            pipe_around(chunk, self._chains)
        had_text = any(choice.get(_TEXT) for choice in choices)
        ending = [(choice, self._text_of(choice)) for choice in choices if choice.get("finish_reason")]
        for choice in choices:
            self._pipe(choice)
        self._dressing.dress(chunk)
        for choice in choices:
            self._dressing.dress_choice(choice, ends=any(choice is it for it, _ in ending))
        for choice, text in ending:
            self._append(text, choice)
            self._alike.forget()
        if choices:
            self._last = (event, chunk)
        is_aside = not ending and not chunk.get("usage")
        if is_aside and had_text and not any(choice.get(_TEXT) for choice in choices):
            return b""
        if not self._has_told_metadata:
            self._has_told_metadata = True
            add_metadata(chunk, self._answer.metadata)
        elif is_aside and len(choices) == 1:
            self._learn(event, chunk, choices[0])
        return write(event, chunk)

    def _pipe(self, choice: Body) -> None:
        text = self._text_of(choice)
        said = choice.get(_TEXT)
        if self._chains.is_idle:
            return
        if isinstance(said, str):
            choice[_TEXT] = text.pipe.feed(said)
        elif said is not None:
            choice[_TEXT] = self._chains.any(said)
        if choice.get("finish_reason"):
            rest = text.pipe.end()
            text.pipe = self._chains.text()
            if rest:
                add_text(choice, rest)

    def _append(self, text: _Text, choice: Body) -> None:
        if not text.is_appended and self._answer.appended:
            add_text(choice, self._answer.appended)
        text.is_appended = True

    def _text_of(self, choice: Body) -> _Text:
        index = choice.get("index")
        number = index if type(index) is int else 0
        text = self._texts.get(number)
        if text is None:
            text = self._texts[number] = _Text(self._chains.text())
        return text

    def _learn(self, event: bytes, chunk: Body, choice: Body) -> None:
        """What stands around the text, for events that differ in nothing else."""
        text = choice.get(_TEXT)
        span = text_span(event, _TEXT)
        if span is None or not isinstance(text, str):
            return
        before, mark, after = write(event, {**chunk, "choices": [{**choice, _TEXT: _MARK}]}).partition(_MARK.encode())
        if mark and _MARK.encode() not in after:
            pipe = None if self._chains.is_idle else self._text_of(choice).pipe
            self._alike.learn(event, span, (before, after), pipe)

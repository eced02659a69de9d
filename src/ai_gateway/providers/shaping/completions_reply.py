"""Text completions (OpenAI's older API) under rules, whole and the pieces of a stream: a chunk is an answer whose texts
go on, so both are read by the same functions. completions_events.py is the stream."""

from typing import Final

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.decoding import as_list, decode_any
from ai_gateway.providers.shaping.chains import Chains, recorded
from ai_gateway.providers.shaping.pieces import (
    Body,
    add_metadata,
    below,
    drop,
    encode,
    has,
    is_list,
    is_object,
    is_text,
    name_anew,
    put,
)

_PREFIX: Final = "cmpl-"
_USAGE: Final = "usage"
_CHOICES: Final = "choices"
_MEMBERS: Final = frozenset({"id", "object", "created", "model", "choices", "usage", "metadata", "error", "gateway"})
_NO_WORDS: Final = frozenset({"choices", "usage", "x_groq"})
_NO_WORDS_OF_CHOICE: Final = frozenset({"text", "logprobs", "content_filter_results"})


def shape_completion(body: bytes, answer: AnswerRules) -> bytes:
    """What is no JSON object is shaped as one text. Raises Blocked, RuleFailed."""
    said = decode_any(body)
    chains = Chains(answer)
    if not is_object(said):
        return body if chains.is_idle else chains.whole(body.decode(errors="replace")).encode(errors="replace")
    if not chains.is_idle:
        pipe_around(said, chains)
        for choice in choices_of(said):
            text = choice.get("text")
            if text is not None:
                choice["text"] = chains.whole(text) if isinstance(text, str) else chains.any(text)
    dressing = Dressing(answer)
    dressing.dress(said)
    for choice in choices_of(said):
        dressing.dress_choice(choice, ends=True)
    add_metadata(said, answer.metadata)
    if answer.appended:
        for choice in choices_of(said):
            add_text(choice, answer.appended)
    return encode(said)


def completion_texts(body: bytes) -> tuple[str, ...]:
    """The texts of a whole answer as pipes see them."""
    return recorded(lambda answer: shape_completion(body, answer))


def choices_of(said: Body) -> list[Body]:
    return [it for it in as_list(said.get(_CHOICES)) if is_object(it)]


def pipe_around(said: Body, chains: Chains) -> None:
    """All words but the choices' texts. The weights of pieces spell a text as the model wrote it: they are not told."""
    for name, value in list(said.items()):
        if name not in _NO_WORDS and (not isinstance(value, str) or is_text(name)):
            said[name] = chains.any(value)
    choices = said.get(_CHOICES)
    if is_list(choices):
        said[_CHOICES] = [it if is_object(it) else chains.any(it) for it in choices]
    elif choices is not None:
        said[_CHOICES] = chains.any(choices)
    for choice in choices_of(said):
        for name, value in list(choice.items()):
            if name not in _NO_WORDS_OF_CHOICE and (not isinstance(value, str) or is_text(name)):
                choice[name] = chains.any(value)
        if choice.get("logprobs") is not None:
            choice["logprobs"] = None


def add_text(choice: Body, text: str) -> None:
    said = choice.get("text")
    choice["text"] = (said if isinstance(said, str) else "") + text


class Dressing:
    """Names and members: those of the top are in every chunk, those of a choice come with its end."""

    def __init__(self, answer: AnswerRules) -> None:
        self._answer = answer
        self._put_top = tuple((path, value) for path, value in answer.put if path[0] != _CHOICES)
        self._put_choice = tuple((path[1:], value) for path, value in answer.put if below((path,), _CHOICES))

    def dress(self, said: Body) -> None:
        name_anew(said, self._answer, _PREFIX, _MEMBERS)
        self.drop(said)
        for path, value in self._put_top:
            if path[0] != _USAGE or isinstance(said.get(_USAGE), dict):
                put(said, path, value)

    def drop(self, said: Body) -> None:
        for path in self._answer.drop:
            drop(said, path)

    def dress_choice(self, choice: Body, *, ends: object) -> None:
        for path, value in self._put_choice:
            if ends or has(choice, path):
                put(choice, path, value)

"""A whole chat completion under rules: words, then names, members and metadata, then what is appended.

`chat_events.py` says the same of a stream. Both do everything but the order of bytes in `chat_words.py` and
`chat_frame.py`, so that there is one reading of a message and of a delta.
"""

from typing import Final

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.chat_frame import ChatFrame, add_text, waits_for_tools
from ai_gateway.providers.shaping.chat_words import ChoiceWords
from ai_gateway.providers.shaping.pieces import Body, encode, is_list, is_object, is_text, read_body

_NO_WORDS: Final = frozenset({"choices", "usage", "x_groq"})
_USUAL: Final = _NO_WORDS | {
    "id", "object", "created", "model", "service_tier", "system_fingerprint", "provider", "obfuscation", "p",
}  # fmt: skip
_NO_WORDS_OF_CHOICE: Final = frozenset({"message", "delta", "logprobs", "content_filter_results"})
_USUAL_OF_CHOICE: Final = _NO_WORDS_OF_CHOICE | {"index", "finish_reason", "native_finish_reason"}


def shape_chat(body: bytes, answer: AnswerRules) -> bytes:
    """What is no JSON object is shaped as one text. Raises Blocked, RuleFailed."""
    said = read_body(body)
    chains = Chains(answer)
    if not is_object(said):
        return body if chains.is_idle else chains.whole(body.decode(errors="replace")).encode(errors="replace")
    told: Body = said
    calls: dict[int, bool] = {}
    for place, choice in enumerate(as_list(told.get("choices"))):
        message = as_object(as_object(choice).get("message"))
        calls[place] = bool(message.get("tool_calls") or message.get("function_call"))
    if not chains.is_idle:
        pipe_around(told, chains)
        for choice in as_list(told.get("choices")):
            if is_object(choice):
                _pipe_choice(choice, chains)
    ChatFrame(answer).dress_whole(told)
    if answer.appended:
        for place, choice in enumerate(as_list(told.get("choices"))):
            _append(as_object(choice), answer.appended, has_calls=calls.get(place, False))
    return encode(told)


def pipe_around(body: Body, chains: Chains) -> None:
    """The texts of an answer or a chunk beside its choices (search results, say), and choices that are none."""
    if not body.keys() <= _USUAL:
        for name, value in list(body.items()):
            if name not in _NO_WORDS and (not isinstance(value, str) or is_text(name)):
                body[name] = chains.any(value)
    choices = body.get("choices")
    if is_list(choices):
        choices[:] = [it if is_object(it) else chains.any(it) for it in choices]
    elif choices is not None:
        body["choices"] = chains.any(choices)


def pipe_around_message(choice: Body, chains: Chains) -> None:
    """The texts of a choice beside its message. The weights of pieces spell the text as the model wrote it, so none of
    them are told where rules look for words."""
    if not choice.keys() <= _USUAL_OF_CHOICE:
        for name, value in list(choice.items()):
            if name not in _NO_WORDS_OF_CHOICE and (not isinstance(value, str) or is_text(name)):
                choice[name] = chains.any(value)
    if choice.get("logprobs") is not None:
        choice["logprobs"] = None


def _pipe_choice(choice: Body, chains: Chains) -> None:
    pipe_around_message(choice, chains)
    for name in ("message", "delta"):
        if is_object(message := choice.get(name)):
            ChoiceWords(chains).take_whole(message)
        elif message is not None:
            choice[name] = chains.any(message)


def _append(choice: Body, text: str, *, has_calls: bool) -> None:
    message = choice.get("message")
    if is_object(message) and not waits_for_tools(choice.get("finish_reason"), has_calls):
        add_text(message, text)

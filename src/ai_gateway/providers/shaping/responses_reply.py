"""A whole response (OpenAI's Responses API) under rules: words, then names, members and metadata, then what is
appended. responses_events.py says the same of a stream."""

from typing import final

from ai_gateway.domain.rules import AnswerRules, Json
from ai_gateway.providers.decoding import decode_any
from ai_gateway.providers.shaping.chains import Chains, recorded
from ai_gateway.providers.shaping.pieces import encode, is_object
from ai_gateway.providers.shaping.responses_items import (
    ARGUMENTS,
    Surroundings,
    append,
    rewrite_response,
    rewrite_value,
    waits_for_tools,
)


def shape_response(body: bytes, answer: AnswerRules) -> bytes:
    """What is no JSON object is shaped as one text. Raises Blocked, RuleFailed."""
    response = decode_any(body)
    chains = Chains(answer)
    if not is_object(response):
        return body if chains.is_idle else chains.whole(body.decode(errors="replace")).encode(errors="replace")
    waits = waits_for_tools(response.get("output"))
    if not chains.is_idle:
        rewrite_response(response, WholeWords(chains))
    Surroundings(answer).dress(response)
    if answer.appended and not waits:
        append(response, answer)
    return encode(response)


def response_texts(body: bytes) -> tuple[str, ...]:
    """The texts of a whole answer as pipes see them."""
    return recorded(lambda answer: shape_response(body, answer))


@final
class WholeWords:
    """Every text is there at once."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains
        self.whole = chains.whole

    def threaded(self, stem: str, part: int, text: Json) -> Json:
        if not isinstance(text, str):
            return rewrite_value(text, self)
        return self._chains.whole_arguments(text) if stem in ARGUMENTS else self._chains.whole(text)

"""Whole answers that are no conversation under rules: embeddings, images, counts of tokens. Only the words that a model
made of a picture's prompt go through pipes; vectors and pictures are not looked at, and not even decoded where no rule
speaks of them."""

from collections.abc import Callable
from typing import Final

import msgspec

from ai_gateway.domain.rules import AnswerRules, Json
from ai_gateway.providers.decoding import as_list, as_object, decode, decode_any
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.pieces import Body, add_metadata, drop, encode, name_anew, put

_DATA: Final = "data"
_REVISED: Final = "revised_prompt"
_EMBEDDINGS: Final = frozenset({"object", "data", "model", "usage", "metadata"})
_IMAGES: Final = frozenset(
    {"created", "data", "usage", "background", "output_format", "quality", "size", "model", "metadata"}
)
_COUNT: Final = frozenset({"input_tokens", "context_management", "metadata"})


def shape_embeddings(body: bytes, answer: AnswerRules) -> bytes:
    return _shape(body, answer, _EMBEDDINGS, lambda _: None)


def shape_images(body: bytes, answer: AnswerRules) -> bytes:
    """Raises Blocked, RuleFailed."""
    chains = Chains(answer)

    def revise(told: Body) -> None:
        for picture in as_list(told.get(_DATA)):
            if isinstance(said := as_object(picture).get(_REVISED), str):
                as_object(picture)[_REVISED] = chains.whole(said)

    return _shape(body, answer, _IMAGES, lambda told: None if chains.is_idle else revise(_opened(told)))


def shape_count(body: bytes, answer: AnswerRules) -> bytes:
    return _shape(body, answer, _COUNT, lambda _: None)


def _shape(body: bytes, answer: AnswerRules, known: frozenset[str], pipe: Callable[[Body], None]) -> bytes:
    """What is no JSON object is nothing of which a rule speaks."""
    members = decode(body, dict[str, msgspec.Raw])
    if members is None:
        return body
    told: Body = {name: raw if name == _DATA else decode_any(raw) for name, raw in members.items()}
    pipe(told)
    name_anew(told, answer, "", known)
    if any(path[0] == _DATA for path in answer.drop) or any(path[0] == _DATA for path, _ in answer.put):
        _opened(told)
    for path in answer.drop:
        drop(told, path)
    for path, value in answer.put:
        put(told, path, value)
    add_metadata(told, answer.metadata)
    return encode(told)


def _opened(told: Body) -> Body:
    data: Json = told.get(_DATA)
    if isinstance(data, msgspec.Raw):
        told[_DATA] = decode_any(data)
    return told

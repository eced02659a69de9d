"""How long an answer may be, said to a provider in the field that its model takes.

OpenAI's own models want `max_completion_tokens` (those that think refuse `max_tokens`), most compatible servers know
`max_tokens`, Anthropic's dialect and text completions have only that, and responses have `max_output_tokens`. What the
caller sent stays where the caller put it, and is only ever made smaller.
"""

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import Candidate
from ai_gateway.domain.traffic import Head, Shaped
from ai_gateway.providers.capabilities import longest_output
from ai_gateway.providers.decoding import decode
from ai_gateway.providers.differences import Names
from ai_gateway.providers.kinds import KINDS

_FIELDS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_ONE_FIELD = ("max_tokens",)
_COMPLETIONS = Operation.COMPLETIONS  # a member of an enum is a look-up in Python each time
_RESPONSES = Operation.RESPONSES
CAPPED = frozenset({Operation.CHAT, Operation.MESSAGES, Operation.COMPLETIONS, Operation.RESPONSES})
"""Operations whose answers have a length that can be said."""


def default_output(candidate: Candidate) -> int:
    """What an answer is held for where the caller gave no cap: what the model is known to write at most, else the
    endpoint's default, which is then sent along."""
    return longest_output(candidate.model) or candidate.endpoint.default_max_output


def is_bounded(candidate: Candidate) -> bool:
    """Whether the model is known to write no more than was held for. What a customer called a deployment is no proof
    of that."""
    differences = KINDS[candidate.endpoint.provider].differences
    return differences.names is Names.MODELS and longest_output(candidate.model) is not None


def capped(shaped: Shaped, candidate: Candidate, most: int | None) -> Shaped:
    """The call with at most `most` tokens of output (None: with what was held for it, where nobody said a cap)."""
    call = shaped.call
    if call.head.operation not in CAPPED:
        return shaped
    fields_of_its = _ONE_FIELD if call.head.operation is _COMPLETIONS else _FIELDS
    named = [name for name in fields_of_its if name in shaped.fields]
    if most is None:
        if named or is_bounded(candidate):
            return shaped
        most = default_output(candidate) if call.max_output is None else call.max_output
    named = named or [_field_of(call.head, candidate)]
    fields = dict(shaped.fields)
    for name in named:
        asked = decode(fields[name], int) if name in fields else None
        fields[name] = msgspec.Raw(str(most if asked is None else min(asked, most)).encode())
    return msgspec.structs.replace(shaped, fields=fields)


def _field_of(head: Head, candidate: Candidate) -> str:
    if head.operation is _RESPONSES:
        return "max_output_tokens"
    if head.dialect is not Dialect.OPENAI or head.operation is _COMPLETIONS:
        return "max_tokens"
    return KINDS[candidate.endpoint.provider].differences.output_field

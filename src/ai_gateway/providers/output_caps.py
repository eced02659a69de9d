"""How long an answer may be, said to a provider in the field that its model takes.

OpenAI's own models want `max_completion_tokens` (those that think refuse `max_tokens`), compatible servers know
`max_tokens`, Anthropic's dialect has only that, and responses have `max_output_tokens`. What the caller sent stays
where the caller put it, and is only ever made smaller.
"""

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import Candidate, ProviderType
from ai_gateway.domain.traffic import Head, Shaped
from ai_gateway.providers.capabilities import longest_output
from ai_gateway.providers.decoding import decode

_FIELDS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_RESPONSES = Operation.RESPONSES  # a member of an enum is a look-up in Python each time
CAPPED = frozenset({Operation.CHAT, Operation.MESSAGES, Operation.RESPONSES})
"""Operations whose answers have a length."""


def default_output(candidate: Candidate) -> int:
    """What an answer is held for where the caller gave no cap: what the model is known to write at most, else the
    endpoint's default, which is then sent along."""
    return longest_output(candidate.model) or candidate.endpoint.default_max_output


def capped(shaped: Shaped, candidate: Candidate, most: int | None) -> Shaped:
    """The call with at most `most` tokens of output (None: with what was held for it, where nobody said a cap)."""
    call = shaped.call
    if call.head.operation not in CAPPED:
        return shaped
    if most is None:
        if call.max_output is not None or longest_output(candidate.model) is not None:
            return shaped
        most = candidate.endpoint.default_max_output
    named = [name for name in _FIELDS if name in shaped.fields] or [_field_of(call.head, candidate)]
    fields = dict(shaped.fields)
    for name in named:
        asked = decode(fields[name], int) if name in fields else None
        fields[name] = msgspec.Raw(str(most if asked is None else min(asked, most)).encode())
    return msgspec.structs.replace(shaped, fields=fields)


def _field_of(head: Head, candidate: Candidate) -> str:
    if head.operation is _RESPONSES:
        return "max_output_tokens"
    is_openais = head.dialect is Dialect.OPENAI and candidate.endpoint.provider is ProviderType.OPENAI
    return "max_completion_tokens" if is_openais else "max_tokens"

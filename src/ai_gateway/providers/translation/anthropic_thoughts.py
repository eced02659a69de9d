"""Thoughts in Anthropic's dialect, whoever thought them.

A signature is of use to its maker only, and Anthropic's callers give back what they got without looking into it. So the
signature of a foreign thought says whose it is, `gateway:<maker>:<signature>`, and is taken apart when it comes back;
the data of a redacted block likewise. What one string cannot tell (an id, encrypted reasoning beside a summary) makes
it a JSON object, which no signature is: `gateway:openai:{"id":"rs_1","encrypted":"..."}`.

A call that is signed itself (Gemini's) has a thinking block without text before it, with the plain form.
"""

from typing import Final

import msgspec

from ai_gateway.domain.conversation import Json, Maker, Thinking
from ai_gateway.providers.decoding import as_object, decode_any

PREFIX: Final = "gateway:"
_MAKERS: Final = {maker.value: maker for maker in Maker}


class Proof(msgspec.Struct, frozen=True):
    """What a signature of the dialect says. `is_plain`: in the form that signs calls, too."""

    maker: Maker
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    is_plain: bool = True


def read_proof(signature: str) -> Proof:
    """A signature or the data of a redacted block; the latter's is in `signature`, too, unless it says otherwise."""
    if not signature.startswith(PREFIX):
        return Proof(Maker.ANTHROPIC, signature or None)
    maker, _, rest = signature[len(PREFIX) :].partition(":")
    known = _MAKERS.get(maker, Maker.UNKNOWN)
    if not rest.startswith("{"):
        return Proof(known, rest or None)
    said = as_object(decode_any(rest.encode()))
    return Proof(known, _text(said, "signature"), _text(said, "encrypted"), _text(said, "id"), is_plain=False)


def signature_of(thought: Thinking) -> str:
    """How the dialect signs it; empty for an unsigned one of Anthropic's own."""
    if thought.maker is Maker.ANTHROPIC and thought.id is None and thought.encrypted is None:
        signature = thought.signature or ""
        return signature if not signature.startswith(PREFIX) else f"{PREFIX}{thought.maker.value}:{signature}"
    if thought.id is None and thought.encrypted is None and thought.text:
        return f"{PREFIX}{thought.maker.value}:{thought.signature or ''}"
    told = {"signature": thought.signature, "encrypted": thought.encrypted, "id": thought.id}
    said = msgspec.json.encode({name: value for name, value in told.items() if value is not None})
    return f"{PREFIX}{thought.maker.value}:{said.decode()}"


def call_signature(maker: Maker | None, signature: str) -> str:
    """The signature of a call, for the empty thought before it."""
    return f"{PREFIX}{(maker or Maker.UNKNOWN).value}:{signature}"


def is_redacted(thought: Thinking) -> bool:
    return thought.encrypted is not None and not thought.text and thought.signature is None


def write_thought(thought: Thinking) -> dict[str, Json]:
    """The block of any thought, as Anthropic's callers get it."""
    if not is_redacted(thought):
        return {"type": "thinking", "thinking": thought.text, "signature": signature_of(thought)}
    return {"type": "redacted_thinking", "data": redacted_data(thought)}


def redacted_data(thought: Thinking) -> str:
    data = thought.encrypted or ""
    if thought.id is not None:
        return signature_of(thought)
    if thought.maker is Maker.ANTHROPIC and not data.startswith(PREFIX):
        return data
    return f"{PREFIX}{thought.maker.value}:{data}"


def read_thinking(text: str, signature: str) -> Thinking:
    proof = read_proof(signature)
    return Thinking(text, proof.signature, proof.encrypted, proof.maker, proof.id)


def read_redacted(data: str) -> Thinking:
    proof = read_proof(data)
    if proof.is_plain:
        return Thinking(encrypted=proof.signature or "", maker=proof.maker)
    return Thinking("", proof.signature, proof.encrypted, proof.maker, proof.id)


def _text(said: dict[str, object], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) else None

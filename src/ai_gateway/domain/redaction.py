"""What a credential, and an address inside somebody's network, look like in somebody else's text.

Providers echo keys ("Incorrect API key provided: sk-..."), and what they say is shown to callers. So their text is
redacted once, where it is read, and again where a sentence for people is made of it. The patterns err on the side of
taking too much: a lost word in an error message costs nothing. A secret that looks like none is known to whoever holds
it: `without` takes it out in every form in which an echo may carry it.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import quote

REDACTED = "[redacted]"

_PREFIXED = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(?:(?:sk|pk|rk|gsk|xai|csk|pplx|hf|key|ghp|gho|glpat|fw|nvapi|r8|tgp|org|proj|sess)[-_](?=\S{0,60}[\d*])[A-Za-z0-9_\-.*]{6,}"
    r"|sk-[A-Za-z0-9_\-.*]{4,}"
    r"|AIza[A-Za-z0-9_\-*]{8,}"
    r"|ya29\.[A-Za-z0-9_\-.]{8,}"
    r"|(?:AKIA|ASIA)[A-Z0-9*]{8,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){0,2})"
)
_LABELLED = re.compile(
    r"(?i)\b(bearer|basic|x-api-key|api[-_ ]?key|access[-_ ]?token|token|secret|password|authorization)"
    r"(\s*(?:provided)?\s*[:=]\s*|\s+)(?:(bearer|basic)\s+)?([\"'`]?)(?=[A-Za-z0-9_\-.*+/=]{0,60}[\d*])([A-Za-z0-9_\-.*+/=]{12,})"
)
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.\-]{1,15}://)[^\s/@]+@")
_INTERNAL = re.compile(
    r"(?i)(?<![\w.])(?:"
    r"(?:10|127)(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|169\.254(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}"
    r"|(?:[a-z0-9-]{1,63}\.){1,8}(?:internal|local|localdomain|lan|intranet|corp|svc)"
    r"|(?:fc|fd|fe8)[0-9a-f]{1,2}(?::{1,2}[0-9a-f]{1,4}){1,7}"
    r")(?![\w-])(?::\d{1,5}\b)?"
)
"""Private and link-local addresses (RFC 1918, 3927, 4193, 4291), and names that only an own network resolves."""
_PIECE: Final = 12
"""A part of a secret as long as this is taken out, too: echoes are cut, and base64 is shifted by what stands before."""
_SHORTEST: Final = 6
_LONGEST_SECRET: Final = 8192


def redact(text: str) -> str:
    """The text with everything key-shaped, and every internal address, replaced by `[redacted]`."""
    text = _PREFIXED.sub(REDACTED, text)
    text = _LABELLED.sub(lambda found: f"{found[1]}{found[2]}{found[4]}{REDACTED}", text)
    return _INTERNAL.sub(REDACTED, _USERINFO.sub(rf"\1{REDACTED}@", text))


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with these secrets replaced, and every longer part of them: plain, percent-encoded, in base64 of either
    alphabet wherever it begins, in hexadecimal."""
    for secret in secrets:
        size = min(_PIECE, len(secret))
        pieces = _pieces(secret[:_LONGEST_SECRET], size)
        if any(text[at : at + size] in pieces for at in range(len(text) - size + 1)):
            for form in _forms(secret[:_LONGEST_SECRET]):
                text = _taken_out(text, form)
    return text


@lru_cache(64)
def _pieces(secret: str, size: int) -> frozenset[str]:
    """What a text is searched for first, since nearly none has any of it in it."""
    return frozenset(form[at : at + size] for form in _forms(secret) for at in range(len(form) - size + 1))


def _forms(secret: str) -> Iterator[str]:
    if len(secret) < _SHORTEST:
        return
    raw = secret.encode()
    yield secret
    yield quote(secret, safe="")
    yield raw.hex()
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
        inside = encoded[(0, 2, 3)[shift] : len(encoded) - ((len(raw) + shift) % 3 != 0)]
        yield inside
        yield inside.replace("+", "-").replace("/", "_")


def _taken_out(text: str, form: str) -> str:
    piece = min(_PIECE, len(form))
    shorter, longer = (form, text) if len(form) < len(text) else (text, form)
    if not any(shorter[at : at + piece] in longer for at in range(len(shorter) - piece + 1)):
        return text
    parts: list[str] = []
    at = 0
    while at < len(text):
        length = _shared(text, at, form, piece)
        if length:
            parts.append(REDACTED)
            at += length
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts)


def _shared(text: str, at: int, form: str, piece: int) -> int:
    """How much of the text from here on is a part of the form; 0 where that is less than a piece."""
    start = form.find(text[at : at + piece]) if len(text) - at >= piece else -1
    if start < 0:
        return 0
    length = piece
    while start + length < len(form) and at + length < len(text) and text[at + length] == form[start + length]:
        length += 1
    return length

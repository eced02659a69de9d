"""How much a call that is no chat asks for: how many texts, how many pictures, and how much each is at most.

A text completion has several answers for each of its prompts, and those that `best_of` lets compete are paid for too.
A picture has no cap that a caller could give: its size and its quality decide how many tokens it is. The rates are an
upper bound of those that OpenAI's image models are published with (gpt-image-1: 6,240 tokens for 1024x1536 in high
quality; gpt-image-2 up to about 7,000 for 1024x1024), so the true count is never above what was held.
"""

import re
from typing import Final

import msgspec

from ai_gateway.gateway import envelope
from ai_gateway.gateway.envelope import Fields

DEFAULT_TEXT: Final = 16
"""Tokens of a text completion whose caller gave no cap: the document of the dialect says so."""
MOST_PICTURE: Final = 65_536
_SIZE: Final = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})", re.ASCII)
_USUAL_PIXELS: Final = 1536 * 1024
_PIXELS_PER_TOKEN: Final = {"low": 2048, "medium": 512, "standard": 512}
_LEAST_PIXELS_PER_TOKEN: Final = 128

_ANY: Final = msgspec.json.Decoder(list[msgspec.Raw])


def texts_asked(fields: Fields) -> int:
    """Raises InvalidRequest."""
    each = max(envelope.read_int(fields, "n") or 1, envelope.read_int(fields, "best_of") or 1)
    return each * _prompts(fields.get("prompt"))


def pictures_asked(fields: Fields) -> int:
    """Raises InvalidRequest."""
    return envelope.read_int(fields, "n") or 1


def picture_tokens(fields: Fields) -> int:
    """Tokens of one picture at most, where its model counts in tokens at all. What is not said, or said in a way that
    is not known here, is taken for the dearest."""
    size = _SIZE.fullmatch(_word(fields, "size"))
    pixels = int(size[1]) * int(size[2]) if size else _USUAL_PIXELS
    tokens = -(-pixels // _PIXELS_PER_TOKEN.get(_word(fields, "quality"), _LEAST_PIXELS_PER_TOKEN))
    return min(tokens, MOST_PICTURE)


def _prompts(raw: msgspec.Raw | None) -> int:
    """A text or the tokens of one are one prompt; a list of either is as many."""
    if raw is None or bytes(memoryview(raw)[:1]) != b"[":
        return 1
    items = _ANY.decode(raw)
    many = bool(items) and bytes(memoryview(items[0])[:1]) in (b'"', b"[")
    return len(items) if many else 1


def _word(fields: Fields, name: str) -> str:
    try:
        return msgspec.json.decode(fields[name], type=str) if name in fields else ""
    except msgspec.DecodeError:
        return ""

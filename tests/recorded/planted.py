"""Secrets put into recorded answers where words are: whole, or half in one piece of a text and half in the next."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from ai_gateway.providers.sse import EventSplitter, data_of

SECRETS = ("leaky.person@secret.example", "4111111111111111", "sk-live-0123456789abcdefXYZ")
_WORDS = {
    "content", "reasoning", "reasoning_content", "refusal", "transcript", "arguments", "text", "thinking", "summary",
    "partial_json", "cited_text", "title", "snippet", "stdout", "explanation",
}  # fmt: skip
_JSON = {"arguments", "partial_json"}
_HIDING = {"usage", "logprobs", "x_groq"}


class Place(NamedTuple):
    """A text in a decoded body; `text` is its way there without the numbers of an event: pieces of one text have the
    same."""

    holder: dict[str, Any]
    member: str
    text: str


def places(value: Any, way: str = "") -> Iterator[Place]:
    if isinstance(value, list):
        for number, it in enumerate(value):
            mark = it.get("index", number) if isinstance(it, dict) else number
            yield from places(it, f"{way}[{mark}]")
    elif isinstance(value, dict):
        for name, it in value.items():
            if isinstance(it, str) and name in _WORDS:
                yield Place(value, name, f"{way}[{value.get('index', '')}].{name}")
            elif name == "input" and isinstance(it, dict) and str(value.get("type")).endswith("tool_use"):
                yield from (Place(it, key, f"{way}.input.{key}") for key, inner in it.items() if isinstance(inner, str))
            elif name not in _HIDING:
                yield from places(it, f"{way}.{name}[{value.get('index', '')}]")


def planted_whole(body: bytes, rng: Random) -> tuple[bytes, str] | None:
    said = json.loads(body)
    found = list(places(said))
    if not found:
        return None
    place = rng.choice(found)
    secret = rng.choice(SECRETS)
    at = rng.randint(0, len(place.holder[place.member]))
    _insert(place, at, secret)
    return json.dumps(said, ensure_ascii=rng.random() < 0.5).encode(), secret


def planted_stream(body: bytes, rng: Random) -> tuple[bytes, str] | None:
    """Half of the time over the border of two pieces of one text."""
    events = EventSplitter().feed(body)
    bodies = [_decoded(event) for event in events]
    found = [(number, place) for number, said in enumerate(bodies) for place in places(said)]
    if not found:
        return None
    secret = rng.choice(SECRETS)
    number, place = rng.choice(found)
    touched = {number}
    later = next((it for it in found if it[0] > number and it[1].text == place.text), None)
    if later is not None and rng.random() < 0.7:
        cut = rng.randint(1, len(secret) - 1)
        _insert(place, len(place.holder[place.member]), secret[:cut])
        _insert(later[1], 0, secret[cut:])
        touched.add(later[0])
    else:
        _insert(place, rng.randint(0, len(place.holder[place.member])), secret)
    written = [_framed(event, bodies[at]) if at in touched else event for at, event in enumerate(events)]
    return b"".join(written), secret


def _insert(place: Place, at: int, text: str) -> None:
    before = place.holder[place.member]
    place.holder[place.member] = before[:at] + text + before[at:]


def _decoded(event: bytes) -> Any:
    try:
        return json.loads(data_of(event) or b"null")
    except ValueError:
        return None


def _framed(event: bytes, said: Any) -> bytes:
    head = event[: event.find(b"data:")]
    return head + b"data: " + json.dumps(said, ensure_ascii=False).encode() + b"\n\n"

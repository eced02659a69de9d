"""Secrets put into recorded answers, where a model might have said them: behind the words of every text and into the
arguments of every call, in streams divided over two events."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Conversation, Part, Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Event, PartBegan, PartKind, Piece, Reply
from ai_gateway.providers.sse import EventSplitter, data_of
from ai_gateway.providers.translation import Back, Draft, EventDecoder
from ai_gateway.providers.translation.losses import Losses

SECRETS = ("planted.person@corp.example", "4111 1111 1111 1111", "sk-proj-Ab1Cd2Ef3Gh4Ij5Kl6Mn", "Project Nightfall")
_WORDS = ("content", "text", "thinking", "reasoning_content", "reasoning", "refusal", "input", "code")
_NO_WORDS = frozenset(
    {"tools", "metadata", "instructions", "format", "usage", "tool_choice", "logprobs", "source", "moderation"}
)
"""What was asked, told again, and what is none."""
Body = dict[str, Any]
Key = tuple[Any, ...]
Delta = tuple[Body, str, Key]
Halves = tuple[str, str]


class Planter:
    """`planted` counts the secrets, which take turns."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.planted = 0

    def secret(self) -> str:
        self.planted += 1
        return SECRETS[self.planted % len(SECRETS)]

    def behind(self, text: str) -> str:
        return f"{text} {self.secret()}; "

    def halves(self, text: str) -> Halves:
        secret = self.secret()
        at = self._random.randrange(1, len(secret))
        return f"{text} {secret[:at]}", f"{secret[at:]}; "

    def arguments(self, text: str) -> str:
        """JSON text, or the beginning of it, with one more member where that can be told from its beginning."""
        rest = text.strip().removeprefix("{")
        if rest == text.strip() or not rest:
            return text
        return f'{{"planted":"{self.secret()}"{"" if rest.strip() == "}" else ","}{rest}'

    def halves_of_arguments(self, text: str) -> Halves | None:
        told = self.arguments(text)
        if told == text:
            return None
        at = self._random.randrange(len('{"planted":"') + 1, len(told) - 2)
        return told[:at], told[at:]


class PlantedBack:
    """A provider whose models say secrets."""

    def __init__(self, back: Back, planter: Planter) -> None:
        self._back = back
        self._planter = planter

    @property
    def name(self) -> str:
        return self._back.name

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        return self._back.write_request(asked, model, losses)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return self._back.read_error(status, headers, body)

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        reply = self._back.read_reply(body)
        if isinstance(reply, ProviderError):
            return reply
        choices = tuple(
            msgspec.structs.replace(choice, parts=tuple(map(self._part, choice.parts))) for choice in reply.choices
        )
        return msgspec.structs.replace(reply, choices=choices)

    def decoder(self) -> EventDecoder:
        return _PlantedDecoder(self._back.decoder(), self._planter)

    def _part(self, part: Part) -> Part:
        match part:
            case Text() | Refusal() | Thinking():
                return msgspec.structs.replace(part, text=self._planter.behind(part.text))
            case ToolCall():
                return msgspec.structs.replace(part, arguments=self._planter.arguments(part.arguments))
            case _:
                return part


class _PlantedDecoder:
    def __init__(self, decoder: EventDecoder, planter: Planter) -> None:
        self._decoder = decoder
        self._planter = planter
        self._calls: dict[tuple[int, int], int] = {}

    def feed(self, chunk: bytes) -> list[Event]:
        return [it for event in self._decoder.feed(chunk) for it in self._planted(event)]

    def end(self) -> list[Event]:
        return [it for event in self._decoder.end() for it in self._planted(event)]

    def _planted(self, event: Event) -> Iterator[Event]:
        if isinstance(event, PartBegan) and event.kind is PartKind.TOOL_CALL:
            self._calls[event.choice, event.part] = 0
        if not isinstance(event, Piece):
            yield event
            return
        place = (event.choice, event.part)
        if place not in self._calls:
            halves: Halves | None = self._planter.halves(event.text)
        else:
            halves = self._planter.halves_of_arguments(event.text) if not self._calls[place] else None
            self._calls[place] += len(event.text)
        for text in halves or (event.text,):
            yield Piece(*place, text)


def planted_whole(body: bytes, planter: Planter) -> bytes:
    """A native answer."""
    return json.dumps(_whole(json.loads(body), planter)).encode()


def _whole(value: Any, planter: Planter) -> Any:
    if isinstance(value, list):
        return [_whole(it, planter) for it in value]
    if not isinstance(value, dict):
        return value
    told = {}
    for name, inner in value.items():
        if name == "arguments" and isinstance(inner, str):
            told[name] = planter.arguments(inner)
        elif name == "input" and isinstance(inner, dict):
            told[name] = inner | {"planted": planter.secret()}
        elif name in _WORDS and isinstance(inner, str) and name != "type":
            told[name] = planter.behind(inner)
        elif name in _NO_WORDS:
            told[name] = inner
        else:
            told[name] = _whole(inner, planter)
    return told


def planted_stream(body: bytes, planter: Planter) -> bytes:
    """A native stream: every event that tells words becomes two, which share a secret."""
    splitter = EventSplitter()
    events = splitter.feed(body)
    more, rest = splitter.rest()
    begun: set[Key] = set()
    return b"".join([*(_planted(event, planter, begun) for event in (*events, *more)), rest])


def _planted(event: bytes, planter: Planter, begun: set[Key]) -> bytes:
    data = data_of(event)
    said: Any = None if data is None or not data.startswith(b"{") else json.loads(data)
    if not isinstance(said, dict):
        return event
    deltas = list(_deltas(said))
    if not deltas:
        is_whole = "response" in said or str(said.get("type")).endswith("done")
        return _event(_whole(said, planter)) if is_whole else event
    halves: list[Halves] = []
    for holder, name, key in deltas:
        text = holder[name]
        if "arguments" in str(key) or name == "partial_json":
            halves.append((None if key in begun else planter.halves_of_arguments(text)) or (text, ""))
            begun |= {key} if text else set()
        else:
            halves.append(planter.halves(text))
    ends = [(choice, choice.get("finish_reason")) for choice in said.get("choices", [])]
    for choice, _ in ends:
        choice["finish_reason"] = None
    first = _event(_telling(said, deltas, [half[0] for half in halves]))
    for choice, finish in ends:
        choice["finish_reason"] = finish
        choice["delta"].pop("role", None)
    return first + _event(_telling(said, deltas, [half[1] for half in halves]))


def _telling(said: Body, deltas: list[Delta], texts: list[str]) -> Body:
    for (holder, name, _), text in zip(deltas, texts, strict=True):
        holder[name] = text
    return said


def _event(said: Body) -> bytes:
    kind = said.get("type")
    head = b"" if kind is None or "choices" in said else f"event: {kind}\n".encode()
    return head + b"data: " + json.dumps(said).encode() + b"\n\n"


def _deltas(said: Body) -> Iterator[Delta]:
    """The pieces of text that an event tells: where they are, and what they are a piece of."""
    kind = said.get("type")
    if isinstance(kind, str) and kind.startswith("response."):
        if kind.endswith(".delta") and isinstance(said.get("delta"), str):
            yield said, "delta", (kind, said.get("output_index"), said.get("content_index"))
    elif kind == "content_block_delta":
        for name in ("text", "thinking", "partial_json"):
            if isinstance(said["delta"].get(name), str):
                yield said["delta"], name, (name, said.get("index"))
    else:
        for choice in said.get("choices") or []:
            delta = choice.get("delta") or {}
            for name in ("content", "reasoning_content", "reasoning", "refusal"):
                if isinstance(delta.get(name), str) and delta[name]:
                    yield delta, name, (name, choice.get("index"))
            for place, call in enumerate(delta.get("tool_calls") or []):
                function = call.get("function") or {}
                if isinstance(function.get("arguments"), str):
                    yield (
                        function,
                        "arguments",
                        ("arguments", choice.get("index"), call.get("index", place), call.get("id")),
                    )

"""The built-in mock provider: a provider's whole behaviour as one function from a request to a reply.

It lets everything be tried with no account anywhere, over a real socket and with real prices; so it speaks both
dialects as their SDKs expect them, and it can misbehave. It is pure: time and chance are handed in, and whoever owns
the socket (runtime) sends the chunks and keeps the pauses. A path is taken with and without `/v1`, and as Azure has it.

Models that misbehave, for trying things out:

    mock-status-<code>      answers with this status        mock-cut-<n>           cuts a stream after n events
    mock-slow-<ms>          waits before each piece         mock-error-in-stream   fails after the third event
    mock-empty              200 with nothing in it          mock-html              200 with a page
    mock-malformed          a third event that is no JSON   mock-no-end            leaves a stream's last event out

A message of the assistant at the end is continued by the models that do so (providers/capabilities.py) and refused by
the other `claude-` models in Anthropic's dialect; every other model answers as if it were not there.
"""

import re
from collections.abc import Mapping
from random import Random

import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.providers.mock import anthropic, generations, openai, responses
from ai_gateway.providers.mock.prices import PRICES
from ai_gateway.providers.mock.reply import JSON_HEADERS, STREAM_HEADERS, MockReply, Refusal
from ai_gateway.providers.mock.request import Asked, read_asked

LONGEST_PAUSE_SECONDS = 600.0

_PAGE = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
_MALFORMED = b'data: {"choices": [{"delta": {"content": "half an ev\n\n'
_POSTS = frozenset(
    {
        "/chat/completions",
        "/completions",
        "/embeddings",
        "/images/generations",
        "/messages",
        "/messages/count_tokens",
        "/responses",
    }
)
_AZURE = re.compile(r"^(?:/v1)*/openai(?:/deployments/[^/]+)?(?=/)")
_MISBEHAVIOUR = re.compile(r"mock-(status|slow|cut)-([0-9]{1,6})")
_GOOD_EVENTS_BEFORE_AN_ERROR = 3


def answer(method: str, path: str, headers: Mapping[str, str], body: bytes, *, rng: Random, now: float) -> MockReply:
    """The mock's reply. `path` may carry a query, header names are lower case, `now` is Unix seconds."""
    wanted = _AZURE.sub("", path.partition("?")[0].rstrip("/"))
    while wanted.startswith("/v1/"):
        wanted = wanted.removeprefix("/v1")
    dialect = Dialect.ANTHROPIC if wanted.startswith("/messages") or "anthropic-version" in headers else Dialect.OPENAI
    try:
        return _reply(method, wanted, dialect, body, rng=rng, now=now)
    except Refusal as refusal:
        return _refuse(dialect, refusal.status, refusal.message, refusal.param)


def _reply(method: str, path: str, dialect: Dialect, body: bytes, *, rng: Random, now: float) -> MockReply:
    if method in ("GET", "HEAD") and path == "/models":
        names = tuple(PRICES)
        return anthropic.models(names) if dialect is Dialect.ANTHROPIC else openai.models(names)
    if method != "POST" or path not in _POSTS:
        raise Refusal(404, f"The mock has nothing at {method} {path[:100]}")
    asked = read_asked(body)
    serial = f"mock{rng.getrandbits(64):016x}"
    if asked.model.startswith("mock-"):
        return _misbehave(path, dialect, asked, serial, now)
    return _serve(path, asked, serial, now)


def _serve(path: str, asked: Asked, serial: str, now: float) -> MockReply:
    if path == "/chat/completions":
        return openai.chat(asked, serial, int(now))
    if path == "/embeddings":
        return openai.embeddings(asked)
    if path == "/completions":
        return generations.completions(asked, serial, int(now))
    if path == "/images/generations":
        return generations.images(asked, int(now))
    if path == "/responses":
        return responses.responses(asked, serial, int(now))
    return anthropic.messages(asked, serial) if path == "/messages" else anthropic.count_tokens(asked)


def _misbehave(path: str, dialect: Dialect, asked: Asked, serial: str, now: float) -> MockReply:
    """What the model's name asks for; an unknown `mock-...` is a model like any other."""
    if asked.model == "mock-empty":
        return MockReply(200, STREAM_HEADERS if asked.is_stream else JSON_HEADERS, ())
    if asked.model == "mock-html":
        return MockReply(200, (("content-type", "text/html"),), (_PAGE,))
    found = _MISBEHAVIOUR.fullmatch(asked.model)
    manner, number = (found[1], int(found[2])) if found else ("", 0)
    if manner == "status" and 400 <= number <= 599:
        return _refuse(dialect, number, f"The mock answers with status {number}, as asked.", None)
    reply = _serve(path, asked, serial, now)
    if manner == "slow":
        pause = min(number / 1000, LONGEST_PAUSE_SECONDS)
        return msgspec.structs.replace(reply, head_pause_seconds=pause, pause_seconds=pause)
    if manner == "cut":
        return msgspec.structs.replace(reply, chunks=_cut(list(reply.chunks), number), cut=True)
    if asked.model == "mock-malformed" and asked.is_stream:
        at = _GOOD_EVENTS_BEFORE_AN_ERROR
        return msgspec.structs.replace(reply, chunks=(*reply.chunks[:at], _MALFORMED, *reply.chunks[at:]))
    if asked.model == "mock-no-end" and asked.is_stream:
        return msgspec.structs.replace(reply, chunks=reply.chunks[:-1])
    if asked.model == "mock-error-in-stream" and asked.is_stream:
        own = responses if path == "/responses" else anthropic if dialect is Dialect.ANTHROPIC else openai
        failure = own.error_event()
        return msgspec.structs.replace(reply, chunks=(*reply.chunks[:_GOOD_EVENTS_BEFORE_AN_ERROR], failure))
    return reply


def _cut(chunks: list[bytes], events: int) -> tuple[bytes, ...]:
    """The first events; of a whole answer, its first half."""
    return tuple(chunks[:events]) if len(chunks) > 1 else tuple(whole[: len(whole) // 2] for whole in chunks)


def _refuse(dialect: Dialect, status: int, message: str, param: str | None) -> MockReply:
    if dialect is Dialect.ANTHROPIC:
        return anthropic.error(status, message)
    return openai.error(status, message, param)

"""Recorded traffic of the chat dialect, read and written by its front and its back.

Prints the scores (pytest -s). Equal means: up to the order of members, to members that are null or empty or say the
default, and to the forms that have another name for the same (`max_tokens`, the legacy functions, `reasoning_effort`,
a thought in several pieces).
"""

import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Maker, Part, Text
from ai_gateway.domain.reply import Alive, Event, Reply, Stop
from ai_gateway.providers.translation.chat_back import ChatBack
from ai_gateway.providers.translation.chat_front import ChatFront
from ai_gateway.providers.translation.chat_ways import PERMISSIVE, CacheMarks, ChatWays, DocumentForm, ThoughtField
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.losses import Losses
from recorded.corpus import Exchange, load, needs_corpus
from recorded.reckoning import openai_usage
from tests.providers.calls import a_shaped

pytestmark = needs_corpus

FOUND = load(["openai.chat_completions"])
ASKED = tuple(exchange for exchange in FOUND if exchange.asked.get("messages"))
ANSWERED = tuple(exchange for exchange in FOUND if exchange.status == 200)
FRONT = ChatFront()
SHAPED = a_shaped(body='{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}')
MISTRALS = msgspec.structs.replace(
    PERMISSIVE, documents=DocumentForm.URL, thought_field=ThoughtField.CONTENT, required_word="any"
)
DEEPSEEKS = msgspec.structs.replace(PERMISSIVE, thought_field=ThoughtField.REASONING_CONTENT)
OPENAIS = msgspec.structs.replace(PERMISSIVE, cache_marks=CacheMarks.BREAKPOINT)
WAYS: dict[str, ChatWays] = {"mistral": MISTRALS, "deepseek": DEEPSEEKS, "openai": OPENAIS}


def back_of(exchange: Exchange) -> ChatBack:
    return ChatBack(WAYS.get(exchange.provider, PERMISSIVE))


def rewritten(exchange: Exchange) -> Any:
    losses = Losses("x", drops=False)
    asked = FRONT.read_request(msgspec.json.decode(exchange.request or b"", type=dict[str, msgspec.Raw]))
    body = back_of(exchange).write_request(asked, str(exchange.asked["model"]), losses).body
    assert losses.dropped == ()
    return json.loads(msgspec.json.encode(body))


def test_every_request_is_written_again_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    differing = [exchange.id for exchange in ASKED if usual(rewritten(exchange)) != usual(exchange.asked)]
    with capsys.disabled():
        print(f"\nchat requests: {len(ASKED) - len(differing)} of {len(ASKED)} as recorded; others: {differing}")
    assert ASKED
    assert differing == []


def usual(body: Any) -> Any:
    """A request in the form that all ways of saying it share."""
    body = plain(body)
    body["max_completion_tokens"] = body.pop("max_tokens", None) or body.get("max_completion_tokens")
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
    if "reasoning_effort" in body:
        body["reasoning"] = {"effort": body.pop("reasoning_effort")}
    if "functions" in body:
        body["tools"] = [{"type": "function", "function": function} for function in body.pop("functions")]
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "tool":
        body["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    for name in ("n", "stream", "stream_options"):
        if body.get(name) in (1, False, {"include_usage": True}):
            del body[name]
    for tool in body.get("tools", []):
        tool.setdefault("type", "function")
    body["messages"] = [usual_message(message) for message in body["messages"]]
    return plain(body)


def usual_message(message: Any) -> Any:
    content = message.get("content")
    if isinstance(content, list) and len(content) == 1 and content[0].keys() == {"type", "text"}:
        message["content"] = content[0]["text"]
    for part in content if isinstance(content, list) else []:
        if "thinking" in part:
            part["thinking"] = "".join(text["text"] for text in part["thinking"])
            part.pop("closed", None)
    details = message.pop("reasoning_details", [])
    thought = message.pop("reasoning_content", None) or message.pop("reasoning", None)
    if thought or details:
        message["thought"] = thought or details[0]["text"]
        message["signature"] = details[0].get("signature") if details else None
    for call in message.get("tool_calls", []):
        call.pop("index", None)
    if message["role"] == "tool":
        message.pop("name", None)
    return plain(message)


def plain(value: Any) -> Any:
    """Without what says nothing."""
    if isinstance(value, dict):
        kept = {name: plain(inner) for name, inner in value.items()}
        if kept.get("type") == "ephemeral" and kept.get("ttl") == "5m":
            del kept["ttl"]
        return {name: inner for name, inner in kept.items() if inner is not None and inner not in ("", [])}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def decoded(exchange: Exchange) -> tuple[list[Event], Reply | ProviderError | None]:
    decoder = back_of(exchange).decoder()
    events = decoder.feed(exchange.body) + decoder.end()
    return events, fold(events)


def answers() -> list[tuple[Exchange, Reply | ProviderError | None]]:
    return [
        (exchange, decoded(exchange)[1] if exchange.is_stream else back_of(exchange).read_reply(exchange.body))
        for exchange in ANSWERED
    ]


def test_every_answer_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    found = answers()
    kinds = Counter((("stream" if one.is_stream else "whole"), type(answer).__name__) for one, answer in found)
    with capsys.disabled():
        print(f"\nchat answers: {dict(kinds)} of {len(ANSWERED)}")
    assert {kind for _, kind in kinds} == {"Reply", "ProviderError"}
    for exchange, answer in found:
        assert isinstance(answer, ProviderError) == has_error(exchange), exchange.id


def has_error(exchange: Exchange) -> bool:
    """By the bytes: `"error":` with something in it, outside of strings."""
    return any(mark in exchange.body.replace(b'"error": ', b'"error":') for mark in (b'"error":{', b'"error":"'))


def test_every_answer_has_its_text_calls_end_and_usage() -> None:
    for exchange, answer in answers():
        if not isinstance(answer, Reply):
            continue
        chunks = chunks_of(exchange)
        assert answer.usage == openai_usage([*map(with_cached, chunks)]), exchange.id
        choice = answer.choices[0]
        said = [one.get("delta") or one.get("message") or {} for chunk in chunks for one in chunk.get("choices") or []]
        text = "".join(content for one in said if isinstance(content := one.get("content"), str))
        if len(answer.choices) == 1 and not any(isinstance(one.get("content"), list) for one in said):
            assert "".join(part.text for part in choice.parts if type(part).__name__ == "Text") == text, exchange.id
        calls = {call.get("index", place) for one in said for place, call in enumerate(one.get("tool_calls") or [])}
        if len(answer.choices) == 1 and calls:
            assert sum(type(part).__name__ == "ToolCall" for part in choice.parts) >= len(calls), exchange.id
            assert choice.stop in (Stop.TOOL_CALLS, Stop.LENGTH), exchange.id


def chunks_of(exchange: Exchange) -> list[Any]:
    if not exchange.is_stream:
        return [json.loads(exchange.body)]
    lines = exchange.body.decode().replace("\r\n", "\n").split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and line[5:].strip() != "[DONE]"]


def with_cached(chunk: Any) -> Any:
    """DeepSeek's own name of the cached tokens."""
    usage = chunk.get("usage")
    if usage and usage.get("prompt_cache_hit_tokens") is not None and not usage.get("prompt_tokens_details"):
        return chunk | {"usage": usage | {"prompt_tokens_details": {"cached_tokens": usage["prompt_cache_hit_tokens"]}}}
    return chunk


def test_an_answer_written_for_a_caller_says_the_same() -> None:
    back = ChatBack(msgspec.structs.replace(PERMISSIVE, maker=Maker.UNKNOWN))
    for exchange, answer in answers():
        if not isinstance(answer, Reply):
            continue
        assert same(back.read_reply(FRONT.write_reply(answer))) == same(answer), exchange.id
        if exchange.is_stream:
            encoder, decoder = FRONT.encoder(SHAPED), back.decoder()
            written = b"".join(encoder.write(event) for event in decoded(exchange)[0]) + encoder.end()
            assert same(fold(decoder.feed(written) + decoder.end())) == same(answer), exchange.id


def same(answer: object) -> object:
    """But for the service's name, which is told in words that clients know, what a stream does not carry, whether text
    came before calls, which a whole answer cannot say, and a time, an end or a place that the provider did not tell."""
    assert isinstance(answer, Reply)
    choices = tuple(
        msgspec.structs.replace(
            choice,
            parts=tuple(sorted(map(placed, choice.parts), key=lambda part: type(part).__name__)),
            stop=choice.stop or Stop.END,
        )
        for choice in answer.choices
    )
    return msgspec.structs.replace(answer, choices=choices, created=answer.created or 0, service_tier=None, others={})


def placed(part: Part) -> Part:
    """A source that nobody gave a place is told as one of the whole text."""
    if not isinstance(part, Text):
        return part
    whole = [
        citation
        if citation.answer_start is not None
        else msgspec.structs.replace(citation, answer_start=0, answer_end=len(part.text))
        for citation in part.citations
    ]
    return Text(part.text, citations=tuple(whole))


def test_a_recorded_stream_is_the_same_in_any_pieces() -> None:
    for exchange in [exchange for exchange in ANSWERED if exchange.is_stream][::10]:
        for length in (1, 7, 1000):
            decoder = back_of(exchange).decoder()
            body = exchange.body
            events = [one for at in range(0, len(body), length) for one in decoder.feed(body[at : at + length])]
            events += decoder.end()
            assert [one for one in events if one != Alive()] == [one for one in decoded(exchange)[0] if one != Alive()]

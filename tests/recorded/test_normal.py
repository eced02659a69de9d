"""Recorded answers of many servers, each made what OpenAI or Anthropic would have said: the models of OpenAI's SDK take
them at their strictest, and they all have the same members. Prints the counts (pytest -s)."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import openai.types.chat
import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers import Codec
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.translation.normal import normal_codec
from recorded.corpus import Exchange, load, needs_corpus, type_of, why_left_out
from tests.providers.calls import a_shaped

pytestmark = needs_corpus

OPERATIONS = {"openai.chat_completions": Operation.CHAT, "anthropic.messages": Operation.MESSAGES}
TOP = {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"}
CHOICE = {"index", "message", "delta", "finish_reason", "logprobs"}


def normal() -> Iterator[tuple[Exchange, Codec, Codec, Shaped]]:
    for exchange in load(OPERATIONS):
        operation = OPERATIONS[exchange.endpoint]
        kind = KINDS[type_of(exchange)]
        codec = normal_codec(kind, operation)
        assert codec is not None
        asked = {name: exchange.asked[name] for name in ("n", "stream") if name in exchange.asked}
        options = {"stream_options": {"include_usage": True}}
        shaped = a_shaped(operation, json.dumps({"model": "m", **asked, **options}))
        if exchange.status == 200 and why_left_out(exchange) is None:
            yield exchange, codec, kind.codecs[codec.dialect], shaped


def test_whole_answers(capsys: pytest.CaptureFixture[str]) -> None:
    counted = Counter[str]()
    for exchange, codec, native, shaped in normal():
        if exchange.is_stream:
            continue
        operation = OPERATIONS[exchange.endpoint]
        was = native.read_reply_to(shaped, exchange.body)
        reading = codec.read_reply_to(shaped, exchange.body)
        assert (reading.usage, reading.error) == (was.usage, was.error), exchange.id
        if reading.body is None:
            counted["not read"] += was.error is None
            continue
        told = json.loads(reading.body)
        if operation is Operation.CHAT:
            openai.types.chat.ChatCompletion.model_validate(told, strict=True)
            assert set(told) <= TOP, exchange.id
            assert all(set(choice) <= CHOICE for choice in told["choices"]), exchange.id
        counted[operation.value] += 1
    with capsys.disabled():
        print(f"\nwhole answers in the dialect's own form: {dict(counted)}")
    assert counted["not read"] <= 1, "a choice that is an error, under status 200"
    assert min(counted[it.value] for it in OPERATIONS.values()) > 150


def test_streams(capsys: pytest.CaptureFixture[str]) -> None:
    counted = Counter[str]()
    for exchange, codec, native, shaped in normal():
        if not exchange.is_stream:
            continue
        operation = OPERATIONS[exchange.endpoint]
        watch, was = codec.watch(shaped), native.watch(shaped)
        given = watch.feed(exchange.body)
        end = watch.end()
        was.feed(exchange.body)
        assert was.end().complete == end.complete, exchange.id
        if not end.complete:
            counted["cut"] += 1
            continue
        assert watch.usage == was.usage, exchange.id
        for told in said_in(given + end.tail):
            if operation is Operation.CHAT:
                openai.types.chat.ChatCompletionChunk.model_validate(told, strict=True)
                assert set(told) <= TOP, exchange.id
                assert all(set(choice) <= CHOICE for choice in told["choices"]), exchange.id
            else:
                assert told["type"] in EVENTS, exchange.id
        counted[operation.value] += 1
    with capsys.disabled():
        print(f"\nstreams in the dialect's own form: {dict(counted)}")
    assert min(counted[it.value] for it in OPERATIONS.values()) > 50


EVENTS = {
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "ping",
}


def said_in(stream: bytes) -> list[Any]:
    lines = [line.removeprefix(b"data: ") for line in stream.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]

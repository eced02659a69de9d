"""Recorded traffic of Anthropic's API through the middle and back: what was asked is asked again, what was answered is
answered again, and a stream says what its whole answer would."""

import json
from random import Random
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.reply import Ended, Event, Reply, Stop
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.anthropic import AnthropicCodec
from ai_gateway.providers.translation.anthropic_back import AnthropicBack
from ai_gateway.providers.translation.anthropic_front import AnthropicFront
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.losses import Losses
from recorded.corpus import Exchange, load, needs_corpus, why_left_out
from recorded.test_refusals import expected, is_refusal
from recorded.test_streams import random_partition
from support.builders import a_call, a_head, a_shaped

pytestmark = needs_corpus

FRONT, BACK = AnthropicFront(), AnthropicBack()
FOUND = tuple(it for it in load({"anthropic.messages"}) if why_left_out(it) is None)
ASKED = tuple(it for it in FOUND if it.asked)
WHOLE = tuple(it for it in FOUND if it.status == 200 and not it.is_stream)
STREAMS = tuple(it for it in FOUND if it.status == 200 and it.is_stream)


def decoded(exchange: Exchange, chunks: list[bytes]) -> list[Event]:
    decoder = BACK.decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [*events, *decoder.end()]


def native_usage(exchange: Exchange) -> Usage | None:
    codec = AnthropicCodec()
    if not exchange.is_stream:
        return codec.read_reply(Operation.MESSAGES, exchange.body).usage
    watch = codec.watch(a_shaped(a_call(a_head())))
    watch.feed(exchange.body)
    watch.end()
    return watch.usage


def normal(value: Any) -> Any:
    """Without defaults: members that say nothing, and the two ways to say one text."""
    if isinstance(value, list):
        return [normal(it) for it in value]
    if not isinstance(value, dict):
        return value
    said = {name: normal(it) for name, it in value.items() if it is not None}
    if isinstance(said.get("content"), str):
        said["content"] = [{"type": "text", "text": said["content"]}]
    if isinstance(said.get("system"), str):
        said["system"] = [{"type": "text", "text": said["system"]}]
    if said.get("type") == "tool_result":
        said.setdefault("content", [])
        if said.get("is_error") is False:
            del said["is_error"]
    if said.get("type") == "ephemeral" and said.get("ttl") == "5m":
        del said["ttl"]
    if said.get("type") == "tool_use" and said.get("caller") == {"type": "direct"}:
        del said["caller"]
    if said.get("type") == "custom" and "input_schema" in said:
        del said["type"]
    if said.get("stream") is False:
        del said["stream"]
    if "output_format" in said:
        said.setdefault("output_config", {})["format"] = said.pop("output_format")
    return {name: it for name, it in said.items() if not (name == "citations" and it == [])}


def merged(body: Any) -> Any:
    """Turns of one role that follow each other are one."""
    messages: list[Any] = []
    for message in body["messages"]:
        if messages and messages[-1]["role"] == message["role"]:
            messages[-1]["content"] += message["content"]
        else:
            messages.append(message)
    return {**body, "messages": messages}


def test_what_was_asked_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    """All that was answered. Of what the provider refused, we may refuse or mend what we know that it would."""
    rest: dict[str, str] = {}
    for exchange in ASKED:
        fields = msgspec.json.decode(exchange.request or b"", type=dict[str, msgspec.Raw])
        try:
            asked = FRONT.read_request(fields)
            draft = BACK.write_request(asked, str(exchange.asked["model"]), Losses("x", drops=False))
        except InvalidRequest as refusal:
            rest[exchange.id] = refusal.message
            continue
        sent, expected = normal(json.loads(msgspec.json.encode(draft.body))), merged(normal(exchange.asked))
        wrong = [name for name in {*sent, *expected} if sent.get(name) != expected.get(name)]
        if wrong:
            rest[exchange.id] = f"{wrong} was mended"
    with capsys.disabled():
        print(f"\nanthropic requests: {len(ASKED) - len(rest)} of {len(ASKED)}; the rest, refused by it: {rest}")
    assert not [it.id for it in ASKED if it.id in rest and it.status == 200]


def test_every_refusal_is_classified(capsys: pytest.CaptureFixture[str]) -> None:
    refusals = [it for it in FOUND if is_refusal(it)]
    for exchange in refusals:
        error = BACK.read_error(exchange.status, exchange.headers, exchange.body)
        assert classify(ProviderType.ANTHROPIC, error).category is expected(exchange, error), exchange.id
    with capsys.disabled():
        print(f"\nanthropic refusals: {len(refusals)} of {len(refusals)}")
    assert refusals


def test_every_answer_is_read_with_its_usage_and_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    for exchange in WHOLE:
        reply = BACK.read_reply(exchange.body)
        assert isinstance(reply, Reply), exchange.id
        assert reply.usage == native_usage(exchange), exchange.id
        again = BACK.read_reply(FRONT.write_reply(reply))
        assert again == with_stop(reply), exchange.id
    with capsys.disabled():
        print(f"\nanthropic answers: {len(WHOLE)} of {len(WHOLE)}")


def with_stop(reply: Reply) -> Reply:
    """Some recorded answers were not told why they ended; their callers are."""
    (choice,) = reply.choices
    return msgspec.structs.replace(reply, choices=(msgspec.structs.replace(choice, stop=choice.stop or Stop.END),))


def test_every_stream_is_read_however_it_is_cut_and_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    rng = Random(6)
    for exchange in STREAMS:
        events = decoded(exchange, [exchange.body])
        reply = fold(events)
        assert isinstance(reply, Reply), exchange.id
        assert reply.usage == native_usage(exchange), exchange.id
        assert decoded(exchange, random_partition(exchange.body, rng)) == events
        encoder = FRONT.encoder(a_shaped(a_call(a_head())))
        written = b"".join(encoder.write(event) for event in events if not isinstance(event, Ended)) + encoder.end()
        again = BACK.decoder()
        assert fold([*again.feed(written), *again.end()]) == reply, exchange.id
    with capsys.disabled():
        print(f"\nanthropic streams: {len(STREAMS)} of {len(STREAMS)}")

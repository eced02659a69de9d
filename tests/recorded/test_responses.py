"""Recorded exchanges of the Responses API: spoken natively, read by its front and its back, and written again.

What does not come out as it went in is named, with the reason: a test that only counted would hide the next one.
"""

import json
from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Category
from ai_gateway.domain.reply import Reply
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.openai import OpenAICodec
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.responses_back import ResponsesBack
from ai_gateway.providers.translation.responses_front import ResponsesFront
from providers.calls import a_shaped
from recorded.corpus import Exchange, load, needs_corpus
from recorded.test_streams import random_partition

pytestmark = needs_corpus

CODEC, FRONT, BACK = OpenAICodec(), ResponsesFront(), ResponsesBack()
ALL = load({"openai.responses"})
GOOD = tuple(it for it in ALL if it.status == 200 and it.body)
ERRORS = tuple(it for it in ALL if it.status >= 400)
CHATS = {"5e8ccc0052fe087e"}
"""An answer of chat that was recorded at the address of responses."""
WHOLE = tuple(it for it in GOOD if not it.is_stream and it.id not in CHATS)
STREAMS = tuple(it for it in GOOD if it.is_stream)


def tell(capsys: pytest.CaptureFixture[str], what: str, good: int, of: int, reasons: object = "none") -> None:
    with capsys.disabled():
        print(f"\nopenai.responses, {what}: {good} of {of}; the rest: {reasons or 'none'}")


def test_every_answer_is_spoken_natively(capsys: pytest.CaptureFixture[str]) -> None:
    for exchange in WHOLE:
        reading = CODEC.read_reply(Operation.RESPONSES, exchange.body)
        reported = json.loads(exchange.body).get("usage")
        assert reading.error is None, exchange.id
        assert (reading.usage is None) == (reported is None), exchange.id
        if reading.usage is not None:
            lanes = (reading.usage.input_tokens, reading.usage.output_tokens)
            expected = (reported["input_tokens"], reported["output_tokens"])
            assert lanes == tuple(max(0, tokens) for tokens in expected), exchange.id  # one provider said -9
    tell(capsys, "whole answers", len(WHOLE), len(WHOLE) + len(CHATS), "1 is an answer of chat")


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: f"{exchange.provider}-{exchange.id}")
def test_every_stream_comes_out_as_it_came_in(exchange: Exchange) -> None:
    rng = Random(exchange.id)
    for chunks in ([exchange.body], *(random_partition(exchange.body, rng) for _ in range(3))):
        watch = CODEC.watch(a_shaped(Operation.RESPONSES))
        through = b"".join(map(watch.feed, chunks))
        end = watch.end()
        assert end.complete
        assert watch.usage is not None
        sent = through + end.tail
        assert exchange.body.startswith(sent.rstrip(b"\n"))
        assert not exchange.body[len(sent) :].replace(b"data: [DONE]", b"").strip()


def test_every_answer_is_read_and_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    reasons: Counter[str] = Counter()
    for exchange in WHOLE:
        reply = BACK.read_reply(exchange.body)
        assert isinstance(reply, Reply), exchange.id
        again = BACK.read_reply(FRONT.write_reply(reply))
        assert isinstance(again, Reply)
        if json.loads(exchange.body)["status"] not in ("completed", "incomplete"):
            reasons["it has not ended (background)"] += 1
        else:
            assert again.choices == reply.choices, exchange.id
            assert (again.usage, again.model) == (reply.usage, reply.model), exchange.id
    good = len(WHOLE) - sum(reasons.values())
    tell(capsys, "answers through front and back", good, len(WHOLE), dict(reasons))
    assert good > 280


def told_at_the_end(exchange: Exchange) -> Reply:
    """The whole answer that the last event has."""
    lines = [line[5:] for line in exchange.body.splitlines() if line.startswith(b"data:") and b"[DONE]" not in line]
    (last,) = [
        it for line in lines if (it := json.loads(line))["type"] in ("response.completed", "response.incomplete")
    ]
    reply = BACK.read_reply(json.dumps(last["response"]).encode())
    assert isinstance(reply, Reply)
    return reply


def without_what_differs(reply: Reply) -> Any:
    """Providers seal a thought, and count probabilities, anew for the last event; and some make new ids."""
    told = msgspec.to_builtins(reply.choices)
    for choice in told:
        choice["logprobs"] = None
        for part in choice["parts"]:
            part.pop("encrypted", None)
            part.pop("id", None)
            part.get("value", {}).pop("fingerprint", None)
    return told


def test_every_stream_adds_up_to_its_last_event(capsys: pytest.CaptureFixture[str]) -> None:
    exact, reasons = 0, Counter[str]()
    for exchange in STREAMS:
        decoder = BACK.decoder()
        reply = fold(decoder.feed(exchange.body) + decoder.end())
        assert isinstance(reply, Reply), exchange.id
        whole = told_at_the_end(exchange)
        if reply == whole:
            exact += 1
        elif without_what_differs(reply) == without_what_differs(whole):
            reasons["the provider sealed, counted or named it anew"] += 1
        else:
            reasons["the last event lacks an item that was told"] += 1
            assert len(reply.choices[0].parts) > len(whole.choices[0].parts), exchange.id
    tell(capsys, "streams that add up", exact, len(STREAMS), dict(reasons))
    assert exact > 80
    assert reasons["the last event lacks an item that was told"] <= 1


def test_every_stream_is_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    same, reasons = 0, Counter[str]()
    for exchange in STREAMS:
        decoder, encoder = BACK.decoder(), FRONT.encoder(a_shaped(Operation.RESPONSES))
        events = decoder.feed(exchange.body) + decoder.end()
        written = b"".join(map(encoder.write, events)) + encoder.end()
        reader = BACK.decoder()
        first, again = fold(events), fold(reader.feed(written) + reader.end())
        assert isinstance(first, Reply)
        assert isinstance(again, Reply), exchange.id
        if again.choices == first.choices:
            same += 1
        else:
            reasons["items were done in another order than they began"] += 1
            kinds = [sorted(str(part) for part in it.choices[0].parts) for it in (first, again)]
            assert kinds[0] == kinds[1], exchange.id
    tell(capsys, "streams through front and back", same, len(STREAMS), dict(reasons))
    assert same > 90


def test_every_request_is_read_and_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [it for it in GOOD if it.asked]
    same, reasons = 0, Counter[str]()
    for exchange in asked:
        fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in exchange.asked.items()}
        conversation = FRONT.read_request(fields)
        losses = Losses("OpenAI", drops=True)
        body = BACK.write_request(conversation, str(exchange.asked.get("model", "m")), losses).body
        sent, written = usual(exchange.asked), usual(json.loads(msgspec.json.encode(body)))
        if sent == written:
            same += 1
        else:
            reasons[why_it_differs(sent, losses)] += 1
    tell(capsys, "requests written again", same, len(asked), dict(reasons))
    assert same > 300
    assert "unknown" not in reasons, reasons


def why_it_differs(sent: Any, losses: Losses) -> str:
    items = [item for item in sent["input"] if isinstance(item, dict)]
    if any(it.get("namespace") for it in items) or any(it.get("type") == "namespace" for it in sent.get("tools", [])):
        return "a namespace of tools is part of the name"
    if "thinking" in losses.dropped:
        return "a thought that is not sealed is not sent where nothing is kept"
    if "provider" in losses.dropped:
        return "a member that only OpenRouter has"
    return "unknown"


def usual(body: Any) -> Any:
    """Members and items in one spelling: nulls and defaults left out, texts as lists of parts, no ids of items."""
    body = json.loads(json.dumps(body))
    body.pop("store", None)
    given = body.get("input", [])
    body["input"] = [_item(it) for it in ([{"role": "user", "content": given}] if isinstance(given, str) else given)]
    first = body["input"][0] if body["input"] else {}
    if body.get("instructions") is None and first.get("role") == "system" and len(first["content"]) == 1:
        body["instructions"] = body["input"].pop(0)["content"][0]["text"]
    body["tools"] = [_tool(tool) for tool in body.get("tools") or []]
    body["include"] = sorted(set(body.get("include") or []) - {"reasoning.encrypted_content"})
    if (body.get("text") or {}).get("format") == {"type": "text"}:
        body["text"].pop("format")
    body["reasoning"] = {name: value for name, value in (body.get("reasoning") or {}).items() if value is not None}
    defaults: tuple[Any, ...] = (None, [], {}, False, "disabled")
    return {name: value for name, value in body.items() if value not in defaults}


def _item(item: Any) -> Any:
    kind = item.get("type", "message")
    if kind not in ("message", "reasoning", "function_call", "function_call_output"):
        return item
    item = {name: value for name, value in item.items() if value is not None and name not in ("id", "status")}
    if kind == "message":
        speaks = "output_text" if item["role"] == "assistant" else "input_text"
        content = [] if item.get("content") is None else item["content"]
        parts = [{"type": speaks, "text": content}] if isinstance(content, str) else content
        item |= {"type": "message", "content": [_part(part, speaks) for part in parts]}
    if kind == "reasoning":
        item["summary"] = "\n\n".join(it["text"] for it in item["summary"] or item.get("content") or [])
        item.pop("content", None)
    return item


def _part(part: Any, speaks: str) -> Any:
    kept = {name: value for name, value in part.items() if not (name == "annotations" and value == [])}
    return kept | {"type": speaks} if part["type"].endswith("put_text") else kept


def _tool(tool: Any) -> Any:
    if tool["type"] != "function":
        return tool
    tool = {**tool.pop("function", {}), **tool}
    tool["strict"] = bool(tool.get("strict"))
    if tool.get("parameters") == {"type": "object", "properties": {}}:
        tool.pop("parameters")
    return {
        name: value for name, value in tool.items() if value is not None and (name, value) != ("defer_loading", False)
    }


EXPECTED = {
    "invalid_api_key": Category.PROVIDER_AUTHENTICATION,
    "context_length_exceeded": Category.CONTEXT_LENGTH,
    "insufficient_quota": Category.QUOTA,
}


def test_every_error_is_read_and_put_in_its_category(capsys: pytest.CaptureFixture[str]) -> None:
    found: Counter[Category] = Counter()
    for exchange in ERRORS:
        error = BACK.read_error(exchange.status, exchange.headers, exchange.body)
        assert error.message, exchange.id
        fault = classify(ProviderType.OPENAI, error)
        found[fault.category] += 1
        for name in (error.code, error.type):
            if name in EXPECTED:
                assert fault.category is EXPECTED[name], exchange.id
    tell(capsys, f"errors in their category {dict(found)}", sum(found.values()), len(ERRORS))
    assert found[Category.CONTEXT_LENGTH] == 1

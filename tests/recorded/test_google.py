"""Recorded traffic of the Gemini API and of Vertex AI: every answer is understood as its JSON says, every request is
written again as it was, and every refusal is what a person who reads it would call it."""

import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Operation, ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.conversation import Text, Thinking, ToolCall
from ai_gateway.domain.faults import Category, InvalidRequest
from ai_gateway.domain.reply import Reply
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.google_back import GeminiBack, VertexGeminiBack
from ai_gateway.providers.translation.google_embeddings import GeminiBatch, GoogleEmbeddings, VertexPredict
from ai_gateway.providers.translation.google_requests import body_for
from ai_gateway.providers.translation.google_turns import UNSIGNED
from ai_gateway.providers.translation.losses import Losses
from recorded.corpus import Exchange, load, load_errors_in_the_wild, needs_corpus
from recorded.google_requests import Unread, camel, plain, read

pytestmark = needs_corpus

GENERATES = ("google.generateContent", "google.streamGenerateContent")
EMBEDS = ("google.embedContent", "google.predict")
ANSWERS = tuple(it for it in load(GENERATES) if it.status == 200)
WITHOUT_REPLY = {
    "68da5c310beb0d46": "the prompt was blocked",
    "2b7672a140020565": "the prompt was blocked",
    "b331478e4f7a8b5e": "the prompt was blocked",
    "c2f8745491670b03": "the prompt was blocked",
    "436d66521e988bdb": "an error after the first words",
    "fcce2561de31059b": "no content, made by hand",
    "ac16d16d69e326b4": "no content, made by hand",
    "73523f42cee9670a": "no content, made by hand",
    "0c3a2f3e8d9fa9ca": "no content, made by hand",
    "18238d7b213b929b": "no answer at all, made by hand",
    "a55a83447d1cfd73": "no reason to have stopped: cut",
}
C = Category
CATEGORIES = {
    (404, "NOT_FOUND"): C.NOT_FOUND,
    (404, None): C.NOT_FOUND,
    (400, "INVALID_ARGUMENT"): C.INVALID_REQUEST,
    (400, "FAILED_PRECONDITION"): C.INVALID_REQUEST,
    (429, None): C.RATE_LIMIT,
    (429, "RESOURCE_EXHAUSTED"): C.RATE_LIMIT,
    (503, "UNAVAILABLE"): C.OVERLOADED,
}


def read_answer(exchange: Exchange) -> Reply | ProviderError | None:
    back = VertexGeminiBack() if exchange.provider == "vertex" else GeminiBack()
    if not exchange.is_stream:
        return back.read_reply(exchange.body)
    decoder = back.decoder()
    return fold(decoder.feed(exchange.body) + decoder.end())


def chunks_of(exchange: Exchange) -> list[dict[str, Any]]:
    if not exchange.is_stream:
        return [json.loads(exchange.body)]
    lines = exchange.body.decode().replace("\r\n", "\n").split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def test_every_answer_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    understood = 0
    for exchange in ANSWERS:
        reply = read_answer(exchange)
        assert isinstance(reply, Reply) is (exchange.id not in WITHOUT_REPLY), (exchange.id, reply)
        if isinstance(reply, Reply):
            check_against_the_json(exchange, reply)
            understood += 1
    with capsys.disabled():
        print(f"\ngoogle: {understood} of {len(ANSWERS)} answers; the rest: {dict(Counter(WITHOUT_REPLY.values()))}")


def check_against_the_json(exchange: Exchange, reply: Reply) -> None:
    """By another way of reading: all text, thought and calls, and the provider's own total of tokens."""
    chunks = chunks_of(exchange)
    parts = [
        part
        for chunk in chunks
        for candidate in chunk.get("candidates", [])
        if candidate.get("index", 0) == 0
        for part in candidate.get("content", {}).get("parts", [])
    ]
    told = [it for choice in reply.choices if choice.index == 0 for it in choice.parts]
    spoken = "".join(it.text for it in told if isinstance(it, Text))
    thought = "".join(it.text for it in told if isinstance(it, Thinking))
    assert spoken == "".join(it.get("text", "") for it in parts if not it.get("thought")), exchange.id
    assert thought == "".join(it.get("text", "") for it in parts if it.get("thought")), exchange.id
    names = [it["functionCall"]["name"] for it in parts if it.get("functionCall", {}).get("name")]
    assert [it.name for it in told if isinstance(it, ToolCall)] == names, exchange.id
    signed = sum(1 for it in told if isinstance(it, (ToolCall, Thinking)) and it.signature)
    assert signed + sum("thoughtSignature" in it.value for it in told if hasattr(it, "value")) == sum(
        bool(it.get("thoughtSignature")) for it in parts
    ), exchange.id
    reported = [it["usageMetadata"] for it in chunks if "totalTokenCount" in it.get("usageMetadata", {})]
    if reported:
        assert reply.usage is not None, exchange.id
        assert reply.usage.input_tokens + reply.usage.output_tokens == reported[-1]["totalTokenCount"], exchange.id


def test_every_piece_of_a_stream_may_come_alone() -> None:
    for exchange in ANSWERS:
        if exchange.is_stream and len(exchange.body) < 20_000:
            decoder = GeminiBack().decoder()
            events = [event for at in range(len(exchange.body)) for event in decoder.feed(exchange.body[at : at + 1])]
            assert fold(events + decoder.end()) == read_answer(exchange), exchange.id


def test_requests_are_written_again_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    """Up to order, spelling (Google takes two) and defaults."""
    same, why = 0, Counter[str]()
    asked = [it for it in load(GENERATES) if isinstance(it.asked.get("contents"), list)]
    for exchange in asked:
        recorded = camel(exchange.asked)
        model = exchange.url.split("/models/")[-1].split(":")[0]
        try:
            conversation = read(recorded, model)
            written = body_for(conversation, model, Losses("Gemini", drops=False))
        except Unread as reason:
            why[str(reason)] += 1
            continue
        except InvalidRequest as refused:
            why[f"refused: {refused.param}"] += 1
            continue
        before, after = plain(recorded), plain(msgspec.json.decode(msgspec.json.encode(written)))
        if after == before:
            same += 1
        else:
            why[difference(before, after)] += 1
    with capsys.disabled():
        print(f"\ngoogle: {same} of {len(asked)} requests written again; the rest: {dict(why)}")
    assert not [reason for reason in why if not reason.endswith(("is no caller's to say", "is excused"))]
    assert same > 150


def difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    if str(after).replace(UNSIGNED, "") != str(after) and UNSIGNED not in str(before):
        return "an unsigned call is excused"
    names = [it for it in {**before, **after} if before.get(it) != after.get(it)]
    return f"{names}: {before.get(names[0])!r:.600} ||| {after.get(names[0])!r:.600}"


def test_every_refusal_is_classified_as_a_reader_would(capsys: pytest.CaptureFixture[str]) -> None:
    refused = [it for it in load((*GENERATES, *EMBEDS, "google.countTokens")) if it.status >= 400]
    wild = [it for it in load_errors_in_the_wild() if it.provider in ("google", "vertex")]
    for exchange in (*refused, *wild):
        error = read_error(exchange.status, exchange.headers, exchange.body)
        expected = CATEGORIES[exchange.status, error.type]
        if error.code == "API_KEY_INVALID":
            expected = C.PROVIDER_AUTHENTICATION
        if "User location" in error.message:
            expected = C.PROVIDER_AUTHENTICATION
        if "Responsible AI" in error.message:
            expected = C.CONTENT_FILTER
        assert classify(ProviderType.GEMINI, error).category is expected, (exchange.id, error)
    with capsys.disabled():
        print(f"\ngoogle: {len(refused)} of {len(refused)} refusals and {len(wild)} from the wild classified")
    assert len(refused) > 25


def test_embeddings_are_understood() -> None:
    gemini, vertex = GoogleEmbeddings(GeminiBatch()), GoogleEmbeddings(VertexPredict())
    found = [it for it in load(EMBEDS) if it.status == 200]
    for exchange in found:
        reading = (vertex if exchange.provider == "vertex" else gemini).read_reply(Operation.EMBEDDINGS, exchange.body)
        is_embedding = b'"embeddings"' in exchange.body  # predict also makes images
        assert (reading.error is None) is is_embedding, exchange.id
        if reading.body is not None:
            assert len(json.loads(reading.body)["data"][0]["embedding"]) == 768
    assert found

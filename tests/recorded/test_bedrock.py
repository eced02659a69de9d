"""Everything that was recorded of Bedrock: answers, streams, refusals and the requests behind them."""

import json
from collections import Counter
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Category
from ai_gateway.domain.reply import Failed, Reply, Stop
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.translation.bedrock_back import BedrockBack
from ai_gateway.providers.translation.bedrock_embeddings import BedrockEmbeddings
from ai_gateway.providers.translation.bedrock_reply import STOPS
from ai_gateway.providers.translation.embeddings import Vectors
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.losses import Losses
from providers.translation.partitions import decoded
from recorded.converse_requests import conversation_of, usual
from recorded.corpus import Exchange, load, load_errors_in_the_wild, needs_corpus

pytestmark = needs_corpus

BACK = BedrockBack()
WHOLE = {"bedrock.converse"}
STREAMED = {"bedrock.converse_stream"}
NOT_SPOKEN = {
    "bedrock.count_tokens": "tokens are not counted ahead",
    "bedrock.invoke": "InvokeModel is each maker's own body; only embeddings go through it",
    "bedrock.invoke_stream": "InvokeModelWithResponseStream, likewise",
}


def model_of(exchange: Exchange) -> str:
    return unquote(exchange.url.split("/model/")[1].rsplit("/", 1)[0])


def test_every_recorded_answer_decodes(capsys: pytest.CaptureFixture[str]) -> None:
    exchanges = load(WHOLE)
    for exchange in exchanges:
        reply = BACK.read_reply(exchange.body)
        assert isinstance(reply, Reply), exchange.id
        said = json.loads(exchange.body)
        (choice,) = reply.choices
        assert choice.stop is STOPS[said["stopReason"]], exchange.id
        blocks = [block for block in said["output"]["message"]["content"] if block.get("text") != ""]
        assert len(choice.parts) == len(blocks), exchange.id
        _assert_usage(reply, said["usage"])
    with capsys.disabled():
        print(f"\nbedrock.converse: {len(exchanges)} of {len(exchanges)} answers")
    assert len(exchanges) > 80


def _assert_usage(reply: Reply, said: dict[str, Any]) -> None:
    """All that AWS counts adds up to its total."""
    usage = reply.usage
    assert usage is not None
    assert usage.input_tokens + usage.output_tokens == said["totalTokens"]
    assert usage.cache_read_tokens == said.get("cacheReadInputTokens", 0)
    assert usage.cache_write_5m_tokens + usage.cache_write_1h_tokens == said.get("cacheWriteInputTokens", 0)


def test_every_recorded_stream_decodes_whole_and_in_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    exchanges = load(STREAMED)
    stops: Counter[Stop | None] = Counter()
    for exchange in exchanges:
        whole = decoded(BACK.decoder(), exchange.body)
        reply = fold(whole)
        assert isinstance(reply, Reply), exchange.id
        assert reply.choices[0].parts, exchange.id
        stops[reply.choices[0].stop] += 1
        for size in (1, 7, 4096):
            pieces = [exchange.body[at : at + size] for at in range(0, len(exchange.body), size)]
            assert decoded(BACK.decoder(), *pieces) == whole, exchange.id
    with capsys.disabled():
        print(f"\nbedrock.converse_stream: {len(exchanges)} of {len(exchanges)} streams {dict(stops)}")
    assert len(exchanges) >= 25
    assert not stops[Stop.UNKNOWN]


def test_a_recorded_request_is_written_as_it_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [it for it in load(WHOLE | STREAMED) if it.request is not None]
    readable = [it for it in asked if it.asked.get("messages")]
    for exchange in readable:
        conversation = conversation_of(exchange.asked, stream=exchange.is_stream)
        losses = Losses("Bedrock", drops=False)
        draft = BACK.write_request(conversation, model_of(exchange), losses)
        written = json.loads(msgspec.json.encode(draft.body))
        assert usual(written) == usual(exchange.asked), exchange.id
        assert exchange.url.replace(":0/", "%3A0/").endswith(draft.path), exchange.id
        assert losses.dropped == (), exchange.id
    with capsys.disabled():
        print(f"\nbedrock requests: {len(readable)} of {len(asked)} (the rest: no JSON, or without messages)")
    assert len(readable) > 75


EXPECTED = {
    ("bedrock.count_tokens", 400): Category.INVALID_REQUEST,
    ("bedrock.invoke", 503): Category.OVERLOADED,
    ("bedrock.converse", 429): Category.RATE_LIMIT,
}


def test_every_recorded_refusal_is_classified_as_a_reader_would() -> None:
    wild = [it for it in load_errors_in_the_wild() if it.provider == "bedrock"]
    refusals = [it for it in (*load({*NOT_SPOKEN, *WHOLE}), *wild) if it.status != 200]
    for exchange in refusals:
        error = BACK.read_error(exchange.status, exchange.headers, exchange.body)
        assert error.message
        fault = classify(ProviderType.BEDROCK, error)
        assert fault.category is EXPECTED[exchange.endpoint, exchange.status], exchange.id
    assert len(refusals) == 5


def test_a_throttling_that_somebody_met_within_a_stream() -> None:
    (exchange,) = (it for it in load_errors_in_the_wild() if it.endpoint == "bedrock.converse_stream")
    failed = decoded(BACK.decoder(), exchange.body)[-1]
    assert isinstance(failed, Failed)
    assert failed.error.type == "throttlingException"
    assert classify(ProviderType.BEDROCK, failed.error).category is Category.RATE_LIMIT


def test_recorded_embeddings_decode_and_what_is_not_spoken_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    left: Counter[str] = Counter()
    read = 0
    for exchange in load(NOT_SPOKEN):
        if exchange.status != 200:
            continue
        if exchange.endpoint == "bedrock.invoke" and "embed" in model_of(exchange):
            vectors = BedrockEmbeddings().read(exchange.body)
            assert isinstance(vectors, Vectors), exchange.id
            read += 1
        else:
            left[f"{exchange.endpoint}: {NOT_SPOKEN[exchange.endpoint]}"] += 1
    with capsys.disabled():
        print(f"\nbedrock embeddings: {read} of {read}; not spoken: {dict(left)}")
    assert read > 0
    assert not isinstance(BedrockEmbeddings().read(b'{"embedding":[1]}'), ProviderError)

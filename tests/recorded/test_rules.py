"""Secrets planted in every recorded answer never leave the scanner: in all three dialects, native and translated, whole
and streamed, whatever the pieces. Prints the counts (pytest -s)."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.domain.traffic import Shaped
from ai_gateway.policy.scanning import ScanSpec, arguments_pipe, compile_replace, compile_scan
from ai_gateway.providers import Codec
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.shaping.codec import ShapingCodec
from ai_gateway.providers.translation.codec import TranslatingCodec
from ai_gateway.providers.translation.pairs import FRONTS
from recorded.corpus import Exchange, load, needs_corpus, speaker_of, why_left_out
from recorded.planting import SECRETS, PlantedBack, Planter, planted_stream, planted_whole
from recorded.test_translated import KINDS as BACKS
from tests.providers.calls import a_shaped
from tests.providers.shaping.adding_up import chat_of, message_of, said_in
from tests.recorded.test_translated import CHAT, MESSAGES, RESPONSES

pytestmark = needs_corpus

SCAN = compile_scan(ScanSpec(detect=("email", "card", "api_key"), words=("Project Nightfall",)))
RULES = AnswerRules(
    pipes=(SCAN.redactor(1, "[redacted]"), compile_replace("OpenAI", "Company AI", ignore_case=False).pipe),
    arguments=arguments_pipe,
    request_id="req_7",
    appended="\n\nNo advice.",
    metadata={"by": "us"},
)
OPERATIONS = {CHAT: Operation.CHAT, MESSAGES: Operation.MESSAGES, RESPONSES: Operation.RESPONSES}
NATIVE = {
    "openai.chat_completions": Operation.CHAT,
    "anthropic.messages": Operation.MESSAGES,
    "openai.responses": Operation.RESPONSES,
}
ASKED = {
    Operation.CHAT: '{"model":"m","messages":[],"stream":%s}',
    Operation.MESSAGES: '{"model":"m","messages":[],"max_tokens":9,"stream":%s}',
    Operation.RESPONSES: '{"model":"m","input":"hi","stream":%s}',
}


def call_of(operation: Operation, exchange: Exchange) -> Shaped:
    return a_shaped(operation, ASKED[operation] % ("true" if exchange.is_stream else "false"))


def told(codec: Codec, shaped: Shaped, body: bytes, random: Random) -> bytes | None:
    """What the caller gets; None where there is no answer in it."""
    if not shaped.call.stream:
        reading = codec.read_reply_to(shaped, body)
        assert reading.blocked is None
        return None if reading.error is not None else reading.body
    watch = codec.watch(shaped)
    out: list[bytes] = []
    at = 0
    while at < len(body):
        size = random.choice((1, 7, 100, 1_000, 100_000))
        out.append(watch.feed(body[at : at + size]))
        at += size
    end = watch.end()
    return b"".join([*out, end.tail]) if end.complete else None


def response_deltas(stream: bytes) -> Any:
    threads: dict[str, str] = {}
    for said in said_in(stream):
        if str(said.get("type")).endswith(".delta") and isinstance(said.get("delta"), str):
            key = f"{said['type']} {said.get('output_index')} {said.get('content_index')}"
            threads[key] = threads.get(key, "") + said["delta"]
    return threads


FOLDS: dict[Operation, Callable[[bytes], Any]] = {
    Operation.CHAT: chat_of,
    Operation.MESSAGES: message_of,
    Operation.RESPONSES: response_deltas,
}


def leaks(operation: Operation, given: bytes, *, streamed: bool) -> list[str]:
    """Secrets in the bytes, or in what a client makes of them."""
    read = FOLDS[operation](given) if streamed else json.loads(given)
    seen = given.decode() + json.dumps(read, ensure_ascii=False)
    return [secret for secret in SECRETS if secret in seen]


def native() -> Iterator[tuple[Exchange, Operation]]:
    for exchange in load(NATIVE):
        if exchange.status == 200 and why_left_out(exchange) is None and exchange.body.strip():
            yield exchange, NATIVE[exchange.endpoint]


@pytest.mark.parametrize("operation", FOLDS)
def test_native_answers(operation: Operation, capsys: pytest.CaptureFixture[str]) -> None:
    planter, random = Planter(1), Random(2)
    counted, found = Counter[str](), list[str]()
    for exchange, of in native():
        if of is not operation or (not exchange.is_stream and not exchange.body.lstrip().startswith(b"{")):
            continue
        before = planter.planted
        try:
            body = (planted_stream if exchange.is_stream else planted_whole)(exchange.body, planter)
        except (ValueError, KeyError, TypeError, AttributeError):
            counted["no form to plant in"] += 1
            continue
        dialect = Dialect.ANTHROPIC if operation is Operation.MESSAGES else Dialect.OPENAI
        codec = KINDS[speaker_of(exchange)].codecs[dialect]
        given = told(ShapingCodec(codec, RULES), call_of(operation, exchange), body, random)
        if given is None:
            counted["no answer"] += 1
            continue
        counted["streams" if exchange.is_stream else "whole"] += 1
        counted["secrets"] += planter.planted - before
        found += [f"{exchange.id}: {it}" for it in leaks(operation, given, streamed=exchange.is_stream)]
    with capsys.disabled():
        print(f"\nplanted in native answers of {operation}: {dict(counted)}; leaks: {len(found)}")
    assert found == []
    assert counted["streams"] > 50
    assert counted["secrets"] > 1_000


@pytest.mark.parametrize("sdk", OPERATIONS)
def test_translated_answers(sdk: str, capsys: pytest.CaptureFixture[str]) -> None:
    planter, random = Planter(3), Random(4)
    operation = OPERATIONS[sdk]
    speech = FRONTS[operation]
    counted, found = Counter[str](), list[str]()
    for exchange in load(BACKS):
        if exchange.status != 200 or not exchange.body or why_left_out(exchange) is not None:
            continue
        back = PlantedBack(BACKS[exchange.endpoint].back, planter)
        codec = TranslatingCodec(speech.dialect, operation, speech.front, back, "x")
        before = planter.planted
        given = told(ShapingCodec(codec, RULES), call_of(operation, exchange), exchange.body, random)
        if given is None:
            counted["no answer"] += 1
            continue
        counted["streams" if exchange.is_stream else "whole"] += 1
        counted["secrets"] += planter.planted - before
        found += [f"{exchange.id}: {it}" for it in leaks(operation, given, streamed=exchange.is_stream)]
    with capsys.disabled():
        print(f"\nplanted in translated answers for {sdk}: {dict(counted)}; leaks: {len(found)}")
    assert found == []
    assert counted["streams"] > 300
    assert counted["secrets"] > 5_000


def test_what_is_planted_would_be_seen() -> None:
    """Without rules it leaks, in pieces too: the test can fail."""
    planter = Planter(5)
    plain = AnswerRules(metadata={"by": "us"})
    for exchange, operation in native():
        if exchange.is_stream and operation is Operation.CHAT:
            body = planted_stream(exchange.body, planter)
            codec = ShapingCodec(KINDS[speaker_of(exchange)].codecs[Dialect.OPENAI], plain)
            given = told(codec, call_of(operation, exchange), body, Random(6))
            if given is not None and planter.planted > 3:
                assert leaks(operation, given, streamed=True)
                return
    raise AssertionError("nothing was planted")

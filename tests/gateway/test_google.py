"""Google's two APIs on the whole line: how they are called, and what callers of OpenAI's dialect get."""

import json

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import BaseUrl, ProviderType
from ai_gateway.domain.secret import Secret
from ai_gateway.runtime.google_tokens import GoogleTokens
from ai_gateway.runtime.tasks import Tasks
from support.builders import a_snapshot, a_tenant, an_endpoint
from support.clock import FakeClock
from support.line import Line, a_line
from support.upstream import EVENTS, JSON, Script, ScriptedUpstream
from tests.providers.translation.google_streams import Answer
from tests.runtime.google_keys import a_login

GEMINI, EMBEDDER = "gemini-2.5-flash", "gemini-embedding-001"
HELLO = Answer((({"text": "Hello there"},),))
CHAT = {"model": GEMINI, "messages": [{"role": "user", "content": "Hi"}]}
PROJECT = "/v1/projects/p-1/locations/europe-west4"


async def a_gemini_line() -> Line:
    endpoint = an_endpoint(
        provider=ProviderType.GEMINI,
        base_url=BaseUrl("https", "generativelanguage.googleapis.com", 443, "/v1beta"),
        models=(GEMINI, EMBEDDER),
        api_key=Secret("AIza-canary"),
    )
    return await a_line(a_snapshot(a_tenant("t1", endpoint)))


async def a_vertex_line(*tokens: Script) -> tuple[Line, ScriptedUpstream]:
    clock = FakeClock()
    exchange = ScriptedUpstream(clock)
    exchange.will_play(*tokens)
    endpoint = an_endpoint(
        provider=ProviderType.VERTEX,
        base_url=BaseUrl("https", "europe-west4-aiplatform.googleapis.com", 443, PROJECT),
        models=(GEMINI,),
        api_key=a_login(),
    )
    tasks = Tasks(lambda name, error: None)
    line = await a_line(a_snapshot(a_tenant("t1", endpoint)), tokens=GoogleTokens(exchange, clock, tasks))
    return line, exchange


async def test_gemini_answers_a_chat() -> None:
    line = await a_gemini_line()
    line.upstream.will_play(Script(200, JSON, (HELLO.whole(),)))
    answered = await line.post("/v1/chat/completions", json.dumps(CHAT).encode())
    (sent,) = line.upstream.sent
    assert (sent.url.path, sent.path) == ("/v1beta", "/models/gemini-2.5-flash:generateContent")
    assert dict(sent.headers)["x-goog-api-key"] == "AIza-canary"
    assert answered.status == 200
    said = answered.json()
    assert said["choices"][0]["message"]["content"] == "Hello there"
    assert said["usage"]["total_tokens"] == 12
    (receipt,) = line.receipts
    assert (receipt.provider, receipt.usage) == (ProviderType.GEMINI, Usage(5, 7))
    line.assert_at_rest()


async def test_gemini_embeds() -> None:
    line = await a_gemini_line()
    line.upstream.will_play(Script(200, JSON, (b'{"embeddings":[{"values":[0.5,1.0]}]}',)))
    answered = await line.post("/v1/embeddings", json.dumps({"model": EMBEDDER, "input": "a b c"}).encode())
    assert line.upstream.sent[0].path == "/models/gemini-embedding-001:batchEmbedContents"
    assert answered.json()["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}]
    (receipt,) = line.receipts
    assert receipt.estimated
    assert receipt.usage.input_tokens > 0


async def test_vertex_streams_with_a_token_that_all_share() -> None:
    line, exchange = await a_vertex_line(Script(200, JSON, (b'{"access_token":"ya29.t","expires_in":3600}',)))
    for _ in range(2):
        line.upstream.will_play(Script(200, EVENTS, (HELLO.stream(),)))
        answered = await line.post("/v1/chat/completions", json.dumps({**CHAT, "stream": True}).encode())
        assert answered.whole
        assert answered.body.endswith(b"data: [DONE]\n\n")
        assert b'"finish_reason":"stop"' in answered.body
    assert len(exchange.sent) == 1
    sent = line.upstream.sent[1]
    assert sent.path == "/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert dict(sent.headers)["authorization"] == "Bearer ya29.t"
    assert [it.usage for it in line.receipts] == [Usage(5, 7), Usage(5, 7)]
    line.assert_at_rest()


async def test_an_account_that_google_refuses_is_never_the_callers_fault() -> None:
    line, exchange = await a_vertex_line(Script(400, JSON, (b'{"error":"invalid_grant","error_description":"gone"}',)))
    for _ in range(2):
        answered = await line.post("/v1/chat/completions", json.dumps(CHAT).encode())
        assert answered.status == 502
        assert answered.error["gateway"]["category"] == "provider_authentication"
        assert answered.headers["x-should-retry"] == "false"
        assert b"invalid_grant" not in answered.body
    assert (len(exchange.sent), line.upstream.sent) == (1, [])
    line.assert_at_rest()

"""The table of servers, held to itself and to the recorded traffic that each row has."""

import json
from collections import defaultdict
from typing import Any

import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.differences import Habit, Lack, StreamUsage
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.servers import SERVERS, Server
from providers.calls import a_shaped
from recorded.corpus import Exchange, load, needs_corpus

ROWS = {server.type: server for server in SERVERS}
EVERY = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.type.value)
ADDRESSES = {
    "groq": "https://api.groq.com/openai/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "xai": "https://api.x.ai/v1",
    "together": "https://api.together.xyz/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
    "cerebras": "https://api.cerebras.ai/v1",
    "nvidia": "https://integrate.api.nvidia.com/v1",
    "huggingface": "https://router.huggingface.co/v1",
    "mistral": "https://api.mistral.ai/v1",
    "ollama": "http://localhost:11434/v1",
    "vllm": "http://localhost:8000/v1",
    "lm-studio": "http://localhost:1234/v1",
}
WITHOUT_A_KEY = {"ollama", "vllm", "lm-studio"}


def test_each_server_stands_where_its_users_look_for_it() -> None:
    assert {server.type.value: server.url.text for server in SERVERS} == ADDRESSES
    assert {server.type.value for server in SERVERS if not server.needs_key} == WITHOUT_A_KEY


@EVERY
def test_a_row_does_not_contradict_itself(server: Server) -> None:
    it = server.differences
    assert server.check.startswith("/")
    assert Operation.CHAT not in it.without
    assert it.output_field not in it.unsupported
    assert not {new for _, new in it.renamed} & it.unsupported
    assert ("tools" in it.unsupported) is (Lack.TOOLS in it.lacks)
    assert ("n" not in it.unsupported) or it.most_choices == 1


@EVERY
def test_a_request_of_the_dialect_reaches_a_server_as_it_takes_it(server: Server) -> None:
    codec = KINDS[server.type].codecs[Dialect.OPENAI]
    asked = '{"model":"m","stream":true,"max_completion_tokens":5,"seed":1,"new_field":{"a":1}}'
    sent: dict[str, Any] = json.loads(bytes(codec.encode(a_shaped(body=asked), "up").body))  # type: ignore[arg-type]
    it = server.differences
    asks = it.stream_usage is StreamUsage.ASKED
    names = dict(it.renamed)
    expected = {"model": "up", "stream": True, names.get("max_completion_tokens", "max_completion_tokens"): 5}
    expected |= {names.get("seed", "seed"): 1, "new_field": {"a": 1}}
    expected |= {"stream_options": {"include_usage": True}} if asks else {}
    assert sent == expected


def test_mistral_is_not_asked_what_it_refuses_to_be_asked() -> None:
    codec = KINDS[ProviderType.MISTRAL].codecs[Dialect.OPENAI]
    asked = '{"model":"m","stream":true,"stream_options":{"include_usage":true}}'
    assert codec.encode(a_shaped(body=asked), "m").body == b'{"model":"m","stream":true}'


def test_two_words_for_the_same_are_left_to_the_server_to_refuse() -> None:
    codec = KINDS[ProviderType.MISTRAL].codecs[Dialect.OPENAI]
    asked = b'{"model":"m","max_completion_tokens":5,"max_tokens":6}'
    assert codec.encode(a_shaped(body=asked.decode()), "m").body == asked


def test_an_operation_that_a_server_has_not_is_not_sent_there() -> None:
    assert Operation.EMBEDDINGS not in KINDS[ProviderType.GROQ].codecs[Dialect.OPENAI].operations
    assert Operation.EMBEDDINGS in KINDS[ProviderType.MISTRAL].codecs[Dialect.OPENAI].operations


def _events(exchange: Exchange) -> list[dict[str, Any]]:
    if not exchange.is_stream:
        return [json.loads(exchange.body)]
    lines = (line[5:].strip() for line in exchange.body.replace(b"\r\n", b"\n").split(b"\n") if line[:5] == b"data:")
    return [json.loads(line) for line in lines if line != b"[DONE]"]


@needs_corpus
def test_what_a_row_says_of_the_answers_is_what_the_recordings_show() -> None:
    """Each recorded habit is in its row, of every server that has both."""
    shown: dict[str, set[Habit]] = defaultdict(set)
    reasoned: dict[str, set[str]] = defaultdict(set)
    unasked: dict[str, set[bool]] = defaultdict(set)
    for exchange in load({"openai.chat_completions"}):
        if exchange.provider not in ADDRESSES or exchange.status != 200:
            continue
        mine = shown[exchange.provider]
        events = _events(exchange)
        failed = any(it.get("error") for it in events)
        mine |= {Habit.ERROR_IN_STREAM} if failed and exchange.is_stream else set()
        mine |= {Habit.ERROR_UNDER_200} if failed and not exchange.is_stream else set()
        if exchange.is_stream and exchange.kept_bytes and not failed:
            mine |= set() if b"[DONE]" in exchange.body else {Habit.NO_DONE}
            mine |= {Habit.CRLF} if b"\r\n\r\n" in exchange.body else set()
            if not exchange.asked_for_usage:
                unasked[exchange.provider].add(any(it.get("usage") for it in events))
        for event in events:
            mine |= {Habit.USAGE_ASIDE} if (event.get("x_groq") or {}).get("usage") else set()
            for choice in event.get("choices") or ():
                said = choice.get("delta") or choice.get("message") or {}
                mine |= {Habit.CONTENT_LISTS} if isinstance(said.get("content"), list) else set()
                reasoned[exchange.provider] |= {"reasoning", "reasoning_content"} & {k for k in said if said[k]}
    for provider, habits in shown.items():
        row = ROWS[ProviderType(provider)].differences
        assert habits <= row.habits, provider
        assert provider == "huggingface" or reasoned[provider] <= {row.reasoning}, provider
        assert row.stream_usage is StreamUsage.ASKED or unasked[provider] <= {True}, provider
    assert len(shown) >= 9

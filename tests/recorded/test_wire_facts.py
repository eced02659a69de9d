"""What real servers of OpenAI's dialect do that its document does not say: one test a fact, each over all recordings
that show it, and with their number, so that a corpus without the fact fails here and not in silence.

What is decided about them: the provider's bytes go through. Only `[DONE]` is added where it is missing from a whole
answer, and the chunk with nothing but a usage that nobody asked for is kept.
"""

import json
from collections.abc import Callable
from typing import Any

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.faults import Category
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers import Codec
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.openai import OpenAICodec
from recorded.corpus import Exchange, load, needs_corpus, type_of
from recorded.reckoning import openai_usage
from recorded.test_streams import events_of, expected_bytes, expected_usage, watch_of

pytestmark = needs_corpus

CHATS = load({"openai.chat_completions"})
ANSWERS = tuple(it for it in CHATS if it.status == 200)
STREAMS = tuple(it for it in ANSWERS if it.is_stream and it.kept_bytes)


def codec_of(exchange: Exchange) -> Codec:
    return KINDS[type_of(exchange)].codecs.get(Dialect.OPENAI) or OpenAICodec()


def these(among: tuple[Exchange, ...], fits: Callable[[Exchange], bool]) -> list[Exchange]:
    return [it for it in among if fits(it)]


def messages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [choice.get("message") or choice.get("delta") or {} for choice in body.get("choices") or ()]


def comes_through(exchange: Exchange) -> bool:
    """Whether the caller gets the provider's bytes and we its usage."""
    watch = watch_of(exchange)
    through = watch.feed(exchange.body)
    end = watch.end()
    return (through + end.tail, watch.usage) == (expected_bytes(exchange), expected_usage(exchange)) and end.complete


def test_a_stream_without_done_gets_one_where_it_was_whole() -> None:
    """Cerebras, Writer and Perplexity end with the last chunk."""
    found = these(STREAMS, lambda it: b"[DONE]" not in it.body and not any(e.get("error") for e in events_of(it)))
    assert {it.provider for it in found} >= {"cerebras", "writer"}
    for exchange in found:
        watch = watch_of(exchange)
        watch.feed(exchange.body)
        assert watch.end().tail.strip() == b"data: [DONE]", exchange.id


def test_a_stream_that_ends_in_an_error_is_not_promised_an_end() -> None:
    found = these(STREAMS, lambda it: any(e.get("error") for e in events_of(it)))
    assert {it.provider for it in found} == {"groq", "openrouter"}
    for exchange in found:
        watch = watch_of(exchange)
        said = watch.feed(exchange.body) + watch.end().tail
        assert b"[DONE]" not in said, exchange.id
        assert watch.error is not None, exchange.id


def test_lines_may_end_in_crlf_and_what_we_add_ends_so_too() -> None:
    found = [it for it in ANSWERS if it.is_stream and it.provider == "perplexity"]
    crlf = [it for it in found if b"\r\n\r\n" in it.body]
    assert found
    for exchange in found:
        body = exchange.body if exchange in crlf else exchange.body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        watch = watch_of(exchange)
        through = watch.feed(body)
        end = watch.end()
        assert end.complete, exchange.id
        assert (through + end.tail).replace(b"\r\n", b"").count(b"\n") == 0, exchange.id


def test_perplexitys_last_chunk_has_an_object_of_its_own_and_its_citations_go_through() -> None:
    found = these(ANSWERS, lambda it: b"chat.completion.done" in it.body)
    assert {it.provider for it in found} == {"perplexity"}
    for exchange in found:
        watch = watch_of(exchange)
        said = watch.feed(exchange.body) + watch.end().tail
        assert said.count(b"chat.completion.done") == exchange.body.count(b"chat.completion.done")
        assert said.count(b'"citations"') == exchange.body.count(b'"citations"')
        assert watch.usage == openai_usage(events_of(exchange))


def test_comments_before_the_first_data_commit_to_nothing() -> None:
    found = these(STREAMS, lambda it: it.body.startswith(b": OPENROUTER PROCESSING"))
    assert len(found) > 50
    for exchange in found:
        watch = watch_of(exchange)
        comment = exchange.body[: exchange.body.index(b"\n\n") + 2]
        assert (watch.feed(comment), watch.started) == (comment, False), exchange.id
    assert all(comes_through(it) for it in found if not any(e.get("error") for e in events_of(it)))


def test_groqs_error_after_content_keeps_its_status_and_its_code() -> None:
    found = these(STREAMS, lambda it: it.provider == "groq" and any(e.get("error") for e in events_of(it)))
    assert len(found) == 3
    for exchange in found:
        watch = watch_of(exchange)
        watch.feed(exchange.body)
        assert watch.error is not None
        assert (watch.error.code, watch.error.type) == ("tool_use_failed", "invalid_request_error"), exchange.id


def test_an_error_as_the_only_data_of_a_stream_comes_before_anything_was_sent() -> None:
    found = these(STREAMS, lambda it: it.provider == "openrouter" and all(e.get("error") for e in events_of(it)))
    assert found
    for exchange in found:
        watch = watch_of(exchange)
        watch.feed(exchange.body)
        watch.end()
        assert not watch.started, exchange.id
        assert watch.error is not None
        assert classify(type_of(exchange), watch.error).category is Category.PROVIDER_ERROR, exchange.id


def test_a_json_error_under_200_is_a_refusal() -> None:
    found = these(ANSWERS, lambda it: not it.is_stream and bool(json.loads(it.body).get("error")))
    assert {it.provider for it in found} >= {"openrouter"}
    for exchange in found:
        assert codec_of(exchange).read_reply(Operation.CHAT, exchange.body).error is not None, exchange.id


def test_azures_first_chunk_has_no_choices_and_commits_to_nothing() -> None:
    found = these(ANSWERS, lambda it: it.is_stream and b"prompt_filter_results" in it.body)
    assert len(found) >= 4
    for exchange in found:
        first, rest = exchange.body.split(b"\n\n", 1)
        assert events_of(exchange)[0]["choices"] == []
        watch = watch_of(exchange)
        assert (watch.feed(first + b"\n\n"), watch.started) == (first + b"\n\n", False), exchange.id
        watch.feed(rest)
        assert watch.started
        assert watch.end().complete, exchange.id


def test_errors_have_other_shapes_and_are_understood_in_each() -> None:
    """Mistral's `detail`, xAI's `code` and `error` as texts, Perplexity's numbers, Azure's strings."""
    shapes: dict[str, Callable[[Any], bool]] = {
        "mistral": lambda said: isinstance(said.get("detail"), str),
        "xai": lambda said: isinstance(said.get("error"), str) and isinstance(said.get("code"), str),
        "perplexity": lambda said: isinstance(said["error"]["code"], int),
        "azure": lambda said: isinstance(said["error"]["code"], str),
        "ollama": lambda said: said["error"]["code"] is None,
    }
    for provider, has_shape in shapes.items():
        found = [it for it in CHATS if it.provider == provider and it.status >= 400]
        assert any(has_shape(json.loads(it.body)) for it in found), provider
        for exchange in found:
            error = read_error(exchange.status, exchange.headers, exchange.body)
            assert error.message, exchange.id
            assert classify(type_of(exchange), error).category is not Category.GATEWAY_FAULT, exchange.id


def test_content_may_be_a_list() -> None:
    """Mistral's models that think say what they think in it."""

    def has_list(exchange: Exchange) -> bool:
        bodies = events_of(exchange) if exchange.is_stream else [json.loads(exchange.body)]
        return any(isinstance(it.get("content"), list) for body in bodies for it in messages_of(body))

    found = these(ANSWERS, has_list)
    assert {it.provider for it in found} == {"mistral"}
    for exchange in found:
        if exchange.is_stream:
            assert not exchange.kept_bytes or comes_through(exchange), exchange.id
        else:
            reading = codec_of(exchange).read_reply(Operation.CHAT, exchange.body)
            assert reading.error is None, exchange.id
            assert reading.usage is not None, exchange.id


def test_a_service_tier_that_openai_has_not_is_the_usual_one() -> None:
    found = these(ANSWERS, lambda it: b"on_demand" in it.body and not it.is_stream)
    assert {it.provider for it in found} >= {"groq"}
    for exchange in found:
        usage = codec_of(exchange).read_reply(Operation.CHAT, exchange.body).usage
        assert usage is not None
        assert usage.service_tier.value == "standard", exchange.id


def test_an_answer_without_an_object_is_an_answer() -> None:
    found = these(ANSWERS, lambda it: it.provider == "zai" and b'"object"' not in it.body)
    assert len(found) > 20
    for exchange in found:
        if exchange.is_stream:
            assert not exchange.kept_bytes or comes_through(exchange), exchange.id
        else:
            assert codec_of(exchange).read_reply(Operation.CHAT, exchange.body).error is None, exchange.id


def test_a_finish_reason_of_ones_own_is_an_end() -> None:
    """Snowflake's is empty and Together's `eos`: what counts of a whole answer is that it came."""
    found = these(ANSWERS, lambda it: it.provider in ("snowflake", "together") and not it.is_stream)
    assert len(found) > 3
    assert all(codec_of(it).read_reply(Operation.CHAT, it.body).error is None for it in found)


def test_credentials_and_cookies_of_a_provider_are_never_passed_on() -> None:
    """The recordings have them; tests/recorded/test_over_sockets.py looks for them in what the caller gets."""
    assert any("set-cookie" in it.headers for it in CHATS)
    assert any("openai-organization" in it.headers for it in CHATS)

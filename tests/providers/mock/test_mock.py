from collections.abc import Callable

import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.providers.anthropic import AnthropicCodec
from ai_gateway.providers.mock import MockReply
from ai_gateway.providers.mock.prices import PRICES
from ai_gateway.providers.openai import OpenAICodec
from ai_gateway.providers.watch import DialectWatch
from providers.calls import a_shaped
from providers.mock.asking import HELLO, ask, chat, events_of, json_of, messages

BAD_BODIES = [b"", b"{", b"[]", b"{}", b'{"model":1}', b'{"model":"m"}', b'{"model":"m","messages":7}']


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/chat/completions", "/v1/v1/chat/completions", "/v1/chat/completions/"]
)
def test_a_path_is_taken_with_and_without_v1(path: str) -> None:
    assert ask(path, {"model": "m", "messages": HELLO}).status == 200


@pytest.mark.parametrize("path", ["/v1/messages?beta=true", "/messages", "/v1/messages/count_tokens?beta=true"])
def test_a_query_is_ignored(path: str) -> None:
    assert ask(path, {"model": "m", "max_tokens": 5, "messages": HELLO}).status == 200


def test_the_same_question_has_the_same_answer() -> None:
    assert chat() == chat()


@pytest.mark.parametrize("content", ["Hi", "Hello!", "Say hello in one short sentence.", "x" * 200])
def test_a_question_to_gpt_4_costs_about_a_cent(content: str) -> None:
    """$0.10 must be reached after 8 to 12 of them: each costs between 0.10/12 = $0.0083 and 0.10/8 = $0.0125."""
    usage = json_of(chat(messages=[{"role": "user", "content": content}]))["usage"]
    price = PRICES["gpt-4"]
    pico = usage["prompt_tokens"] * price.input_pico + usage["completion_tokens"] * price.output_pico
    assert 0.0095e12 <= pico <= 0.0125e12


def test_models_are_listed_in_both_dialects() -> None:
    openai = json_of(ask("/v1/models", b"", "GET"))
    anthropic = json_of(ask("/v1/models", b"", "GET", anthropic_version="2023-06-01"))
    assert [model["id"] for model in openai["data"]] == list(PRICES)
    assert [model["id"] for model in anthropic["data"]] == list(PRICES)
    assert anthropic["has_more"] is False


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/chat/completions"), ("POST", "/v1/nothing"), ("POST", "/")])
def test_there_is_nothing_elsewhere(method: str, path: str) -> None:
    assert ask(path, b"{}", method).status == 404


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/embeddings"])
@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_bad_body_is_refused_in_the_dialect_s_shape(path: str, body: bytes) -> None:
    reply = ask(path, body)
    assert reply.status == 400
    assert json_of(reply)["error"]["type"] == "invalid_request_error"
    assert ("type" in json_of(reply)) is (path == "/v1/messages")


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500, 503, 529])
def test_a_model_may_ask_for_a_status(code: int) -> None:
    for reply in (chat(model=f"mock-status-{code}"), messages(model=f"mock-status-{code}", stream=True)):
        assert reply.status == code
        assert str(code) in json_of(reply)["error"]["message"]


def test_a_rate_limit_names_a_wait() -> None:
    assert ("retry-after", "1") in chat(model="mock-status-429").headers


@pytest.mark.parametrize("model", ["mock-status-200", "mock-status-700", "mock-status-x", "mock-anything"])
def test_an_unknown_manner_is_a_model_like_any_other(model: str) -> None:
    assert json_of(chat(model=model))["choices"][0]["finish_reason"] == "stop"


def test_a_slow_model_waits_before_each_piece() -> None:
    reply = chat(model="mock-slow-250", stream=True)
    assert (reply.head_pause_seconds, reply.pause_seconds, reply.cut) == (0.25, 0.25, False)
    assert (chat().head_pause_seconds, chat().pause_seconds) == (0.0, 0.0)


def test_a_stream_is_cut_after_n_events() -> None:
    reply = chat(model="mock-cut-2", stream=True)
    assert (len(reply.chunks), reply.cut) == (2, True)
    whole = chat(model="mock-cut-2")
    assert whole.cut
    assert len(whole.chunks[0]) < len(chat(model="mock-anything").chunks[0])


@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.MESSAGES])
def test_an_error_comes_in_the_stream(operation: Operation) -> None:
    ask_for, codec = (chat, OpenAICodec()) if operation is Operation.CHAT else (messages, AnthropicCodec())
    watch = codec.watch(a_shaped(operation))
    through = b"".join(watch.feed(chunk) for chunk in ask_for(model="mock-error-in-stream", stream=True).chunks)
    assert through
    assert watch.error is not None
    assert "as asked" in watch.error.message


def test_nothing_and_a_page() -> None:
    assert chat(model="mock-empty").chunks == ()
    assert chat(model="mock-html").headers == (("content-type", "text/html"),)


@pytest.mark.parametrize("stream", [False, True])
def test_our_own_codecs_read_what_the_mock_writes(stream: bool) -> None:
    for ask_for, codec, operation in (
        (chat, OpenAICodec(), Operation.CHAT),
        (messages, AnthropicCodec(), Operation.MESSAGES),
    ):
        whole = ask_for(stream=stream, **({"stream_options": {"include_usage": True}} if stream else {}))
        if stream:
            watch = codec.watch(a_shaped(operation, '{"model":"m","stream_options":{"include_usage":true}}'))
            through = b"".join(watch.feed(chunk) for chunk in whole.chunks) + watch.end().tail
            assert through == b"".join(whole.chunks)
            usage = watch.usage
        else:
            usage = codec.read_reply(operation, whole.chunks[0]).usage
        assert usage is not None
        assert usage.input_tokens == 6
        assert usage.output_tokens == 160
        assert not stream or events_of(whole)


@pytest.mark.parametrize(("model", "dropped"), [("mock-malformed", 1), ("mock-no-end", 0)])
@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.MESSAGES])
def test_small_faults_of_a_stream_leave_its_answer_whole(operation: Operation, model: str, dropped: int) -> None:
    ask_for, codec = (chat, OpenAICodec()) if operation is Operation.CHAT else (messages, AnthropicCodec())
    good = ask_for(model="mock-anything", stream=True).chunks
    broken = ask_for(model=model, stream=True).chunks
    assert len(broken) == len(good) + (1 if dropped else -1)
    watch = codec.watch(a_shaped(operation))
    assert isinstance(watch, DialectWatch)
    through = b"".join(map(watch.feed, broken))
    end = watch.end()
    assert end.complete
    assert (through + end.tail).replace(model.encode(), b"mock-anything") == b"".join(good)
    assert watch.dropped_events == dropped


BEGUN = {"role": "assistant", "content": "This answer comes from"}


@pytest.mark.parametrize("ask_for", [chat, messages])
def test_a_model_that_continues_says_the_rest(ask_for: Callable[..., MockReply]) -> None:
    whole, rest = (text_in(ask_for(model="claude-haiku-4-5", messages=turns)) for turns in (HELLO, [*HELLO, BEGUN]))
    assert BEGUN["content"] + rest == whole


def test_what_is_not_the_answer_s_beginning_is_followed_by_all_of_it() -> None:
    other = {"role": "assistant", "content": "Well,"}
    turns = [*HELLO, other]
    assert text_in(messages(model="claude-haiku-4-5", messages=turns)) == text_in(messages(model="claude-haiku-4-5"))


@pytest.mark.parametrize(
    ("model", "begun", "status"),
    [
        ("claude-opus-4-6", "This", 400),
        ("claude-haiku-4-5", "This ", 400),
        ("claude-haiku-4-5", "", 200),
        ("claude", "This", 200),
    ],
)
def test_models_refuse_prefill_as_the_real_ones_do(model: str, begun: str, status: int) -> None:
    assert messages(model=model, messages=[*HELLO, {"role": "assistant", "content": begun}]).status == status


def test_other_models_answer_as_if_a_last_message_of_theirs_were_not_there() -> None:
    assert text_in(chat(messages=[*HELLO, BEGUN])) == text_in(chat())


def text_in(reply: MockReply) -> str:
    said = json_of(reply)
    return said["choices"][0]["message"]["content"] if "choices" in said else said["content"][0]["text"]

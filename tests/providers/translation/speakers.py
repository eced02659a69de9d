"""Who asks and who answers, for laws that hold between all of them: a line each for a client dialect and a provider."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st
from msgspec.structs import replace

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.conversation import ToolCall
from ai_gateway.domain.reply import Choice, Reply
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers import StreamEnd, StreamWatch
from ai_gateway.providers.translation import Back, Front
from ai_gateway.providers.translation.anthropic_back import AnthropicBack
from ai_gateway.providers.translation.anthropic_front import AnthropicFront
from ai_gateway.providers.translation.bedrock_back import BedrockBack
from ai_gateway.providers.translation.chat_back import ChatBack
from ai_gateway.providers.translation.chat_front import ChatFront
from ai_gateway.providers.translation.chat_ways import PERMISSIVE
from ai_gateway.providers.translation.codec import TranslatingCodec
from ai_gateway.providers.translation.cohere_back import CohereBack
from ai_gateway.providers.translation.google_back import GeminiBack
from ai_gateway.providers.translation.responses_back import ResponsesBack
from ai_gateway.providers.translation.responses_front import ResponsesFront
from tests.providers.calls import a_shaped
from tests.providers.translation import (
    anthropic_streams,
    aws_wire,
    bedrock_answers,
    chat_made,
    chat_wire,
    cohere_wire,
    google_streams,
    responses_examples,
)
from tests.providers.translation.test_anthropic_decoder import MESSAGES
from tests.providers.translation.test_chat_decoder import plain
from tests.providers.translation.unfolding import unfold


class Answer(NamedTuple):
    """One reply as its provider sends it: streamed, and at once."""

    stream: bytes
    whole: bytes


class Provider(NamedTuple):
    back: Back
    answers: st.SearchStrategy[Answer]


class Caller(NamedTuple):
    """`reader` reads what this caller is given: a provider of the same dialect is read so."""

    front: Front
    reader: Back
    dialect: Dialect
    operation: Operation
    asked: Mapping[str, Any]

    def codec(self, provider: Provider) -> TranslatingCodec:
        return TranslatingCodec(self.dialect, self.operation, self.front, provider.back, "it")

    def call(self, **members: Any) -> Shaped:
        return a_shaped(self.operation, json.dumps({"model": "m", "stream": True, **self.asked, **members}))


class Heard(NamedTuple):
    """What a watch gave back: by its feeds, and at the end."""

    fed: bytes
    end: StreamEnd

    @property
    def whole(self) -> bytes:
        return self.fed + self.end.tail


def heard(watch: StreamWatch, *chunks: bytes) -> Heard:
    return Heard(b"".join([watch.feed(chunk) for chunk in chunks]), watch.end())


def _chat_answers() -> st.SearchStrategy[Answer]:
    return st.builds(
        lambda reply, rng: Answer(chat_wire.streamed(plain(reply), rng), chat_wire.whole(plain(reply))),
        chat_made.replies(),
        st.builds(Random, st.integers(0, 999)),
    )


def _anthropic_answers() -> st.SearchStrategy[Answer]:
    return st.builds(
        lambda message, pieces: Answer(anthropic_streams.stream(message, pieces), anthropic_streams.whole(message)),
        MESSAGES.map(_with_ids),
        st.integers(1, 4),
    )


def _with_ids(message: anthropic_streams.Message) -> anthropic_streams.Message:
    """No two calls of an answer have the same."""
    blocks = enumerate(message["content"])
    return {**message, "content": [it | {"id": f"{it['id']}{at}"} if "id" in it else it for at, it in blocks]}


def _bedrock_answers() -> st.SearchStrategy[Answer]:
    return bedrock_answers.ANSWERS.map(_bedrock_answer)


def _bedrock_answer(said: tuple[Choice, str, Any]) -> Answer:
    choice, stop, beside = said
    parts = enumerate(choice.parts)
    named = tuple(replace(it, id=f"{it.id}{at}") if isinstance(it, ToolCall) else it for at, it in parts)
    answer = replace(choice, parts=named), stop, beside
    return Answer(b"".join(aws_wire.streamed(*answer)), aws_wire.unary(*answer))


def _cohere_answers() -> st.SearchStrategy[Answer]:
    return st.builds(
        lambda parts, finish, usage: Answer(
            cohere_wire.streamed(parts, finish, usage), cohere_wire.unary(parts, finish, usage)
        ),
        cohere_wire.parts(),
        cohere_wire.FINISHES,
        cohere_wire.USAGES,
    )


def _google_answers() -> st.SearchStrategy[Answer]:
    return st.builds(
        lambda said, size, line_end: Answer(said.stream(size, line_end), said.whole()),
        google_streams.ANSWERS,
        st.integers(1, 6),
        st.sampled_from(["\r\n", "\n"]),
    )


def _responses_answers() -> st.SearchStrategy[Answer]:
    """Written by the front: the API has a single form."""
    front, shaped = ResponsesFront(), a_shaped(Operation.RESPONSES)

    def answer(reply: Reply) -> Answer:
        encoder = front.encoder(shaped)
        return Answer(b"".join(map(encoder.write, unfold(reply))) + encoder.end(), front.write_reply(reply))

    return responses_examples.replies().map(answer)


_ASKED = [{"role": "user", "content": "hi"}]
PROVIDERS: Mapping[str, Provider] = {
    "chat": Provider(ChatBack(PERMISSIVE), _chat_answers()),
    "anthropic": Provider(AnthropicBack(), _anthropic_answers()),
    "bedrock": Provider(BedrockBack(), _bedrock_answers()),
    "cohere": Provider(CohereBack(), _cohere_answers()),
    "google": Provider(GeminiBack(), _google_answers()),
    "responses": Provider(ResponsesBack(), _responses_answers()),
}
CALLERS: Mapping[str, Caller] = {
    "chat": Caller(
        ChatFront(),
        ChatBack(PERMISSIVE),
        Dialect.OPENAI,
        Operation.CHAT,
        {"messages": _ASKED, "stream_options": {"include_usage": True}},
    ),
    "anthropic": Caller(
        AnthropicFront(),
        AnthropicBack(),
        Dialect.ANTHROPIC,
        Operation.MESSAGES,
        {"messages": _ASKED, "max_tokens": 100},
    ),
    "responses": Caller(ResponsesFront(), ResponsesBack(), Dialect.OPENAI, Operation.RESPONSES, {"input": "hi"}),
}
PAIRS = [(caller, provider) for caller in CALLERS for provider in PROVIDERS]
PAIR_NAMES = [f"{caller} before {provider}" for caller, provider in PAIRS]

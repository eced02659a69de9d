"""Recorded answers in another dialect than the one they were given in: the real SDKs of OpenAI (chat, responses)
and Anthropic, the gateway as a process, and the recorded provider behind it.

The SDK must take the whole answer, and find in it what the provider said, as the provider's own dialect reads it.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import anthropic
import openai
import pytest

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Refusal, Text, ToolCall
from ai_gateway.domain.reply import Choice, Reply, Stop
from ai_gateway.providers.translation import Back
from ai_gateway.providers.translation.anthropic_back import AnthropicBack
from ai_gateway.providers.translation.bedrock_back import BedrockBack
from ai_gateway.providers.translation.chat_back import ChatBack
from ai_gateway.providers.translation.chat_ways import PERMISSIVE
from ai_gateway.providers.translation.cohere_back import CohereBack
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.google_back import GeminiBack
from recorded.corpus import Exchange, load, needs_corpus, why_left_out
from recorded.test_over_sockets import FAILURES
from support.gateway import DEMO_KEY, Gateway, running_gateway
from support.replay import Recorded, replaying

pytestmark = needs_corpus

SEED = 20261
AT_ONCE = 8
ASK: Any = [{"role": "user", "content": "hi"}]
CHAT, MESSAGES, RESPONSES = "chat", "messages", "responses"


class Kind(NamedTuple):
    """How recordings of an endpoint are served again: the provider type, its base path, and who asks."""

    type: str
    base: str
    back: Back
    sdks: tuple[str, ...] = (CHAT, MESSAGES, RESPONSES)


_GEMINI = Kind("gemini", "/v1beta", GeminiBack())
_BEDROCK = Kind("bedrock", "", BedrockBack())
KINDS = {
    "openai.chat_completions": Kind("openai_compatible", "/v1", ChatBack(PERMISSIVE), (MESSAGES, RESPONSES)),
    "anthropic.messages": Kind("anthropic", "", AnthropicBack(), (CHAT, RESPONSES)),
    "bedrock.converse": _BEDROCK,
    "bedrock.converse_stream": _BEDROCK,
    "cohere.chat": Kind("cohere", "", CohereBack()),
    "google.generateContent": _GEMINI,
    "google.streamGenerateContent": _GEMINI,
}


class Said(NamedTuple):
    """What a client found: of each choice the text, the calls and why it ended; tokens in and out."""

    choices: list[tuple[str, list[tuple[str, Any]], str | None]]
    tokens: tuple[int, int] | None


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with running_gateway(tmp_path / "data") as running:
        yield running


@pytest.mark.parametrize("sdk", [CHAT, MESSAGES, RESPONSES])
async def test_recorded_answers_are_read_by_the_sdk_of_another_dialect(
    gateway: Gateway, sdk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = [it for it in load(KINDS) if it.body and sdk in KINDS[it.endpoint].sdks]
    exchanges = [it for it in everything if _why_not(it) is None]
    answers = {it.id: Recorded(it.status, it.headers, it.body, it.is_stream) for it in exchanges}
    async with (
        replaying(answers, Random(SEED)) as replay,
        openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=DEMO_KEY, max_retries=0) as chat,
        anthropic.AsyncAnthropic(base_url=gateway.url, api_key=DEMO_KEY, max_retries=0) as messages,
    ):
        configs = {_config_of(it): KINDS[it.endpoint] for it in exchanges}
        given = [
            {
                "name": name,
                "provider": kind.type,
                "endpoint_url": f"{replay.url}{kind.base}",
                "api_key": "sk-recorded-1",
            }
            for name, kind in configs.items()
        ]
        await asyncio.to_thread(gateway.create_providers, given)
        turns = asyncio.Semaphore(AT_ONCE)

        async def judge(exchange: Exchange) -> list[str]:
            asks = _asks_messages(messages, exchange) if sdk == MESSAGES else ASKS[sdk](chat, exchange)
            async with turns:
                return [f"{exchange.id} {exchange.provider} by {sdk}: {it}" for it in await _judge(exchange, sdk, asks)]

        found = await asyncio.gather(*(judge(it) for it in exchanges))
    wrong = [complaint for complaints in found for complaint in complaints]
    left = Counter(reason for it in everything if (reason := _why_not(it)) is not None)
    with capsys.disabled():
        print(f"\ntranslated for {sdk}: {len(exchanges)} of {len(everything)} exchanges; left: {dict(left)}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


def _why_not(exchange: Exchange) -> str | None:
    if exchange.endpoint == "cohere.chat" and "/v2/" not in exchange.url:
        return "an older API of Cohere's"
    return why_left_out(exchange)


def _config_of(exchange: Exchange) -> str:
    """What fails has an account of its own: it would keep others from being asked."""
    kind = KINDS[exchange.endpoint]
    if isinstance(_reply_of(exchange), Reply):
        return kind.type
    return f"{kind.type}-{sha256(exchange.id.encode()).hexdigest()[:12]}"


def _reply_of(exchange: Exchange) -> Reply | ProviderError | None:
    """As the provider's own dialect is read."""
    back = KINDS[exchange.endpoint].back
    if exchange.status != 200:
        return back.read_error(exchange.status, exchange.headers, exchange.body)
    if not exchange.is_stream:
        return back.read_reply(exchange.body)
    decoder = back.decoder()
    return fold([*decoder.feed(exchange.body), *decoder.end()])


async def _judge(exchange: Exchange, sdk: str, asks: Any) -> list[str]:
    expected = _reply_of(exchange)
    try:
        said: Said = await asks
    except (openai.APIStatusError, anthropic.APIStatusError) as refused:
        if isinstance(expected, Reply):
            return [f"refused: {refused.status_code} {refused.message}"]
        return _judge_failure(exchange, sdk, refused)
    except (openai.APIError, anthropic.APIError) as failed:
        is_told = exchange.status == 200 and not isinstance(expected, Reply)
        return [] if is_told else [f"failed: {type(failed).__name__} {failed.message}"]
    if not isinstance(expected, Reply):
        return [f"answered, but {expected} was expected"]
    meant = _meant(expected, sdk)
    return [f"{name}: got {got!r:.300}, expected {of!r:.300}" for name, got, of in _differences(said, meant)]


def _differences(said: Said, meant: Said) -> Iterator[tuple[str, Any, Any]]:
    if said.choices != meant.choices:
        yield "choices", said.choices, meant.choices
    if meant.tokens is not None and said.tokens != meant.tokens:
        yield "tokens", said.tokens, meant.tokens


def _judge_failure(
    exchange: Exchange, sdk: str, refused: openai.APIStatusError | anthropic.APIStatusError
) -> list[str]:
    """The class that the SDK has for the status that ours is by SETTLED's table."""
    status = refused.status_code
    if exchange.status == 200 and exchange.is_stream and status == 200:
        return []
    classes = CLASSES[MESSAGES if sdk == MESSAGES else CHAT]
    kind = classes.get(status, classes[500] if status >= 500 else object)
    wrong = [] if isinstance(refused, kind) else [f"{status} was raised as {type(refused).__name__}"]
    allowed = {it for it, _ in FAILURES[exchange.status]}
    return wrong if status in allowed else [*wrong, f"{exchange.status} became {status}: {refused.message:.200}"]


CLASSES: dict[str, dict[int, type]] = {
    CHAT: {
        400: openai.BadRequestError,
        404: openai.NotFoundError,
        422: openai.UnprocessableEntityError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
    },
    MESSAGES: {
        400: anthropic.BadRequestError,
        404: anthropic.NotFoundError,
        422: anthropic.UnprocessableEntityError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
    },
}
"""By status; 500 stands for all that are more."""


async def _asks_chat(sdk: openai.AsyncOpenAI, exchange: Exchange) -> Said:
    model = f"{_config_of(exchange)}/{exchange.id}"
    if not exchange.is_stream:
        answer = await sdk.chat.completions.create(model=model, messages=ASK)
        return Said(
            [
                (
                    (it.message.content or "") + (it.message.refusal or ""),
                    [_call(one.function.name, one.function.arguments) for one in it.message.tool_calls or ()],  # type: ignore[union-attr]
                    it.finish_reason,
                )
                for it in answer.choices
            ],
            answer.usage and (answer.usage.prompt_tokens, answer.usage.completion_tokens),
        )
    stream = await sdk.chat.completions.create(
        model=model, messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    texts: dict[int, str] = {}
    calls: dict[int, dict[int, list[str]]] = {}
    ends: dict[int, str | None] = {}
    tokens = None
    async for chunk in stream:
        if chunk.usage is not None:
            tokens = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        for it in chunk.choices:
            texts[it.index] = texts.get(it.index, "") + (it.delta.content or "") + (it.delta.refusal or "")
            for one in it.delta.tool_calls or ():
                call = calls.setdefault(it.index, {}).setdefault(one.index, ["", ""])
                assert one.function is not None, "clients look for it in every piece of a call"
                call[0] += one.function.name or ""
                call[1] += one.function.arguments or ""
            ends[it.index] = it.finish_reason or ends.get(it.index)
    return Said(
        [(texts[at], [_call(*one) for _, one in sorted(calls.get(at, {}).items())], ends[at]) for at in sorted(texts)],
        tokens,
    )


async def _asks_messages(sdk: anthropic.AsyncAnthropic, exchange: Exchange) -> Said:
    model = f"{_config_of(exchange)}/{exchange.id}"
    if exchange.is_stream:
        async with sdk.messages.stream(model=model, messages=ASK, max_tokens=100) as stream:
            answer: Any = await stream.get_final_message()
    else:
        answer = await sdk.messages.create(model=model, messages=ASK, max_tokens=100)
    usage = answer.usage
    text = "".join(it.text for it in answer.content if it.type == "text")
    calls = [(it.name, it.input) for it in answer.content if it.type == "tool_use"]
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    return Said([(text, calls, answer.stop_reason)], (usage.input_tokens + read + written, usage.output_tokens))


async def _asks_responses(sdk: openai.AsyncOpenAI, exchange: Exchange) -> Said:
    model = f"{_config_of(exchange)}/{exchange.id}"
    answer: Any = None
    if exchange.is_stream:
        async for event in await sdk.responses.create(model=model, input="hi", store=False, stream=True):
            if event.type in ("response.completed", "response.incomplete"):
                answer = event.response
    else:
        answer = await sdk.responses.create(model=model, input="hi", store=False)
    contents = [it for item in answer.output if item.type == "message" for it in item.content]
    text = "".join(it.text if it.type == "output_text" else it.refusal for it in contents)
    calls = [_call(it.name, it.arguments) for it in answer.output if it.type == "function_call"]
    why = answer.incomplete_details and answer.incomplete_details.reason
    return Said([(text, calls, why)], answer.usage and (answer.usage.input_tokens, answer.usage.output_tokens))


ASKS = {CHAT: _asks_chat, RESPONSES: _asks_responses}


def _meant(reply: Reply, sdk: str) -> Said:
    choices = reply.choices if sdk == CHAT else reply.choices[:1]
    words = WORDS[sdk]
    if sdk == RESPONSES and not any(_text(it) for it in choices):
        words = {**words, Stop.REFUSAL: "content_filter"}  # a refusal without a word has no other place
    usage = reply.usage and (reply.usage.input_tokens, reply.usage.output_tokens)
    return Said([(_text(it), _calls(it), words[it.stop or Stop.END]) for it in choices], usage)


def _text(choice: Choice) -> str:
    return "".join(part.text for part in choice.parts if isinstance(part, Text | Refusal))


def _calls(choice: Choice) -> list[tuple[str, Any]]:
    return [_call(part.name, part.arguments) for part in choice.parts if isinstance(part, ToolCall)]


def _call(name: str, arguments: str) -> tuple[str, Any]:
    """Arguments that were cut are whatever a client makes of them."""
    try:
        return name, json.loads(arguments or "{}")
    except ValueError:
        return name, CUT


class _Cut:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


CUT = _Cut()


FINISHES = {
    Stop.END: "stop",
    Stop.STOP_SEQUENCE: "stop",
    Stop.LENGTH: "length",
    Stop.CONTEXT: "length",
    Stop.TOOL_CALLS: "tool_calls",
    Stop.CONTENT_FILTER: "content_filter",
    Stop.REFUSAL: "content_filter",
    Stop.PAUSE: "stop",
    Stop.MALFORMED_CALL: "stop",
    Stop.UNKNOWN: "stop",
}
REASONS = {
    Stop.END: "end_turn",
    Stop.STOP_SEQUENCE: "stop_sequence",
    Stop.LENGTH: "max_tokens",
    Stop.CONTEXT: "model_context_window_exceeded",
    Stop.TOOL_CALLS: "tool_use",
    Stop.CONTENT_FILTER: "refusal",
    Stop.REFUSAL: "refusal",
    Stop.PAUSE: "pause_turn",
    Stop.MALFORMED_CALL: "end_turn",
    Stop.UNKNOWN: "end_turn",
}
INCOMPLETE = {
    Stop.LENGTH: "max_output_tokens",
    Stop.CONTEXT: "max_output_tokens",
    Stop.CONTENT_FILTER: "content_filter",
}
WORDS: dict[str, dict[Stop, str | None]] = {
    CHAT: {**FINISHES},
    MESSAGES: {**REASONS},
    RESPONSES: {stop: INCOMPLETE.get(stop) for stop in Stop},
}

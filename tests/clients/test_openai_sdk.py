"""OpenAI's own SDK, as people install it, with nothing changed but the base URL and the key."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionToolParam

from support.gateway import DEMO_KEY, QUESTION, Gateway

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASK_WEATHER = [{"role": "user", "content": "Please call get_weather for Paris."}]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=DEMO_KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=DEMO_KEY, max_retries=0) as sdk:
        yield sdk


def ask(client: OpenAI, model: str, **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=QUESTION, **more)  # type: ignore[call-overload]


def read_into(seen: list[Any], stream: Iterator[Any]) -> None:
    for chunk in stream:
        seen.append(chunk)


def test_a_chat_is_answered_by_a_pool_and_by_a_bare_model_name(client: OpenAI) -> None:
    for model in ("gpt-4", "gpt-4o-mini", "openai-2/gpt-4o"):
        answer = ask(client, model)
        assert answer.choices[0].finish_reason == "stop"
        assert "mock provider" in answer.choices[0].message.content
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_says_what_the_whole_answer_says(client: OpenAI) -> None:
    whole = ask(client, "gpt-4").choices[0].message.content
    chunks = list(ask(client, "gpt-4", stream=True))
    assert len(chunks) > 10
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_usage_comes_in_a_stream_to_whom_asks_for_it_and_to_nobody_else(client: OpenAI) -> None:
    asked = list(ask(client, "gpt-4", stream=True, stream_options={"include_usage": True}))
    assert [chunk.usage is not None for chunk in asked] == [False] * (len(asked) - 1) + [True]
    assert asked[-1].usage.prompt_tokens > 0
    assert not any(chunk.usage for chunk in ask(client, "gpt-4", stream=True))


def test_a_text_is_completed_whole_and_streamed(client: OpenAI) -> None:
    asked: dict[str, Any] = {"model": "openai-1/gpt-3.5-turbo-instruct", "prompt": "Once upon", "max_tokens": 60}
    whole = client.completions.create(**asked)
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + 60
    chunks = list(client.completions.create(**asked, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert not any(chunk.usage for chunk in chunks)
    *_, last = client.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    assert last.usage == whole.usage


def test_pictures_are_made(client: OpenAI, gateway: Gateway) -> None:
    made = client.images.with_raw_response.generate(
        model="openai-1/gpt-image-1", prompt="a red square", n=2, size="1024x1024", quality="low"
    )
    images = made.parse()
    assert len(images.data) == 2
    assert images.usage.output_tokens == 2 * 272
    assert made.headers["x-gateway-cost-usd"] == "0.021775"  # 3 tokens at $5 a million, 544 at $40


def test_a_tool_is_called(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4", messages=ASK_WEATHER, tools=[WEATHER])  # type: ignore[call-overload]
    call = answer.choices[0].message.tool_calls[0]
    assert (call.function.name, set(json.loads(call.function.arguments))) == ("get_weather", {"city"})
    assert answer.choices[0].finish_reason == "tool_calls"


def test_a_tools_result_is_answered_with_text(client: OpenAI) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    turns: list[Any] = [
        *ASK_WEATHER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    answer = client.chat.completions.create(model="gpt-4", messages=turns, tools=[WEATHER])
    assert answer.choices[0].message.content
    assert not answer.choices[0].message.tool_calls


def test_a_streamed_tool_call_adds_up_to_json(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="gpt-4", messages=ASK_WEATHER, tools=[WEATHER], stream=True)  # type: ignore[call-overload]
    chunks = list(stream)
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.function.name for call in calls if call.function.name] == ["get_weather"]
    assert set(json.loads("".join(call.function.arguments or "" for call in calls))) == {"city"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_sdks_own_stream_helper_works(client: OpenAI) -> None:
    with client.chat.completions.stream(model="gpt-4", messages=QUESTION) as stream:  # type: ignore[arg-type]
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "content.done" in kinds
    assert final.choices[0].message.content


def test_embeddings_come_as_numbers_whatever_travels(client: OpenAI) -> None:
    answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"], dimensions=32)
    assert [len(item.embedding) for item in answer.data] == [32, 32]
    plain = client.embeddings.create(
        model="text-embedding-3-small", input=["one", "two"], dimensions=32, encoding_format="float"
    )
    for travelled, number in zip(answer.data[0].embedding, plain.data[0].embedding, strict=True):
        assert travelled == pytest.approx(number, abs=1e-6)


def test_models_are_listed_and_shown_one_by_one(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert {"gpt-4", "demo-fallback", "gpt-4o-mini", "claude-sonnet-4-5"} <= set(names)
    assert client.models.retrieve("gpt-4").id == "gpt-4"


def test_the_headers_tell_what_the_gateway_did(client: OpenAI, gateway: Gateway) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4",
        messages=QUESTION,  # type: ignore[arg-type]
        extra_headers={"x-request-id": "mine-1"},
    )
    headers = raw.headers
    assert headers["x-request-id"] == headers["request-id"] != "mine-1"
    assert headers["x-client-request-id"] == "mine-1"
    assert headers["x-gateway-route"] == "gpt-4"
    assert headers["x-gateway-endpoint"] in ("openai-1", "openai-2")
    assert headers["x-gateway-provider"] == "openai"
    assert headers["x-gateway-attempts"] == "1"
    assert float(headers["x-gateway-cost-usd"]) > 0
    assert headers["server-timing"].startswith("gateway;dur=")
    completion = raw.parse()
    assert completion._request_id == headers["x-request-id"]
    [row] = gateway.settled(headers["x-request-id"])
    assert row["client_request_id"] == "mine-1"
    assert row["cost_usd"] == headers["x-gateway-cost-usd"]
    assert row["input_tokens"] == completion.usage.prompt_tokens


def test_a_stream_has_the_headers_that_are_known_before_its_end(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(
        model="gpt-4",
        messages=QUESTION,  # type: ignore[arg-type]
        stream=True,
    ) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert raw.headers["x-gateway-endpoint"] in ("openai-1", "openai-2")
        assert "x-gateway-cost-usd" not in raw.headers


@pytest.mark.parametrize(
    ("model", "more", "error", "status", "category"),
    [
        ("no-such-model", {}, openai.NotFoundError, 404, "not_found"),
        ("gpt-4", {"max_tokens": -1}, openai.BadRequestError, 400, "invalid_request"),
        ("gpt-4", {"extra_body": {"messages": []}}, openai.BadRequestError, 400, "invalid_request"),
        ("openai-1/mock-status-429", {}, openai.RateLimitError, 429, "rate_limit"),
        ("openai-1/mock-status-503", {}, openai.InternalServerError, 502, "provider_error"),
        ("openai-1/mock-html", {}, openai.InternalServerError, 502, "provider_error"),
        ("openai-1/mock-empty", {}, openai.InternalServerError, 502, "provider_error"),
        ("openai-1/mock-cut-3", {}, openai.InternalServerError, 502, "provider_error"),
        ("status/mock-status-400", {}, openai.BadRequestError, 400, "invalid_request"),
        ("status/mock-status-401", {}, openai.InternalServerError, 502, "provider_authentication"),
        ("status/mock-status-402", {}, openai.APIStatusError, 402, "payment"),
        ("status/mock-status-403", {}, openai.InternalServerError, 502, "provider_authentication"),
        ("status/mock-status-404", {}, openai.NotFoundError, 404, "not_found"),
        ("status/mock-status-413", {}, openai.APIStatusError, 413, "invalid_request"),
        ("status/mock-status-422", {}, openai.UnprocessableEntityError, 422, "invalid_request"),
        ("status/mock-status-500", {}, openai.InternalServerError, 502, "provider_error"),
        ("status/mock-status-504", {}, openai.InternalServerError, 504, "timeout"),
        ("status/mock-status-529", {}, openai.InternalServerError, 503, "overloaded"),
    ],
)
def test_each_failure_raises_its_exception(
    client: OpenAI, any_mock: None, model: str, more: dict[str, Any], error: type[Exception], status: int, category: str
) -> None:
    with pytest.raises(error) as raised:
        ask(client, model, **more)
    refusal = raised.value
    assert isinstance(refusal, openai.APIStatusError)
    assert (refusal.status_code, refusal.body["gateway"]["category"]) == (status, category)  # type: ignore[index]
    assert refusal.body["gateway"]["request_id"] == refusal.request_id  # type: ignore[index]
    assert refusal.body["gateway"]["suggested_action"]  # type: ignore[index]


@pytest.fixture(scope="session")
def any_mock(gateway: Gateway) -> None:
    """A config that names no models: any name goes to the mock, which does what the name says."""
    gateway.create("/providers", {"name": "status", "provider": "openai", "endpoint_url": "mock://openai"})


def test_an_unknown_key_is_an_authentication_error(gateway: Gateway) -> None:
    with pytest.raises(openai.AuthenticationError) as raised:
        ask(OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-gw-nobody", max_retries=0), "gpt-4")
    assert raised.value.code == "invalid_api_key"


def test_a_model_outside_the_keys_list_is_a_permission_error(gateway: Gateway) -> None:
    key = gateway.create("/api-keys", {"name": "mini only", "allowed_models": ["gpt-4o-mini"]})["key"]
    client = OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0)
    assert ask(client, "gpt-4o-mini").choices
    assert [model.id for model in client.models.list()] == ["gpt-4o-mini"]
    with pytest.raises(openai.PermissionDeniedError) as raised:
        ask(client, "gpt-4")
    assert raised.value.code == "model_not_allowed"


def test_a_body_beyond_the_limit_is_refused_with_413(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        ask(client, "gpt-4", extra_body={"padding": "x" * (33 << 20)})
    assert (raised.value.status_code, raised.value.code) == (413, "request_too_large")


def test_an_sdk_that_may_retry_waits_as_it_is_told_and_tries_again(gateway: Gateway) -> None:
    key = gateway.create("/api-keys", {"name": "retries"})
    client = OpenAI(base_url=f"{gateway.url}/v1", api_key=key["key"], max_retries=1)
    with pytest.raises(openai.RateLimitError) as raised:
        ask(client, "openai-1/mock-status-429")
    assert raised.value.response.headers["retry-after"] == "1"
    gateway.settled(str(raised.value.request_id))
    assert len(gateway.ledger(key_id=key["id"])) == 2


def test_a_refused_provider_key_is_not_tried_again(gateway: Gateway, any_mock: None) -> None:
    key = gateway.create("/api-keys", {"name": "no retries"})
    client = OpenAI(base_url=f"{gateway.url}/v1", api_key=key["key"], max_retries=3)
    with pytest.raises(openai.InternalServerError) as raised:
        ask(client, "status/mock-status-401")
    assert raised.value.response.headers["x-should-retry"] == "false"
    gateway.settled(str(raised.value.request_id))
    assert len(gateway.ledger(key_id=key["id"])) == 1


@pytest.mark.parametrize("model", ["openai-1/mock-error-in-stream", "openai-1/mock-cut-3"])
def test_a_stream_that_fails_on_the_way_raises_and_is_never_complete(client: OpenAI, model: str) -> None:
    seen: list[Any] = []
    with pytest.raises(openai.APIError) as raised:
        read_into(seen, ask(client, model, stream=True))
    assert seen
    assert not any(chunk.choices[0].finish_reason for chunk in seen)
    assert raised.value.body["gateway"]["category"] == "provider_error"  # type: ignore[index]


@pytest.mark.parametrize("model", ["openai-1/mock-status-503", "openai-1/mock-html", "openai-1/mock-empty"])
def test_a_stream_that_never_begins_has_a_status(client: OpenAI, model: str) -> None:
    with pytest.raises(openai.InternalServerError):
        ask(client, model, stream=True)


async def test_the_async_client_gets_answers_streams_and_errors(async_client: AsyncOpenAI) -> None:
    answer = await async_client.chat.completions.create(model="gpt-4", messages=QUESTION)  # type: ignore[call-overload]
    stream = await async_client.chat.completions.create(model="gpt-4", messages=QUESTION, stream=True)  # type: ignore[call-overload]
    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(pieces) == answer.choices[0].message.content
    with pytest.raises(openai.NotFoundError):
        await async_client.chat.completions.create(model="no-such-model", messages=QUESTION)  # type: ignore[call-overload]
    with pytest.raises(openai.APIError):
        async for _ in await async_client.chat.completions.create(  # type: ignore[call-overload]
            model="openai-1/mock-error-in-stream", messages=QUESTION, stream=True
        ):
            pass
    assert (await async_client.embeddings.create(model="text-embedding-3-small", input="one")).data[0].embedding
    assert [model.id async for model in async_client.models.list()]

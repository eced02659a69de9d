"""Anthropic's own SDK, as people install it, with nothing changed but the base URL and the key."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import MessageParam, ToolParam

from support.gateway import DEMO_KEY, Gateway

MODEL = "claude-sonnet-4-5"
KEY_REFUSED = "provider_authentication"
QUESTION: list[MessageParam] = [{"role": "user", "content": "Hello! What are you?"}]
ASK_WEATHER: list[MessageParam] = [{"role": "user", "content": "Please call get_weather for Paris."}]
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")

WEATHER: ToolParam = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(scope="session")
def any_mock(gateway: Gateway) -> str:
    """A config that names no models: any name goes to the mock, which does what the name says."""
    gateway.create("/providers", {"name": "claude", "provider": "anthropic", "endpoint_url": "mock://anthropic"})
    return "claude"


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Anthropic]:
    with Anthropic(base_url=gateway.url, api_key=DEMO_KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=gateway.url, api_key=DEMO_KEY, max_retries=0) as sdk:
        yield sdk


def ask(client: Anthropic, model: str = MODEL, **more: Any) -> Any:
    given = {"max_tokens": 1000, "messages": QUESTION, **more}
    return client.messages.create(model=model, **given)


def read_into(seen: list[Any], stream: Iterator[Any]) -> None:
    for event in stream:
        seen.append(event)


def test_a_message_is_answered(client: Anthropic) -> None:
    for model in (MODEL, "demo-fallback", "anthropic-1/claude-haiku-4-5"):
        answer = ask(client, model)
        assert (answer.type, answer.stop_reason) == ("message", "end_turn")
        assert "mock provider" in answer.content[0].text
        assert answer.usage.input_tokens > 0


def test_either_kind_of_key_header_is_taken(gateway: Gateway) -> None:
    with Anthropic(base_url=gateway.url, auth_token=DEMO_KEY, api_key=None, max_retries=0) as client:
        assert ask(client).content


def test_a_stream_says_what_the_whole_answer_says(client: Anthropic) -> None:
    whole = ask(client)
    with client.messages.stream(model=MODEL, max_tokens=1000, messages=QUESTION) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == whole.content[0].text == final.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_the_raw_events_of_a_stream_come_in_their_order(client: Anthropic) -> None:
    kinds = [event.type for event in ask(client, stream=True)]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_tool_is_called_and_its_result_answered(client: Anthropic) -> None:
    answer = ask(client, messages=ASK_WEATHER, tools=[WEATHER])
    call = answer.content[0]
    assert (answer.stop_reason, call.type, call.name, set(call.input)) == (
        "tool_use",
        "tool_use",
        "get_weather",
        {"city"},
    )
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    turns = [*ASK_WEATHER, {"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    assert ask(client, messages=turns, tools=[WEATHER]).content[0].type == "text"


def test_a_streamed_tool_call_adds_up(client: Anthropic) -> None:
    with client.messages.stream(model=MODEL, max_tokens=1000, messages=ASK_WEATHER, tools=[WEATHER]) as stream:
        final = stream.get_final_message()
    call = final.content[0]
    assert call.type == "tool_use"
    assert set(call.input) == {"city"}  # type: ignore[arg-type]


def test_the_beta_client_and_its_query_work(client: Anthropic) -> None:
    answer = client.beta.messages.create(
        model=MODEL, max_tokens=1000, messages=QUESTION, betas=["context-1m-2025-08-07"]
    )
    assert answer.content[0].type == "text"


def test_tokens_are_counted_as_they_are_charged(client: Anthropic) -> None:
    counted = client.messages.count_tokens(model=MODEL, messages=QUESTION)
    assert counted.input_tokens == ask(client).usage.input_tokens


def test_counting_tokens_costs_nothing(client: Anthropic, gateway: Gateway) -> None:
    raw = client.messages.with_raw_response.count_tokens(model=MODEL, messages=QUESTION)
    [row] = gateway.settled(raw.headers["request-id"])
    assert (row["operation"], row["cost_nano_usd"], row["outcome"]) == ("count_tokens", 0, "ok")


def test_models_are_listed_in_pages_and_shown_one_by_one(client: Anthropic) -> None:
    whole = [model.id for model in client.models.list(limit=1000)]
    assert {MODEL, "demo-fallback"} <= set(whole)
    assert [model.id for model in client.models.list(limit=2)] == whole
    assert client.models.retrieve(MODEL).display_name


def test_the_headers_tell_what_the_gateway_did(client: Anthropic) -> None:
    raw = client.messages.with_raw_response.create(
        model=MODEL, max_tokens=1000, messages=QUESTION, extra_headers={"x-request-id": "mine-2"}
    )
    headers = raw.headers
    assert headers["request-id"] == headers["x-request-id"] == raw.parse()._request_id
    assert headers["x-client-request-id"] == "mine-2"
    assert (headers["x-gateway-endpoint"], headers["x-gateway-provider"]) == ("anthropic-1", "anthropic")
    assert float(headers["x-gateway-cost-usd"]) > 0


@pytest.mark.parametrize(
    ("model", "error", "status", "kind", "category"),
    [
        ("no-such-model", anthropic.NotFoundError, 404, "not_found_error", "not_found"),
        ("claude/mock-status-400", anthropic.BadRequestError, 400, "invalid_request_error", "invalid_request"),
        (
            "claude/mock-status-401",
            anthropic.InternalServerError,
            502,
            "authentication_error",
            "provider_authentication",
        ),
        ("claude/mock-status-402", anthropic.APIStatusError, 402, "billing_error", "payment"),
        ("claude/mock-status-403", anthropic.InternalServerError, 502, "permission_error", "provider_authentication"),
        ("claude/mock-status-404", anthropic.NotFoundError, 404, "not_found_error", "not_found"),
        ("claude/mock-status-413", anthropic.RequestTooLargeError, 413, "request_too_large", "invalid_request"),
        ("claude/mock-status-422", anthropic.UnprocessableEntityError, 422, "invalid_request_error", "invalid_request"),
        ("claude/mock-status-429", anthropic.RateLimitError, 429, "rate_limit_error", "rate_limit"),
        ("claude/mock-status-500", anthropic.InternalServerError, 502, "api_error", "provider_error"),
        ("claude/mock-status-504", anthropic.DeadlineExceededError, 504, "timeout_error", "timeout"),
        ("claude/mock-status-529", anthropic.OverloadedError, 529, "overloaded_error", "overloaded"),
        ("claude/mock-html", anthropic.InternalServerError, 502, "api_error", "provider_error"),
        ("claude/mock-empty", anthropic.InternalServerError, 502, "api_error", "provider_error"),
    ],
)
def test_each_failure_raises_its_exception(
    client: Anthropic, any_mock: str, model: str, error: type[Exception], status: int, kind: str, category: str
) -> None:
    with pytest.raises(error) as raised:
        ask(client, model)
    refusal = raised.value
    assert isinstance(refusal, anthropic.APIStatusError)
    body: Any = refusal.body
    assert (refusal.status_code, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert body["error"]["gateway"]["category"] == category
    assert body["request_id"] == refusal.request_id == body["error"]["gateway"]["request_id"]


def test_the_providers_own_message_is_kept(client: Anthropic, any_mock: str) -> None:
    with pytest.raises(anthropic.RateLimitError, match="The mock answers with status 429, as asked"):
        ask(client, "claude/mock-status-429")


def test_a_missing_field_is_the_providers_to_refuse(client: Anthropic, gateway: Gateway) -> None:
    reply = gateway.request("POST", "/v1/messages", {"model": MODEL, "messages": QUESTION}, {"x-api-key": DEMO_KEY})
    assert (reply.status, reply.json["error"]["message"]) == (400, "max_tokens: Field required")


def test_an_unknown_key_is_an_authentication_error(gateway: Gateway) -> None:
    with pytest.raises(anthropic.AuthenticationError):
        ask(Anthropic(base_url=gateway.url, api_key="sk-gw-nobody", max_retries=0))


def test_a_model_outside_the_keys_list_is_a_permission_error(gateway: Gateway) -> None:
    key = gateway.create("/api-keys", {"name": "haiku only", "allowed_models": ["claude-haiku-4-5"]})["key"]
    client = Anthropic(base_url=gateway.url, api_key=key, max_retries=0)
    assert ask(client, "claude-haiku-4-5").content
    with pytest.raises(anthropic.PermissionDeniedError):
        ask(client)


def test_a_body_beyond_the_limit_is_refused_with_413(client: Anthropic) -> None:
    with pytest.raises(anthropic.RequestTooLargeError):
        ask(client, extra_body={"padding": "x" * (33 << 20)})


@pytest.mark.parametrize("model", ["claude/mock-error-in-stream", "claude/mock-cut-3"])
def test_a_stream_that_fails_on_the_way_raises_and_is_never_complete(
    client: Anthropic, any_mock: str, model: str
) -> None:
    seen: list[Any] = []
    with pytest.raises(anthropic.APIError) as raised:
        read_into(seen, ask(client, model, stream=True))
    assert seen[0].type == "message_start"
    assert not any(event.type == "message_stop" for event in seen)
    body: Any = raised.value.body
    assert body["error"]["gateway"]["category"] == "provider_error"


def test_an_overloaded_provider_is_told_apart_before_a_stream_begins(client: Anthropic, any_mock: str) -> None:
    with pytest.raises(anthropic.OverloadedError):
        ask(client, "claude/mock-status-529", stream=True)


async def test_the_async_client_gets_answers_streams_and_errors(async_client: AsyncAnthropic, any_mock: str) -> None:
    answer = await async_client.messages.create(model=MODEL, max_tokens=1000, messages=QUESTION)
    async with async_client.messages.stream(model=MODEL, max_tokens=1000, messages=QUESTION) as stream:
        text = "".join([piece async for piece in stream.text_stream])
    assert text == answer.content[0].text  # type: ignore[union-attr]
    assert (await async_client.messages.count_tokens(model=MODEL, messages=QUESTION)).input_tokens > 0
    with pytest.raises(anthropic.OverloadedError):
        await async_client.messages.create(model="claude/mock-status-529", max_tokens=10, messages=QUESTION)
    with pytest.raises(anthropic.APIError):
        async for _ in await async_client.messages.create(
            model="claude/mock-error-in-stream", max_tokens=10, messages=QUESTION, stream=True
        ):
            pass

"""Every ending that the gateway knows, as OpenAI's and Anthropic's own SDKs tell it to their callers: whole, before a
stream has begun, and within one. What the edge writes is handed to the SDKs as it is; the same over a socket, for what
a provider can be made to do, is in test_openai_sdk.py and test_anthropic_sdk.py."""

from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from ai_gateway.domain.chat import Dialect, Operation, ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Category, Fault, InvalidRequest, RateLimited, every_kind
from ai_gateway.gateway import answers
from ai_gateway.policy.error_handler import classify
from ai_gateway.policy.telling import without_providers
from support.wire import chat_events, message_events

ENDINGS: list[Fault] = [
    *(kind() for kind in every_kind()),
    *(InvalidRequest(status=status) for status in (408, 409, 413, 415, 422, 431)),
    *(
        classify(ProviderType.OPENAI, ProviderError(status, "in the provider's words", "their_type", "their_code"))
        for status in (400, 401, 402, 403, 404, 422, 429, 500, 503, 529)
    ),
]
HIDDEN = [without_providers(fault) for fault in ENDINGS]
ALL = [*ENDINGS, *HIDDEN]
OF_OPENAI = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
    504: openai.InternalServerError,
}
OF_ANTHROPIC = {
    400: anthropic.BadRequestError,
    401: anthropic.AuthenticationError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    409: anthropic.ConflictError,
    422: anthropic.UnprocessableEntityError,
    429: anthropic.RateLimitError,
    500: anthropic.InternalServerError,
    502: anthropic.InternalServerError,
    503: anthropic.InternalServerError,
    504: anthropic.InternalServerError,
    529: anthropic.InternalServerError,
}


def names(fault: Fault) -> str:
    return f"{type(fault).__name__}-{fault.status}{'-said' if fault.provider_error else ''}"


@pytest.fixture
def asked() -> list[httpx2.Request]:
    return []


Answer = Callable[[Dialect], httpx2.Response]


def refusing(fault: Fault) -> Answer:
    def answer(dialect: Dialect) -> httpx2.Response:
        headers = [*answers.headers_of(fault), ("x-request-id", "req_1"), ("request-id", "req_1")]
        body = answers.body_of(fault, dialect, "req_1")
        return httpx2.Response(answers.status_of(fault, dialect), headers=headers, content=body)

    return answer


def breaking(fault: Fault, operation: Operation) -> Answer:
    """A stream that has begun and ends with the fault."""

    def answer(dialect: Dialect) -> httpx2.Response:
        begun = {Operation.CHAT: chat_events("a")[:1], Operation.MESSAGES: message_events("a")[:2]}.get(operation, [])
        events = [*begun, answers.event_of(fault, dialect, "req_1", operation)]
        headers = {"content-type": "text/event-stream", "x-request-id": "req_1", "request-id": "req_1"}
        return httpx2.Response(200, headers=headers, content=b"".join(events))

    return answer


def an_openai(answer: Answer, asked: list[httpx2.Request], retries: int = 0) -> openai.OpenAI:
    client = httpx2.Client(transport=httpx2.MockTransport(lambda it: asked.append(it) or answer(Dialect.OPENAI)))
    return openai.OpenAI(api_key="x", base_url="http://here/v1", max_retries=retries, http_client=client)


def an_anthropic(answer: Answer, asked: list[httpx2.Request], retries: int = 0) -> anthropic.Anthropic:
    client = httpx2.Client(transport=httpx2.MockTransport(lambda it: asked.append(it) or answer(Dialect.ANTHROPIC)))
    return anthropic.Anthropic(api_key="x", base_url="http://here", max_retries=retries, http_client=client)


def chat(client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], **more)


def message(client: anthropic.Anthropic, **more: Any) -> Any:
    return client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}], **more)


def test_every_category_is_among_the_endings() -> None:
    assert {fault.category for fault in ENDINGS} == set(Category)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", ALL, ids=names)
def test_openais_sdk_raises_the_exception_that_fits(fault: Fault, stream: bool, asked: list[httpx2.Request]) -> None:
    client = an_openai(refusing(fault), asked)
    wanted = OF_OPENAI.get(fault.status, openai.APIStatusError)
    for ask in (
        lambda: chat(client, stream=stream),
        lambda: client.responses.create(model="m", input="hi", stream=stream),
        lambda: client.embeddings.create(model="m", input="hi"),
        lambda: client.models.list(),
    ):
        with pytest.raises(openai.APIStatusError) as raised:
            ask()
        error = raised.value
        assert type(error) is wanted
        assert error.status_code == fault.status
        assert error.request_id == "req_1"
        body: Any = error.body
        assert body["gateway"]["category"] == fault.category
        assert body["gateway"]["suggested_action"] == fault.action
        assert fault.message in str(error)
        said = fault.provider_error
        assert error.code == (fault.code if said is None else said.code)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", ALL, ids=names)
def test_anthropics_sdk_raises_the_exception_that_fits(fault: Fault, stream: bool, asked: list[httpx2.Request]) -> None:
    client = an_anthropic(refusing(fault), asked)
    status = answers.status_of(fault, Dialect.ANTHROPIC)
    wanted = OF_ANTHROPIC.get(status, anthropic.APIStatusError)
    for ask in (
        lambda: message(client, stream=stream),
        lambda: client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "hi"}]),
    ):
        with pytest.raises(anthropic.APIStatusError) as raised:
            ask()
        error = raised.value
        assert isinstance(error, wanted)
        assert error.status_code == status
        assert error.request_id == "req_1"
        body: Any = error.body
        assert body["error"]["gateway"]["category"] == fault.category
        assert body["error"]["gateway"]["message"] == fault.message
        assert body["request_id"] == "req_1"


@pytest.mark.parametrize("fault", ALL, ids=names)
def test_a_chat_that_fails_on_the_way_raises_what_the_gateway_says(fault: Fault, asked: list[httpx2.Request]) -> None:
    seen: list[Any] = []
    with pytest.raises(openai.APIError) as raised:
        seen.extend(it for it in chat(an_openai(breaking(fault, Operation.CHAT), asked), stream=True))
    body: Any = raised.value.body
    assert body["gateway"]["category"] == fault.category
    assert fault.message in str(raised.value)


@pytest.mark.parametrize("fault", ALL, ids=names)
def test_a_response_that_fails_on_the_way_raises_what_the_gateway_says(
    fault: Fault, asked: list[httpx2.Request]
) -> None:
    client = an_openai(breaking(fault, Operation.RESPONSES), asked)
    with pytest.raises(openai.APIError) as raised:
        list(client.responses.create(model="m", input="hi", stream=True))
    body: Any = raised.value.body
    assert body["gateway"]["category"] == fault.category


@pytest.mark.parametrize("fault", ALL, ids=names)
def test_a_message_that_fails_on_the_way_raises_what_the_gateway_says(
    fault: Fault, asked: list[httpx2.Request]
) -> None:
    with pytest.raises(anthropic.APIError) as raised:
        list(message(an_anthropic(breaking(fault, Operation.MESSAGES), asked), stream=True))
    body: Any = raised.value.body
    assert body["error"]["gateway"]["category"] == fault.category


@pytest.mark.parametrize("kind", every_kind())
def test_the_sdks_try_again_only_what_can_succeed(kind: type[Fault], asked: list[httpx2.Request]) -> None:
    """What they are told not to try again they do not, and what passes they do."""
    fault = kind(retry_after_seconds=0.001 if kind.retryable else None)
    with pytest.raises(openai.APIStatusError):
        chat(an_openai(refusing(fault), asked, retries=1))
    with pytest.raises(anthropic.APIStatusError):
        message(an_anthropic(refusing(fault), asked, retries=1))
    assert len(asked) == (4 if kind.retryable else 2)


def test_the_wait_that_is_told_is_the_one_that_the_sdks_read(asked: list[httpx2.Request]) -> None:
    with pytest.raises(openai.RateLimitError) as raised:
        chat(an_openai(refusing(RateLimited(retry_after_seconds=2.5)), asked))
    headers = raised.value.response.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("3", "2500")

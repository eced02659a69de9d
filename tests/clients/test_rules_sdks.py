"""Rules as people write them, once, on one route: every SDK is under them, in every dialect, streamed and not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

from support.gateway import DEMO_KEY, Gateway

ROUTE = "advice"
DISCLAIMER = "\n\nThis is not financial advice."
RULES: list[dict[str, Any]] = [
    {"on": "request", "do": "system_prompt", "mode": "force", "text": "You are a financial advisor of ${tenant_id}."},
    {"on": "request", "do": "inject", "as": "system", "where": "start", "text": "Company policy: be careful."},
    {"on": "request", "do": "cap", "field": "temperature", "max": 0.8},
    {
        "on": "request",
        "do": "set",
        "field": "model",
        "value": "gpt-4o-mini",
        "when": "caller.team_id == 'trial' || budget.used_percent >= 80",
    },
    {
        "on": "response",
        "do": "replace_text",
        "from": "mock provider",
        "to": "Company AI",
        "in": ["model", "content", "headers"],
    },
    {"on": "response", "do": "drop", "fields": ["system_fingerprint", "choices.logprobs"]},
    {"on": "response", "do": "add_metadata", "values": {"served_by": "Company AI"}},
    {"on": "response", "do": "append_text", "text": DISCLAIMER},
    {"on": "both", "do": "redact", "detect": ["email", "card", "api_key"], "with": "[redacted]"},
]
ASK = "Where does joe.doe@example.com put 4111 1111 1111 1111?"
Said = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def ruled(gateway: Gateway) -> Gateway:
    gateway.create("/routes", {"name": ROUTE, "pool": "gpt-4", "rules": RULES})
    return gateway


@pytest.fixture
def openai(ruled: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{ruled.url}/v1", api_key=DEMO_KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def anthropic(ruled: Gateway) -> Iterator[Anthropic]:
    with Anthropic(base_url=ruled.url, api_key=DEMO_KEY, max_retries=0) as sdk:
        yield sdk


def chat(openai: OpenAI, _anthropic: Anthropic) -> Said:
    answer = openai.chat.completions.create(model=ROUTE, messages=[{"role": "user", "content": ASK}], temperature=1.5)
    return answer.choices[0].message.content or "", answer.model_dump()


def chat_stream(openai: OpenAI, _anthropic: Anthropic) -> Said:
    chunks = list(openai.chat.completions.create(model=ROUTE, messages=[{"role": "user", "content": ASK}], stream=True))
    said = "".join(one.delta.content or "" for chunk in chunks for one in chunk.choices)
    return said, chunks[0].model_dump()


def response(openai: OpenAI, _anthropic: Anthropic) -> Said:
    answer = openai.responses.create(model=ROUTE, input=ASK)
    return answer.output_text, answer.model_dump()


def response_stream(openai: OpenAI, _anthropic: Anthropic) -> Said:
    events: list[Any] = list(openai.responses.create(model=ROUTE, input=ASK, stream=True))
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    final = events[-1].response
    assert final.output_text == said
    return said, final.model_dump()


def message(_openai: OpenAI, anthropic: Anthropic) -> Said:
    answer = anthropic.messages.create(model=ROUTE, max_tokens=500, messages=[{"role": "user", "content": ASK}])
    return "".join(block.text for block in answer.content if block.type == "text"), answer.model_dump()


def message_stream(_openai: OpenAI, anthropic: Anthropic) -> Said:
    with anthropic.messages.stream(model=ROUTE, max_tokens=500, messages=[{"role": "user", "content": ASK}]) as stream:
        answer = stream.get_final_message()
    return "".join(block.text for block in answer.content if block.type == "text"), answer.model_dump()


WAYS = (chat, chat_stream, response, response_stream, message, message_stream)


@pytest.mark.parametrize("ask", WAYS)
def test_one_route_rules_every_dialect(openai: OpenAI, anthropic: Anthropic, ask: Callable[..., Said]) -> None:
    said, whole = ask(openai, anthropic)
    assert "Company AI" in said
    assert "mock provider" not in said
    assert said.endswith(DISCLAIMER)
    assert whole["metadata"] == {"served_by": "Company AI"}
    assert "system_fingerprint" not in whole or whole["system_fingerprint"] is None
    assert "joe.doe" not in said
    assert "4111" not in said


def test_all_say_the_same(openai: OpenAI, anthropic: Anthropic) -> None:
    assert len({ask(openai, anthropic)[0] for ask in WAYS}) == 1


def test_a_route_that_is_written_wrong_says_where(gateway: Gateway) -> None:
    wrong = [RULES[0], {**RULES[2], "max": "hot"}]
    answer = gateway.admin("POST", "/routes", {"name": "wrong", "pool": "gpt-4", "rules": wrong})
    assert answer.status == 422
    assert "rules[1].max" in answer.json["error"]["message"]

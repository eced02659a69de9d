"""Every recorded request as rules see it: nothing is lost, one system prompt is one, and no text is overlooked."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.conversation import Conversation, Role, Text
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.rules import SystemMode
from ai_gateway.providers.shaping.requests import form_of
from ai_gateway.providers.translation.anthropic_front import AnthropicFront
from ai_gateway.providers.translation.chat_front import ChatFront
from ai_gateway.providers.translation.responses_front import ResponsesFront
from providers.shaping.forms import CARD, EMAIL, KEY, Redacting, Same
from recorded.corpus import Exchange, load, needs_corpus, why_left_out

pytestmark = needs_corpus

FRONTS: Final[dict[str, tuple[Operation, Callable[[dict[str, msgspec.Raw]], Conversation]]]] = {
    "openai.chat_completions": (Operation.CHAT, ChatFront().read_request),
    "anthropic.messages": (Operation.MESSAGES, AnthropicFront().read_request),
    "anthropic.count_tokens": (Operation.COUNT_TOKENS, AnthropicFront().read_request),
    "openai.responses": (Operation.RESPONSES, ResponsesFront().read_request),
}
PLAIN: Final = {
    "openai.embeddings": Operation.EMBEDDINGS,
    "openai.completions": Operation.COMPLETIONS,
    "openai.images": Operation.IMAGES,
}
OPERATIONS: Final = {name: operation for name, (operation, _) in FRONTS.items()} | PLAIN


def asked(endpoints: Any = OPERATIONS) -> list[Exchange]:
    return [it for it in load(endpoints) if it.asked and why_left_out(it) is None]


def members(exchange: Exchange) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(exchange.request or b"", type=dict[str, msgspec.Raw])


def told(fields: dict[str, msgspec.Raw]) -> Any:
    return json.loads(msgspec.json.encode(fields))


def test_what_no_rule_changes_is_what_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()
    for exchange in asked():
        given = members(exchange)
        form = form_of(OPERATIONS[exchange.endpoint], given)
        assert form.fields() == given, exchange.id
        texts = form.texts()
        assert form.fields() == given, exchange.id
        form.rewrite(Same)
        assert told(form.fields()) == exchange.asked, exchange.id
        assert list(form.fields()) == list(given), exchange.id
        seen[exchange.endpoint] += len(texts)
    with capsys.disabled():
        print(f"\n{len(asked())} requests, texts in them: {dict(seen)}")
    assert seen["openai.chat_completions"] > 1_000


def prompts(conversation: Conversation) -> list[str]:
    """What each turn of the system says; nothing for one that only tells of tools."""
    turns = [turn for turn in conversation.turns if turn.role in (Role.SYSTEM, Role.DEVELOPER)]
    texts = ["".join(part.text for part in turn.parts if isinstance(part, Text)) for turn in turns]
    return [text for text in texts if text]


def test_a_forced_prompt_is_the_only_one(capsys: pytest.CaptureFixture[str]) -> None:
    reasons: Counter[str] = Counter()
    before: Counter[int] = Counter()
    for exchange in asked(FRONTS):
        operation, read = FRONTS[exchange.endpoint]
        try:
            before[len(prompts(read(members(exchange))))] += 1
        except InvalidRequest as error:
            reasons[error.message] += 1
            continue
        form = form_of(operation, members(exchange))
        assert form.system(SystemMode.FORCE, "You are one.")
        assert prompts(read(form.fields())) == ["You are one."], exchange.id
    with capsys.disabled():
        print(f"\nprompts of the system before: {dict(sorted(before.items()))}; not read: {dict(reasons)}")
    assert sum(before.values()) > 1_000


SECRETS: Final = (EMAIL, CARD, KEY)
NO_TEXT: Final = frozenset(
    {
        "$ref", "$schema", "allowed_tools", "arguments", "authorization", "authorization_token", "background",
        "call_id", "connector_id", "container", "container_id", "conversation", "data", "detail", "effort",
        "encoding_format", "encrypted_content", "execution", "file_data", "file_id", "format", "function_call",
        "headers", "id", "image_url", "include", "mcp_server_name", "media_type", "modalities", "model", "models",
        "moderation", "name", "namespace", "output_format", "phase", "previous_response_id", "quality",
        "reasoning_effort", "required", "response_format", "role", "search_context_size", "server_label",
        "service_tier", "signature", "size", "status", "style", "tool_call_id", "tool_choice", "tool_name",
        "tool_use_id", "truncation", "ttl", "type", "url", "vector_store_ids", "verbosity", "voice",
    }
)  # fmt: skip
"""Where nothing is planted: what these are is tested by tables."""


def planted(value: Any, name: str, count: list[int]) -> Any:
    """The same with a secret in the place of every text."""
    if isinstance(value, str) and name not in NO_TEXT:
        count[0] += 1
        return SECRETS[count[0] % 3]
    if isinstance(value, list):
        return [planted(it, name, count) for it in value]
    if isinstance(value, dict):
        return {key: planted(it, key, count) for key, it in value.items()}
    return value


def test_no_planted_secret_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    count = [0]
    for exchange in asked():
        body = {**planted(exchange.asked, "", count), "model": exchange.asked.get("model")}
        fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
        form = form_of(OPERATIONS[exchange.endpoint], fields)
        form.rewrite(Redacting)
        left = msgspec.json.encode(form.fields()).decode()
        assert not [secret for secret in SECRETS if secret in left], exchange.id
    with capsys.disabled():
        print(f"\nsecrets planted: {count[0]}, left: 0")
    assert count[0] > 5_000


def arguments_planted(value: Any, count: list[int]) -> Any:
    """The same with a secret in the arguments of every call: as a text, as a number, as a name."""
    if isinstance(value, list):
        return [arguments_planted(it, count) for it in value]
    if not isinstance(value, dict):
        return value
    calls = {"to": EMAIL, "deep": [{"card": int(CARD)}, KEY], EMAIL: 1.50}
    made = {key: arguments_planted(it, count) for key, it in value.items()}
    if isinstance(made.get("arguments"), str):
        count[0] += 1
        return {**made, "arguments": json.dumps(calls)}
    if made.get("type") == "tool_use":
        count[0] += 1
        return {**made, "input": calls}
    return made


def test_no_secret_is_left_in_arguments_and_they_stay_json(capsys: pytest.CaptureFixture[str]) -> None:
    count = [0]
    for exchange in asked(FRONTS):
        body = arguments_planted(exchange.asked, count)
        fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
        form = form_of(OPERATIONS[exchange.endpoint], fields)
        form.rewrite(Redacting)
        left = msgspec.json.encode(form.fields()).decode()
        assert not [secret for secret in SECRETS if secret in left], exchange.id
        for name in ("messages", "input"):
            assert_arguments_are_json(told(form.fields()).get(name))
    with capsys.disabled():
        print(f"\ncalls with secrets: {count[0]}, left: 0")
    assert count[0] > 100


def assert_arguments_are_json(value: Any) -> None:
    for it in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        assert_arguments_are_json(it)
    if isinstance(value, dict) and isinstance(value.get("arguments"), str):
        json.loads(value["arguments"])

"""Every word of people, tools and models is seen once, and nothing else is."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.rules import RuleError
from ai_gateway.providers.shaping.texts import rewritten, texts_in
from providers.shaping.forms import CARD, EMAIL, GONE, KEY, Body, Redacting, Same, members

DATA = "iVBORw0KGgo" * 20
PICTURE = f"data:image/png;base64,{DATA}"


def seen(body: Body | str) -> tuple[str, ...]:
    return texts_in(members(body))


def redacted(body: Body | str) -> Body:
    return {name: json.loads(bytes(raw)) for name, raw in rewritten(members(body), Redacting).items()}


CHAT: list[tuple[Body, list[str]]] = [
    ({"role": "system", "content": "a"}, ["a"]),
    ({"role": "user", "content": "a", "name": "bob"}, ["a", "bob"]),
    ({"role": "user", "content": "user"}, ["user"]),
    ({"role": "tool", "tool_call_id": "c1", "content": "a", "name": "f"}, ["a"]),
    ({"role": "function", "name": "f", "content": "a"}, ["a"]),
    ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "input_text", "text": "b"}]}, ["a", "b"]),
    ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}}]}, []),
    ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b"}}]}, ["https://a/b"]),
    ({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}}]}, []),
    (
        {"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": PICTURE}}]},
        ["a.pdf"],
    ),
    ({"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}, []),
    ({"role": "assistant", "content": None, "refusal": "a"}, ["a"]),
    ({"role": "assistant", "content": "a", "reasoning_content": "b", "reasoning": "c"}, ["a", "b", "c"]),
    ({"role": "assistant", "reasoning_details": [{"type": "reasoning.text", "text": "a", "signature": "s=="}]}, ["a"]),
    (
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"k": "v"}'}}],
        },
        ["k", "v"],
    ),
    (
        {"role": "assistant", "tool_calls": [{"type": "custom", "custom": {"name": "f", "input": "a b"}}]},
        ["a b"],
    ),
    ({"role": "assistant", "function_call": {"name": "f", "arguments": "not JSON"}}, ["not JSON"]),
    ({"role": "assistant", "audio": {"id": "audio_1"}}, []),
    ({"role": "user", "content": [{"type": "new_kind", "words": {"deep": ["a", ["b"]]}, "id": "x"}]}, ["a", "b"]),
    ({"role": "user", "content": "a", "type": "not a word"}, ["a", "not a word"]),
    ({"role": "user", "id": EMAIL}, [EMAIL]),
]


@pytest.mark.parametrize(("message", "expected"), CHAT)
def test_texts_of_a_chat_message(message: Body, expected: list[str]) -> None:
    assert list(seen({"messages": [message]})) == expected


BLOCKS: list[tuple[Body, list[str]]] = [
    ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, ["a"]),
    ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}, []),
    ({"type": "image", "source": {"type": "url", "url": "https://a/b"}}, ["https://a/b"]),
    (
        {
            "type": "document",
            "title": "a",
            "context": "b",
            "source": {"type": "text", "media_type": "text/plain", "data": "c" * 99},
            "citations": {"enabled": True},
        },
        ["a", "b", "c" * 99],
    ),
    ({"type": "tool_use", "id": "t", "name": "f", "input": {"id": "v", "n": 4}}, ["id", "v", "n", "4"]),
    ({"type": "tool_use", "id": "t", "name": "f", "input": {"a": [{"b": 1.50}]}}, ["a", "b", "1.5"]),
    ({"type": "tool_result", "tool_use_id": "t", "content": "a"}, ["a"]),
    ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a"}]}, ["a"]),
    ({"type": "thinking", "thinking": "a", "signature": "EqQBCg=="}, ["a"]),
    ({"type": "redacted_thinking", "data": DATA}, []),
    (
        {"type": "search_result", "title": "a", "source": "b", "content": [{"type": "text", "text": "c"}]},
        ["a", "b", "c"],
    ),
    ({"type": "web_search_result", "title": "a", "url": "https://a", "encrypted_content": DATA}, ["a", "https://a"]),
    ({"type": "bash_code_execution_result", "stdout": "a", "stderr": "b", "return_code": 0}, ["a", "b"]),
]


@pytest.mark.parametrize(("block", "expected"), BLOCKS)
def test_texts_of_a_block_of_anthropics(block: Body, expected: list[str]) -> None:
    assert list(seen({"messages": [{"role": "user", "content": [block]}]})) == expected
    assert list(seen({"system": [block]})) == expected


ITEMS: list[tuple[Body, list[str]]] = [
    ({"type": "message", "role": "user", "content": "a"}, ["a"]),
    ({"role": "user", "content": [{"type": "input_image", "image_url": PICTURE, "detail": "auto"}]}, []),
    (
        {"role": "user", "content": [{"type": "input_file", "filename": "a", "file_url": "https://b"}]},
        ["a", "https://b"],
    ),
    ({"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": '{"a":"b"}'}, ["a", "b"]),
    ({"type": "function_call_output", "call_id": "c", "output": "a"}, ["a"]),
    ({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "a"}, ["a"]),
    (
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "a"}],
            "encrypted_content": DATA,
        },
        ["a"],
    ),
    ({"type": "image_generation_call", "id": "ig", "status": "completed", "result": DATA}, []),
    ({"type": "brand_new_call", "id": "x", "result": "a"}, ["a"]),
    ({"type": "code_interpreter_call", "code": "a", "outputs": [{"type": "logs", "logs": "b"}]}, ["a", "b"]),
    ({"type": "web_search_call", "action": {"type": "search", "query": "a", "queries": ["b"]}}, ["a", "b"]),
    ({"type": "mcp_call", "name": "f", "server_label": "s", "arguments": '"a"', "output": "b"}, ["a", "b"]),
]


@pytest.mark.parametrize(("item", "expected"), ITEMS)
def test_texts_of_an_item_of_responses(item: Body, expected: list[str]) -> None:
    assert list(seen({"input": [item]})) == expected


SCHEMA = {
    "type": "object",
    "description": "a",
    "properties": {
        "type": {"type": "string", "description": "b", "enum": ["c", "d"]},
        "name": {"$ref": "#/$defs/x"},
        "list": {"type": ["array", "null"], "items": {"type": "string", "default": "e"}},
    },
    "required": ["type"],
    "$defs": {"x": {"title": "f", "anyOf": [{"const": "g"}, {"type": "null"}]}},
}
OF_SCHEMA = ["a", "b", "c", "d", "e", "f", "g"]
MEMBERS: list[tuple[Body, list[str]]] = [
    ({"model": "m", "stream": True, "temperature": 0.5, "n": 1, "seed": None}, []),
    ({"instructions": "a"}, ["a"]),
    ({"system": "a"}, ["a"]),
    ({"prompt": ["a", "b"], "suffix": "c"}, ["a", "b", "c"]),
    ({"prompt": [1, 2, 3]}, []),
    ({"input": ["a", "b"]}, ["a", "b"]),
    ({"prompt": {"id": "pmpt_1", "version": "2", "variables": {"name": "a"}}}, ["2", "name", "a"]),
    ({"stop": ["a"], "stop_sequences": ["b"]}, ["a", "b"]),
    ({"user": "a", "safety_identifier": "b", "prompt_cache_key": "c"}, ["a", "b", "c"]),
    ({"metadata": {"user_id": "a", "n": 3}}, ["user_id", "a", "n", "3"]),
    ({"prediction": {"type": "content", "content": "a"}}, ["a"]),
    ({"tool_choice": {"type": "function", "function": {"name": "f"}}, "service_tier": "auto"}, []),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "description": "z", "parameters": SCHEMA}}]},
        ["z", *OF_SCHEMA],
    ),
    ({"tools": [{"name": "f", "input_schema": SCHEMA}]}, OF_SCHEMA),
    ({"tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}]}, OF_SCHEMA),
    ({"functions": [{"name": "f", "description": "z", "parameters": SCHEMA}]}, ["z", *OF_SCHEMA]),
    (
        {
            "tools": [
                {
                    "type": "mcp",
                    "server_label": "s",
                    "server_url": "https://a",
                    "authorization": "Bearer t",
                    "headers": {"x": "t"},
                }
            ]
        },
        ["https://a"],
    ),
    ({"mcp_servers": [{"type": "url", "url": "https://a", "name": "s", "authorization_token": "t t"}]}, ["https://a"]),
    (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "description": "z", "schema": SCHEMA},
            }
        },
        ["z", *OF_SCHEMA],
    ),
    ({"text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}}, OF_SCHEMA),
    ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, OF_SCHEMA),
    ({"brand_new": {"type": "a", "n": [12]}}, ["brand_new", "type", "a", "n", "12"]),
    ({"temperature": "a b"}, ["a b"]),
]


@pytest.mark.parametrize(("body", "expected"), MEMBERS)
def test_texts_of_members(body: Body, expected: list[str]) -> None:
    assert list(seen(body)) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (f'{{"to": "{EMAIL}", "n": 1.50}}', f'{{"to": "{GONE}", "n": 1.50}}'),
        ('{"to": "bob\\u0040corp.example"}', f'{{"to": "{GONE}"}}'),
        (f'{{"{EMAIL}": 1}}', f'{{"{GONE}": 1}}'),
        (f'{{"card":{CARD}}}', f'{{"card":"{GONE}"}}'),
        (f'{{"to":"{EMAIL}","to":"x"}}', f'{{"to":"{GONE}","to":"x"}}'),
        (f'{{"to": "{EMAIL}', f'{{"to": "{GONE}'),
        (EMAIL, GONE),
        ("", ""),
        ('{"a":"\\ud800 ' + KEY + '"}', '{"a":"\ufffd ' + GONE + '"}'),
    ],
)
def test_arguments_stay_json_and_what_is_not_touched_stays_as_it_was(arguments: str, expected: str) -> None:
    said = redacted({"input": [{"type": "function_call", "arguments": arguments}]})
    assert said["input"][0]["arguments"] == expected


def test_a_name_that_is_said_twice_hides_nothing() -> None:
    assert EMAIL not in json.dumps(redacted(f'{{"messages":[{{"content":"{EMAIL}","content":"x"}}]}}'))
    assert EMAIL not in json.dumps(redacted(f'{{"metadata":{{"a":"{EMAIL}","a":"x"}}}}'))


@pytest.mark.parametrize("name", ["type", "role", "id", "name", "data", "signature", "url", "format", "arguments"])
def test_no_name_hides_an_address(name: str) -> None:
    assert EMAIL not in json.dumps(redacted({"messages": [{"role": "user", "content": [{name: f"to {EMAIL}"}]}]}))
    assert EMAIL not in json.dumps(redacted({name: {name: EMAIL}}))


def test_numbers_that_no_float_can_hold_stay() -> None:
    body = '{"messages":[{"x":1.10,"y":1E400,"z":123456789012345678901234567890}]}'
    told = rewritten(members(body), Same)
    assert bytes(told["messages"]) == b'[{"x":1.10,"y":1E400,"z":123456789012345678901234567890}]'


@pytest.mark.parametrize("text", [b'[{"content":"\\ud800 a"}]', b'["a\\u0000"]', b'["a", NaN]', b'["a\tb"]'])
def test_odd_texts_are_read_as_they_can_be(text: bytes) -> None:
    assert len(texts_in({"messages": msgspec.Raw(text)})) == 1


@pytest.mark.parametrize("text", [b"[" * 20_000 + b"]" * 20_000, b"[" * 700 + b"]" * 700, b"nonsense", b'["\xff"]'])
def test_what_cannot_be_looked_at_is_no_text_or_refused(text: bytes) -> None:
    with suppress(RuleError):
        assert not texts_in({"messages": msgspec.Raw(text)})


TEXT = st.text(max_size=8)
NAMES = st.sampled_from(
    ["content", "text", "type", "role", "id", "name", "data", "url", "arguments", "input", "metadata", "parameters",
     "properties", "enum", "required", "headers", "result", "source"]
) | TEXT  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
TOP = st.sampled_from(
    ["messages", "input", "system", "instructions", "prompt", "tools", "metadata", "response_format", "text", "model"]
) | TEXT  # fmt: skip
BODIES: st.SearchStrategy[dict[str, Any]] = st.dictionaries(TOP, JSON, max_size=4)


@given(BODIES)
def test_a_pipe_that_changes_nothing_changes_nothing(body: Body) -> None:
    told = rewritten(members(body), Same)
    assert {name: json.loads(bytes(raw)) for name, raw in told.items()} == body
    assert list(told) == list(body)


@given(BODIES, TEXT)
def test_an_address_is_gone_wherever_it_stands(body: Body, text: str) -> None:
    planted = json.loads(json.dumps(body), object_hook=lambda told: {**told, "content": f"{text}{EMAIL}"})
    planted.pop("model", None)
    assert EMAIL not in json.dumps(redacted({**planted, "user": EMAIL}))


@given(BODIES)
def test_what_is_heard_is_what_is_put_through_pipes(body: Body) -> None:
    heard: list[str] = []

    class Hearing:
        def feed(self, text: str) -> str:
            heard.append(text)
            return text

        def end(self) -> str:
            return ""

    rewritten(members(body), Hearing)
    assert tuple(heard) == texts_in(members(body))

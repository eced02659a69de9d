import json
from typing import Any

import pytest

from ai_gateway.providers.shaping.chat_plain import read_plain
from tests.providers.shaping.streams import chunk

PLAIN: list[tuple[dict[str, Any], str | None]] = [
    ({"content": "a"}, "content"),
    ({"role": "assistant", "content": "a", "refusal": None}, "content"),
    ({"content": None, "reasoning_content": "a"}, "reasoning_content"),
    ({"content": "", "reasoning": "a", "channel": "analysis"}, "reasoning"),
    ({"role": "assistant", "content": ""}, ""),
    ({"content": "a", "reasoning": "b"}, None),
]


@pytest.mark.parametrize(("delta", "member"), PLAIN)
def test_a_chunk_with_one_text_is_plain(delta: dict[str, Any], member: str | None) -> None:
    plain = read_plain(json.dumps(chunk(delta, obfuscation="xx")).encode())
    assert plain is not None
    assert plain.choices[0].delta.told == member


@pytest.mark.parametrize(
    "said",
    [
        chunk({"content": "a"}, finish="stop"),
        chunk({"content": "a", "unknown": 1}),
        chunk({"content": ["a"]}),
        chunk({"content": "a", "tool_calls": []}),
        chunk({"content": "a"}, usage={"total_tokens": 1}),
        chunk({"content": "a"}, citations=["a"]),
        {**chunk({"content": "a"}), "choices": []},
        {**chunk({"content": "a"}), "choices": chunk({})["choices"] * 2},
        {"choices": [{"delta": {"content": "a"}, "logprobs": {}}]},
        [],
    ],
)
def test_others_are_not(said: Any) -> None:
    assert read_plain(json.dumps(said).encode()) is None


def test_what_is_no_json_is_not() -> None:
    assert read_plain(b"[DONE]") is None

"""Chunks are read whatever their members are; nothing strange hides what stands beside it."""

import json
from typing import Any

import pytest

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.providers.translation.chat_chunks import NO_DELTA, Chunk, Delta, read_chunk


def chunk_of(**members: Any) -> Chunk:
    chunk = read_chunk(json.dumps(members).encode())
    assert chunk is not None
    return chunk


@pytest.mark.parametrize("data", [b"", b"[DONE]", b"null", b"7", b"[]", b'{"id":'])
def test_what_is_no_object_is_no_chunk(data: bytes) -> None:
    assert read_chunk(data) is None


def test_choices_that_are_none_leave_usage_and_error() -> None:
    chunk = chunk_of(choices={"0": 1}, usage={"prompt_tokens": 2}, error={"message": "no"})
    assert chunk.choices is None
    assert chunk.read_usage(None) == Usage(2, 0)
    assert chunk.has_error


@pytest.mark.parametrize(
    ("members", "has_error"),
    [
        ({"error": None}, False),
        ({"error": {}}, False),
        ({"error": "no"}, True),
        ({"object": "error"}, True),
        ({"choices": [{"error": None}, {"error": {"code": 502}}]}, True),
        ({"choices": [{"delta": {}}]}, False),
    ],
)
def test_an_error_is_seen_wherever_it_stands(members: Any, has_error: bool) -> None:
    assert chunk_of(**members).has_error is has_error


def test_usage_has_the_service_that_was_told() -> None:
    assert chunk_of(usage={"prompt_tokens": 2}).read_usage("priority") == Usage(2, 0, service_tier=ServiceTier.PRIORITY)
    assert chunk_of(x_groq={"id": "a"}).read_usage(None) is None
    assert chunk_of(service_tier=7).tier is None


def test_most_deltas_are_text_and_nothing_else() -> None:
    assert Delta(content="a").is_text
    others = [name for name in Delta.__struct_fields__ if name != "content"]
    assert not any(Delta(content="a", **{name: []}).is_text for name in others)
    assert not NO_DELTA.is_text
